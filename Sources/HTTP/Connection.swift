import CSystem
import Glibc
import Ground

/// One connection: reads requests one after the other, and sends their answers in that order.
final class Connection: @unchecked Sendable {  // touched by its loop's thread alone
    private enum Phase { case head, body, handling, lingering, closed }

    let descriptor: Int32
    let generation: UInt32
    let peer: IPAddress
    /// Held until `close` takes the connection out of the loop's table.
    let loop: EventLoop
    /// In seconds of the loop's clock.
    private(set) var deadline: Int

    private var phase = Phase.head
    private var keepsAlive = true
    private var isHeadRequest = false
    private var knowsChunks = true
    private var isConsuming = false
    private var peerClosed = false
    private var isCalledAgain = false
    /// Bytes that were read but belong to what comes later; mostly empty.
    private var carry: [UInt8] = []
    private var isReadingHead = false

    private var request: Request?
    private var decoder = BodyDecoder(length: 0)
    private var collected: [UInt8] = []
    private var bodyLimit = 0
    private var stream: BodyStream?
    /// Why a streamed body was refused.
    private var refusal: Status?

    private var pending: [UInt8] = []
    private var pendingOffset = 0
    private var writer: BodyWriter?

    init(descriptor: Int32, generation: UInt32, peer: IPAddress, loop: EventLoop) {
        self.descriptor = descriptor
        self.generation = generation
        self.peer = peer
        self.loop = loop
        deadline = loop.now + Int(loop.settings.limits.headTime.secondsRoundedUp) + 1
    }

    private var limits: Limits { loop.settings.limits }

    private func allow(_ time: Duration) { deadline = loop.now + Int(time.secondsRoundedUp) + 1 }

    // MARK: What the loop calls

    func ready(_ events: UInt32) {
        if events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { peerClosed = true }
        if events & EPOLLOUT.rawValue != 0, !pending.isEmpty { flush() }
        receive()
    }

    /// Its next turn, after the one that ended with bytes left to read.
    func goOn() {
        isCalledAgain = false
        receive()
    }

    /// The deadline has passed.
    func expire() {
        switch phase {
        case .closed: break
        case .handling where pending.isEmpty && writer == nil: deadline = .max
        case .body where stream?.isFull == true: allow(limits.stallTime)
        case .head where isReadingHead, .body where stream == nil: refuse(Status(408))
        default: close()
        }
    }

    /// The server stops: what is idle ends now, what is under way is the last.
    func drain() {
        if phase == .head, carry.isEmpty, pending.isEmpty { close() } else { keepsAlive = false }
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        Glibc.close(descriptor)
        loop.forget(self)
        stream?.fail()
        stream = nil
        writer?.connectionClosed()
        writer = nil
        request = nil
    }

    // MARK: Reading

    private var wantsBytes: Bool {
        switch phase {
        case .head, .lingering: true
        case .body: stream.map { !$0.isFull } ?? true
        case .handling, .closed: false
        }
    }

    private func receive() {
        guard !isConsuming else { return }
        while wantsBytes {
            let buffer = loop.parserBuffer
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count > 0 {
                let bytes = UnsafeBufferPointer(rebasing: buffer[..<count])
                if carry.isEmpty {
                    let used = consume(bytes)
                    if used < count, phase != .closed { carry.append(contentsOf: bytes[used...]) }
                } else {
                    carry.append(contentsOf: bytes)
                    consumeCarry()
                }
                if count == buffer.count { return callAgain() }
                // Edge-triggered: a short read has emptied the socket, unless the end is behind it.
                if !peerClosed { return }
            } else if count == 0 {
                close()
            } else if errno == EINTR {
                continue
            } else {
                if errno != EAGAIN { close() }
                return
            }
        }
    }

    /// Leaves the turn to others: one that always has more to say must not keep them waiting.
    private func callAgain() {
        guard wantsBytes, !isCalledAgain else { return }
        isCalledAgain = true
        loop.callAgain(self)
    }

    private func consumeCarry() {
        var bytes: [UInt8] = []
        swap(&bytes, &carry)
        let used = bytes.withUnsafeBufferPointer { consume($0) }
        if phase != .closed, used < bytes.count { carry = Array(bytes[used...]) }
    }

    /// Goes on after an answer was sent or a stream was read: first with what is here, then with the socket.
    private func resume() {
        guard !isConsuming, phase != .closed else { return }
        if !carry.isEmpty { consumeCarry() }
        receive()
    }

