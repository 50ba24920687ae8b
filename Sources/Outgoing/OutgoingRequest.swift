import Ground

/// A POST that leaves the server.
public struct OutgoingRequest: Sendable {
    public let url: String
    /// `Name: value`, each.
    public let headers: [String]
    public let body: String

    public init(url: String, headers: [String], body: String) {
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What became of a request that left the server.
public struct OutgoingOutcome: Sendable {
    public enum Fault: String, Sendable {
        /// The name of the host has no address.
        case nameNotFound = "name_not_found"
        /// No address of the host may be connected to.
        case addressNotAllowed = "address_not_allowed"
        case connectionFailed = "connection_failed"
        case tlsFailed = "tls_failed"
        case timeout = "timed_out"
        /// What came is no answer of HTTP, or ended in its midst.
        case answerInvalid = "answer_invalid"
        /// libcurl is not there, or does not do what it is asked.
        case notSent = "not_sent"
        /// The server stops.
        case stopped
    }

    /// nil: a whole answer came.
    public let fault: Fault?
    public let status: Int?
    public let duration: Duration

    public init(fault: Fault?, status: Int? = nil, duration: Duration = .zero) {
        self.fault = fault
        self.status = status
        self.duration = duration
    }
}

/// How requests leave the server.
public struct OutgoingSettings: Sendable {
    public let policy: AddressPolicy
    public let allowsHTTP: Bool
    public let caFile: String?
    public let connectTimeout: Duration
    /// For all of a request and its answer.
    public let timeout: Duration
    /// Bytes of an answer that are read.
    public let answerLimit: Int

    public init(
        policy: AddressPolicy, allowsHTTP: Bool, caFile: String?, connectTimeout: Duration, timeout: Duration,
        answerLimit: Int
    ) {
        self.policy = policy
        self.allowsHTTP = allowsHTTP
        self.caFile = caFile
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        self.answerLimit = answerLimit
    }
}
