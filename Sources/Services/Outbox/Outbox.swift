import Ground
import Store
import Synchronization

/// Sends what stands in the outbox: soon after its commit, and again after failures.
///
/// A message is claimed before it is sent, so that one node at a time sends it. The claim ends by itself: what a node
/// had claimed that was killed is sent by another. So a message arrives at least once, and now and then twice.
/// Lanes do not hold up each other: each has a few messages under way, and one whose last attempt failed has one.
/// A lane whose receiver asks for patience is left alone by this node; another that does not know asks once.
public final class Outbox: Sendable {
    private struct State {
        var isStarted = false
        var isStopping = false
        /// A task looks for messages.
        var isLooking = false
        /// Something may have become due since it looked.
        var looksAgain = false
        var underWay: [String: Int] = [:]
        var failing: Set<String> = []
        /// Until when lanes are left alone.
        var resting: [String: Timestamp] = [:]
        /// The lane that was served last.
        var last = ""

        var total: Int { underWay.values.reduce(0, +) }
    }

    private static let mostUnderWay = 64
    /// A node looks every few seconds in any case; only a wait that is shorter than a minute is worth a look at its end.
    private static let longestAlarm = Duration.seconds(60)

    private let store: DataStore
    private let carriers: [String: any OutboxCarrier]
    private let claimTime: Duration
    private let schedule: RetrySchedule
    private let clock: Clock
    private let random: RandomSource
    private let log: Log
    private let state = Mutex(State())

    /// - Parameter claimTime: longer than any attempt takes.
    init(
        store: DataStore, carriers: [String: any OutboxCarrier], claimTime: Duration, clock: Clock,
        random: RandomSource, log: Log
    ) {
        self.store = store
        self.carriers = carriers
        self.claimTime = claimTime
        schedule = RetrySchedule(random: random)
        self.clock = clock
        self.random = random
        self.log = log
    }

    /// Sends from now on. Without it messages wait for a node that does.
    public func start() {
        state.withLock { $0.isStarted = true }
        store.bell.listen { [weak self] in self?.wake() }
        wake()
    }

    /// Looks for messages that are due, beside whatever else goes on.
    public func wake() {
        let begins = state.withLock { state in
            guard state.isStarted, !state.isStopping else { return false }
            state.looksAgain = true
            defer { state.isLooking = true }
            return !state.isLooking
        }
        if begins { Task { await self.look() } }
    }

    /// Takes nothing more, and waits for what is under way: a moment before `interrupt` is called, and after it until
    /// what it cut short has been given back.
    func stop(interrupt: () -> Void) async {
        state.withLock { $0.isStopping = true }
        await waitUntilIdle(turns: 40)
        interrupt()
        await waitUntilIdle(turns: 100)
    }

