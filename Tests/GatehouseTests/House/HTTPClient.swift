import Glibc
import Ground

/// A blocking HTTP client that shows what came, and nothing more clever.
struct HTTPClient: Sendable {
    let port: UInt16

    struct Reply: Sendable {
        let status: Int
        let headers: [(name: String, value: String)]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSON { (try? JSON.parse(body, limits: JSONLimits(depth: 64, values: 1_000_000))) ?? .null }
        var code: String { json["code"]?.string ?? "" }
        subscript(name: String) -> JSON? { json[name] }

        func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
        func headers(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

        /// The value of a cookie that the answer sets.
        func cookie(_ name: String) -> String? {
            headers("set-cookie").first { $0.hasPrefix(name + "=") }
                .flatMap { $0.split(separator: ";").first?.dropFirst(name.count + 1) }.map(String.init)
        }
    }

    struct Failure: Error { let reason: String }

    func send(
        _ method: String, _ path: String, json: JSON? = nil, body: [UInt8]? = nil, token: String? = nil,
        headers: [String: String] = [:]
    ) throws -> Reply {
        try read(from: try open(Self.request(method, path, json: json, body: body, token: token, headers: headers)))
    }

    /// Sends the same request on many connections before reading any answer.
    func sendAtOnce(_ requests: [[UInt8]]) throws -> [Reply] {
        let sockets = try requests.map { try open($0) }
        return try sockets.map { try read(from: $0) }
    }

    static func request(
        _ method: String, _ path: String, json: JSON? = nil, body: [UInt8]? = nil, token: String? = nil,
        headers: [String: String] = [:]
    ) -> [UInt8] {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let token { text += "Authorization: Bearer \(token)\r\n" }
        if json != nil { text += "Content-Type: application/json\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        let content = json?.utf8 ?? body ?? []
        if !content.isEmpty || method != "GET" { text += "Content-Length: \(content.count)\r\n" }
        return Array((text + "\r\n").utf8) + content
    }

    private func open(_ request: [UInt8]) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(reason: "connect: \(errno)") }
        // A server that hangs must fail the test, not stop it.
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard Glibc.send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw Failure(reason: "send: \(errno)")
        }
        return descriptor
    }

    private func read(from descriptor: Int32) throws -> Reply {
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw Failure(reason: "read: \(errno)") }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return try Self.parse(bytes)
    }

    private static func parse(_ bytes: [UInt8]) throws -> Reply {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { throw Failure(reason: "no answer: \(text.prefix(80))") }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        guard let first = lines.first, let status = Int(first.split(separator: " ").dropFirst().first ?? "") else {
            throw Failure(reason: "bad status line")
        }
        let headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (name: parts[0].lowercased(), value: String(parts.last?.drop { $0 == " " } ?? ""))
        }
        let head = text[..<end.upperBound].utf8.count
        return Reply(status: status, headers: headers, body: Array(bytes[head...]))
    }
}

extension JSON {
    /// An element of a list; nil where there is none.
    subscript(_ index: Int) -> JSON? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }
}
