import Ground
import SQL

/// The table of users. A deleted one is found by no method here.
public struct UserRepository: Sendable {
    let sql: any StatementRunner

    private static let insertUser = Statement(
        """
        INSERT INTO users (id, email, email_key, name, phone, password_hash, status, requires_password_change,
            password_changed_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9)
        """)

    /// - Throws: `.duplicate("users.email_key")` when the address has an account.
    public func insert(_ user: User) async throws(DatabaseError) {
        let values: [SQLValue] = [
            user.id.sqlValue, user.email.sqlValue, user.emailKey.sqlValue, user.name.sqlValue, user.phone.sqlValue,
            user.passwordHash.sqlValue, user.status.rawValue.sqlValue, user.requiresPasswordChange.sqlValue,
            user.createdAt.sqlValue,
        ]
        try await sql.run(Self.insertUser, values)
    }

    private static let byID = Statement("SELECT \(User.columns) FROM users WHERE id = $1 AND deleted_at IS NULL")

    public func find(_ id: UUID) async throws(DatabaseError) -> User? {
        try await sql.run(Self.byID, [id.sqlValue]).first()
    }

    private static let byEmail = Statement(
        "SELECT \(User.columns) FROM users WHERE email_key = $1 AND deleted_at IS NULL")

    public func find(emailKey: String) async throws(DatabaseError) -> User? {
        try await sql.run(Self.byEmail, [emailKey.sqlValue]).first()
    }

    private static let updateProfile = Statement(
        """
        UPDATE users SET name = $2, phone = $3, settings = $4, updated_at = $5
        WHERE id = $1 AND deleted_at IS NULL
        """)

    /// Writes name, phone and settings, and nothing else.
    public func updateProfile(of user: User, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(
            Self.updateProfile,
            [user.id.sqlValue, user.name.sqlValue, user.phone.sqlValue, user.settings.sqlValue, now.sqlValue])
    }

    private static let setPassword = Statement(
        """
        UPDATE users SET password_hash = $2, password_changed_at = $3, updated_at = $3, requires_password_change = 0
        WHERE id = $1 AND deleted_at IS NULL
        """)

    public func setPassword(of id: UUID, to hash: String, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.setPassword, [id.sqlValue, hash.sqlValue, now.sqlValue])
    }

    private static let replaceHash = Statement(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 RETURNING id")

    /// Puts a stronger hash of the same password in the place of `old`.
    /// - Returns: false when it was changed meanwhile, and stays as it is.
    public func replaceHash(of id: UUID, _ old: String, with new: String) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.replaceHash, [id.sqlValue, old.sqlValue, new.sqlValue]).isEmpty
    }

    private static let setStatus = Statement(
        "UPDATE users SET status = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL RETURNING id")

    /// - Returns: whether there is such a user.
    public func setStatus(of id: UUID, to status: User.Status, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.setStatus, [id.sqlValue, status.rawValue.sqlValue, now.sqlValue]).isEmpty
    }

    private static let softDelete = Statement(
        "UPDATE users SET deleted_at = $2, updated_at = $2, email_key = NULL WHERE id = $1 AND deleted_at IS NULL RETURNING id")

    /// - Returns: whether there was such a user.
    public func delete(_ id: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.softDelete, [id.sqlValue, now.sqlValue]).isEmpty
    }

    private static let anyUser = Statement("SELECT 1 FROM users LIMIT 1")

    public func isEmpty() async throws(DatabaseError) -> Bool { try await sql.run(Self.anyUser, []).isEmpty }
}
