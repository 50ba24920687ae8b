import Ground
import Services

/// Which page of a list is wanted: `?limit=&after=`.
struct PageQuery: Input {
    static let limits = 1...100
    static let standardLimit = 20

    static let limit = Field<Int>.integer("limit", in: limits, example: standardLimit, "How many at most.")
        .standing(for: .integer(Int64(standardLimit)))
    static let after = Field<UUID>.id("after", "The `next` of the page before.").optional
    static let fields: [any AnyField] = [limit, after]

    let limit: Int
    let after: UUID?

    init(_ values: InputValues) throws(AuthError) {
        limit = try values[optional: Self.limit] ?? Self.standardLimit
        after = try values[optional: Self.after]
    }
}
