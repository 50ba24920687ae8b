import Glibc

/// From requests to answers, and onto the wire.
extension Connection {
    func handle(_ request: Request) {
        phase = .handling
        hasServed = true
        start(request)
    }

    func start(_ request: Request) {
        deadline = .max
        let responder = loop.responder
        #if compiler(>=6.2)
            Task.immediate(executorPreference: loop.events) { self.answer(await responder.respond(to: request)) }
        #else
            Task(executorPreference: loop.events) { self.answer(await responder.respond(to: request)) }
        #endif
    }

    /// Refuses what never became a request, and ends the connection.
    @discardableResult
    func refuse(_ status: Status) -> Int {
        keepsAlive = false
        if let stream {
            // Its handler is under way; the refusal takes the place of what it will answer.
            refusal = status
            self.stream = nil
            phase = .handling
            stream.fail()
            return .max
        }
        let path = request?.path
        request = nil
        phase = .handling
        answer(loop.responder.refusal(status, peer: peer, path: path))
        return .max
    }

    func answer(_ response: Response) {
        guard phase != .closed else { return }
        let response = refusal.map { loop.responder.refusal($0, peer: peer, path: nil) } ?? response
        if loop.isStopping { keepsAlive = false }
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

    func send(_ response: Response, _ body: [UInt8]) {
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

    func sendStream(_ response: Response, _ produce: @escaping @Sendable (BodyWriter) async throws -> Void) {
        // To HTTP/1.0 the end of the connection is the end of the body (RFC 9112, section 6.1).
        let isChunked = knowsChunks
        if !isChunked { keepsAlive = false }
        loop.output.removeAll(keepingCapacity: true)
        response.appendHead(
            to: &loop.output, date: loop.dateLine, framing: isChunked ? .chunked : .untilClose, closes: !keepsAlive)
        let head = loop.output
        let writer = BodyWriter(isChunked: isChunked) { [weak self] bytes in
            guard let connection = self else { return }
            connection.loop.events.execute { connection.enqueue(bytes) }
        }
        self.writer = writer
        enqueue(head)
        if isHeadRequest {
            writer.connectionClosed()
            self.writer = nil
            if pending.isEmpty { finish() }
            return
        }
        Task(executorPreference: loop.events) {
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

    func enqueue(_ bytes: [UInt8]) {
        guard phase != .closed else { return }
        pending.append(contentsOf: bytes)
        flush()
    }

    func flush() {
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
    func write(_ bytes: [UInt8], from offset: Int) -> Int {
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

    func sendNow(_ text: StaticString) {
        _ = Glibc.send(descriptor, text.utf8Start, text.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
    }

    func finish() {
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
