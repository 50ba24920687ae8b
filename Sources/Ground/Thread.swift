import CSystem
import Glibc

/// A thread of the operating system, for work that must not stand in the way of requests.
public struct Thread: @unchecked Sendable {  // pthread_t is a plain handle, written once
    private let handle: pthread_t

    /// - Parameter niceness: how far its priority is lowered (0 to 19).
    public init(name: String, niceness: Int32 = 0, _ body: @escaping @Sendable () -> Void) {
        final class Work: Sendable {
            let name: String
            let niceness: Int32
            let body: @Sendable () -> Void
            init(_ name: String, _ niceness: Int32, _ body: @escaping @Sendable () -> Void) {
                self.name = name
                self.niceness = niceness
                self.body = body
            }
        }
        let work = Unmanaged.passRetained(Work(name, niceness, body)).toOpaque()
        var thread = pthread_t()
        let failure = pthread_create(&thread, nil, { argument in
            guard let argument else { return nil }
            let work = Unmanaged<Work>.fromOpaque(argument).takeRetainedValue()
            gh_thread_start(String(work.name.prefix(15)), work.niceness)
            work.body()
            return nil
        }, work)
        precondition(failure == 0, "the system starts no thread")
        handle = thread
    }

    /// Waits until the thread has ended. Call it once.
    public func join() { pthread_join(handle, nil) }
}

/// State under a lock, with a way to wait for it to change.
public final class Monitor<State>: @unchecked Sendable {  // every access to `state` holds `mutex`
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    public init(_ state: sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` under the lock; `wakes` wakes a thread that waits.
    public func withLock<T, E: Error>(wakes: Bool = false, _ body: (inout State) throws(E) -> T) throws(E) -> T {
        pthread_mutex_lock(mutex)
        defer {
            pthread_mutex_unlock(mutex)
            if wakes { pthread_cond_signal(condition) }
        }
        return try body(&state)
    }

    /// Wakes a thread that waits.
    public func wake() { pthread_cond_signal(condition) }

    /// Waits until `ready` gives a value.
    public func wait<T>(until ready: (inout State) -> T?) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let value = ready(&state) { return value }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// Waits until `ready` gives a value, `timeout` at most; nil when the time is over.
    public func wait<T>(for timeout: Duration, until ready: (inout State) -> T?) -> T? {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = Int64(deadline.tv_nsec) + timeout.milliseconds % 1000 * 1_000_000
        deadline.tv_sec += Int(timeout.milliseconds / 1000 + nanoseconds / 1_000_000_000)
        deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let value = ready(&state) { return value }
            if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return ready(&state) }
        }
    }
}
