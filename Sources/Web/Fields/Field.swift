import Ground
import Services

/// One field of what a client sends, in a body or behind `?`: its name, what it may hold, and how that is said in
/// OpenAPI. The check and the document are made of the same declaration.
struct Field<Value: Sendable>: Sendable {
    let name: String
    /// Other spellings that are taken too.
    var aliases: [String] = []
    var isRequired = true
    /// JSON Schema (2020-12).
    private(set) var schema: [JSON.Member]
    let summary: String
    let example: JSON
    /// What the text behind `?` stands for.
    var reading: @Sendable (String) -> JSON = { .string($0) }
    let parse: @Sendable (JSON) -> Result<Value, Refusal>

    /// Why a value is refused.
    struct Refusal: Error {
        let code: String
        let message: String
        init(_ code: String, _ message: String) {
            self.code = code
            self.message = message
        }
    }

    init(
        _ name: String, schema: [JSON.Member], example: JSON, _ summary: String,
        parse: @escaping @Sendable (JSON) -> Result<Value, Refusal>
    ) {
        self.name = name
        self.schema = schema
        self.example = example
        self.summary = summary
        self.parse = parse
    }

    /// The same field, which may be left out.
    var optional: Field {
        var copy = self
        copy.isRequired = false
        return copy
    }

    /// The same field, which may be left out, and then counts as this.
    func standing(for standard: JSON) -> Field {
        var copy = optional
        copy.schema.append(.init("default", standard))
        return copy
    }

    func alias(_ name: String) -> Field {
        var copy = self
        copy.aliases.append(name)
        return copy
    }
}

/// A field, whatever it holds.
protocol AnyField: Sendable {
    var name: String { get }
    var aliases: [String] { get }
    var isRequired: Bool { get }
    var schema: [JSON.Member] { get }
    var summary: String { get }
    var example: JSON { get }
    var reading: @Sendable (String) -> JSON { get }
    func fault(in value: JSON) -> FieldFault?
}

extension Field: AnyField {
    func fault(in value: JSON) -> FieldFault? {
        guard case .failure(let refusal) = parse(value) else { return nil }
        return FieldFault(field: name, code: refusal.code, message: refusal.message)
    }
}

extension Field where Value == String {
    /// Text on one line, trimmed, of so many characters.
    static func text(_ name: String, _ length: ClosedRange<Int>, example: String, _ summary: String) -> Field {
        text(name, length, example: example, summary, made: trim, of: isPlain)
    }

    /// Text that is looked for: as it is, without control characters.
    static func sought(_ name: String, _ length: ClosedRange<Int>, example: String, _ summary: String) -> Field {
        text(name, length, example: example, summary, made: { $0 }, of: { $0.properties.generalCategory != .control })
    }

    private static func text(
        _ name: String, _ length: ClosedRange<Int>, example: String, _ summary: String,
        made make: @escaping @Sendable (String) -> String, of isAllowed: @escaping @Sendable (Unicode.Scalar) -> Bool
    ) -> Field {
        Field(
            name,
            schema: [
                .init("type", "string"), .init("minLength", .integer(Int64(length.lowerBound))),
                .init("maxLength", .integer(Int64(length.upperBound))),
            ], example: .string(example), summary
        ) { value in
            guard let text = value.string.map(make) else { return .failure(Refusal("not_text", "This must be text.")) }
            let count = text.unicodeScalars.count
            guard length.contains(count) else {
                return .failure(
                    Refusal(
                        count < length.lowerBound ? "too_short" : "too_long",
                        "This must have \(length.lowerBound) to \(length.upperBound) characters."))
            }
            guard text.unicodeScalars.allSatisfy(isAllowed) else {
                return .failure(Refusal("forbidden_character", "This must not contain control characters."))
            }
            return .success(text)
        }
    }

