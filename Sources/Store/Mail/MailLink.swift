import Ground
import SQL

/// A link that was sent by mail, as stored. Of what stands in it only a digest is kept.
public struct MailLink: Sendable, RowDecodable {
    public let id: UUID
    public let purpose: String
    public let userID: UUID
    public let secretDigest: [UInt8]
    /// The address that it was sent to.
    public let email: String
    /// Of what must still be as it was when the link was made.
    public let stateDigest: [UInt8]?
    /// Of what the browser keeps that asked for it; nil: any may follow it.
    public let browserDigest: [UInt8]?
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
    public let usedAt: Timestamp?

    public init(
        id: UUID, purpose: String, userID: UUID, secretDigest: [UInt8], email: String, stateDigest: [UInt8]?,
        browserDigest: [UInt8]?, at now: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.purpose = purpose
        self.userID = userID
        self.secretDigest = secretDigest
        self.email = email
        self.stateDigest = stateDigest
        self.browserDigest = browserDigest
        createdAt = now
        self.expiresAt = expiresAt
        usedAt = nil
    }

    static let columns = """
        id, purpose, user_id, secret_digest, email, state_digest, browser_digest, created_at, expires_at, used_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        purpose = try row.next()
        userID = try row.next()
        secretDigest = try row.next()
        email = try row.next()
        stateDigest = try row.next()
        browserDigest = try row.next()
        createdAt = try row.next()
        expiresAt = try row.next()
        usedAt = try row.next()
    }

    public func isOpen(at now: Timestamp) -> Bool { usedAt == nil && expiresAt > now }
}

/// The table of links that were sent by mail.
public struct MailLinkRepository: Sendable {
    let sql: any StatementRunner

    private static let insertLink = Statement(
        """
        INSERT INTO mail_links (id, purpose, user_id, secret_digest, email, state_digest, browser_digest, created_at,
            expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """)

    public func insert(_ link: MailLink) async throws(DatabaseError) {
        try await sql.run(
            Self.insertLink,
            [
                link.id.sqlValue, link.purpose.sqlValue, link.userID.sqlValue, link.secretDigest.sqlValue,
                link.email.sqlValue, link.stateDigest.sqlValue, link.browserDigest.sqlValue, link.createdAt.sqlValue,
                link.expiresAt.sqlValue,
            ])
    }

    private static let byID = Statement("SELECT \(MailLink.columns) FROM mail_links WHERE id = $1")

    public func find(_ id: UUID) async throws(DatabaseError) -> MailLink? {
        try await sql.run(Self.byID, [id.sqlValue]).first()
    }

    private static let useLink = Statement(
        "UPDATE mail_links SET used_at = $2 WHERE id = $1 AND used_at IS NULL AND expires_at > $2 RETURNING id")

    /// One statement, so that of two who follow it at once one gets in.
    /// - Returns: whether nobody had used it, and it has not expired.
    public func use(_ id: UUID, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.useLink, [id.sqlValue, now.sqlValue]).isEmpty
    }

    private static let countLinks = Statement(
        "SELECT count(*) FROM mail_links WHERE user_id = $1 AND created_at > $2 AND purpose = $3")

    /// How many were sent for this since then.
    public func count(_ purpose: String, ofUser user: UUID, since moment: Timestamp) async throws(DatabaseError) -> Int {
        let count: Int64? = try await sql.run(
            Self.countLinks, [user.sqlValue, moment.sqlValue, purpose.sqlValue]
        ).value()
        return Int(count ?? 0)
    }

    private static let endLinks = Statement(
        """
        UPDATE mail_links SET used_at = $2
        WHERE user_id = $1 AND used_at IS NULL AND (purpose <> $3 OR created_at > $4)
        """)

    /// Ends every link of a person, but those of one purpose that were made until then.
    public func endAll(ofUser user: UUID, but purpose: String, until moment: Timestamp, at now: Timestamp)
        async throws(DatabaseError)
    {
        try await sql.run(Self.endLinks, [user.sqlValue, now.sqlValue, purpose.sqlValue, moment.sqlValue])
    }

    private static let sweepLinks = Statement("DELETE FROM mail_links WHERE expires_at < $1")

    public func sweep(expiredBefore moment: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.sweepLinks, [moment.sqlValue])
    }
}
