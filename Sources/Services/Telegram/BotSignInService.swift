import Credentials
import Ground
import Store
import Synchronization

/// Signing in by a bot: a page shows a link and a number; whoever opens the link is asked in the bot which number the
/// page shows; the page, which holds the other half of the secret, gets the session.
public struct BotSignInService: Sendable {
    static let lifetime = Duration.seconds(300)
    /// What the payload of the link begins with.
    static let prefix = "in_"

    let store: DataStore
    let telegram: TelegramService
    let names: BotNames
    let gates: AddressGates
    let clock: Clock
    let random: RandomSource

    // MARK: The page

    /// What the page shows and keeps.
    public struct Offer: Sendable {
        public let url: String
        public let matchNumber: Int
        /// For the page alone.
        public let secret: String
        public let expiresAt: Timestamp
    }

    /// Begins a sign-in.
    /// - Parameter id: through which bot; nil: the first that opens this door.
    /// - Throws: `.telegramNotConfigured`, `.doorClosed`, `.telegramUnreachable`.
    public func begin(through id: Int64?, from client: Client) async throws(AuthError) -> Offer {
        let bot: Bot
        if id == nil, let first = try await telegram.bots.all().first(where: { $0.doors.contains(.bot) }) {
            bot = first
        } else {
            bot = try await telegram.bots.find(id)
        }
        guard bot.doors.contains(.bot) else { throw .doorClosed }
        let name = try await names.username(of: bot)
        let now = clock.now
        let (code, secret) = (Base64URL.encode(random.bytes(24)), Base64URL.encode(random.bytes(32)))
        let choices = numbers()
        let match = choices[Int(random.uint64() % UInt64(choices.count))]
        let signIn = TelegramSignIn(
            id: UUID(at: now, random: random), codeHash: Self.hash(code), secretHash: Self.hash(secret), botID: bot.id,
            matchNumber: match, choices: choices, address: client.address.description, userAgent: client.userAgent,
            expiresAt: now + Self.lifetime)
        do { try await store.transaction { try await $0.telegramSignIns.insert(signIn) } } catch { throw .from(error) }
        return Offer(
            url: "https://t.me/\(name)?start=\(Self.prefix)\(code)", matchNumber: Int(match), secret: secret,
            expiresAt: signIn.expiresAt)
    }

    /// Three different numbers of two digits.
    private func numbers() -> [Int64] {
        var numbers: [Int64] = []
        while numbers.count < 3 {
            let number = Int64(10 + random.uint64() % 90)
            if !numbers.contains(number) { numbers.append(number) }
        }
        return numbers
    }

    private static func hash(_ secret: String) -> [UInt8] { Digest.sha256(Array(secret.utf8)) }

    /// Signs the page in, where somebody has confirmed. Once.
    /// - Returns: nil where nobody has answered yet.
    /// - Throws: `.signInNotBegun` where there is none or it is over; `.signInRefused`; what every door throws.
    public func finish(_ secret: String, from client: Client) async throws(AuthError) -> SignInOutcome? {
        let found: TelegramSignIn?
        do {
            found = try await store.reading.telegramSignIns.find(secretHash: Self.hash(secret), at: clock.now)
        } catch { throw .from(error) }
        guard let signIn = found else { throw .signInNotBegun }
        switch signIn.state {
        case .open: return nil
        case .refused: throw .signInRefused
        case .confirmed: break
        }
        guard let text = signIn.person, let json = try? JSON.parse(Array(text.utf8)), let person = TelegramPerson(json)
        else { throw .unexpected(because: "a confirmed sign-in names nobody") }
        let bot = try await telegram.bots.find(signIn.botID)
        guard bot.doors.contains(.bot) else { throw .doorClosed }
        let proof = TelegramProof(
            door: .bot, bot: bot.id, person: person, digest: Digest.sha256(Array("bot-sign-in:\(signIn.id)".utf8)),
            expiresAt: signIn.expiresAt)
        let outcome: SignInOutcome
        do { outcome = try await telegram.enter(proof, through: bot, referral: nil, from: client) } catch {
            if case .telegramInvalid(.replayed) = error { throw .signInNotBegun }
            throw error
        }
        // It is used up already; this only tidies.
        try? await store.writing.telegramSignIns.delete(signIn.id)
        return outcome
    }