    /// A secret, taken as it is.
    static func secret(_ name: String, _ length: ClosedRange<Int>, example: String, _ summary: String) -> Field {
        Field(
            name,
            schema: [
                .init("type", "string"), .init("format", "password"),
                .init("minLength", .integer(Int64(length.lowerBound))),
                .init("maxLength", .integer(Int64(length.upperBound))),
            ], example: .string(example), summary
        ) { value in
            guard let text = value.string else { return .failure(Refusal("not_text", "This must be text.")) }
            let count = text.unicodeScalars.count
            guard length.contains(count) else {
                return .failure(
                    Refusal(
                        count < length.lowerBound ? "too_short" : "too_long",
                        "This must have \(length.lowerBound) to \(length.upperBound) characters."))
            }
            return .success(text)
        }
    }

    @Sendable private static func trim(_ text: String) -> String {
        var text = text.unicodeScalars[...]
        while let first = text.first, first.properties.isWhitespace { text = text.dropFirst() }
        while let last = text.last, last.properties.isWhitespace { text = text.dropLast() }
        return String(text)
    }

    @Sendable private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: false
        case .format: !(0x202a...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value)
        default: true
        }
    }
}

extension Field where Value == Bool {
    static func flag(_ name: String, example: Bool, _ summary: String) -> Field {
        var field = Field(name, schema: [.init("type", "boolean")], example: .bool(example), summary) { value in
            value.bool.map { .success($0) } ?? .failure(Refusal("not_boolean", "This must be true or false."))
        }
        field.reading = { text in text == "true" ? true : text == "false" ? false : .string(text) }
        return field
    }
}

extension Field where Value == EmailAddress {
    static func email(_ name: String, _ summary: String) -> Field {
        Field(
            name, schema: [.init("type", "string"), .init("format", "email"), .init("maxLength", 255)],
            example: "ada@example.com", summary
        ) { value in
            guard let text = value.string else { return .failure(Refusal("not_text", "This must be text.")) }
            do throws(EmailFault) { return .success(try EmailAddress(text)) } catch {
                return .failure(Refusal(error.code, error.message))
            }
        }
    }
}

extension Field where Value == DomainName? {
    /// A domain; an empty or blank text is none.
    static func domain(_ name: String, _ summary: String) -> Field {
        Field(
            name, schema: [.init("type", ["string", "null"]), .init("maxLength", 255)], example: "example.com", summary
        ) { value in
            if case .null = value { return .success(nil) }
            guard let text = value.string else { return .failure(Refusal("not_text", "This must be text.")) }
            do throws(DomainFault) { return .success(try DomainName(optional: text)) } catch {
                return .failure(Refusal(error.code, error.message))
            }
        }
    }
}

extension Field where Value == String? {
    /// A telephone number, as people write it; null removes it.
    static func phone(_ name: String, _ summary: String) -> Field {
        Field(
            name,
            schema: [
                .init("type", ["string", "null"]), .init("maxLength", 32),
                .init("pattern", #"^\+?(?:[ ().-]*[0-9]){5,15}[ ().-]*$"#),
            ], example: "+44 20 7946 0958", summary
        ) { value in
            if case .null = value { return .success(nil) }
            guard let text = value.string else { return .failure(Refusal("not_text", "This must be text.")) }
            guard PhoneNumber.isPlausible(text) else {
                return .failure(Refusal("phone_invalid", "This must be a telephone number of 5 to 15 digits."))
            }
            return .success(text)
        }
    }
}

extension Field where Value == JSON {
    /// A JSON object of so many bytes at most.
    static func object(_ name: String, bytes: Int, example: JSON, _ summary: String) -> Field {
        Field(name, schema: [.init("type", "object")], example: example, summary) { value in
            guard value.members != nil else { return .failure(Refusal("not_object", "This must be an object.")) }
            guard value.utf8.count <= bytes else {
                return .failure(Refusal("too_long", "This must have at most \(bytes) bytes."))
            }
            return .success(value)
        }
    }
}

extension Field where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of a closed list.
    static func choice(_ name: String, _ summary: String) -> Field {
        let names = Value.allCases.map(\.rawValue)
        return Field(
            name, schema: [.init("type", "string"), .init("enum", .array(names.map { .string($0) }))],
            example: .string(names.first ?? ""), summary
        ) { value in
            guard let value = value.string.flatMap({ Value(rawValue: $0) }) else {
                return .failure(Refusal("not_a_choice", "This must be one of \(names.joined(separator: ", "))."))
            }
            return .success(value)
        }
    }
}
