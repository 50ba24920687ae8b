import Ground
import SQL

/// The tables of service accounts and their keys.
public struct ServiceAccountRepository: Sendable {
    let sql: any StatementRunner

    private static let insertAccount = Statement(
        "INSERT INTO service_accounts (\(ServiceAccount.columns)) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")

    public func insert(_ account: ServiceAccount) async throws(DatabaseError) {
        try await sql.run(
            Self.insertAccount,
            [
                account.id.sqlValue, account.name.sqlValue, account.description.sqlValue, account.company.sqlValue,
                account.isEnabled.sqlValue, account.createdBy.sqlValue, account.createdAt.sqlValue,
                account.updatedAt.sqlValue,
            ])
    }

    private static let byID = Statement(
        "SELECT \(ServiceAccount.columns) FROM service_accounts WHERE id = $1 AND (company_id = $2 OR $2 IS NULL)")

    /// - Parameter company: only one of this company; nil: any.
    public func find(_ id: UUID, within company: UUID?) async throws(DatabaseError) -> ServiceAccount? {
        try await sql.run(Self.byID, [id.sqlValue, company.sqlValue]).first()
    }

    private static let pageOfAccounts = Statement(
        """
        SELECT \(ServiceAccount.columns) FROM service_accounts
        WHERE (id > $1 OR $1 IS NULL) AND (company_id = $2 OR $2 IS NULL) ORDER BY id LIMIT $3
        """)

    /// The oldest first.
    public func page(after: UUID?, within company: UUID?, limit: Int) async throws(DatabaseError) -> [ServiceAccount] {
        try await sql.run(Self.pageOfAccounts, [after.sqlValue, company.sqlValue, limit.sqlValue]).all()
    }

    private static let updateAccount = Statement(
        "UPDATE service_accounts SET name = $2, description = $3, is_enabled = $4, updated_at = $5 WHERE id = $1")

    public func update(_ account: ServiceAccount) async throws(DatabaseError) {
        try await sql.run(
            Self.updateAccount,
            [
                account.id.sqlValue, account.name.sqlValue, account.description.sqlValue, account.isEnabled.sqlValue,
                account.updatedAt.sqlValue,
            ])
    }

    private static let deletions = [
        "DELETE FROM api_keys WHERE account_id = $1", "DELETE FROM service_accounts WHERE id = $1",
    ].map { Statement($0) }

    public func delete(_ id: UUID) async throws(DatabaseError) {
        for deletion in Self.deletions { try await sql.run(deletion, [id.sqlValue]) }
    }

    // MARK: Keys

    private static let insertKey = Statement(
        """
        INSERT INTO api_keys (id, account_id, name, secret_digest, scopes, created_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """)

    public func insert(_ key: APIKey) async throws(DatabaseError) {
        let scopes = JSON.array(key.scopes.map { .string($0) }).text
        try await sql.run(
            Self.insertKey,
            [
                key.id.sqlValue, key.account.sqlValue, key.name.sqlValue, key.secretDigest.sqlValue, scopes.sqlValue,
                key.createdBy.sqlValue, key.createdAt.sqlValue, key.expiresAt.sqlValue,
            ])
    }

    private static let keyByID = Statement("SELECT \(APIKey.columns) FROM api_keys WHERE id = $1")

    public func findKey(_ id: UUID) async throws(DatabaseError) -> APIKey? {
        try await sql.run(Self.keyByID, [id.sqlValue]).first()
    }

    private static let keysOfAccount = Statement(
        "SELECT \(APIKey.columns) FROM api_keys WHERE account_id = $1 ORDER BY id")

    /// The oldest first, those that are over too.
    public func keys(of account: UUID) async throws(DatabaseError) -> [APIKey] {
        try await sql.run(Self.keysOfAccount, [account.sqlValue]).all()
    }

    private static let touchKey = Statement("UPDATE api_keys SET last_used_at = $2 WHERE id = $1")

    public func touch(key: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.touchKey, [key.sqlValue, now.sqlValue])
    }

    private static let revokeKey = Statement(
        "UPDATE api_keys SET revoked_at = $3 WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL RETURNING id")

    /// - Returns: whether the account had such a key that was not revoked.
    public func revoke(key: UUID, of account: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.revokeKey, [key.sqlValue, account.sqlValue, now.sqlValue]).isEmpty
    }
}
