import CSystem
import Glibc

/// From bytes to requests.
extension Connection {
    var wantsBytes: Bool {
        switch phase {
        case .head, .lingering: true
        case .body: stream.map { !$0.isFull } ?? true
        case .handling, .closed: false
        }
    }

    func receive() {
        guard !isConsuming else { return }
        while wantsBytes, !isCalledAgain {
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
    func callAgain() {
        guard wantsBytes, !isCalledAgain else { return }
        isCalledAgain = true
        loop.callAgain(self)
    }

    func consumeCarry() {
        var bytes: [UInt8] = []
        swap(&bytes, &carry)
        let used = bytes.withUnsafeBufferPointer { consume($0) }
        if phase != .closed, used < bytes.count { carry = Array(bytes[used...]) }
    }

    /// Goes on after an answer was sent or a stream was read: first with what is here, then with the socket.
    func resume() {
        guard !isConsuming, phase != .closed else { return }
        if !carry.isEmpty { consumeCarry() }
        receive()
    }

    /// - Returns: how many of `bytes` were used; the rest waits.
    func consume(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        isConsuming = true
        defer { isConsuming = false }
        var used = 0
        while used < bytes.count {
            let rest = UnsafeBufferPointer(rebasing: bytes[used...])
            var count = 0
            switch phase {
            case .head:
                guard requestsThisTurn < Self.requestsPerTurn else {
                    callAgain()
                    return used
                }
                count = consumeHead(rest)
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

    func consumeHead(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
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
    static func hasBareLineFeed(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.indices.contains { bytes[$0] == 10 && ($0 == 0 || bytes[$0 - 1] != 13) }
    }

    func begin(_ head: UnsafeBufferPointer<UInt8>, moreArrived: Bool) {
        isReadingHead = false
        requestsThisTurn += 1
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
        keepsAlive = parser.keepsAlive && !loop.isStopping
        let request = Request(
            method: method, path: path, query: query,
            headers: Headers(bytes: Array(head), fields: parser.fields), peer: peer, id: loop.nextRequestID())
        let length = parser.contentLength ?? 0
        guard parser.isChunked || length > 0 else { return handle(request) }
        decoder = parser.isChunked ? BodyDecoder() : BodyDecoder(length: length)
        phase = .body
        switch loop.responder.bodyPolicy(for: request) {
        case .collect(let limit):
            self.request = request
            guard length <= limit else {
                refuse(.contentTooLarge)
                return
            }
            bodyLimit = limit
            collected.reserveCapacity(length)
            allow(limits.bodyTime)
        case .stream:
            let stream = BodyStream { [weak self] in
                guard let connection = self else { return }
                connection.loop.events.execute { connection.resume() }
            }
            self.stream = stream
            var streaming = request
            streaming.body = .stream(stream)
            start(streaming)
            if phase == .body { allow(limits.stallTime) }
        }
        if parser.expectsContinue, !moreArrived, phase == .body { sendNow("HTTP/1.1 100 Continue\r\n\r\n") }
    }

    static func method(_ text: Substring) -> Method {
        switch text {
        case "GET": .get
        case "POST": .post
        case "HEAD": .head
        default: Method(String(text))
        }
    }

    func consumeBody(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
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

    func bodyEnded() {
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
}
