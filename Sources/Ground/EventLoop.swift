import CSystem
import Glibc
import Synchronization

/// Something that waits for a descriptor on an ``EventLoop``.
public protocol DescriptorWatcher: AnyObject {
    /// On the loop's thread: the descriptor has these epoll events.
    func ready(_ events: UInt32)
}

/// One thread that waits for descriptors and timers, and runs tasks.
///
/// It is the `TaskExecutor` of the tasks that start on it: what does not wait never leaves the thread, and what
/// waited comes back to it. What talks to a store over a socket does so on the loop of whoever asks, so that
/// neither question nor answer changes threads.
public final class EventLoop: TaskExecutor, @unchecked Sendable {  // all but `inbox` is touched by its thread alone
    /// The system gives no epoll instance.
    public struct StartError: Error, Hashable, Sendable {
        public let errorNumber: Int32
    }

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var calls: [@Sendable () -> Void] = []
        var isAwake = false
    }

    private struct Watched {
        let watcher: any DescriptorWatcher
        /// Tells a late event of a closed descriptor from one of its successor's.
        let generation: UInt32
    }

    /// Milliseconds of ``Uptime`` when the round began: what timers are compared with.
    public private(set) var now: Int64 = 0

    private let epoll: Int32
    private let wakeFD: Int32
    private let inbox = Mutex(Inbox())
    private let stopRequested = Atomic<Bool>(false)
    private var localJobs: [UnownedJob] = []
    private var spareJobs: [UnownedJob] = []
    private var laterCalls: [() -> Void] = []
    private var timers = TimerQueue()
    /// By file descriptor.
    private var watched: [Watched?] = []
    private var generation: UInt32 = 0

    public init() throws(StartError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeFD = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard epoll >= 0, wakeFD >= 0, gh_epoll_add(epoll, wakeFD, EPOLLIN.rawValue, Self.wakeTag) == 0 else {
            throw StartError(errorNumber: errno)
        }
        tick()
    }

    deinit {
        close(epoll)
        close(wakeFD)
    }

    private static let wakeTag = UInt64.max

    /// The loop whose thread this is.
    public static var current: EventLoop? {
        gh_current_loop().map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    public var isCurrent: Bool { gh_current_loop() == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque()) }

    // MARK: From any thread

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            localJobs.append(job)
            return
        }
        let wakes = inbox.withLock { inbox in
            inbox.jobs.append(job)
            defer { inbox.isAwake = true }
            return !inbox.isAwake
        }
        if wakes { gh_wake(wakeFD) }
    }

    /// Runs `call` on the loop's thread, at once when that is the caller's.
    public func execute(_ call: @escaping @Sendable () -> Void) {
        if isCurrent { return call() }
        let wakes = inbox.withLock { inbox in
            inbox.calls.append(call)
            defer { inbox.isAwake = true }
            return !inbox.isAwake
        }
        if wakes { gh_wake(wakeFD) }
    }

    /// Ends `run` after what is under way.
    public func stop() {
        stopRequested.store(true, ordering: .releasing)
        gh_wake(wakeFD)
    }

    // MARK: On the loop's thread

    /// Waits for epoll events of a descriptor; the loop holds the watcher until it is forgotten.
    /// - Parameter events: such as `EPOLLIN | EPOLLET`.
    /// - Returns: whether the system could do it.
    public func watch(_ descriptor: Int32, for events: UInt32, _ watcher: any DescriptorWatcher) -> Bool {
        generation &+= 1
        // The highest value is the tag of the wake-up.
        if generation == .max { generation = 1 }
        let index = Int(descriptor)
        if watched.count <= index {
            watched.append(contentsOf: repeatElement(nil, count: index + 1 - watched.count))
        }
        watched[index] = Watched(watcher: watcher, generation: generation)
        guard gh_epoll_add(epoll, descriptor, events, tag(descriptor, generation)) == 0 else {
            watched[index] = nil
            return false
        }
        return true
    }

    /// Waits for other events of a descriptor that is watched.
    public func change(_ descriptor: Int32, to events: UInt32) {
        guard let held = watched[Int(descriptor)] else { return }
        _ = gh_epoll_change(epoll, descriptor, events, tag(descriptor, held.generation))
    }

    /// Forgets a descriptor, before or after it was closed.
    public func forget(_ descriptor: Int32) {
        guard descriptor >= 0, Int(descriptor) < watched.count, watched[Int(descriptor)] != nil else { return }
        watched[Int(descriptor)] = nil
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Runs `call` in the next round, after the events that are there by then.
    public func later(_ call: @escaping () -> Void) { laterCalls.append(call) }

    /// Runs `call` after a while, unless it is cancelled.
    @discardableResult
    public func schedule(after delay: Duration, _ call: @escaping () -> Void) -> LoopTimer {
        tick()
        return timers.add(at: now + max(0, delay.milliseconds), call)
    }

    /// Waits and runs what comes until `stop`, and then what is left to run.
    public func run() {
        gh_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
        defer { gh_set_current_loop(nil) }
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while !stopRequested.load(ordering: .acquiring) {
            tick()
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
            tick()
            let calls = laterCalls
            laterCalls.removeAll()
            for index in 0..<max(0, Int(count)) { dispatch(events[index]) }
            for call in calls { call() }
            while let call = timers.takeDue(at: now) { call() }
            runJobs()
        }
        runInbox()
    }

    private var timeout: Int32 {
        if !laterCalls.isEmpty || !localJobs.isEmpty { return 0 }
        guard let next = timers.next else { return -1 }
        return Int32(clamping: max(0, next - now + 1))
    }

    private func tag(_ descriptor: Int32, _ generation: UInt32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    }

    private func dispatch(_ event: epoll_event) {
        guard event.data.u64 != Self.wakeTag else { return runInbox() }
        let descriptor = Int(event.data.u64 & 0xffff_ffff)
        guard descriptor < watched.count, let held = watched[descriptor],
            held.generation == UInt32(event.data.u64 >> 32)
        else { return }
        held.watcher.ready(event.events)
    }

    private func runJobs() {
        while !localJobs.isEmpty {
            swap(&localJobs, &spareJobs)
            for job in spareJobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            spareJobs.removeAll(keepingCapacity: true)
        }
    }

    private func runInbox() {
        gh_clear_wake(wakeFD)
        let taken = inbox.withLock { inbox in
            defer { inbox = Inbox() }
            return inbox
        }
        for call in taken.calls { call() }
        for job in taken.jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
        runJobs()
    }

    private func tick() { now = Uptime.milliseconds }
}

/// A call that waits for its time on an ``EventLoop``. On the loop's thread only.
public final class LoopTimer {
    fileprivate let deadline: Int64
    fileprivate var call: (() -> Void)?

    fileprivate init(deadline: Int64, call: @escaping () -> Void) {
        self.deadline = deadline
        self.call = call
    }

    public func cancel() { call = nil }
}

/// Timers by their deadline, in a binary heap. A cancelled one stays until its time has come.
private struct TimerQueue {
    private var heap: [LoopTimer] = []

    /// When the first is due.
    var next: Int64? { heap.first?.deadline }

    mutating func add(at deadline: Int64, _ call: @escaping () -> Void) -> LoopTimer {
        let timer = LoopTimer(deadline: deadline, call: call)
        heap.append(timer)
        var child = heap.count - 1
        while child > 0, heap[child].deadline < heap[(child - 1) / 2].deadline {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
        return timer
    }

    /// Takes the call of the first timer that is due; nil where none is.
    mutating func takeDue(at now: Int64) -> (() -> Void)? {
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            guard let call = first.call else { continue }
            first.call = nil
            return call
        }
        return nil
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].deadline < heap[least].deadline { least = child }
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
