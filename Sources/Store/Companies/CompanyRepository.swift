import Ground
import SQL

/// The tables of companies and of who belongs to them. A deleted company is found by no method here.
public struct CompanyRepository: Sendable {
    let sql: any StatementRunner

    private static let insertCompany = Statement(
        """
        INSERT INTO companies (id, name, domain, status, created_at, updated_at, member_limit)
        VALUES ($1, $2, $3, $4, $5, $5, $6)
        """)

    /// - Throws: `.duplicate("companies.domain")` when another company has the domain.
    public func insert(_ company: Company, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(
            Self.insertCompany,
            [
                company.id.sqlValue, company.name.sqlValue, company.domain.sqlValue,
                company.status.rawValue.sqlValue, now.sqlValue, company.memberLimit.sqlValue,
            ])
    }

    private static let insertMember = Statement(
        "INSERT INTO memberships (user_id, company_id, created_at) VALUES ($1, $2, $3)")

    public func add(member user: UUID, to company: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.insertMember, [user.sqlValue, company.sqlValue, now.sqlValue])
    }

    private static let removeMember = Statement("DELETE FROM memberships WHERE user_id = $1 AND company_id = $2")

    public func remove(member user: UUID, from company: UUID) async throws(DatabaseError) {
        try await sql.run(Self.removeMember, [user.sqlValue, company.sqlValue])
    }

    private static let room = Statement(
        """
        SELECT 1 FROM companies c WHERE c.id = $1 AND c.deleted_at IS NULL AND (c.member_limit IS NULL
            OR (SELECT count(*) FROM memberships m WHERE m.company_id = c.id) < c.member_limit)
        """)

    /// Whether there is such a company, and it may have one more member.
    public func hasRoom(_ company: UUID) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.room, [company.sqlValue]).isEmpty
    }

    private static let pageOfCompanies = Statement(
        """
        SELECT \(Company.columns) FROM companies c WHERE (c.id > $1 OR $1 IS NULL) AND (c.id = $2 OR $2 IS NULL)
            AND c.deleted_at IS NULL ORDER BY c.id LIMIT $3
        """)

    /// The oldest first.
    /// - Parameter company: only this one; nil: all.
    public func page(after: UUID?, within company: UUID?, limit: Int) async throws(DatabaseError) -> [Company] {
        try await sql.run(Self.pageOfCompanies, [after.sqlValue, company.sqlValue, limit.sqlValue]).all()
    }

    private static let updateCompany = Statement(
        """
        UPDATE companies SET name = $2, domain = $3, member_limit = $4, updated_at = $5, second_factor_since = $6
        WHERE id = $1 AND deleted_at IS NULL
        """)

    /// Writes name, domain, limit, and whether a second factor is required.
    /// - Throws: `.duplicate("companies.domain")` when another company has the domain.
    public func update(_ company: Company, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(
            Self.updateCompany,
            [
                company.id.sqlValue, company.name.sqlValue, company.domain.sqlValue, company.memberLimit.sqlValue,
                now.sqlValue, company.secondFactorSince.sqlValue,
            ])
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

    private static let joined = Statement("SELECT created_at FROM memberships WHERE user_id = $1 AND company_id = $2")

    /// When the person became a member; nil: they are none.
    public func joined(_ company: UUID, by user: UUID) async throws(DatabaseError) -> Timestamp? {
        try await sql.run(Self.joined, [user.sqlValue, company.sqlValue]).value()
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

    private static let everOfUser = Statement(
        """
        SELECT \(Company.columns), c.deleted_at FROM memberships m JOIN companies c ON c.id = m.company_id
        WHERE m.user_id = $1 ORDER BY m.created_at, c.id
        """)

    /// The companies that the user was ever put into, the first joined first; those that are gone since are nil.
    public func all(everOfUser user: UUID) async throws(DatabaseError) -> [Company?] {
        var companies: [Company?] = []
        for var row in try await sql.run(Self.everOfUser, [user.sqlValue]) {
            let company = try Company(row: &row)
            companies.append(try row.next(Timestamp?.self) == nil ? company : nil)
        }
        return companies
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