    private func waitUntilIdle(turns: Int) async {
        for _ in 0..<turns where state.withLock({ $0.total > 0 || $0.isLooking }) {
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }

    private func look() async {
        while goesOn() {
            do {
                for lane in try await dueLanes() { try await serve(lane) }
            } catch {
                log.error("outbox.unread") { $0.member("reason", "\(error)") }
            }
        }
    }

    /// Whether there is reason to look once more; if not, looking has ended.
    private func goesOn() -> Bool {
        state.withLock { state in
            state.isLooking = state.looksAgain && !state.isStopping
            state.looksAgain = false
            return state.isLooking
        }
    }

    /// Beginning behind the one that was served last, so that each has its turn.
    private func dueLanes() async throws -> [String] {
        let lanes = try await store.reading.outbox.dueLanes(at: clock.now)
        let last = state.withLock { $0.last }
        return lanes.filter { $0 > last } + lanes.filter { $0 <= last }
    }

    private func serve(_ lane: String) async throws {
        let carrier = carriers[String(lane.prefix { $0 != ":" })]
        let now = clock.now
        let room = state.withLock { state in
            if let end = state.resting[lane], end > now { return 0 }
            state.resting[lane] = nil
            let most = state.failing.contains(lane) ? 1 : carrier?.mostAtOnce ?? 1
            return state.isStopping ? 0 : min(most - state.underWay[lane, default: 0], Self.mostUnderWay - state.total)
        }
        guard room > 0 else { return }
        let (claim, until) = (UUID(at: now, random: random), now + claimTime)
        let keepsOrder = carrier?.keepsOrder ?? false
        let messages = try await store.transaction {
            try await $0.outbox.claim(room, in: lane, inOrder: keepsOrder, as: claim, until: until, at: now)
        }
        state.withLock { state in
            state.last = lane
            if !messages.isEmpty { state.underWay[lane, default: 0] += messages.count }
        }
        for message in messages { Task { await self.send(message) } }
    }

    private func send(_ message: OutboxMessage) async {
        var carried = Carried(verdict: .hopeless, error: "kind_unknown")
        do {
            if let carrier = carriers[message.kind] { carried = try await carrier.carry(message) }
            rest(message.lane, after: carried.verdict)
            try await settle(message, carried)
        } catch {
            // The claim ends in time, and the message is sent again.
            log.error("outbox.unsettled") { line in
                line.member("message", message.id.description)
                line.member("reason", "\(error)")
            }
        }
        let failed = carried.verdict == .failed
        state.withLock { state in
            state.underWay[message.lane, default: 1] -= 1
            if state.underWay[message.lane] == 0 { state.underWay[message.lane] = nil }
            if failed { state.failing.insert(message.lane) } else { state.failing.remove(message.lane) }
        }
        wake()
    }

    /// Leaves a lane alone whose receiver asks for it, and looks again when that is over.
    private func rest(_ lane: String, after verdict: Carried.Verdict) {
        guard case .postponed(let rest) = verdict else { return }
        let end = clock.now + rest
        state.withLock { $0.resting[lane] = max(end, $0.resting[lane] ?? end) }
        guard rest <= Self.longestAlarm else { return }
        Task { [weak self] in
            try? await Task.sleep(for: rest)
            self?.wake()
        }
    }

    private func settle(_ message: OutboxMessage, _ carried: Carried) async throws {
        let now = clock.now
        if carried.verdict == .notTried {
            return try await store.writing.outbox.release(message, at: now)
        }
        var settled = message
        settled.lastAttemptAt = now
        settled.lastStatus = carried.status
        settled.lastDuration = carried.duration
        settled.lastError = carried.error
        let retry = delay(until: carried.verdict, of: message, at: now)
        if case .postponed = carried.verdict { settled.attempts -= 1 }
        settled.state = carried.verdict == .sent ? .sent : retry == nil ? .dead : .pending
        settled.nextAttemptAt = now + (retry ?? .zero)
        settled.finishedAt = retry == nil ? now : nil
        let outcome = settled
        let counted = try await store.transaction { repositories in
            // Somebody else has it where the claim is lost, and what came of it is theirs to say.
            guard try await repositories.outbox.settle(outcome) else { return false }
            try await carried.alongside?(repositories)
            return true
        }
        if counted { await carried.afterwards?() }
    }

    /// - Returns: nil when the message is not tried again.
    private func delay(until verdict: Carried.Verdict, of message: OutboxMessage, at now: Timestamp) -> Duration? {
        switch verdict {
        case .failed: schedule.delay(afterAttempt: message.attempts)
        case .postponed(let rest): now - message.createdAt < RetrySchedule.longestPatience ? rest : nil
        case .sent, .hopeless, .notTried: nil
        }
    }
}

/// When a message that failed is tried again: 10 seconds later, then three times as long each time, five hours at most.
/// The last of twelve attempts is about a day after the first.
struct RetrySchedule: Sendable {
    static let attempts = 12
    /// How old a message may become whose receiver does nothing but ask for patience.
    static let longestPatience = Duration.seconds(2 * 86400)
    private static let first: Int64 = 10_000
    private static let longest: Int64 = 5 * 3_600_000

    let random: RandomSource

    /// - Returns: nil when that was the last.
    func delay(afterAttempt attempt: Int) -> Duration? {
        guard attempt < Self.attempts else { return nil }
        var delay = Self.first
        for _ in 1..<max(1, min(attempt, Self.attempts)) { delay = min(delay * 3, Self.longest) }
        // A fifth more or less, so that what failed together does not come back together.
        let chance = Int64(random.uint64() % 401) - 200
        return .milliseconds(delay + delay * chance / 1000)
    }
}
