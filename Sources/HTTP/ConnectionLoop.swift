import CSystem
import Glibc
import Ground
import Synchronization

/// The connections of one event loop: takes them from the listening socket, and watches over their deadlines.
final class ConnectionLoop: DescriptorWatcher, @unchecked Sendable {  // touched by its loop's thread alone
    let events: EventLoop
    let settings: Server.Settings
    let responder: any Responder
    let census: ConnectionCensus
    let parserBuffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 64 << 10)
    var parser: HeadParser
    /// Where heads and small bodies of answers are put together.
    var output: [UInt8] = []
    private(set) var dateLine: [UInt8] = []
    private var isDraining = false

    private let listener: Int32
    /// By file descriptor.
    private var connections: [Connection?] = []
    private var openCount = 0
    private var idPrefix: UInt64
    private var idCounter: UInt64 = 0
    private var giveUp = Int.max

    init(listener: Int32, settings: Server.Settings, responder: any Responder, census: ConnectionCensus)
        throws(EventLoop.StartError)
    {
        self.listener = listener
        self.settings = settings
        self.responder = responder
        self.census = census
        parser = HeadParser(maximumHeaders: settings.limits.headers)
        events = try EventLoop()
        idPrefix = RandomSource.system.uint64()
    }

    deinit { parserBuffer.deallocate() }

    /// Seconds of the monotonic clock: what deadlines are compared with.
    var now: Int { Int(events.now / 1000) }

    /// Whether the server stops: every answer from now on is the last of its connection.
    var isStopping: Bool { census.isStopping }

    /// Serves until `stop`, and until the last connection is closed or the time for that is over.
    func run() {
        events.execute { [self] in
            listen()
            everySecond()
        }
        events.run()
        for connection in connections { connection?.close() }
    }

    func stop() { events.execute { [self] in drain() } }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        giveUp = now + Int(settings.limits.drainTime.secondsRoundedUp)
        let idle = connections
        acceptAll()
        // Who comes now is told so at once, and not left waiting in the queue of a socket that nobody accepts from.
        shutdown(listener, Int32(SHUT_RDWR))
        events.forget(listener)
        for connection in idle { connection?.drain() }
        endIfDrained()
    }

    private func endIfDrained() {
        guard isDraining else { return }
        if openCount == 0 || now > giveUp { events.stop() }
    }

    private func everySecond() {
        dateLine = Self.dateLine()
        for connection in connections {
            if let connection, connection.deadline <= now { connection.expire() }
        }
        endIfDrained()
        events.schedule(after: .milliseconds(1000)) { [weak self] in self?.everySecond() }
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

    private func listen() {
        guard !isDraining else { return }
        if !events.watch(listener, for: EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue, self) { rest() }
    }

    /// Somebody waits to be let in.
    func ready(_: UInt32) { accept(atMost: 64) }

    /// The last to be let in: each has a second to say what it wants.
    private func acceptAll() {
        accept(atMost: .max) { $0.allow(.seconds(1)) }
    }

    private func accept(atMost count: Int, _ greet: (Connection) -> Void = { _ in }) {
        for _ in 0..<count {
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
            let connection = Connection(descriptor: descriptor, peer: address, loop: self)
            if connections.count <= Int(descriptor) {
                connections.append(contentsOf: repeatElement(nil, count: Int(descriptor) + 1 - connections.count))
            }
            connections[Int(descriptor)] = connection
            openCount += 1
            let interest = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
            guard events.watch(descriptor, for: interest, connection) else {
                connection.close()
                continue
            }
            greet(connection)
        }
    }

    /// Leaves the listener alone for a while: without a free descriptor it would only be told again and again that
    /// somebody waits.
    private func rest() {
        events.forget(listener)
        events.schedule(after: .milliseconds(1000)) { [weak self] in self?.listen() }
    }

    private static let tooManyConnections = Array(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)

    /// Calls the connection again in the next round: an edge-triggered socket that was not emptied stays silent.
    func callAgain(_ connection: Connection) { events.later { connection.goOn() } }

    func forget(_ connection: Connection) {
        events.forget(connection.descriptor)
        connections[Int(connection.descriptor)] = nil
        openCount -= 1
        census.release(connection.peer)
        endIfDrained()
    }

    /// A name for a request that no other has: 16 hexadecimal digits.
    func nextRequestID() -> String {
        idCounter &+= 1
        // An odd multiplier permutes the counter, so that neighbours do not look alike. The upper half rises slowly, so
        // that an index over ids is written where it was written last.
        let low = UInt32(truncatingIfNeeded: idPrefix) ^ (UInt32(truncatingIfNeeded: idCounter) &* 0x9e37_79b9)
        let high = UInt32(truncatingIfNeeded: idPrefix >> 32) &+ UInt32(truncatingIfNeeded: idCounter >> 6)
        var value = UInt64(high) << 32 | UInt64(low)
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
    private let stopMark = Atomic<Bool>(false)
    private let limits: Limits
    private let isExempt: @Sendable (IPAddress) -> Bool

    init(limits: Limits, isExempt: @escaping @Sendable (IPAddress) -> Bool) {
        self.limits = limits
        self.isExempt = isExempt
    }

    /// Whether the server stops; all loops know at the same moment.
    var isStopping: Bool { stopMark.load(ordering: .relaxed) }
    func stop() { stopMark.store(true, ordering: .relaxed) }

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