    /// - Returns: how many of `bytes` were used; the rest waits.
    private func consume(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        isConsuming = true
        defer { isConsuming = false }
        var used = 0
        while used < bytes.count {
            let rest = UnsafeBufferPointer(rebasing: bytes[used...])
            var count = 0
            switch phase {
            case .head: count = consumeHead(rest)
            case .body:
                guard wantsBytes else { return used }
                count = consumeBody(rest)
            case .lingering: return bytes.count
            case .handling, .closed: return used
            }
            if count == 0 { return used }
            // A refusal takes all there is.
            if count >= rest.count { return bytes.count }
            used += count
        }
        return used
    }

    private func consumeHead(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let base = bytes.baseAddress, pending.isEmpty else { return 0 }
        if base[0] == 13 || base[0] == 10 {
            // An empty line before a request is passed over (RFC 9112, section 2.2).
            if base[0] == 13, bytes.count == 1 { return 0 }
            guard base[0] == 13, base[1] == 10 else { return refuse(.badRequest) }
            return 2
        }
        guard let end = gh_find(base, bytes.count, "\r\n\r\n", 4) else {
            if bytes.count > limits.head { return refuse(Status(431)) }
            if Self.hasBareLineFeed(bytes) { return refuse(.badRequest) }
            if !isReadingHead {
                isReadingHead = true
                allow(limits.headTime)
            }
            return 0
        }
        let count = end - UnsafeRawPointer(base) + 4
        guard count <= limits.head else { return refuse(Status(431)) }
        let head = UnsafeBufferPointer(rebasing: bytes[..<count])
        if let status = loop.parser.parse(head) { return refuse(status) }
        begin(head, moreArrived: bytes.count > count)
        return phase == .lingering || phase == .closed ? bytes.count : count
    }

    /// A line that ends in LF alone can never become valid: better refused now than at the deadline.
    private static func hasBareLineFeed(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.indices.contains { bytes[$0] == 10 && ($0 == 0 || bytes[$0 - 1] != 13) }
    }

    private func begin(_ head: UnsafeBufferPointer<UInt8>, moreArrived: Bool) {
        isReadingHead = false
        let parser = loop.parser
        func text(_ range: HeadRange) -> Substring {
            let bytes = head[Int(range.start)..<Int(range.start) + Int(range.count)]
            return Substring(String(decoding: bytes, as: UTF8.self))
        }
        let method = Self.method(text(parser.method))
        isHeadRequest = method == .head
        guard let (path, query) = Target.split(
            text(parser.target), host: text(parser.host), isOptions: method == .options)
        else {
            refuse(.badRequest)
            return
        }
        knowsChunks = parser.isVersion11
        keepsAlive = parser.keepsAlive && !loop.isDraining
        let request = Request(
            method: method, path: path, query: query,
            headers: Headers(bytes: Array(head), fields: parser.fields), peer: peer, id: loop.nextRequestID())
        let length = parser.contentLength ?? 0
        guard parser.isChunked || length > 0 else { return handle(request) }
        decoder = parser.isChunked ? BodyDecoder() : BodyDecoder(length: length)
        phase = .body
        switch loop.responder.bodyPolicy(for: request) {
        case .collect(let limit):
            guard length <= limit else {
                refuse(.contentTooLarge)
                return
            }
            bodyLimit = limit
            collected.reserveCapacity(length)
            self.request = request
            allow(limits.bodyTime)
        case .stream:
            let stream = BodyStream { [weak self] in
                guard let connection = self else { return }
                connection.loop.execute { connection.resume() }
            }
            self.stream = stream
            var streaming = request
            streaming.body = .stream(stream)
            start(streaming)
            if phase == .body { allow(limits.stallTime) }
        }
        if parser.expectsContinue, !moreArrived, phase == .body { sendNow("HTTP/1.1 100 Continue\r\n\r\n") }
    }

    private static func method(_ text: Substring) -> Method {
        switch text {
        case "GET": .get
        case "POST": .post
        case "HEAD": .head
        default: Method(String(text))
        }
    }

    private func consumeBody(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var used = 0
        let outcome: BodyDecoder.Outcome
        if let stream {
            outcome = decoder.consume(bytes, used: &used) { stream.append($0) }
            allow(limits.stallTime)
        } else {
            outcome = decoder.consume(bytes, used: &used) { collected.append(contentsOf: $0) }
            guard collected.count <= bodyLimit else { return refuse(.contentTooLarge) }
        }
        switch outcome {
        case .more: break
        case .refused: return refuse(.badRequest)
        case .done: bodyEnded()
        }
        return used
    }

    private func bodyEnded() {
        if let stream {
            self.stream = nil
            phase = .handling
            stream.finish()
            return
        }
        guard var request else { return close() }
        self.request = nil
        request.body = .bytes(collected)
        collected = []
        handle(request)
    }

    // MARK: Answering

    private func handle(_ request: Request) {
        phase = .handling
        start(request)
    }

