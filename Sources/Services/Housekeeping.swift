import Countries
import Ground
import JOSE
import Store

/// What has to be done from time to time without anyone asking. Nothing that is refused depends on it: what has
/// expired is refused whether or not it was cleaned up.
public struct Housekeeping: Sendable {
    private static let page = 1000
    private static let peopleAtOnce = 200
    private static let pagesOfWords = 20
    private static let telegramWords = "telegram_words"
    /// By then no program of the version before is running any more.
    private static let pauseOfBackfills = Duration.seconds(86400)
    /// Telegram brings an update again for a day.
    private static let updateMemory = Duration.seconds(2 * 86400)
    /// Links count for how many may be sent, some time after they have expired.
    private static let linkMemory = Duration.seconds(86400)

    let store: DataStore
    let keys: KeyService
    let ring: KeyRing
    let leases: Leases
    let revocations: Revocations
    let subscriptions: Subscriptions
    let countries: CountryFile?
    let breachedFile: BreachedFile?
    let tokens: TokenSettings
    let signIn: SignInSettings
    let passwords: PasswordSettings
    let webhooks: WebhookSettings
    let access: AccessSettings
    let clock: Clock

    /// Learns what other nodes did and could not tell any more. Cheap; for every few seconds.
    public func catchUp() async throws(AuthError) { try await revocations.catchUp(last: .seconds(60)) }

    /// Learns which webhooks other nodes made or changed and could not tell of. Cheap; for every minute.
    public func readSubscriptions() async { await subscriptions.load() }

    /// Reads the database of countries and that of breached passwords where their files are others. Cheap; for every few
    /// seconds.
    public func readFiles() {
        countries?.readAgain()
        breachedFile?.readAgain()
    }

    /// Brings the keys up to date. Cheap; for every minute.
    public func maintainKeys() async throws(AuthError) {
        if let lease = try await leases.take("keys") {
            try await keys.maintain(holding: lease, among: leases)
            try await leases.release(lease)
        }
        try await keys.refresh(ring)
    }

    /// Deletes sessions that are long over and counters that nobody needs, where no other node does. For every hour.
    public func sweep() async throws(AuthError) {
        guard try await leases.take("sweep") != nil else { return }
        let now = clock.now
        // A session stays as long as an access token of it could be shown: the denylist is made of it.
        let limit = now - max(signIn.sessionRetention, tokens.accessLifetime + tokens.clockSkew + .seconds(60))
        do {
            var start: UUID? = UUID(high: 0, low: 0)
            while let from = start {
                start = try await store.transaction {
                    try await $0.sessions.sweep(after: from, limit: Self.page, endedBefore: limit)
                }
                guard try await leases.take("sweep") != nil else { return }
            }
            try await store.transaction {
                try await $0.attempts.sweep(
                    unknownBefore: now - signIn.lockout - .seconds(86400), devicesBefore: now - signIn.deviceMemory)
            }
            // Of no use any more, and worth stealing.
            if passwords.history == 0 { try await store.writing.passwordHistory.forgetAll() }
            try await store.writing.keyValues.sweep(expiredBefore: now)
            try await store.writing.telegramProofs.sweep(expiredBefore: now)
            try await store.writing.telegramSignIns.sweep(expiredBefore: now)
            try await store.writing.challenges.sweep(expiredBefore: now)
            try await store.writing.secondFactors.sweep(expiredBefore: now)
            try await store.writing.rememberedDevices.sweep(expiredBefore: now)
            try await store.writing.mailLinks.sweep(expiredBefore: now - Self.linkMemory)
            try await store.writing.passkeyChallenges.sweep(expiredBefore: now)
            try await store.transaction { try await $0.accessRequests.sweep(overBefore: now - access.requestRetention) }
            try await store.writing.botTalks.sweep(endedBefore: now - Self.updateMemory)
            try await sweepOutbox(at: now)
        } catch { throw .from(error) }
    }

    /// Makes people findable who came in without their words: from a file, or from an older program, which did not know
    /// what Telegram calls them. For every few seconds; a part of them each time, so that it stands in nobody's way.
    /// - Returns: how many.
    @discardableResult
    public func writeMissingWords() async throws(AuthError) -> Int {
        var count = 0
        do {
            let lacksAny = try await !store.reading.userWords.areComplete()
            let lacksTelegram = try await store.reading.backfills.position(of: Self.telegramWords, at: clock.now) != nil
            guard lacksAny || lacksTelegram, try await leases.take("words") != nil else { return 0 }
            for _ in 0..<Self.pagesOfWords where lacksAny {
                let written = try await store.transaction { try await $0.userWords.writeMissing(limit: Self.peopleAtOnce) }
                count += written
                guard written == Self.peopleAtOnce else { break }
            }
            for _ in 0..<Self.pagesOfWords where lacksTelegram {
                let written = try await store.transaction { try await rewriteWordsOfTelegram(at: clock.now, in: $0) }
                count += written
                guard written == Self.peopleAtOnce else { break }
            }
        } catch { throw .from(error) }
        return count
    }

    /// One page of those whom Telegram has names for.
    private func rewriteWordsOfTelegram(at now: Timestamp, in repositories: Repositories) async throws -> Int {
        guard let start = try await repositories.backfills.position(of: Self.telegramWords, at: now) else { return 0 }
        let (count, last) = try await repositories.userWords.rewriteOfTelegram(after: start, limit: Self.peopleAtOnce)
        if count == Self.peopleAtOnce {
            try await repositories.backfills.move(Self.telegramWords, to: last)
        } else {
            try await repositories.backfills.endRound(of: Self.telegramWords, nextAt: now + Self.pauseOfBackfills)
        }
        return count
    }

    private func sweepOutbox(at now: Timestamp) async throws {
        while try await store.writing.outbox.sweep(finishedBefore: now - webhooks.retention, atMost: Self.page)
            == Self.page
        {
            guard try await leases.take("sweep") != nil else { return }
        }
    }
}
