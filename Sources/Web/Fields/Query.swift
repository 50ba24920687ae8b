import Ground
import HTTP
import Services

/// Which page of a list is wanted: `?limit=&after=`.
struct PageQuery: Sendable {
    static let limits = 1...100
    static let standardLimit = 20

    let limit: Int
    let after: UUID?

    /// - Throws: `.invalid` for anything but a number in range and an id, and for names that are not known.
    init(_ request: Request) throws(AuthError) {
        guard let form = Form(request.query ?? "") else {
            throw .invalid([FieldFault(field: "query", code: "malformed", message: "The query cannot be read.")])
        }
        var faults: [FieldFault] = []
        var limit = Self.standardLimit
        var after: UUID?
        for (name, value) in form.fields {
            switch name {
            case "limit":
                if let number = Int(value), Self.limits.contains(number) { limit = number } else {
                    faults.append(
                        FieldFault(
                            field: name, code: "out_of_range",
                            message: "This must be a number from \(Self.limits.lowerBound) to \(Self.limits.upperBound)."))
                }
            case "after":
                after = UUID(value)
                if after == nil {
                    faults.append(FieldFault(field: name, code: "not_an_id", message: "This must be an id."))
                }
            default:
                let shown = String(name.unicodeScalars.prefix(64))
                faults.append(FieldFault(field: shown, code: "unknown_field", message: "There is no field of this name."))
            }
        }
        guard faults.isEmpty else { throw .invalid(faults) }
        self.limit = limit
        self.after = after
    }
}
