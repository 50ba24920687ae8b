import Ground
import SQL

/// The tables of companies and of who belongs to them. A deleted company is found by no method here.
public struct CompanyRepository: Sendable {
    let sql: any StatementRunner

    private static let insertCompany = Statement(
        "INSERT INTO companies (id, name, domain, status, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)")

    /// - Throws: `.duplicate("companies.domain")` when another company has the domain.
    public func insert(_ company: Company, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(
            Self.insertCompany,
            [
                company.id.sqlValue, company.name.sqlValue, company.domain.sqlValue,
                company.status.rawValue.sqlValue, now.sqlValue,
            ])
    }

    private static let insertMember = Statement(
        "INSERT INTO memberships (user_id, company_id, created_at) VALUES ($1, $2, $3)")

    public func add(member user: UUID, to company: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.insertMember, [user.sqlValue, company.sqlValue, now.sqlValue])
    }

    private static let byID = Statement(
        "SELECT \(Company.columns) FROM companies c WHERE c.id = $1 AND c.deleted_at IS NULL")

    public func find(_ id: UUID) async throws(DatabaseError) -> Company? {
        try await sql.run(Self.byID, [id.sqlValue]).first()
    }

    private static let ofUser = Statement(
        """
        SELECT \(Company.columns) FROM memberships m JOIN companies c ON c.id = m.company_id
        WHERE m.user_id = $1 AND c.deleted_at IS NULL ORDER BY m.created_at, c.id
        """)

    /// The companies that the user belongs to, the first joined first.
    public func all(ofUser user: UUID) async throws(DatabaseError) -> [Company] {
        try await sql.run(Self.ofUser, [user.sqlValue]).all()
    }

    private static let memberships = Statement(
        """
        SELECT m.company_id FROM memberships m JOIN companies c ON c.id = m.company_id
        WHERE m.user_id = $1 AND c.deleted_at IS NULL ORDER BY m.company_id
        """)

    /// The companies that the user, who may be deleted, belongs to.
    public func memberships(of user: UUID) async throws(DatabaseError) -> [UUID] {
        var ids: [UUID] = []
        for var row in try await sql.run(Self.memberships, [user.sqlValue]) { ids.append(try row.next()) }
        return ids
    }

    private static let hasMemberships = Statement("SELECT 1 FROM memberships WHERE user_id = $1 LIMIT 1")

    /// Whether the user was ever put into a company, one that is gone since included.
    public func hasMemberships(user: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.hasMemberships, [user.sqlValue]).isEmpty
    }

    private static let setStatus = Statement(
        "UPDATE companies SET status = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL RETURNING id")

    /// - Returns: whether there is such a company.
    public func setStatus(of id: UUID, to status: Company.Status, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.setStatus, [id.sqlValue, status.rawValue.sqlValue, now.sqlValue]).isEmpty
    }

    private static let softDelete = Statement(
        "UPDATE companies SET deleted_at = $2, domain = NULL, updated_at = $2 WHERE id = $1 AND deleted_at IS NULL RETURNING id")

    /// - Returns: whether there was such a company.
    public func delete(_ id: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.softDelete, [id.sqlValue, now.sqlValue]).isEmpty
    }
}
