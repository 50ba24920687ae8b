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
    }

    /// One less than the processors, so that one is always free for requests.
    public static var defaultThreads: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1) }

    private let threadCount: Int
    private let queueLimit: Int
    private let state: Monitor<State>
    private let threads: Mutex<[Thread]>

    /// - Parameters:
    ///   - threads: at least 1.
    ///   - queueLimit: how many may wait while all threads are busy.
    ///   - niceness: how far the threads' priority is lowered (0 to 19).
    public init(threads: Int = HashingPool.defaultThreads, queueLimit: Int = 128, niceness: Int32 = 10) {
        let state = Monitor(State())
        threadCount = max(1, threads)
        self.queueLimit = max(0, queueLimit)
        self.state = state
        self.threads = Mutex(
            (0..<threadCount).map { index in
                Thread(name: "hashing-\(index)", niceness: niceness) { Self.work(state) }
            })
    }

    /// Without it the threads would wait for ever; ``stop()`` is the orderly way.
    deinit { state.withLock(wakes: true) { $0.stopping = true } }

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
        state.withLock(wakes: true) { $0.stopping = true }
        let ending = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in ending { thread.join() }
    }

    private func take(_ job: @escaping Job) -> Overloaded? {
        state.withLock(wakes: true) { state in
            let free = threadCount - state.counters.running
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
        let clock = ContinuousClock()
        while let job = state.wait(until: next) {
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
        // A wake reaches one thread only, so each that ends wakes the next.
        state.withLock(wakes: true) { _ in }
    }

    /// The next job; a nil inside once the pool is stopping and all is done; nil where there is nothing yet.
    private static func next(_ state: inout State) -> Job?? {
        guard !state.queue.isEmpty else { return state.stopping ? .some(nil) : nil }
        let job = state.queue.removeFirst()
        state.counters.queued = state.queue.count
        state.counters.running += 1
        return .some(job)
    }
}
