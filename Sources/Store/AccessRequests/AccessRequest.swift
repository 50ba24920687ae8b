import Ground
import SQL

/// Somebody of Telegram who asks to be let in.
public struct AccessRequest: Sendable, RowDecodable {
    public enum Status: String, Sendable, CaseIterable {
        case pending = "PENDING"
        case approved = "APPROVED"
        case rejected = "REJECTED"
        /// Nobody answered in time. Never stored: the clock says it.
        case expired = "EXPIRED"
    }

    public let id: UUID
    public let telegramID: Int64
    public let bot: Int64
    /// nil: for no company.
    public let company: UUID?
    public let firstName: String
    public let lastName: String?
    /// Without the `@`.
    public let username: String?
    /// Of the person's Telegram, such as `ru`.
    public let language: String?
    private let stored: Status
    /// Why it was rejected.
    public let reason: String?
    public let createdAt: Timestamp
    public let expiresAt: Timestamp
    public let decidedAt: Timestamp?
    public let decidedBy: UUID?
    /// Whose account it has become.
    public let user: UUID?

    public init(
        id: UUID, telegramID: Int64, bot: Int64, company: UUID?, firstName: String, lastName: String?, username: String?,
        language: String?, at now: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.telegramID = telegramID
        self.bot = bot
        self.company = company
        self.firstName = firstName
        self.lastName = lastName
        self.username = username
        self.language = language
        stored = .pending
        reason = nil
        createdAt = now
        self.expiresAt = expiresAt
        decidedAt = nil
        decidedBy = nil
        user = nil
    }

    static let columns = """
        id, telegram_id, bot_id, company_id, first_name, last_name, username, language, status, reason, created_at, \
        expires_at, decided_at, decided_by, user_id
        """

    public init(row: inout Row) throws(DatabaseError) {
        id = try row.next()
        telegramID = try row.next()
        bot = try row.next()
        company = try row.next()
        firstName = try row.next()
        lastName = try row.next()
        username = try row.next()
        language = try row.next()
        let status: String = try row.next()
        guard let status = Status(rawValue: status) else { throw .unexpected("access request status \(status)") }
        stored = status
        reason = try row.next()
        createdAt = try row.next()
        expiresAt = try row.next()
        decidedAt = try row.next()
        decidedBy = try row.next()
        user = try row.next()
    }

    public func status(at now: Timestamp) -> Status { stored == .pending && expiresAt <= now ? .expired : stored }

    /// Who asks for what, as long as it is open.
    var openKey: String { Self.openKey(of: telegramID, for: company) }

    static func openKey(of telegramID: Int64, for company: UUID?) -> String { "\(telegramID) \(company?.description ?? "-")" }
}
