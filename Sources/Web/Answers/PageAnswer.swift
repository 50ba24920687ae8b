import Ground
import Services

/// An answer that is seldom asked for, and so may be put together as a value first.
protocol ValueAnswer: Answer {
    var json: JSON { get }
}

extension ValueAnswer {
    func write(into writer: inout JSONWriter) { writer.value(json) }
}

/// One page of a list.
struct PageAnswer<Item: Answer>: Answer {
    let items: [Item]
    /// What to give as `after` for the next page; nil on the last.
    let next: String?

    init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }

    /// A page that goes on behind an id.
    init<T>(_ page: Page<T, UUID>, of item: (T) -> Item) {
        self.init(items: page.items.map(item), next: page.next?.description)
    }

    static var schemaName: String { Item.schemaName + "List" }
    static var schema: JSON {
        [
            "type": "object", "required": ["items", "next"],
            "properties": [
                "items": ["type": "array", "items": ["$ref": .string("#/components/schemas/\(Item.schemaName)")]],
                "next": [
                    "type": ["string", "null"],
                    "description": "What to give as `after` for the next page; null on the last.",
                ],
            ],
        ]
    }
    static var example: JSON { ["items": [Item.example], "next": nil] }

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("items")
            writer.array { writer in for item in items { item.write(into: &writer) } }
            writer.member("next", JSON(next))
        }
    }
}
