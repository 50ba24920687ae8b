import Glibc

/// A blocking connection to a server on loopback that sends byte for byte what it is told, valid or not.
final class RawClient {
    enum Failure: Error, Equatable { case timedOut, closed, reset, system(Int32) }

    private let descriptor: Int32
    private var isOpen = true
    private var buffered: [UInt8] = []

    /// - Parameters:
    ///   - source: the client's own address, anywhere in 127.0.0.0/8.
    ///   - patience: seconds until a read without news fails.
    init(port: UInt16, from source: String = "127.0.0.1", patience: Int = 10) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let bound = source == "127.0.0.1" || Self.with(source, 0) { bind(descriptor, $0, $1) } == 0
        guard bound, Self.with("127.0.0.1", port, { connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            close()
            throw Failure.system(code)
        }
    }

    deinit { close() }

    func close() {
        if isOpen { Glibc.close(descriptor) }
        isOpen = false
    }

    private static func with(
        _ address: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &name.sin_addr)
        return withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    // MARK: Sending

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: some Collection<UInt8>) throws {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw failure() }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends what the socket takes until it has taken nothing for a fifth of a second.
    /// - Returns: how many bytes went.
    func sendUntilStuck(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count, isReady(POLLOUT, milliseconds: 200) { sent += sendWhatFits(bytes[sent...]) }
        return sent
    }

    /// Sends without waiting, and returns how many bytes went.
    func sendWhatFits(_ bytes: ArraySlice<UInt8>) -> Int {
        let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
        return max(0, bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) })
    }

    /// Says that nothing more will come, and goes on listening.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    // MARK: Receiving

    /// Whether the server sends or closes within that time.
    func hasNews(milliseconds: Int32) -> Bool { !buffered.isEmpty || isReady(POLLIN, milliseconds: milliseconds) }

    private func isReady(_ events: Int32, milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&watched, 1, milliseconds) > 0
    }

    /// Throws away what has arrived, without waiting.
    func discard() {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT)) > 0 {}
    }

    /// The next answer, interim ones included.
    /// - Parameter isHead: whether it answers HEAD, and so has no body.
    func answer(toHead isHead: Bool = false) throws -> Answer {
        var head: [UInt8] = []
        while true {
            let next = try line()
            if next.count == 2 { break }
            head += next
        }
        var answer = try Answer(head: head.dropLast(2))
        if !isHead { try readBody(of: &answer) }
        return answer
    }

    private func readBody(of answer: inout Answer) throws {
        if answer.hasNoContent { return }
        if let length = answer["content-length"] {
            guard let count = Int(length) else { throw Answer.Malformed(reason: "Content-Length: \(length)") }
            answer.body = try take(count)
        } else if answer["transfer-encoding"] != nil {
            answer.body = try chunks()
        } else {
            answer.body = try rest()
        }
    }

    /// The next answer, to a request that the caller does not know: HEAD shows in `X-Answers`, or in a last answer
    /// without the body.
    /// - Throws: `closed` only where the server closed between two answers.
    func answerUnlessClosed() throws -> Answer {
        if buffered.isEmpty { try receive() }
        do {
            var answer = try answer(toHead: true)
            if answer["x-answers"] == "HEAD" { return answer }
            let isLast = answer["connection"] == "close"
            if isLast, buffered.isEmpty, (try? receive()) == nil { return answer }
            try readBody(of: &answer)
            return answer
        } catch Failure.closed {
            throw Answer.Malformed(reason: "cut short")
        }
    }

    /// Sends one request and reads its answer.
    func exchange(_ request: String) throws -> Answer {
        try send(request)
        return try answer(toHead: request.hasPrefix("HEAD "))
    }

    /// What has arrived, at least one byte.
    func some() throws -> [UInt8] {
        if buffered.isEmpty { try receive() }
        defer { buffered = [] }
        return buffered
    }

    /// What comes until the server closes.
    func rest() throws -> [UInt8] {
        while true {
            do { try receive() } catch Failure.closed { break }
        }
        defer { buffered = [] }
        return buffered
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = String(decoding: try line().dropLast(2), as: UTF8.self)
            guard let size = Int(line, radix: 16), size >= 0 else { throw Answer.Malformed(reason: "chunk: \(line)") }
            body += try take(size)
            guard try take(2) == Array("\r\n".utf8) else { throw Answer.Malformed(reason: "chunk without its end") }
            if size == 0 { return body }
        }
    }

    private func line() throws -> [UInt8] {
        var searched = 0
        while true {
            if let end = buffered[searched...].firstIndex(of: 10) { return try take(end + 1) }
            searched = buffered.count
            try receive()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffered.count < count { try receive() }
        defer { buffered.removeFirst(count) }
        return Array(buffered[..<count])
    }

    private func receive() throws {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(descriptor, &chunk, chunk.count)
        if count == 0 { throw Failure.closed }
        guard count > 0 else { throw failure() }
        buffered += chunk[..<count]
    }

    private func failure() -> Failure {
        switch errno {
        case EAGAIN: .timedOut
        case ECONNRESET, EPIPE: .reset
        default: .system(errno)
        }
    }
}
