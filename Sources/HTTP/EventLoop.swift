import CSystem
import Glibc
import Ground
import Synchronization

/// One thread that waits for sockets and runs the handlers of their requests.
///
/// It is the `TaskExecutor` of those handlers: what does not wait never leaves the thread, and what waited
/// comes back to it.
final class EventLoop: TaskExecutor, @unchecked Sendable {  // all but `inbox` is touched by its thread alone
    private struct Inbox {
        var jobs: [UnownedJob] = []
        var calls: [@Sendable () -> Void] = []
        var isAwake = false
    }

    let settings: Server.Settings
    let responder: any Responder
    let census: ConnectionCensus
    let parserBuffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 64 << 10)
    var parser: HeadParser
    /// Where heads and small bodies of answers are put together.
    var output: [UInt8] = []
    private(set) var dateLine: [UInt8] = []
    /// Seconds of the monotonic clock: what deadlines are compared with.
    private(set) var now: Int = 0
    private(set) var isDraining = false
    private var isResting = false

    private let epoll: Int32
    private let wakeFD: Int32
    private let listener: Int32
    private let inbox = Mutex(Inbox())
    private let stopRequested = Atomic<Bool>(false)
    private let threadID = Atomic<UInt>(0)
    private var localJobs: [UnownedJob] = []
    private var spareJobs: [UnownedJob] = []
    /// Whose turn was over before their socket was empty; they go on after everyone else had theirs.
    private var unfinished: [Connection] = []
    /// By file descriptor; the generation in the epoll tag tells a late event of a closed one from its successor's.
    private var connections: [Connection?] = []
    private var generation: UInt32 = 0
    private var openCount = 0
    private var idPrefix: UInt64
    private var idCounter: UInt64 = 0

    init(listener: Int32, settings: Server.Settings, responder: any Responder, census: ConnectionCensus)
        throws(Server.StartError)
    {
        self.listener = listener
        self.settings = settings
        self.responder = responder
        self.census = census
        parser = HeadParser(maximumHeaders: settings.limits.headers)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeFD = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        idPrefix = RandomSource.system.uint64()
        guard epoll >= 0, wakeFD >= 0,
            gh_epoll_add(epoll, listener, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue, Tag.listener) == 0,
            gh_epoll_add(epoll, wakeFD, EPOLLIN.rawValue, Tag.wake) == 0
        else { throw Server.StartError(reason: "the system gives no epoll instance: errno \(errno)") }
    }

    deinit {
        close(epoll)
        close(wakeFD)
        parserBuffer.deallocate()
    }

    private enum Tag {
        static let listener = UInt64.max
        static let wake = UInt64.max - 1
    }

    // MARK: Work from outside

    func enqueue(_ job: consuming ExecutorJob) {
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
    func execute(_ call: @escaping @Sendable () -> Void) {
        if isCurrent { return call() }
        let wakes = inbox.withLock { inbox in
            inbox.calls.append(call)
            defer { inbox.isAwake = true }
            return !inbox.isAwake
        }
        if wakes { gh_wake(wakeFD) }
    }

    func stop() {
        stopRequested.store(true, ordering: .releasing)
        gh_wake(wakeFD)
    }

    private var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: The loop

    func run() {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        var giveUp = Int.max
        tick()
        while true {
            if stopRequested.load(ordering: .acquiring), !isDraining {
                isDraining = true
                giveUp = now + Int(settings.limits.drainTime.secondsRoundedUp)
                epoll_ctl(epoll, EPOLL_CTL_DEL, listener, nil)
                for connection in connections { connection?.drain() }
            }
            if isDraining, openCount == 0 || now > giveUp { break }
            let timeout: Int32 = !unfinished.isEmpty ? 0 : isDraining ? 50 : 1000
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
            tick()
            let waiting = unfinished
            unfinished.removeAll()
            for index in 0..<max(0, Int(count)) { dispatch(events[index]) }
            for connection in waiting { connection.goOn() }
            runJobs()
        }
        for connection in connections { connection?.close() }
        runInbox()
    }

    private func dispatch(_ event: epoll_event) {
        switch event.data.u64 {
        case Tag.listener: acceptWaiting()
        case Tag.wake: runInbox()
        default:
            let descriptor = Int(event.data.u64 & 0xffff_ffff)
            guard descriptor < connections.count, let connection = connections[descriptor],
                connection.generation == UInt32(event.data.u64 >> 32)
            else { return }
            connection.ready(event.events)
        }
    }

    /// Calls the connection again in the next round: an edge-triggered socket that was not emptied stays silent.
    func callAgain(_ connection: Connection) { unfinished.append(connection) }

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

    private func tick() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        guard time.tv_sec != now else { return }
        now = time.tv_sec
        dateLine = Self.dateLine()
        if isResting, !isDraining {
            isResting = gh_epoll_add(epoll, listener, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue, Tag.listener) != 0
        }
        for connection in connections {
            if let connection, connection.deadline <= now { connection.expire() }
        }
    }

    private static func dateLine() -> [UInt8] {
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts)
        return text[0..<count].map { UInt8(bitPattern: $0) }
    }

    // MARK: Connections

    private func acceptWaiting() {
        for _ in 0..<64 {
            var peer = [UInt8](repeating: 0, count: 16)
            var port: UInt16 = 0
            let descriptor = gh_accept(listener, &peer, &port)
            guard descriptor >= 0 else {
                if errno == EMFILE || errno == ENFILE { rest() }
                return
            }
            let address = IPAddress(mapped: peer)
            guard census.admit(address) else {
                _ = send(descriptor, Self.tooManyConnections, Self.tooManyConnections.count, Int32(MSG_NOSIGNAL))
                close(descriptor)
                continue
            }
            generation &+= 1
            // The two highest values are the tags of the listener and the wake-up.
            if generation == .max { generation = 1 }
            let connection = Connection(descriptor: descriptor, generation: generation, peer: address, loop: self)
            if connections.count <= Int(descriptor) {
                connections.append(contentsOf: repeatElement(nil, count: Int(descriptor) + 1 - connections.count))
            }
            connections[Int(descriptor)] = connection
            openCount += 1
            let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
            let tag = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
            if gh_epoll_add(epoll, descriptor, interest, tag) != 0 { connection.close() }
        }
    }

    /// Leaves the listener alone until the next tick: without a free descriptor it would only be told again and again
    /// that somebody waits.
    private func rest() {
        epoll_ctl(epoll, EPOLL_CTL_DEL, listener, nil)
        isResting = true
    }

    private static let tooManyConnections = Array(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)

    func forget(_ connection: Connection) {
        connections[Int(connection.descriptor)] = nil
        openCount -= 1
        census.release(connection.peer)
    }

    /// A name for a request that no other has: 16 hexadecimal digits.
    func nextRequestID() -> String {
        idCounter &+= 1
        // An odd multiplier permutes the counter, so that neighbours do not look alike.
        var value = idPrefix ^ (idCounter &* 0x9e37_79b9_7f4a_7c15)
        return String(unsafeUninitializedCapacity: 16) { buffer in
            for index in (0..<16).reversed() {
                buffer[index] = Hex.digit(UInt8(truncatingIfNeeded: value & 15))
                value >>= 4
            }
            return 16
        }
    }
}

/// Counts open connections, in all and by address, over all loops.
final class ConnectionCensus: Sendable {
    private struct Counts {
        var total = 0
        var byAddress: [IPAddress: Int] = [:]
    }
    private let counts = Mutex(Counts())
    private let limits: Limits
    private let isExempt: @Sendable (IPAddress) -> Bool

    init(limits: Limits, isExempt: @escaping @Sendable (IPAddress) -> Bool) {
        self.limits = limits
        self.isExempt = isExempt
    }

    func admit(_ address: IPAddress) -> Bool {
        let subscriber = address.subscriber
        let exempt = isExempt(address)
        return counts.withLock { counts in
            guard counts.total < limits.connections else { return false }
            let held = counts.byAddress[subscriber, default: 0]
            guard exempt || held < limits.connectionsPerAddress else { return false }
            counts.total += 1
            counts.byAddress[subscriber] = held + 1
            return true
        }
    }

    func release(_ address: IPAddress) {
        counts.withLock { counts in
            counts.total -= 1
            let held = counts.byAddress[address.subscriber, default: 1]
            counts.byAddress[address.subscriber] = held > 1 ? held - 1 : nil
        }
    }

    var total: Int { counts.withLock { $0.total } }
}
