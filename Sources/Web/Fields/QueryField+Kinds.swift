import Ground
import Services

extension QueryField where Value == Int {
    /// A whole number.
    /// - Parameter standard: what counts where it is left out.
    static func integer(_ name: String, in range: ClosedRange<Int>, default standard: Int, _ summary: String) -> QueryField {
        QueryField(
            name,
            schema: [
                .init("type", "integer"), .init("minimum", .integer(Int64(range.lowerBound))),
                .init("maximum", .integer(Int64(range.upperBound))), .init("default", .integer(Int64(standard))),
            ], example: .integer(Int64(standard)), summary
        ) { text in
            guard text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 45 }), let number = Int(text),
                range.contains(number)
            else {
                return .failure(
                    QueryRefusal(
                        "out_of_range", "This must be a number from \(range.lowerBound) to \(range.upperBound)."))
            }
            return .success(number)
        }
    }
}

extension QueryField where Value == Bool {
    static func flag(_ name: String, default standard: Bool, _ summary: String) -> QueryField {
        QueryField(
            name, schema: [.init("type", "boolean"), .init("default", .bool(standard))], example: .bool(standard), summary
        ) { text in
            switch text {
            case "true": .success(true)
            case "false": .success(false)
            default: .failure(QueryRefusal("not_boolean", "This must be true or false."))
            }
        }
    }
}

extension QueryField where Value == UUID {
    static func id(_ name: String, _ summary: String) -> QueryField {
        QueryField(
            name, schema: [.init("type", "string"), .init("format", "uuid")],
            example: "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", summary
        ) { text in
            UUID(text).map { .success($0) } ?? .failure(QueryRefusal("not_an_id", "This must be an id."))
        }
    }
}

extension QueryField where Value == Timestamp {
    static func moment(_ name: String, _ summary: String) -> QueryField {
        QueryField(
            name, schema: [.init("type", "string"), .init("format", "date-time")],
            example: "2027-01-15T08:00:00.000Z", summary
        ) { text in
            Timestamp(rfc3339: text).map { .success($0) }
                ?? .failure(QueryRefusal("not_a_moment", "This must be a moment as RFC 3339 writes it; a + is sent as %2B."))
        }
    }
}

extension QueryField where Value == IPAddress {
    static func address(_ name: String, _ summary: String) -> QueryField {
        QueryField(
            name, schema: [.init("type", "string"), .init("maxLength", 45)], example: "192.0.2.7", summary
        ) { text in
            IPAddress(text).map { .success($0) }
                ?? .failure(QueryRefusal("not_an_address", "This must be an IPv4 or IPv6 address."))
        }
    }
}

extension QueryField where Value == String {
    /// Text of so many characters, none of them a control character.
    static func text(_ name: String, _ length: ClosedRange<Int>, example: String, _ summary: String) -> QueryField {
        QueryField(
            name,
            schema: [
                .init("type", "string"), .init("minLength", .integer(Int64(length.lowerBound))),
                .init("maxLength", .integer(Int64(length.upperBound))),
            ], example: .string(example), summary
        ) { text in
            let count = text.unicodeScalars.count
            guard length.contains(count) else {
                return .failure(
                    QueryRefusal(
                        count < length.lowerBound ? "too_short" : "too_long",
                        "This must have \(length.lowerBound) to \(length.upperBound) characters."))
            }
            guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
                return .failure(QueryRefusal("forbidden_character", "This must not contain control characters."))
            }
            return .success(text)
        }
    }
}

extension QueryField where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of a closed list.
    static func choice(_ name: String, _ summary: String) -> QueryField {
        let names = Value.allCases.map(\.rawValue)
        return QueryField(
            name, schema: [.init("type", "string"), .init("enum", .array(names.map { .string($0) }))],
            example: .string(names.first ?? ""), summary
        ) { text in
            Value(rawValue: text).map { .success($0) }
                ?? .failure(QueryRefusal("not_a_choice", "This must be one of \(names.joined(separator: ", "))."))
        }
    }
}
