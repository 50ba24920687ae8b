import Ground
import SQL

/// An invitation, as stored. Of its link only the digest of the secret is kept.
public struct Invitation: Sendable, RowDecodable {
    public let id: UUID
    public let email: String
    public let emailKey: String
    public let name: String?
    /// The company that the person will belong to, and that the roles are for; nil: none, and everywhere.
    public let company: UUID?
    public let secretDigest: [UInt8]
    public let invitedBy: UUID
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
    public let acceptedAt: Timestamp?
    public let withdrawnAt: Timestamp?

    public init(
        id: UUID, email: String, emailKey: String, name: String?, company: UUID?, secretDigest: [UInt8], invitedBy: UUID,
        at now: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.email = email
        self.emailKey = emailKey
        self.name = name
        self.company = company
        self.secretDigest = secretDigest
        self.invitedBy = invitedBy
        createdAt = now
        self.expiresAt = expiresAt
        acceptedAt = nil
        withdrawnAt = nil
    }

    static let columns = """
        id, email, email_key, name, company_id, secret_digest, invited_by, created_at, expires_at, accepted_at, withdrawn_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        email = try row.next()
        emailKey = try row.next()
        name = try row.next()
        company = try row.next()
        secretDigest = try row.next()
        invitedBy = try row.next()
        createdAt = try row.next()
        expiresAt = try row.next()
        acceptedAt = try row.next()
        withdrawnAt = try row.next()
    }

    public func isOpen(at now: Timestamp) -> Bool { acceptedAt == nil && withdrawnAt == nil && expiresAt > now }
}

/// The table of invitations.
public struct InvitationRepository: Sendable {
    let sql: any StatementRunner

    private static let insertInvitation = Statement(
        """
        INSERT INTO invitations (id, email, email_key, name, company_id, secret_digest, invited_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """)
    private static let insertRole = Statement("INSERT INTO invitation_roles (invitation_id, role_id) VALUES ($1, $2)")

    public func insert(_ invitation: Invitation, roles: [UUID]) async throws(DatabaseError) {
        try await sql.run(
            Self.insertInvitation,
            [
                invitation.id.sqlValue, invitation.email.sqlValue, invitation.emailKey.sqlValue, invitation.name.sqlValue,
                invitation.company.sqlValue, invitation.secretDigest.sqlValue, invitation.invitedBy.sqlValue,
                invitation.createdAt.sqlValue, invitation.expiresAt.sqlValue,
            ])
        for role in roles { try await sql.run(Self.insertRole, [invitation.id.sqlValue, role.sqlValue]) }
    }

    private static let byID = Statement(
        "SELECT \(Invitation.columns) FROM invitations WHERE id = $1 AND (company_id = $2 OR $2 IS NULL)")

    /// - Parameter company: only one of this company; nil: any.
    public func find(_ id: UUID, within company: UUID?) async throws(DatabaseError) -> Invitation? {
        try await sql.run(Self.byID, [id.sqlValue, company.sqlValue]).first()
    }

    private static let newest = Statement(
        """
        SELECT \(Invitation.columns) FROM invitations
        WHERE (id < $1 OR $1 IS NULL) AND (company_id = $2 OR $2 IS NULL) ORDER BY id DESC LIMIT $3
        """)

    /// The newest first, those that are over too.
    public func page(after: UUID?, within company: UUID?, limit: Int) async throws(DatabaseError) -> [Invitation] {
        try await sql.run(Self.newest, [after.sqlValue, company.sqlValue, limit.sqlValue]).all()
    }

    private static let ofPerson = Statement(
        """
        SELECT \(Invitation.columns) FROM invitations WHERE email_key = $1 OR accepted_by = $2 ORDER BY id
        """)

    /// Those to an address, and the one that the person followed, the oldest first.
    public func all(toKey emailKey: String?, orAcceptedBy user: UUID) async throws(DatabaseError) -> [Invitation] {
        try await sql.run(Self.ofPerson, [emailKey.sqlValue, user.sqlValue]).all()
    }

    private static let rolesOf = Statement(
        """
        SELECT \(Role.columns.split(separator: ",").map { "r." + $0.filter { $0 != " " } }.joined(separator: ", "))
        FROM invitation_roles i JOIN roles r ON r.id = i.role_id WHERE i.invitation_id = $1 ORDER BY r.name_key
        """)

    public func roles(of id: UUID) async throws(DatabaseError) -> [Role] {
        try await sql.run(Self.rolesOf, [id.sqlValue]).all()
    }

    private static let acceptOne = Statement(
        """
        UPDATE invitations SET accepted_at = $2, accepted_by = $3
        WHERE id = $1 AND accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > $2 RETURNING id
        """)

    /// - Returns: whether it was open until now.
    public func accept(_ id: UUID, by user: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.acceptOne, [id.sqlValue, now.sqlValue, user.sqlValue]).isEmpty
    }

    private static let withdrawOne = Statement(
        """
        UPDATE invitations SET withdrawn_at = $2 WHERE id = $1 AND accepted_at IS NULL AND withdrawn_at IS NULL RETURNING id
        """)

    /// - Returns: whether it was neither accepted nor withdrawn until now.
    public func withdraw(_ id: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.withdrawOne, [id.sqlValue, now.sqlValue]).isEmpty
    }

    private static let forgetRoles = Statement(
        "DELETE FROM invitation_roles WHERE invitation_id IN (SELECT id FROM invitations WHERE email_key = $1)")
    private static let forgetAll = Statement("DELETE FROM invitations WHERE email_key = $1")

    /// Deletes every invitation of an address, for who wants to be forgotten.
    public func erase(emailKey: String) async throws(DatabaseError) {
        try await sql.run(Self.forgetRoles, [emailKey.sqlValue])
        try await sql.run(Self.forgetAll, [emailKey.sqlValue])
    }
}
