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
    /// The address, normalised, that nobody else gets while the link works; nil: none.
    public let heldKey: String?
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
    public let usedAt: Timestamp?

    public init(
        id: UUID, purpose: String, userID: UUID, secretDigest: [UInt8], email: String, stateDigest: [UInt8]?,
        browserDigest: [UInt8]?, heldKey: String? = nil, at now: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.purpose = purpose
        self.userID = userID
        self.secretDigest = secretDigest
        self.email = email
        self.stateDigest = stateDigest
        self.browserDigest = browserDigest
        self.heldKey = heldKey
        createdAt = now
        self.expiresAt = expiresAt
        usedAt = nil
    }

    static let columns = """
        id, purpose, user_id, secret_digest, email, state_digest, browser_digest, held_key, created_at, \
        expires_at, used_at
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        purpose = try row.next()
        userID = try row.next()
        secretDigest = try row.next()
        email = try row.next()
        stateDigest = try row.next()
        browserDigest = try row.next()
        heldKey = try row.next()
        createdAt = try row.next()
        expiresAt = try row.next()
        usedAt = try row.next()
    }

    public func isOpen(at now: Timestamp) -> Bool { usedAt == nil && expiresAt > now }
}

/// Who, or what, has a link sent to an account, as far as that bounds how many may be.
public enum MailAsker: Sendable, Hashable {
    /// One that the account knows, under its key.
    case device([UInt8])
    /// Anybody else, under what their addresses share.
    case network(String)
    /// Something that happened to the account.
    case event(String)

    fileprivate var text: String? {
        switch self {
        case .device: nil
        case .network(let name): name
        case .event(let name): "event:\(name)"
        }
    }
}

/// The table of links that were sent by mail.
public struct MailLinkRepository: Sendable {
    let sql: any StatementRunner

    private static let insertLink = Statement(
        """
        INSERT INTO mail_links (id, purpose, user_id, secret_digest, email, state_digest, browser_digest, created_at,
            expires_at, held_key, known_device, asked_from)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """)

    /// - Parameter asker: for ``count(_:ofUser:askedBy:since:)``; nil: it counts as a stranger's.
    public func insert(_ link: MailLink, askedBy asker: MailAsker?) async throws(DatabaseError) {
        let device: [UInt8]? = if case .device(let key) = asker { key } else { nil }
        try await sql.run(
            Self.insertLink,
            [
                link.id.sqlValue, link.purpose.sqlValue, link.userID.sqlValue, link.secretDigest.sqlValue,
                link.email.sqlValue, link.stateDigest.sqlValue, link.browserDigest.sqlValue, link.createdAt.sqlValue,
                link.expiresAt.sqlValue, link.heldKey.sqlValue, device.sqlValue, (asker?.text).sqlValue,
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

    private static let countOfDevice = Statement(
        """
        SELECT count(*) FROM mail_links WHERE user_id = $1 AND created_at > $2 AND purpose = $3 AND known_device = $4
        """)
    private static let countOfNetwork = Statement(
        """
        SELECT count(*) FROM mail_links
        WHERE user_id = $1 AND created_at > $2 AND purpose = $3 AND known_device IS NULL AND asked_from = $4
        """)
    private static let countOfStrangers = Statement(
        "SELECT count(*) FROM mail_links WHERE user_id = $1 AND created_at > $2 AND purpose = $3 AND known_device IS NULL")

    /// How many were sent for this since then because of that asker.
    public func count(_ purpose: String, ofUser user: UUID, askedBy asker: MailAsker, since moment: Timestamp)
        async throws(DatabaseError) -> Int
    {
        let (statement, name): (Statement, SQLValue) =
            if case .device(let key) = asker { (Self.countOfDevice, key.sqlValue) } else {
                (Self.countOfNetwork, asker.text.sqlValue)
            }
        let count: Int64? = try await sql.run(statement, [user.sqlValue, moment.sqlValue, purpose.sqlValue, name]).value()
        return Int(count ?? 0)
    }

    /// How many were sent for this since then because of all whom the account does not know.
    public func countOfStrangers(_ purpose: String, ofUser user: UUID, since moment: Timestamp) async throws(DatabaseError) -> Int {
        let count: Int64? = try await sql.run(Self.countOfStrangers, [user.sqlValue, moment.sqlValue, purpose.sqlValue]).value()
        return Int(count ?? 0)
    }

    private static let holds = Statement(
        """
        SELECT 1 FROM mail_links l WHERE l.held_key = $1 AND l.used_at IS NULL AND l.expires_at > $2
            AND (l.user_id <> $3 OR $3 IS NULL)
            AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = $3 AND u.email_key = $1) LIMIT 1
        """)

    /// Whether somebody may take the address back who is not this person.
    /// - Parameter user: who has or wants it; nil: somebody without an account.
    public func isHeld(_ emailKey: String, from user: UUID?, at now: Timestamp) async throws(DatabaseError) -> Bool {
        try await !sql.run(Self.holds, [emailKey.sqlValue, now.sqlValue, user.sqlValue]).isEmpty
    }

    private static let endOfPurpose = Statement(
        "UPDATE mail_links SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL AND purpose = $3")

    /// Ends a person's links of one purpose.
    public func end(_ purpose: String, ofUser user: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.endOfPurpose, [user.sqlValue, now.sqlValue, purpose.sqlValue])
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
