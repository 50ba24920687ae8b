import CSystem
import Glibc
import Ground

/// Whoever uses a connection.
protocol RedisLinkOwner: AnyObject {
    func opened(_ link: RedisLink)
    /// Once, and nothing follows it.
    func closed(_ link: RedisLink, because reason: String)
    /// On a connection for subscribing: what came, in order.
    func heard(_ reply: Reply, on link: RedisLink)
}

/// One connection, from the name of the host to its end. All on one loop's thread.
///
/// Commands of one round of the loop leave with one write; the answers come in their order.
final class RedisLink: DescriptorWatcher, @unchecked Sendable {  // touched by its loop's thread alone
    enum Purpose: Hashable {
        case commands(ofMaster: Bool)
        case subscribing(ofMaster: Bool)
        /// Asks a sentinel where the master of that name is.
        case asking(master: String, password: String?)
    }

    private enum Stage { case idle, connecting, securing, open, closed }

    let endpoint: RedisEndpoint
    let purpose: Purpose
    let context: RedisContext
    /// Where the sentinel says that the master is.
    var master: RedisEndpoint?
    /// When bytes came last, by the loop's clock.
    private(set) var lastHeard: Int64 = 0

    private unowned let loop: EventLoop
    private weak var owner: (any RedisLinkOwner)?
    private var stage = Stage.idle
    /// The greeting was done; it stays so after the end.
    private(set) var isGreeted = false
    private var descriptor: Int32 = -1
    private var addresses: [SocketAddress] = []
    private var deadline: LoopTimer?
    private var addressDeadline: LoopTimer?
    private var tls: TLSSession?
    private var parser = ReplyParser()
    private var sent = CallQueue()
    /// Bytes to be sent, from `outputStart` on; in the clear while `tls` has not taken them.
    private var output: [UInt8] = []
    private var outputStart = 0
    private var plain: [UInt8] = []
    private var flushIsDue = false
    private var canWrite = false
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)

    init(
        to endpoint: RedisEndpoint, for purpose: Purpose, on loop: EventLoop, _ context: RedisContext,
        owner: any RedisLinkOwner
    ) {
        self.endpoint = endpoint
        self.purpose = purpose
        self.loop = loop
        self.context = context
        self.owner = owner
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
        input.deallocate()
    }

    var isOpen: Bool { isGreeted && stage == .open }

    // MARK: Connecting

    func start() {
        stage = .connecting
        deadline = loop.schedule(after: context.settings.connectTimeout) { [weak self] in
            self?.fail("no connection in time")
        }
        context.resolver.resolve(endpoint) { [weak self, weak loop] addresses in
            guard let self, let loop else { return }
            loop.execute { self.resolved(addresses) }
        }
    }

    private func resolved(_ addresses: [SocketAddress]) {
        guard stage == .connecting else { return }
        guard !addresses.isEmpty else { return fail("the host has no address") }
        self.addresses = addresses.reversed()
        connectNext("")
    }

    /// Tries the next address; each has its share of the time.
    private func connectNext(_ reason: String) {
        letGoOfDescriptor()
        let share = context.settings.connectTimeout / max(1, addresses.count)
        guard var address = addresses.popLast() else { return fail(reason) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return connectNext("no socket: \(Self.text(of: errno))") }
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, socklen_t(MemoryLayout<Int32>.size))
        let length = address.length
        let result = withUnsafePointer(to: &address.storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
        }
        guard result == 0 || errno == EINPROGRESS else { return connectNext(Self.text(of: errno)) }
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        guard loop.watch(descriptor, for: events, self) else {
            return connectNext("the loop takes no more descriptors")
        }
        guard !addresses.isEmpty else { return }
        addressDeadline = loop.schedule(after: share) { [weak self] in self?.connectNext("no connection in time") }
    }

    private func connected() {
        var failure: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
        guard failure == 0 else { return connectNext(Self.text(of: failure)) }
        addressDeadline?.cancel()
        canWrite = true
        guard let context = context.tls else {
            stage = .open
            return greet()
        }
        do throws(TLSSession.Failure) {
            tls = try TLSSession(context, host: endpoint.host)
            stage = .securing
            try secure()
        } catch { fail(error.reason) }
    }

    private func secure() throws(TLSSession.Failure) {
        guard let tls else { return }
        // A refusal sends an alert, which the server shall get.
        defer { flush() }
        try tls.shakeHands()
        guard tls.isEstablished else { return }
        stage = .open
        greet()
    }

    /// The greeting is done: the connection may be used.
    func welcome() {
        guard stage == .open, !isGreeted else { return }
        isGreeted = true
        deadline?.cancel()
        deadline = nil
        lastHeard = loop.now
        owner?.opened(self)
    }

    // MARK: Talking

    /// Sends a command, and hands its answer to the call.
    func send(_ call: RedisCall) {
        guard stage == .open, sent.count < 1 << 16 else {
            return call.finish(.failure(.unavailable("too many commands")))
        }
        call.link = self
        sent.append(call)
        send(call.bytes)
    }

    /// Sends a command whose answer the owner hears, or nobody.
    func send(_ bytes: [UInt8]) {
        guard stage == .open else { return }
        if tls == nil { output.append(contentsOf: bytes) } else { plain.append(contentsOf: bytes) }
        // What else is asked in this round of the loop leaves with it.
        guard !flushIsDue else { return }
        flushIsDue = true
        loop.later { [weak self] in
            self?.flushIsDue = false
            self?.flush()
        }
    }

    func close() { fail("closed") }

    /// Ends the connection. What was not answered fails.
    func fail(_ reason: String) {
        guard stage != .closed else { return }
        stage = .closed
        deadline?.cancel()
        letGoOfDescriptor()
        let calls = sent.removeAll()
        let failure = KeyValueError.unavailable("Redis at \(endpoint): \(reason)")
        owner?.closed(self, because: reason)
        for call in calls { call.finish(.failure(failure)) }
    }

    private func letGoOfDescriptor() {
        addressDeadline?.cancel()
        guard descriptor >= 0 else { return }
        loop.forget(descriptor)
        Glibc.close(descriptor)
        descriptor = -1
        canWrite = false
    }

    // MARK: The socket

    func ready(_ events: UInt32) {
        if stage == .connecting {
            guard events & (EPOLLOUT.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 else { return }
            connected()
        } else if events & EPOLLOUT.rawValue != 0, !canWrite {
            canWrite = true
            flush()
        }
        guard stage != .closed, stage != .connecting else { return }
        let ends = EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
        if events & (EPOLLIN.rawValue | ends) != 0 { receive(toTheEnd: events & ends != 0) }
    }

    private func receive(toTheEnd: Bool) {
        while stage == .open || stage == .securing {
            let count = recv(descriptor, input.baseAddress, input.count, 0)
            guard count > 0 else {
                if count == 0 { return fail("the server ended the connection") }
                if errno == EINTR { continue }
                if errno != EAGAIN { fail(Self.text(of: errno)) }
                return
            }
            lastHeard = loop.now
            take(UnsafeRawBufferPointer(rebasing: input[..<count]))
            // Less than there was room for is all there is, unless the end is behind it.
            if count < input.count, !toTheEnd { return }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else {
            parser.append(bytes)
            return hear()
        }
        do throws(TLSSession.Failure) {
            tls.receive(bytes)
            if stage == .securing { try secure() }
            guard stage == .open else { return }
            let goesOn = try tls.read { parser.append($0) }
            hear()
            if !goesOn { fail("the server ended the connection") }
            flush()
        } catch { fail(error.reason) }
    }

    private func hear() {
        do throws(ReplyParser.Malformed) {
            while stage == .open, let reply = try parser.next() { take(reply) }
        } catch { fail("malformed answer: \(error.reason)") }
    }

    private func take(_ reply: Reply) {
        if case .subscribing = purpose, isGreeted { owner?.heard(reply, on: self); return }
        if case .push = reply { return }
        guard let call = sent.popFirst() else { return fail("an answer to nothing") }
        call.answer(reply)
    }

    private func flush() {
        guard stage == .open || stage == .securing else { return }
        if let tls {
            do throws(TLSSession.Failure) {
                try tls.write(plain)
            } catch { return fail(error.reason) }
            plain.removeAll(keepingCapacity: true)
            tls.drain(into: &output)
        }
        while outputStart < output.count, canWrite {
            let count = output.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress.map { $0 + outputStart }, $0.count - outputStart, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                outputStart += count
            } else if errno == EAGAIN {
                canWrite = false
            } else if errno != EINTR {
                return fail(Self.text(of: errno))
            }
        }
        if outputStart == output.count {
            output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
            outputStart = 0
        }
    }

    private static func text(of failure: Int32) -> String {
        switch failure {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET: "connection reset"
        case ETIMEDOUT: "no answer"
        case EHOSTUNREACH, ENETUNREACH: "no route to the host"
        default: "system error \(failure)"
        }
    }
}
