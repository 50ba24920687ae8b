import Glibc
import Ground
import Synchronization

/// Threads of its own for work that fills a processor for a long while, such as password hashing, so that the
/// threads that serve requests never wait for it. The queue is bounded: better a few are told to come again than
/// all wait too long.
public final class HashingPool: Sendable {
    /// What happened since the start, for metrics.
    public struct Counters: Sendable, Hashable {
        public var queued: Int
        public var running: Int
        public var completed: Int
        public var refused: Int

        public init(queued: Int = 0, running: Int = 0, completed: Int = 0, refused: Int = 0) {
            self.queued = queued
            self.running = running
            self.completed = completed
            self.refused = refused
        }
    }

    /// Does the work, and gives what tells the caller; the counters move between the two.
    private typealias Job = @Sendable () -> (@Sendable () -> Void)

    private struct State {
        var queue: [Job] = []
        var counters = Counters()
        var stopping = false
        /// Of one job, smoothed; the first guess is about what a hash of the default setting takes.
        var duration = Duration.milliseconds(20)

        /// The next job; a nil inside once the pool is stopping and all is done; nil where there is nothing yet.
        mutating func nextOrEnd() -> Job?? {
            if let job = next() { return .some(job) }
            return stopping ? .some(nil) : nil
        }

        mutating func next() -> Job? {
            guard !queue.isEmpty else { return nil }
            let job = queue.removeFirst()
            counters.queued = queue.count
            counters.running += 1
            return job
        }
    }

    /// How long after a hash a thread keeps its memory for another.
    private static let memoryIsKept = Duration.seconds(1)

    /// One less than the processors, so that one is always free for requests.
    public static var defaultThreads: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1) }

    private let threadCount: Int
    private let queueLimit: Int
    private let state: Monitor<State>
    /// Wakes the reserve.
    private let alarm: Monitor<Void>
    private let threads: Mutex<[Thread]>

    /// - Parameters:
    ///   - threads: at least 1, at the lowest priority: the higher it is, the more often a request waits for the rest
    ///     of their time slice. One more, the reserve, has a higher one and takes work only when nothing moves.
    ///   - queueLimit: how many may wait while all threads are busy.
    ///   - patience: how long nothing may come to its end before the reserve helps.
    public init(
        threads: Int = HashingPool.defaultThreads, queueLimit: Int = 128, patience: Duration = .milliseconds(250)
    ) {
        let state = Monitor(State())
        let alarm = Monitor(())
        threadCount = max(1, threads)
        self.queueLimit = max(0, queueLimit)
        self.state = state
        self.alarm = alarm
        let workers = (0..<threadCount).map { index in
            Thread(name: "hashing-\(index)", niceness: 19) { Self.work(state) }
        }
        let reserve = Thread(name: "hashing-reserve", niceness: 10) { Self.help(state, alarm, patience: patience) }
        self.threads = Mutex(workers + [reserve])
    }

    /// Without it the threads would wait for ever; ``stop()`` is the orderly way.
    deinit { endThreads() }

    public var counters: Counters { state.withLock { $0.counters } }

    /// Runs `work` on one of the threads; the caller is suspended, its thread is not held. What was taken on is done
    /// to its end, whether or not the calling task is cancelled.
    ///
    /// - Throws: ``Overloaded`` at once where the queue is full or the pool has stopped.
    public func run<T: Sendable>(_ work: @escaping @Sendable () -> T) async throws(Overloaded) -> T {
        let outcome: Result<T, Overloaded> = await withCheckedContinuation { continuation in
            let refusal = take {
                let value = work()
                return { continuation.resume(returning: .success(value)) }
            }
            if let refusal { continuation.resume(returning: .failure(refusal)) }
        }
        return try outcome.get()
    }

    /// Does what was taken on, refuses the rest, and waits for the threads to end. Call it off the threads that
    /// serve requests.
    public func stop() {
        endThreads()
        let ending = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in ending { thread.join() }
    }

    private func endThreads() {
        state.withLock(wakes: true) { $0.stopping = true }
        alarm.withLock(wakes: true) { _ in }
    }

    private func take(_ job: @escaping Job) -> Overloaded? {
        defer { alarm.withLock(wakes: true) { _ in } }
        return state.withLock(wakes: true) { state in
            let free = max(0, threadCount - state.counters.running)
            guard !state.stopping, state.queue.count < queueLimit + free else {
                state.counters.refused += 1
                let waiting = state.duration * (state.queue.count + state.counters.running) / threadCount
                return Overloaded(retryAfter: max(1, Int(waiting.secondsRoundedUp)))
            }
            state.queue.append(job)
            state.counters.queued = state.queue.count
            return nil
        }
    }

    private static func work(_ state: Monitor<State>) {
        HashMemory.keeping {
            while let job = awaitNext(state) { run(job, state) }
        }
        // A wake reaches one thread only, so each that ends wakes the next.
        state.withLock(wakes: true) { _ in }
    }

    /// The next job; nil once the pool has stopped.
    private static func awaitNext(_ state: Monitor<State>) -> Job? {
        // A thread that keeps nothing sleeps until there is work, and wakes for nothing else.
        if HashMemory.kept > 0 {
            if let job = state.wait(for: memoryIsKept, until: { $0.nextOrEnd() }) { return job }
            HashMemory.free()
        }
        return state.wait { $0.nextOrEnd() }
    }

    private static func run(_ job: Job, _ state: Monitor<State>) {
        let clock = ContinuousClock()
        let start = clock.now
        let finish = job()
        let duration = clock.now - start
        state.withLock { state in
            state.counters.running -= 1
            state.counters.completed += 1
            state.duration = (state.duration * 7 + duration) / 8
        }
        finish()
    }

    /// Where other threads leave the workers no time at all, sign-ins still come to their end.
    private static func help(_ state: Monitor<State>, _ alarm: Monitor<Void>, patience: Duration) {
        while true {
            alarm.wait { _ in state.withLock { $0.stopping || !$0.queue.isEmpty } ? () : nil }
            let before = state.withLock { $0.counters.completed }
            let isStopping: Void? = alarm.wait(for: patience) { _ in state.withLock { $0.stopping } ? () : nil }
            guard isStopping == nil else { return }
            if let job = state.withLock({ $0.counters.completed == before ? $0.next() : nil }) { run(job, state) }
        }
    }
}
