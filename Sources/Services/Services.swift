import Countries
import Credentials
import Ground
import JOSE
import KeyValue
import Outgoing
import Store

/// Every rule of the product, put together over its stores.
public final class Services: Sendable {
    public let configuration: Configuration
    public let accounts: AccountService
    public let users: UserService
    public let erasure: ErasureService
    public let invitations: InvitationService
    public let companies: CompanyService
    public let roles: RoleService
    public let imports: ImportService
    public let exports: ExportService
    public let grants: GrantService
    public let serviceAccounts: ServiceAccountService
    public let appData: AppDataService
    public let addressRules: AddressRuleService
    public let signIn: SignInService
    public let sessions: SessionService
    public let secondFactors: SecondFactors
    public let secondFactorEnrolment: SecondFactorEnrolment
    public let stepUps: StepUpService
    public let passkeys: PasskeyService
    public let firstStart: FirstStartService
    public let passwords: PasswordService
    public let limits: RateLimiter
    public let keys: KeyService
    public let ring: KeyRing
    public let accessTokens: AccessTokens
    public let refreshTokens: RefreshTokens
    public let housekeeping: Housekeeping
    public let auditLog: AuditLog
    public let auditKeeper: AuditKeeper
    public let auditVerifier: AuditVerifier
    public let leases: Leases
    public let webhooks: WebhookService
    public let outbox: Outbox
    public let telegram: TelegramService
    public let miniApps: MiniAppService
    public let oidc: OIDCDoor
    public let botSignIns: BotSignInService
    public let referrals: ReferralService
    public let accessRequests: AccessRequestService
    public let access: AccessService
    public let botAdministration: BotService
    public let botAPI: BotAPI
    public let botMail: BotMail
    public let botVoice: BotVoice
    public let botUpdates: BotUpdates
    public let signInCodes: SignInCodes
    public let mail: MailBox
    public let recovery: PasswordRecovery
    public let emails: EmailService
    public let disowned: DisownService
    public let magicLinks: MagicLinkService
    public let postmaster: Postmaster
    public let clock: Clock
    let store: DataStore
    private let pool: HashingPool
    private let backlog: AuditBacklog
    private let courier: Courier
    /// Of its own: where a mail server is slow to say good-bye, its thread waits.
    private let mailCourier: Courier
    let keyValue: any KeyValue