    // MARK: The bot

    /// What somebody is asked who has opened the link.
    struct Question: Sendable {
        let id: UUID
        let device: String
        let address: String
        /// ISO 3166-1 alpha-2; nil where it is not known.
        let country: String?
        let numbers: [Int64]
    }

    /// The link was opened.
    /// - Returns: nil where it is over, or somebody else's.
    func open(_ code: String, by person: TelegramPerson, of bot: Bot) async throws(AuthError) -> Question? {
        guard bot.doors.contains(.bot) else { return nil }
        let hash = Self.hash(code)
        let now = clock.now
        let signIn: TelegramSignIn?
        do {
            signIn = try await store.transaction {
                try await $0.telegramSignIns.open(codeHash: hash, bot: bot.id, by: person.id, at: now)
            }
        } catch { throw .from(error) }
        guard let signIn else { return nil }
        return Question(
            id: signIn.id, device: DeviceParser.device(of: signIn.userAgent).name, address: signIn.address,
            country: IPAddress(signIn.address).flatMap { gates.countries?.country(of: $0) }, numbers: signIn.choices)
    }

    /// What came of an answer.
    enum Answered: Sendable {
        case confirmed
        case refused
        /// Another number than the page's: that ends it, so that nobody tries them all.
        case wrongNumber
        /// It is over, or somebody else's.
        case none
    }

    /// - Parameter number: nil: no.
    func answer(_ id: UUID, _ number: Int64?, in talk: BotTalk) async throws(AuthError) -> Answered {
        let (now, person, bot) = (clock.now, talk.person, talk.bot)
        let description = Self.json(of: person).text
        do {
            return try await store.transaction { repositories in
                let signIns = repositories.telegramSignIns
                guard let signIn = try await signIns.find(id, bot: bot.id, openedBy: person.id, at: now) else { return .none }
                let isRight = number == signIn.matchNumber
                let state = isRight ? TelegramSignIn.State.confirmed : .refused
                guard try await signIns.settle(id, as: state, person: isRight ? description : nil) else { return .none }
                if isRight { return .confirmed }
                try await record(refusalOf: signIn, in: talk, repositories)
                return number == nil ? .refused : .wrongNumber
            }
        } catch { throw .from(error) }
    }

    /// Whoever refused it, or whose place somebody wanted to take, finds it among their sign-ins.
    private func record(refusalOf signIn: TelegramSignIn, in talk: BotTalk, _ repositories: Repositories) async throws {
        let identity = try await repositories.telegramIdentities.find(talk.person.id)
        let facts: [JSON.Member] = [.init("reason", "refused_in_bot"), .init("method", .string(TelegramService.method))]
        let page = Client(
            address: IPAddress(signIn.address) ?? talk.client.address, userAgent: signIn.userAgent,
            requestID: talk.client.requestID)
        try await telegram.audit.record(
            AuditEvent(.signInFailed, user: identity?.userID, facts: facts), from: page, in: repositories)
    }

    private static func json(of person: TelegramPerson) -> JSON {
        [
            "id": .integer(person.id), "first_name": .string(person.firstName), "last_name": JSON(person.lastName),
            "username": JSON(person.username), "photo_url": JSON(person.photoURL), "language_code": JSON(person.language),
        ]
    }
}

/// What bots are called. That of the settings is asked for once.
final class BotNames: Sendable {
    private let api: BotAPI
    private let known = Mutex<[Int64: String]>([:])

    init(api: BotAPI) { self.api = api }

    /// Without the `@`.
    /// - Throws: `.telegramUnreachable`.
    func username(of bot: Bot) async throws(AuthError) -> String {
        if let name = bot.username ?? known.withLock({ $0[bot.id] }) { return name }
        guard case .ok(let json) = await api.call("getMe", of: bot.token), let name = json["username"]?.string,
            TelegramPerson.isUsername(name)
        else { throw .telegramUnreachable }
        known.withLock { $0[bot.id] = name }
        return name
    }
}
