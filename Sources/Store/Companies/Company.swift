import Ground
import SQL

/// A tenant, as stored.
public struct Company: Sendable, RowDecodable {
    public enum Status: String, Sendable, CaseIterable {
        case active = "ACTIVE"
        case suspended = "SUSPENDED"
    }

    public let id: UUID
    public var name: String
    /// Normalised: lower case, A-labels; unique.
    public var domain: String?
    public var status: Status
    /// How many members it may have; nil: any number.
    public var memberLimit: Int?
    /// Since when a second factor is required of its members; nil: it is not.
    public var secondFactorSince: Timestamp?

    public init(id: UUID, name: String, domain: String?, memberLimit: Int? = nil) {
        self.id = id
        self.name = name
        self.domain = domain
        status = .active
        self.memberLimit = memberLimit
    }

    static let columns = "c.id, c.name, c.domain, c.status, c.member_limit, c.second_factor_since"

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        name = try row.next()
        domain = try row.next()
        let status: String = try row.next()
        guard let status = Status(rawValue: status) else { throw .unexpected("company status \(status)") }
        self.status = status
        memberLimit = try row.next()
        secondFactorSince = try row.next()
    }
}
