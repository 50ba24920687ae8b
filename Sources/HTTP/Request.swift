import Ground

/// One request, its head read and, unless the route streams, its body whole.
public struct Request: Sendable {
    public var method: Method
    /// The path as it came, percent-encoding untouched.
    public var path: String
    /// What stands behind `?`, raw.
    public var query: String?
    public var headers: Headers
    public var body: RequestBody
    /// The other end of the connection.
    public let peer: IPAddress
    /// The client: `peer`, or whom a trusted proxy names.
    public var client: IPAddress
    /// Whether the client spoke TLS, to us or to a trusted proxy.
    public var isSecure = false
    /// Names this request in the log and in an error's `request_id`.
    public var id: String
    /// The route that answers; nil when none does.
    public internal(set) var matched: Route?
    /// The methods that the path knows, when it knows this one not.
    public internal(set) var allowed: [Method] = []
    /// What the placeholders of the route stand for, percent-decoded.
    public internal(set) var parameters: [String] = []

    /// The same request, answered by another route than its path asks for.
    public func answered(by route: Route) -> Request {
        var copy = self
        copy.matched = route
        return copy
    }

    /// What the body is, without parameters and in lower case (RFC 9110, section 8.3.1).
    public var mediaType: String? {
        guard let type = headers["content-type"]?.utf8.prefix(while: { $0 != UInt8(ascii: ";") }) else { return nil }
        return ProxyTrust.trim(Substring(type)).lowercased()
    }

    /// The value of the `index`th placeholder that was declared `:uuid`.
    public func uuid(_ index: Int = 0) throws(RequestError) -> UUID {
        guard parameters.indices.contains(index), let id = UUID(parameters[index]) else { throw .noSuchParameter }
        return id
    }

    /// The value of the `index`th placeholder, whatever it was declared as.
    public func text(_ index: Int) throws(RequestError) -> String {
        guard parameters.indices.contains(index) else { throw .noSuchParameter }
        return parameters[index]
    }

    public init(
        method: Method, path: String, query: String? = nil, headers: Headers = Headers(),
        body: RequestBody = .bytes([]), peer: IPAddress, id: String
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.client = peer
        self.id = id
    }
}

/// The content of a request.
public enum RequestBody: Sendable {
    case bytes([UInt8])
    case stream(BodyStream)
}

/// How a route wants its body.
public enum BodyPolicy: Sendable {
    /// Whole, up to so many bytes.
    case collect(limit: Int)
    /// As it comes.
    case stream
}

/// What the engine serves.
public protocol Responder: Sendable {
    /// Asked once for each request that has a body, before any of it is read.
    func bodyPolicy(for request: Request) -> BodyPolicy
    func respond(to request: Request) async -> Response
    /// The answer to what never became a request: a bad head, a body too large.
    /// - Parameter path: nil where the head did not tell it.
    func refusal(_ status: Status, peer: IPAddress, path: String?) -> Response
}

/// A request that its handler cannot read.
public enum RequestError: Error, Sendable {
    case noSuchParameter
}
