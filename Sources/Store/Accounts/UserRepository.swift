import Ground
import SQL

/// The table of users. A deleted one is found by no method here.
public struct UserRepository: Sendable {
    let sql: any StatementRunner

    private static let insertUser = Statement(
        """
        INSERT INTO users (id, email, email_key, name, phone, password_hash, status, requires_password_change,
            password_changed_at, created_at, updated_at, email_verified_at, is_searchable)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9, $10, 1)
        """)

    /// An address that somebody may take back is as taken as one that an account has, wherever it is to be written.
    private func demandFree(_ emailKey: String?, for user: UUID, at now: Timestamp) async throws(DatabaseError) {
        guard let emailKey else { return }
        guard try await !MailLinkRepository(sql: sql).isHeld(emailKey, from: user, at: now) else {
            throw .duplicate("users.email_key")
        }
    }

    /// - Throws: `.duplicate("users.email_key")` when the address has an account, or is held for one.
    public func insert(_ user: User) async throws(DatabaseError) {
        let values: [SQLValue] = [
            user.id.sqlValue, user.email.sqlValue, user.emailKey.sqlValue, user.name.sqlValue, user.phone.sqlValue,
            user.passwordHash.sqlValue, user.status.rawValue.sqlValue, user.requiresPasswordChange.sqlValue,
            user.createdAt.sqlValue, user.emailVerifiedAt.sqlValue,
        ]
        try await demandFree(user.emailKey, for: user.id, at: user.createdAt)
        try await sql.run(Self.insertUser, values)
        try await UserWordRepository(sql: sql).write(ofNew: user)
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
        try await UserWordRepository(sql: sql).rewrite(user.id)
    }

    private static let setEmail = Statement(
        """
        UPDATE users SET email = $2, email_key = $3, email_verified_at = $4, updated_at = $5
        WHERE id = $1 AND deleted_at IS NULL
        """)

    /// - Throws: `.duplicate("users.email_key")` when the address has an account, or is held for another.
    public func setEmail(of user: User, at now: Timestamp) async throws(DatabaseError) {
        try await demandFree(user.emailKey, for: user.id, at: now)
        try await sql.run(
            Self.setEmail,
            [
                user.id.sqlValue, user.email.sqlValue, user.emailKey.sqlValue, user.emailVerifiedAt.sqlValue, now.sqlValue,
            ])
        try await UserWordRepository(sql: sql).rewrite(user.id)
    }

    private static let setRule = Statement(
        """
        UPDATE users SET ip_whitelist_enabled = $3, allowed_ips = $4, allowed_countries = $5, updated_at = $2
        WHERE id = $1 AND deleted_at IS NULL RETURNING id
        """)

    /// - Returns: whether there is such a user.
    public func setRule(of id: UUID, to rule: AddressRule, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.setRule, [id.sqlValue, now.sqlValue] + rule.sqlValues).isEmpty
    }

    private static let setAppData = Statement(
        "UPDATE users SET app_data = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL")

    public func setAppData(of id: UUID, to text: String, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.setAppData, [id.sqlValue, text.sqlValue, now.sqlValue])
    }

    private static let requirePasswordChange = Statement(
        """
        UPDATE users SET requires_password_change = 1, updated_at = $2 WHERE id = $1 AND deleted_at IS NULL
        RETURNING id
        """)

    /// - Returns: whether there is such a user.
    public func requirePasswordChange(of id: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.requirePasswordChange, [id.sqlValue, now.sqlValue]).isEmpty
    }

    private static let setPassword = Statement(
        """
        UPDATE users SET password_hash = $2, password_changed_at = $3, updated_at = $3, requires_password_change = 0
        WHERE id = $1 AND deleted_at IS NULL
        """)

    public func setPassword(of id: UUID, to hash: String, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.setPassword, [id.sqlValue, hash.sqlValue, now.sqlValue])
    }

    private static let forgetPassword = Statement(
        """
        UPDATE users SET password_hash = NULL, password_changed_at = $2, updated_at = $2, requires_password_change = 0
        WHERE id = $1 AND deleted_at IS NULL
        """)

    /// Leaves the person without a password.
    public func forgetPassword(of id: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.forgetPassword, [id.sqlValue, now.sqlValue])
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

    private static let deletedByID = Statement(
        "SELECT \(User.columns) FROM users WHERE id = $1 AND deleted_at IS NOT NULL")

    public func findDeleted(_ id: UUID) async throws(DatabaseError) -> User? {
        try await sql.run(Self.deletedByID, [id.sqlValue]).first()
    }

    private static let restoreUser = Statement(
        "UPDATE users SET deleted_at = NULL, email_key = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NOT NULL")

    /// - Throws: `.duplicate("users.email_key")` when the address has another account by now, or is held for one.
    public func restore(_ id: UUID, emailKey: String?, at now: Timestamp) async throws(DatabaseError) {
        try await demandFree(emailKey, for: id, at: now)
        try await sql.run(Self.restoreUser, [id.sqlValue, emailKey.sqlValue, now.sqlValue])
    }

    private static let erasures = [
        """
        DELETE FROM telegram_cards WHERE about = $1 OR about IN (SELECT r.id FROM access_requests r WHERE r.user_id = $1
            OR r.telegram_id IN (SELECT i.telegram_id FROM telegram_identities i WHERE i.user_id = $1))
        """,
        """
        DELETE FROM access_requests WHERE user_id = $1
            OR telegram_id IN (SELECT i.telegram_id FROM telegram_identities i WHERE i.user_id = $1)
        """,
        """
        DELETE FROM second_factor_codes WHERE owner_id IN (SELECT s.id FROM user_sessions s WHERE s.user_id = $1)
            OR owner_id IN (SELECT c.id FROM second_factor_challenges c WHERE c.user_id = $1)
        """,
        "DELETE FROM totp_secrets WHERE user_id = $1", "DELETE FROM recovery_codes WHERE user_id = $1",
        "DELETE FROM second_factor_challenges WHERE user_id = $1", "DELETE FROM remembered_devices WHERE user_id = $1",
        "DELETE FROM user_words WHERE user_id = $1", "DELETE FROM known_devices WHERE user_id = $1",
        "DELETE FROM user_roles WHERE user_id = $1", "DELETE FROM memberships WHERE user_id = $1",
        "DELETE FROM user_sessions WHERE user_id = $1", "DELETE FROM telegram_identities WHERE user_id = $1",
        "DELETE FROM telegram_codes WHERE user_id = $1", "DELETE FROM mail_links WHERE user_id = $1",
        "DELETE FROM passkeys WHERE user_id = $1",
        "DELETE FROM password_history WHERE user_id = $1",
        "DELETE FROM referrals WHERE user_id = $1", "DELETE FROM referrals WHERE inviter_id = $1",
        "DELETE FROM referral_codes WHERE user_id = $1", "DELETE FROM users WHERE id = $1",
    ].map { Statement($0) }

    /// Deletes all that is kept about the person but the audit log.
    public func erase(_ id: UUID) async throws(DatabaseError) {
        for erasure in Self.erasures { try await sql.run(erasure, [id.sqlValue]) }
    }

    private static let anyUser = Statement("SELECT 1 FROM users LIMIT 1")

    public func isEmpty() async throws(DatabaseError) -> Bool { try await sql.run(Self.anyUser, []).isEmpty }
}
