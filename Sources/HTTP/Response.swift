/// One header field of an answer.
public struct Header: Hashable, Sendable {
    public let name: String
    public let value: String
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// One answer.
///
/// `Date`, `Content-Length`, `Transfer-Encoding` and `Connection` are the engine's; do not set them.
public struct Response: Sendable {
    public var status: Status
    public var contentType: String?
    public var headers: [Header] = []
    /// Header lines written before, each ending in CR LF, that many answers share.
    public var sharedHeaders: [UInt8] = []
    public var body: ResponseBody

    public init(_ status: Status = .ok, contentType: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = .bytes(body)
    }

    /// A body that is written while it is sent, chunked.
    public init(
        _ status: Status = .ok, contentType: String,
        stream: @escaping @Sendable (BodyWriter) async throws -> Void
    ) {
        self.status = status
        self.contentType = contentType
        body = .stream(stream)
    }

    public static func json(_ bytes: [UInt8], status: Status = .ok) -> Response {
        Response(status, contentType: "application/json", body: bytes)
    }

    public func header(_ name: String, _ value: String) -> Response {
        var copy = self
        copy.headers.append(Header(name, value))
        return copy
    }

    /// The first value set under that name.
    public subscript(name: String) -> String? {
        headers.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }
}

public enum ResponseBody: Sendable {
    case bytes([UInt8])
    case stream(@Sendable (BodyWriter) async throws -> Void)
}

extension Response {
    /// How the client finds the end of the body.
    enum Framing { case length(Int), chunked, untilClose }

    /// Appends the head of the answer. A byte that could end a header line becomes a space.
    func appendHead(to output: inout [UInt8], date: [UInt8], framing: Framing, closes: Bool) {
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        output.append(contentsOf: Self.digits(status.code))
        output.append(32)
        output.append(contentsOf: status.reason.utf8)
        output.append(contentsOf: "\r\n".utf8)
        output.append(contentsOf: date)
        if let contentType { Self.appendField("Content-Type", contentType, to: &output) }
        for header in headers { Self.appendField(header.name, header.value, to: &output) }
        output.append(contentsOf: sharedHeaders)
        if closes { output.append(contentsOf: "Connection: close\r\n".utf8) }
        switch framing {
        case .length(let length) where status.code != 204 && status.code != 304:
            output.append(contentsOf: "Content-Length: ".utf8)
            output.append(contentsOf: Self.digits(length))
            output.append(contentsOf: "\r\n".utf8)
        case .chunked: output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        case .length, .untilClose: break
        }
        output.append(13)
        output.append(10)
    }

    /// Header lines for `sharedHeaders`.
    public static func lines(_ headers: [Header]) -> [UInt8] {
        var output: [UInt8] = []
        for header in headers { appendField(header.name, header.value, to: &output) }
        return output
    }

    private static func appendField(_ name: String, _ value: String, to output: inout [UInt8]) {
        output.append(contentsOf: name.utf8)
        output.append(58)
        output.append(32)
        let start = output.count
        output.append(contentsOf: value.utf8)
        for i in start..<output.count where output[i] < 32 || output[i] == 127 { output[i] = 32 }
        output.append(13)
        output.append(10)
    }

    private static func digits(_ number: Int) -> String.UTF8View { String(number).utf8 }
}
