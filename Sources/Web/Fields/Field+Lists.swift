import Ground
import Services

extension Field {
    /// A list of so many at most, each of which is as `element` says.
    static func list<Element>(
        _ name: String, atMost most: Int, of element: Field<Element>, _ summary: String
    ) -> Field where Value == [Element] {
        Field(
            name,
            schema: [
                .init("type", "array"), .init("maxItems", .integer(Int64(most))), .init("items", .object(element.schema)),
            ], example: .array([element.example]), summary
        ) { value in
            guard let items = value.array else { return .failure(Refusal("not_list", "This must be a list.")) }
            guard items.count <= most else { return .failure(Refusal("too_many", "This must have at most \(most) items.")) }
            var elements: [Element] = []
            for (index, item) in items.enumerated() {
                switch element.parse(item) {
                case .success(let element): elements.append(element)
                case .failure(let refusal): return .failure(Refusal(refusal.code, "Item \(index + 1): \(refusal.message)"))
                }
            }
            return .success(elements)
        }
    }

    /// The same field, whose text behind `?` is a whole number.
    var readingNumbers: Field {
        var copy = self
        copy.reading = { text in
            guard text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 45 }), let number = Int64(text) else {
                return .string(text)
            }
            return .integer(number)
        }
        return copy
    }

    /// The same field, which may be null too.
    var nullable: Field<Value?> {
        let schema = schema.map { member in
            member.name == "type" ? JSON.Member("type", [member.value, "null"]) : member
        }
        let parse = parse
        var field = Field<Value?>(name, schema: schema, example: example, summary) { value in
            if case .null = value { return .success(nil) }
            return switch parse(value) {
            case .success(let value): .success(value)
            case .failure(let refusal): .failure(.init(refusal.code, refusal.message))
            }
        }
        field.aliases = aliases
        field.isRequired = isRequired
        field.reading = reading
        return field
    }
}

extension Field where Value == UUID {
    static func id(_ name: String, _ summary: String) -> Field {
        Field(
            name, schema: [.init("type", "string"), .init("format", "uuid")],
            example: "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", summary
        ) { value in
            value.string.flatMap { UUID($0) }.map { .success($0) } ?? .failure(Refusal("not_an_id", "This must be an id."))
        }
    }
}

extension Field where Value == Timestamp {
    static func moment(_ name: String, _ summary: String) -> Field {
        Field(
            name, schema: [.init("type", "string"), .init("format", "date-time")], example: "2027-07-01T00:00:00.000Z",
            summary
        ) { value in
            value.string.flatMap { Timestamp(rfc3339: $0) }.map { .success($0) }
                ?? .failure(Refusal("not_a_moment", "This must be a moment as RFC 3339 writes it; behind ? a + is sent as %2B."))
        }
    }
}

extension Field where Value == Int {
    static func integer(_ name: String, in range: ClosedRange<Int>, example: Int, _ summary: String) -> Field {
        Field(
            name,
            schema: [
                .init("type", "integer"), .init("minimum", .integer(Int64(range.lowerBound))),
                .init("maximum", .integer(Int64(range.upperBound))),
            ], example: .integer(Int64(example)), summary
        ) { value in
            guard let number = value.integer, let number = Int(exactly: number), range.contains(number) else {
                return .failure(
                    Refusal(
                        "out_of_range", "This must be a whole number from \(range.lowerBound) to \(range.upperBound)."))
            }
            return .success(number)
        }.readingNumbers
    }
}

extension Field where Value == IPAddress {
    static func address(_ name: String, _ summary: String) -> Field {
        Field(
            name, schema: [.init("type", "string"), .init("maxLength", 45)], example: "192.0.2.7", summary
        ) { value in
            value.string.flatMap { IPAddress($0) }.map { .success($0) }
                ?? .failure(Refusal("not_an_address", "This must be an IPv4 or IPv6 address."))
        }
    }
}

extension Field where Value == Permission {
    static func permission(_ name: String, _ summary: String) -> Field {
        Field(
            name,
            schema: [
                .init("type", "string"), .init("maxLength", 100),
                .init("pattern", #"^(\*|[a-z][a-z0-9_]*:(\*|[a-z][a-z0-9_]*))$"#),
            ], example: "machines:read", summary
        ) { value in
            value.string.flatMap { Permission($0) }.map { .success($0) }
                ?? .failure(Refusal("not_a_permission", "This must be resource:action, resource:* or *."))
        }
    }
}
