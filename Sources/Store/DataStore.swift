import Ground
import SQL
import Synchronization

/// What must last: every entity and its repository, over one database.
public struct DataStore: Sendable {
    public let database: any Database
    /// The repositories on committed data.
    public let reading: Repositories
    /// Rings when a message has been put into the outbox.
    public let bell = OutboxBell()

    public init(_ database: any Database) {
        self.database = database
        reading = Repositories(DatabaseReader(database))
    }

    /// Runs `body` as one transaction: all of it lasts, or nothing.
    /// - Throws: `DatabaseError`, or what `body` threw.
    public func transaction<T: Sendable>(
        _ body: @escaping @Sendable (Repositories) async throws -> T
    ) async throws -> T {
        let letters = OutboxLetters()
        let value = try await database.transaction { try await body(Repositories($0, letters: letters)) }
        if letters.areThere { bell.ring() }
        return value
    }

    /// The repositories for single statements that change something, each a transaction of its own.
    public var writing: Repositories { Repositories(DatabaseWriter(database)) }

    /// Brings the schema up to date.
    /// - Returns: the numbers of the migrations that ran.
    public static func migrate(_ database: any Database, clock: Clock) async throws -> [Int] {
        try await Migrator(Schema.migrations).run(on: database, clock: clock)
    }
}

/// The repositories, all on the same connection.
public struct Repositories: Sendable {
    private let sql: any StatementRunner
    private let letters: OutboxLetters?

    init(_ sql: any StatementRunner, letters: OutboxLetters? = nil) {
        self.sql = sql
        self.letters = letters
    }

    public var users: UserRepository { UserRepository(sql: sql) }
    public var userWords: UserWordRepository { UserWordRepository(sql: sql) }
    public var userList: UserListRepository { UserListRepository(sql: sql) }
    public var invitations: InvitationRepository { InvitationRepository(sql: sql) }
    public var serviceAccounts: ServiceAccountRepository { ServiceAccountRepository(sql: sql) }
    public var companies: CompanyRepository { CompanyRepository(sql: sql) }
    public var roles: RoleRepository { RoleRepository(sql: sql) }
    public var grants: GrantRepository { GrantRepository(sql: sql) }
    public var sessions: SessionRepository { SessionRepository(sql: sql) }
    public var attempts: AttemptRepository { AttemptRepository(sql: sql) }
    public var audit: AuditRepository { AuditRepository(sql: sql) }
    public var auditChain: AuditChainRepository { AuditChainRepository(sql: sql) }
    public var keys: KeyRepository { KeyRepository(sql: sql) }
    public var keyValues: KeyValueRepository { KeyValueRepository(sql: sql) }
    public var leases: LeaseRepository { LeaseRepository(sql: sql) }
    public var backfills: BackfillRepository { BackfillRepository(sql: sql) }
    public var imports: ImportRepository { ImportRepository(sql: sql) }
    public var exports: ExportRepository { ExportRepository(sql: sql) }
    public var outbox: OutboxRepository { OutboxRepository(sql: sql, letters: letters) }
    public var webhooks: WebhookRepository { WebhookRepository(sql: sql) }
    public var telegramBots: TelegramBotRepository { TelegramBotRepository(sql: sql) }
    public var telegramIdentities: TelegramIdentityRepository { TelegramIdentityRepository(sql: sql) }
    public var telegramProofs: TelegramProofRepository { TelegramProofRepository(sql: sql) }
    public var telegramChats: TelegramChatRepository { TelegramChatRepository(sql: sql) }
    public var telegramSignIns: TelegramSignInRepository { TelegramSignInRepository(sql: sql) }
    public var telegramCards: TelegramCardRepository { TelegramCardRepository(sql: sql) }
    public var accessRequests: AccessRequestRepository { AccessRequestRepository(sql: sql) }
    public var access: AccessRepository { AccessRepository(sql: sql) }
    public var telegramCodes: TelegramCodeRepository { TelegramCodeRepository(sql: sql) }
    public var botTalks: BotTalkRepository { BotTalkRepository(sql: sql) }
    public var botQuestions: BotQuestionRepository { BotQuestionRepository(sql: sql) }
    public var secondFactors: SecondFactorRepository { SecondFactorRepository(sql: sql) }
    public var challenges: ChallengeRepository { ChallengeRepository(sql: sql) }
    public var rememberedDevices: RememberedDeviceRepository { RememberedDeviceRepository(sql: sql) }
    public var referrals: ReferralRepository { ReferralRepository(sql: sql) }
    public var mailLinks: MailLinkRepository { MailLinkRepository(sql: sql) }
    public var passkeys: PasskeyRepository { PasskeyRepository(sql: sql) }
    public var passkeyChallenges: PasskeyChallengeRepository { PasskeyChallengeRepository(sql: sql) }
    public var passwordHistory: PasswordHistoryRepository { PasswordHistoryRepository(sql: sql) }
}

/// Whether a transaction has put something into the outbox.
final class OutboxLetters: Sendable {
    private let found = Atomic<Bool>(false)
    var areThere: Bool { found.load(ordering: .relaxed) }
    func note() { found.store(true, ordering: .relaxed) }
}

/// Tells whoever sends messages that there is one, as soon as it is committed.
public final class OutboxBell: Sendable {
    private let listener = Mutex<(@Sendable () -> Void)?>(nil)
    public func listen(_ listener: @escaping @Sendable () -> Void) { self.listener.withLock { $0 = listener } }
    func ring() { listener.withLock { $0 }?() }
}