    /// Makes keys and system roles where they are missing, and learns what ended of late. The schema must be up
    /// to date.
    /// - Throws: `AuthError`, `HashingError`.
    public init(_ configuration: Configuration, on base: Foundations) async throws {
        let (clock, random, store) = (base.clock, base.random, base.store)
        self.configuration = configuration
        self.clock = clock
        self.store = store
        keyValue = base.keyValue
        let secrets = ServerSecrets(store: store, vault: base.vault, clock: clock, random: random)
        let auditCode = AuditCode(key: try await secrets.secret(for: "audit"))
        let subscriptions = Subscriptions(store: store, keyValue: base.keyValue, clock: clock, random: random)
        let botSecret = try await secrets.secret(for: "telegram-bots")
        botMail = BotMail(clock: clock, random: random)
        botVoice = BotVoice(secret: botSecret)
        mail = MailBox(settings: configuration.mail, vault: base.vault, clock: clock, random: random)
        let mailLinks = MailLinks(base: configuration.mail.linkBase, clock: clock, random: random)
        let audit = Audit(
            subscriptions: subscriptions, notices: BotNotices(voice: botVoice, mail: botMail, clock: clock),
            mailNotices: MailNotices(mail: mail, links: mailLinks, clock: clock), clock: clock, random: random, code: auditCode)
        let keys = KeyService(
            store: store, vault: base.vault, settings: configuration.tokens, audit: audit, keyValue: base.keyValue,
            clock: clock, random: random)
        let ring = try await keys.ring()
        let accessTokens = AccessTokens(ring: ring, settings: configuration.tokens, random: random)
        let refreshTokens = RefreshTokens(key: try await keys.secret(for: "refresh"), random: random)
        let limits = RateLimiter(store: base.keyValue, settings: configuration.limits, clock: clock)
        let cache = SubjectCache(capacity: configuration.tokens.cacheCapacity, clock: clock)
        let countries = configuration.signIn.countries.map { CountryFile($0, clock: clock, log: base.log) }
        let gates = AddressGates(countries: countries)
        let subjects = Subjects(store: store, cache: cache, gates: gates, grace: configuration.secondFactor.grace, keyValue: base.keyValue,
            clock: clock)
        let revocations = Revocations(
            store: store, keyValue: base.keyValue,
            memory: configuration.tokens.accessLifetime + configuration.tokens.clockSkew + .seconds(60), clock: clock,
            log: base.log
        ) { cache.forget(session: $0) }
        let ending = SessionEnding(audit: audit, clock: clock)
        backlog = AuditBacklog(store: store, audit: audit, log: base.log)
        let rotations: any Rotations = switch configuration.stores.tokenStore {
        case .sql:
            RowRotations(
                store: store, subjects: subjects, ending: ending, audit: audit,
                grace: configuration.tokens.refreshGrace)
        case .redis:
            KeyValueRotations(
                keyValue: base.keyValue, store: store, subjects: subjects, revocations: revocations, ending: ending,
                audit: audit, backlog: backlog, settings: configuration.tokens)
        }
        let sessions = SessionService(
            store: store, accessTokens: accessTokens, refreshTokens: refreshTokens, subjects: subjects,
            revocations: revocations, rotations: rotations, ending: ending,
            refusals: AddressRefusals(store: store, keyValue: base.keyValue, audit: audit, clock: clock), audit: audit,
            settings: configuration.tokens, stepUpMaximumAge: configuration.secondFactor.stepUpMaximumAge, clock: clock)
        let hasher = try PasswordHasher(
            scheme: configuration.passwords.scheme, peppers: [try await keys.secret(for: "pepper")], random: random)
        pool = HashingPool(
            threads: configuration.passwords.hashThreads, queueLimit: configuration.passwords.hashQueue)
        let breachedFile = configuration.passwords.breached.filter.map {
            BreachedFile($0, named: "breached_passwords", clock: clock, log: base.log)
        }
        courier = Courier(configuration.webhooks.outgoing)
        passwords = PasswordService(
            hasher: hasher, dummy: try DummyHash(for: hasher, random: random), pool: pool,
            policy: configuration.passwords.policy, breachedFile: breachedFile,
            breachedAPI: BreachedRangeAPI(configuration.passwords.breached, courier: courier, log: base.log))
        let renewal = PasswordRenewal(
            store: store, passwords: passwords, settings: configuration.passwords, random: random)
        let factorKey = HMACKey(try await secrets.secret(for: "second-factor"))
        let factorGate = SecondFactorGate(
            settings: configuration.secondFactor, tokens: SecondFactorTokens(key: factorKey, random: random), audit: audit,
            random: random)
        signIn = SignInService(
            store: store, sessions: sessions, passwords: passwords, limits: limits, audit: audit,
            lockout: Lockout(settings: configuration.signIn), gates: gates, renewal: renewal,
            secondFactors: factorGate,
            passwordChanges: PasswordChangeTokens(key: HMACKey(try await keys.secret(for: "password-change")), clock: clock), log: base.log, clock: clock, random: random)
        let factorCodes = FactorCodes(
            vault: base.vault, key: factorKey, voice: botVoice, botMail: botMail, mail: mail, clock: clock, random: random)
        let proofAttempts = ProofAttempts(store: store, signIn: signIn, audit: audit, clock: clock)
        secondFactors = SecondFactors(
            store: store, signIn: signIn, gate: factorGate, codes: factorCodes, limits: limits, audit: audit, clock: clock,
            random: random)
        stepUps = StepUpService(
            store: store, sessions: sessions, codes: factorCodes, attempts: proofAttempts, limits: limits, audit: audit,
            clock: clock)
        secondFactorEnrolment = SecondFactorEnrolment(
            store: store, factors: secondFactors, codes: factorCodes, attempts: proofAttempts, stepUps: stepUps,
            sessions: sessions, limits: limits, audit: audit, issuer: configuration.server.issuerName, clock: clock,
            random: random)
        let addressMail = AddressMail(links: mailLinks, mail: mail, clock: clock)
        let addressProof = AddressProof(renewal: renewal, audit: audit, clock: clock)
        let mailRequests = MailRequests(
            store: store, vault: base.vault, limits: limits, mail: mail, clock: clock, random: random)
        passkeys = PasskeyService(
            store: store, signIn: signIn, secondFactors: secondFactors, enrolment: secondFactorEnrolment, stepUps: stepUps,
            attempts: proofAttempts,
            challenges: PasskeyChallenges(
                key: HMACKey(try await secrets.secret(for: "passkeys")), clock: clock, random: random),
            settings: configuration.passkeys, audit: audit, log: base.log, clock: clock, random: random)
        accounts = AccountService(
            store: store, signIn: signIn, passwords: passwords, limits: limits, addresses: addressMail, audit: audit,
            settings: configuration.signIn, clock: clock, random: random)
        let disowning = Disowning(renewal: renewal, links: mailLinks, mail: mail, audit: audit, clock: clock)
        disowned = DisownService(store: store, sessions: sessions, disowning: disowning, links: mailLinks, clock: clock)
        recovery = PasswordRecovery(
            store: store, sessions: sessions, passwords: passwords, renewal: renewal, requests: mailRequests, links: mailLinks,
            proof: addressProof, audit: audit, clock: clock)
        emails = EmailService(
            store: store, sessions: sessions, requests: mailRequests, links: mailLinks, addresses: addressMail,
            renewal: renewal, disowning: disowning, audit: audit, clock: clock)
        magicLinks = MagicLinkService(
            isOpen: configuration.mail.opensByMagicLink, store: store, signIn: signIn, requests: mailRequests,
            links: mailLinks, proof: addressProof, clock: clock)
        let reach = Reach(subjects: subjects, clock: clock)
        imports = ImportService(
            store: store, sessions: sessions, reach: reach, passwords: passwords, audit: audit, clock: clock,
            random: random)
        exports = ExportService(store: store, sessions: sessions, audit: audit)
        roles = RoleService(
            store: store, sessions: sessions, reach: reach, audit: audit, clock: clock, random: random)
        addressRules = AddressRuleService(
            store: store, sessions: sessions, roles: roles, reach: reach, gates: gates, audit: audit, clock: clock)
        grants = GrantService(
            store: store, sessions: sessions, reach: reach, audit: audit, clock: clock, random: random)
        serviceAccounts = ServiceAccountService(
            store: store, sessions: sessions, reach: reach, audit: audit, clock: clock, random: random)
        appData = AppDataService(store: store, subjects: subjects, reach: reach, audit: audit, clock: clock)
        users = UserService(
            store: store, accounts: accounts, grants: grants, sessions: sessions, passwords: passwords,
            secondFactors: secondFactorEnrolment, reach: reach, addresses: addressMail, audit: audit, clock: clock,
            random: random)
        invitations = InvitationService(
            store: store, accounts: accounts, users: users, sessions: sessions, passwords: passwords, reach: reach,
            mail: mail, audit: audit, clock: clock, random: random)
        companies = CompanyService(
            store: store, sessions: sessions, reach: reach, audit: audit, clock: clock, random: random)
        firstStart = FirstStartService(
            store: store, passwords: passwords, key: HMACKey(try await keys.secret(for: "first-start")), audit: audit,
            clock: clock, random: random)
        leases = Leases(
            store: store, owner: Hex.encode(random.bytes(16)), time: configuration.stores.leaseTime, clock: clock)
        let chain = AuditChain(
            code: auditCode,
            signer: try AuditSigner(
                seed: try await secrets.secret(for: "audit-head"), issuer: configuration.tokens.issuer),
            store: store, clock: clock)
        auditLog = AuditLog(store: store, sessions: sessions, audit: audit, chain: chain)
        auditKeeper = AuditKeeper(
            chain: chain, store: store, leases: leases, settings: configuration.audit, clock: clock, log: base.log)
        auditVerifier = AuditVerifier(chain: chain)
        erasure = ErasureService(
            store: store, sessions: sessions, reach: reach, redactor: AuditRedactor(chain: chain, clock: clock), audit: audit,
            clock: clock)
        housekeeping = Housekeeping(
            store: store, keys: keys, ring: ring, leases: leases, revocations: revocations, subscriptions: subscriptions,
            countries: countries, breachedFile: breachedFile, tokens: configuration.tokens, signIn: configuration.signIn,
            passwords: configuration.passwords, webhooks: configuration.webhooks, access: configuration.access, clock: clock)
        webhooks = WebhookService(
            store: store, sessions: sessions, reach: reach, subscriptions: subscriptions, vault: base.vault,
            settings: configuration.webhooks, audit: audit, clock: clock, random: random)
        let carrier = WebhookCarrier(
            store: store, vault: base.vault, courier: courier, subscriptions: subscriptions, audit: audit,
            disableAfter: configuration.webhooks.disableAfter, clock: clock)
        botAPI = BotAPI(configuration.telegram, courier: courier)
        let bots = Bots(
            store: store, vault: base.vault, settings: configuration.telegram, keyValue: base.keyValue, log: base.log)
        referrals = ReferralService(store: store, random: random)
        let accessMail = AccessMail(mail: botMail, voice: botVoice, clock: clock, random: random)
        accessRequests = AccessRequestService(
            store: store, sessions: sessions, grants: grants, reach: reach, mail: accessMail, mailBox: mail, audit: audit,
            settings: configuration.access, clock: clock, random: random)
        access = AccessService(
            store: store, sessions: sessions, reach: reach, users: users, bots: bots, mail: accessMail, mailBox: mail,
            leases: leases, audit: audit, settings: configuration.access, clock: clock)
        let issuer = OIDCIssuer(configuration.telegram, courier: courier, clock: clock, log: base.log)
        let idTokens = IDTokens(issuer: issuer, clock: clock)
        let seals = OIDCSeals(vault: base.vault, origins: configuration.server.returnOrigins, clock: clock)
        telegram = TelegramService(
            store: store, bots: bots, signIn: signIn, referrals: referrals,
            oidc: OIDCEvidence(tokens: idTokens, seals: seals), requests: accessRequests, audit: audit,
            settings: configuration.telegram, log: base.log, clock: clock, random: random)
        miniApps = MiniAppService(store: store, telegram: telegram, referrals: referrals, sessions: sessions)
        oidc = OIDCDoor(
            telegram: telegram, issuer: issuer, tokens: idTokens, seals: seals, settings: configuration.telegram,
            publicURL: configuration.server.publicURL, clock: clock, random: random)
        botSignIns = BotSignInService(
            store: store, telegram: telegram, names: BotNames(api: botAPI), gates: gates, clock: clock, random: random)
        botAdministration = BotService(
            store: store, sessions: sessions, reach: reach, bots: bots, api: botAPI, vault: base.vault, audit: audit,
            clock: clock)
        let botCarrier = TelegramCarrier(
            api: botAPI,
            tokens: { try await bots.token(of: $0) },
            cards: { try await store.reading.telegramCards.message(of: $0) },
            pace: TelegramPace(), clock: clock)
        mailCourier = Courier(configuration.webhooks.outgoing)
        let mailCarrier = MailCarrier(
            settings: configuration.mail, vault: base.vault, courier: mailCourier, log: base.log, clock: clock)
        postmaster = Postmaster(carrier: mailCarrier, store: store, clock: clock, random: random)
        outbox = Outbox(
            store: store,
            carriers: [
                WebhookMessage.kind: carrier, TelegramMessage.kind: botCarrier, Letter.kind: mailCarrier,
                MailRequest.kind: MailRequestCarrier(
                    vault: base.vault, links: mailLinks, mail: mail, lockout: signIn.lockout, audit: audit, clock: clock),
            ],
            claimTime: max(configuration.webhooks.timeout, configuration.mail.timeout, TelegramCarrier.longestAttempt)
                + configuration.stores.leaseTime,
            clock: clock, random: random, log: base.log)
        let talks = BotSessions(store: store, signIn: signIn, clock: clock)
        signInCodes = SignInCodes(
            store: store, telegram: telegram, limits: limits,
            key: HMACKey(Digest.hmacSHA256(key: botSecret, Array("codes".utf8))), audit: audit, clock: clock, random: random)
        let proofs = BotProofs(
            store: store, sessions: talks, factors: secondFactors, stepUps: stepUps, vault: base.vault, clock: clock)
        let router = BotRouter(
            OwnAccount(sessions: talks, signIn: signIn), users: users, codes: signInCodes, log: auditLog, store: store,
            disown: DisownButton(store: store, sessions: sessions, disowning: disowning, clock: clock),
            signIns: BotSignInTalk(signIns: botSignIns),
            access: AccessRequestTalk(requests: accessRequests, access: access, sessions: talks))
        botUpdates = BotUpdates(
            bots: bots, api: botAPI,
            intake: BotIntake(
                store: store,
                desk: BotDesk(
                    store: store, sessions: talks, accounts: accounts, router: router, proofs: proofs,
                    publicURL: configuration.server.publicURL),
                voice: botVoice, mail: botMail, limits: limits, clock: clock, log: base.log),
            leases: leases, configuration: configuration, menu: BotMenu(router: router), secret: botSecret, log: base.log)
        self.keys = keys
        self.ring = ring
        self.accessTokens = accessTokens
        self.refreshTokens = refreshTokens
        self.sessions = sessions
        self.limits = limits
        try await Self.addSystemRoles(to: store, clock: clock, random: random)
        try await keys.follow(with: ring)
        try await subjects.start()
        try await revocations.start()
        try await subscriptions.start()
        try await bots.start()
    }

    private static func addSystemRoles(to store: DataStore, clock: Clock, random: RandomSource) async throws {
        let now = clock.now
        try await store.transaction { repositories in
            for role in SystemRole.allCases {
                try await repositories.roles.insertIfAbsent(
                    id: UUID(at: now, random: random), name: role.rawValue, description: role.summary,
                    permissions: role.permissions, at: now)
            }
        }
    }

    /// Finishes hashing under way, and writes what waits to be written. Call it after the server has stopped.
    public func stop() async {
        pool.stop()
        await botUpdates.stop()
        await backlog.stop()
        await outbox.stop {
            courier.stop()
            mailCourier.stop()
        }
    }
}
