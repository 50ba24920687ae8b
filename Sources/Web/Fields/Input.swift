import Ground
import HTTP
import Services

/// What an operation takes in its body, or behind `?`.
protocol Input: Sendable {
    static var fields: [any AnyField] { get }
    init(_ values: InputValues) throws(AuthError)
}

/// A body that may be anything: what cannot be read counts as nothing.
protocol LenientInput: Input {
    init()
}

/// The fields of one body, or of what stands behind `?`, each of them checked.
struct InputValues: Sendable {
    private let json: JSON

    /// - Throws: `.invalid` with everything that is wrong: a missing field, a bad value, a name that is not known.
    init(_ json: JSON, fields: [any AnyField]) throws(AuthError) { try self.init(json, fields, faults: []) }

    /// What stands behind `?`: each name once, each value a text.
    init(query: String, fields: [any AnyField]) throws(AuthError) {
        guard let form = Form(query) else {
            throw .invalid([FieldFault(field: "query", code: "malformed", message: "The query cannot be read.")])
        }
        var members: [JSON.Member] = []
        var faults: [FieldFault] = []
        for (name, text) in form.fields {
            if members.contains(where: { $0.name == name }) {
                let name = String(name.unicodeScalars.prefix(64))
                faults.append(FieldFault(field: name, code: "given_twice", message: "This is given twice."))
            } else {
                let field = fields.first { $0.name == name }
                members.append(JSON.Member(name, field?.reading(text) ?? .string(text)))
            }
        }
        try self.init(.object(members), fields, faults: faults)
    }

    private init(_ json: JSON, _ fields: [any AnyField], faults: [FieldFault]) throws(AuthError) {
        self.json = json
        var faults = faults
        let known = fields.flatMap { [$0.name] + $0.aliases }
        for member in json.members ?? [] where !known.contains(member.name) {
            let name = String(member.name.unicodeScalars.prefix(64))
            faults.append(FieldFault(field: name, code: "unknown_field", message: "There is no field of this name."))
        }
        for field in fields {
            let given = ([field.name] + field.aliases).compactMap { json[$0] }
            if given.count > 1 {
                faults.append(
                    FieldFault(field: field.name, code: "given_twice", message: "This is given under two names."))
            } else if let value = given.first {
                if let fault = field.fault(in: value) { faults.append(fault) }
            } else if field.isRequired {
                faults.append(FieldFault(field: field.name, code: "required", message: "This is needed."))
            }
        }
        guard faults.isEmpty else { throw .invalid(faults) }
    }

    /// What was given, by name.
    var given: [JSON.Member] { (json.members ?? []).sorted { $0.name < $1.name } }

    /// The value of a field that is required.
    subscript<Value>(_ field: Field<Value>) -> Value {
        get throws(AuthError) {
            guard let value = try self[optional: field] else {
                throw .invalid([FieldFault(field: field.name, code: "required", message: "This is needed.")])
            }
            return value
        }
    }

    /// The value of a field that may be left out.
    subscript<Value>(optional field: Field<Value>) -> Value? {
        get throws(AuthError) {
            guard let json = ([field.name] + field.aliases).lazy.compactMap({ self.json[$0] }).first else { return nil }
            switch field.parse(json) {
            case .success(let value): return value
            case .failure(let refusal):
                throw .invalid([FieldFault(field: field.name, code: refusal.code, message: refusal.message)])
            }
        }
    }
}

extension Request {
    /// The body as what the operation takes.
    /// - Throws: `Problem` for a body that is no JSON object; `AuthError.invalid` for its fields.
    func input<I: Input>(_ type: I.Type) throws -> I {
        try I(try InputValues(try json(), fields: I.fields))
    }

    /// What stands behind `?` as what the operation takes.
    func query<Q: Input>(_ type: Q.Type) throws(AuthError) -> Q {
        try Q(try InputValues(query: query ?? "", fields: Q.fields))
    }

    /// The body as a JSON object; an empty body is an empty object.
    private func json() throws(Problem) -> JSON {
        guard case .bytes(let bytes) = body, !bytes.isEmpty else { return .object([]) }
        guard mediaType == "application/json" else { throw Problem(.unsupportedMediaType) }
        let value: JSON
        do { value = try JSON.parse(bytes) } catch {
            throw Problem(.malformedBody, detail: "The body is no JSON that can be read: \(error.reason) at byte \(error.offset).")
        }
        guard value.members != nil else { throw Problem(.malformedBody, detail: "The body must be a JSON object.") }
        return value
    }
}