    private func start(_ request: Request) {
        deadline = .max
        let responder = loop.responder
        #if compiler(>=6.2)
            Task.immediate(executorPreference: loop) { self.answer(await responder.respond(to: request)) }
        #else
            Task(executorPreference: loop) { self.answer(await responder.respond(to: request)) }
        #endif
    }

    /// Refuses what never became a request, and ends the connection.
    @discardableResult
    private func refuse(_ status: Status) -> Int {
        keepsAlive = false
        if let stream {
            // Its handler is under way; the refusal takes the place of what it will answer.
            refusal = status
            self.stream = nil
            phase = .handling
            stream.fail()
            return .max
        }
        request = nil
        phase = .handling
        answer(loop.responder.refusal(status, peer: peer))
        return .max
    }

    private func answer(_ response: Response) {
        guard phase != .closed else { return }
        let response = refusal.map { loop.responder.refusal($0, peer: peer) } ?? response
        if loop.isDraining { keepsAlive = false }
        if phase == .body {
            // The handler did not want the rest of the body: nothing sound can follow on this connection.
            keepsAlive = false
            stream?.fail()
            stream = nil
        }
        phase = .handling
        allow(limits.stallTime)
        switch response.body {
        case .bytes(let body): send(response, body)
        case .stream(let produce): sendStream(response, produce)
        }
    }

    private func send(_ response: Response, _ body: [UInt8]) {
        loop.output.removeAll(keepingCapacity: true)
        response.appendHead(to: &loop.output, date: loop.dateLine, framing: .length(body.count), closes: !keepsAlive)
        if !isHeadRequest, response.status.code != 204, response.status.code != 304 {
            loop.output.append(contentsOf: body)
        }
        let sent = write(loop.output, from: 0)
        guard sent >= 0 else { return close() }
        if sent == loop.output.count { return finish() }
        pending = Array(loop.output[sent...])
        pendingOffset = 0
    }

    private func sendStream(_ response: Response, _ produce: @escaping @Sendable (BodyWriter) async throws -> Void) {
        // To HTTP/1.0 the end of the connection is the end of the body (RFC 9112, section 6.1).
        let isChunked = knowsChunks
        if !isChunked { keepsAlive = false }
        loop.output.removeAll(keepingCapacity: true)
        response.appendHead(
            to: &loop.output, date: loop.dateLine, framing: isChunked ? .chunked : .untilClose, closes: !keepsAlive)
        let head = loop.output
        let writer = BodyWriter(isChunked: isChunked) { [weak self] bytes in
            guard let connection = self else { return }
            connection.loop.execute { connection.enqueue(bytes) }
        }
        self.writer = writer
        enqueue(head)
        if isHeadRequest {
            writer.connectionClosed()
            self.writer = nil
            if pending.isEmpty { finish() }
            return
        }
        Task(executorPreference: loop) {
            do {
                try await produce(writer)
                if isChunked { self.enqueue(Array("0\r\n\r\n".utf8)) }
                self.writer = nil
                if self.phase != .closed, self.pending.isEmpty { self.finish() }
            } catch {
                // The status is out already: a cut connection is the only honest way to say that it failed.
                self.close()
            }
        }
    }

    private func enqueue(_ bytes: [UInt8]) {
        guard phase != .closed else { return }
        pending.append(contentsOf: bytes)
        flush()
    }

    private func flush() {
        let sent = write(pending, from: pendingOffset)
        guard sent >= 0 else { return close() }
        if sent > 0 { allow(limits.stallTime) }
        pendingOffset += sent
        guard pendingOffset == pending.count else { return }
        pending.removeAll(keepingCapacity: false)
        pendingOffset = 0
        if let writer { writer.drained() } else { finish() }
    }

    /// - Returns: how many bytes the socket took; -1 when it is broken.
    private func write(_ bytes: [UInt8], from offset: Int) -> Int {
        bytes.withUnsafeBytes { buffer in
            var sent = offset
            while sent < buffer.count {
                let count = Glibc.send(
                    descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
                if count > 0 { sent += count } else if errno == EAGAIN { break } else if errno != EINTR { return -1 }
            }
            return sent - offset
        }
    }

    private func sendNow(_ text: StaticString) {
        _ = Glibc.send(descriptor, text.utf8Start, text.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
    }

    private func finish() {
        guard phase == .handling, writer == nil else { return }
        guard keepsAlive else {
            // Closing with unread bytes would reset the connection and take the answer with it.
            shutdown(descriptor, Int32(SHUT_WR))
            phase = .lingering
            carry = []
            allow(.seconds(2))
            return resume()
        }
        phase = .head
        isHeadRequest = false
        allow(limits.idleTime)
        resume()
    }
}
