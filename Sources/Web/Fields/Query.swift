import Ground
import HTTP
import Services

/// One name that a client may give behind `?`: what it may hold, and how that is said in OpenAPI. The check and the
/// document are made of the same declaration. Every one may be left out.
struct QueryField<Value: Sendable>: Sendable {
    let name: String
    /// JSON Schema (2020-12).
    let schema: [JSON.Member]
    let summary: String
    let example: JSON
    let parse: @Sendable (String) -> Result<Value, QueryRefusal>

    init(
        _ name: String, schema: [JSON.Member], example: JSON, _ summary: String,
        parse: @escaping @Sendable (String) -> Result<Value, QueryRefusal>
    ) {
        self.name = name
        self.schema = schema
        self.example = example
        self.summary = summary
        self.parse = parse
    }
}

/// Why a value behind `?` is refused.
struct QueryRefusal: Error {
    let code: String
    let message: String
    init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// A query field, whatever it holds.
protocol AnyQueryField: Sendable {
    var name: String { get }
    var schema: [JSON.Member] { get }
    var summary: String { get }
    var example: JSON { get }
    func fault(in text: String) -> FieldFault?
}

extension QueryField: AnyQueryField {
    func fault(in text: String) -> FieldFault? {
        guard case .failure(let refusal) = parse(text) else { return nil }
        return FieldFault(field: name, code: refusal.code, message: refusal.message)
    }
}

/// What an operation takes behind `?`.
protocol QueryInput: Sendable {
    static var fields: [any AnyQueryField] { get }
    init(_ values: QueryValues) throws(AuthError)
}

/// What stands behind the `?` of one request, each value checked.
struct QueryValues: Sendable {
    private let values: [String: String]

    /// - Throws: `.invalid` with everything that is wrong: a bad value, a name given twice or not known.
    init(_ query: String, fields: [any AnyQueryField]) throws(AuthError) {
        guard let form = Form(query) else {
            throw .invalid([FieldFault(field: "query", code: "malformed", message: "The query cannot be read.")])
        }
        var values: [String: String] = [:]
        var faults: [FieldFault] = []
        for (name, value) in form.fields {
            guard let field = fields.first(where: { $0.name == name }) else {
                let shown = String(name.unicodeScalars.prefix(64))
                faults.append(FieldFault(field: shown, code: "unknown_field", message: "There is no field of this name."))
                continue
            }
            if values.updateValue(value, forKey: name) != nil {
                faults.append(FieldFault(field: name, code: "given_twice", message: "This is given twice."))
            } else if let fault = field.fault(in: value) { faults.append(fault) }
        }
        guard faults.isEmpty else { throw .invalid(faults) }
        self.values = values
    }

    /// What was given, by name and as it came.
    var given: [JSON.Member] {
        values.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) }
    }

    /// The value of a field; nil where it was left out.
    subscript<Value>(_ field: QueryField<Value>) -> Value? {
        get throws(AuthError) {
            guard let text = values[field.name] else { return nil }
            switch field.parse(text) {
            case .success(let value): return value
            case .failure(let refusal):
                throw .invalid([FieldFault(field: field.name, code: refusal.code, message: refusal.message)])
            }
        }
    }
}

extension Request {
    /// What stands behind `?` as what the operation takes.
    func query<Q: QueryInput>(_ type: Q.Type) throws(AuthError) -> Q {
        try Q(try QueryValues(query ?? "", fields: Q.fields))
    }
}

/// Which page of a list is wanted: `?limit=&after=`.
struct PageQuery: QueryInput {
    static let limits = 1...100
    static let standardLimit = 20

    static let limit = QueryField<Int>.integer(
        "limit", in: limits, default: standardLimit, "How many at most.")
    static let after = QueryField<UUID>.id("after", "The `next` of the page before.")
    static let fields: [any AnyQueryField] = [limit, after]

    let limit: Int
    let after: UUID?

    init(_ values: QueryValues) throws(AuthError) {
        limit = try values[Self.limit] ?? Self.standardLimit
        after = try values[Self.after]
    }
}
