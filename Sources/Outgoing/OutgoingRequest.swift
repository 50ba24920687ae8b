import Ground

/// A request that leaves the server.
public struct OutgoingRequest: Sendable {
    public enum Content: Sendable {
        case get
        case post(String)
        case mail(OutgoingMail)
    }

    public let url: String
    /// `Name: value`, each.
    public let headers: [String]
    public let content: Content

    /// A POST.
    public init(url: String, headers: [String], body: String) {
        self.init(url: url, headers: headers, content: .post(body))
    }

    /// A mail.
    public init(_ mail: OutgoingMail) { self.init(url: mail.url, content: .mail(mail)) }

    public init(url: String, headers: [String] = [], content: Content) {
        self.url = url
        self.headers = headers
        self.content = content
    }
}

/// What became of a request that left the server.
public struct OutgoingOutcome: Sendable {
    public enum Fault: String, Error, Sendable {
        /// The name of the host has no address.
        case nameNotFound = "name_not_found"
        /// No address of the host may be connected to.
        case addressNotAllowed = "address_not_allowed"
        case connectionFailed = "connection_failed"
        case tlsFailed = "tls_failed"
        case timeout = "timed_out"
        /// What came is no answer of HTTP, or ended in its midst.
        case answerInvalid = "answer_invalid"
        /// The answer is longer than what is kept.
        case answerTooLong = "answer_too_long"
        /// The server of mail takes neither name nor password.
        case loginRefused = "login_refused"
        /// The server of mail says no to the message or whom it is for, for now or for good: its status says which.
        case mailRefused = "mail_refused"
        /// The server of mail says no before it has heard whom the message is for.
        case mailServerUnready = "mail_server_unready"
        /// libcurl is not there, or does not do what it is asked.
        case notSent = "not_sent"
        /// Nobody waits for the answer any more.
        case cancelled
        /// The server stops.
        case stopped
    }

    /// nil: a whole answer came.
    public let fault: Fault?
    public let status: Int?
    public let duration: Duration
    /// What was kept of the answer; empty where nothing is kept.
    public let answer: OutgoingAnswer

    public init(
        fault: Fault?, status: Int? = nil, duration: Duration = .zero, answer: OutgoingAnswer = OutgoingAnswer()
    ) {
        self.fault = fault
        self.status = status
        self.duration = duration
        self.answer = answer
    }
}

/// The head and the body of an answer.
public struct OutgoingAnswer: Sendable {
    /// Names in lower case, in the order in which they came.
    public private(set) var headers: [(name: String, value: String)] = []
    public private(set) var body: [UInt8] = []

    public init() {}

    public subscript(header: String) -> String? { headers.first { $0.name == header }?.value }

    /// How long the caller is asked to wait; nil where nothing is asked, or a date is named instead.
    public var retryAfter: Duration? { self["retry-after"].flatMap { Self.seconds($0) } }

    /// How long the answer may be remembered; nil where nothing is said, zero where it must not be.
    public var maximumAge: Duration? {
        let values = headers.filter { $0.name == "cache-control" }.map(\.value)
        guard !values.isEmpty else { return nil }
        let words = values.flatMap { $0.split(separator: ",") }.map { word in
            word.lowercased().filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        }
        if words.contains("no-store") || words.contains("no-cache") { return .zero }
        return words.first { $0.hasPrefix("max-age=") }.flatMap { Self.seconds($0.dropFirst("max-age=".count)) }
    }

    private static func seconds(_ text: some StringProtocol) -> Duration? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text).map { .seconds($0) }
    }

    /// Takes a line of the head. What came before a second head, such as that of `100 Continue`, is forgotten.
    mutating func take(line: UnsafeBufferPointer<UInt8>) {
        guard body.isEmpty else { return }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") { return headers = [] }
        guard let colon = text.firstIndex(of: ":") else { return }
        let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        let end = value.lastIndex { !$0.isWhitespace }.map { value.index(after: $0) } ?? value.startIndex
        headers.append((text[..<colon].lowercased(), String(value[..<end])))
    }

    mutating func take(body more: UnsafeBufferPointer<UInt8>) { body += more }
}

/// How requests leave the server.
public struct OutgoingSettings: Sendable {
    public var policy: AddressPolicy
    public var allowsHTTP: Bool
    public var caFile: String?
    public var connectTimeout: Duration
    /// For all of a request and its answer.
    public var timeout: Duration
    /// Bytes of an answer that are read; with those of the head where it is kept.
    public var answerLimit: Int
    /// Whether the answer is kept. What is longer than the limit is then a fault.
    public var keepsAnswer = false
    /// Whether a connection serves many requests. Only for addresses from the settings: whoever names one would
    /// otherwise be sent over what was admitted for another.
    public var reusesConnections = false

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

    /// For an address from the settings, whose answers are wanted. It may lead into networks that are not public;
    /// over http it must.
    public init(toConfigured url: String, timeout: Duration, answerLimit: Int) {
        let isHTTP = url.hasPrefix("http://")
        self.init(
            policy: isHTTP ? .notPublic : .any, allowsHTTP: isHTTP, caFile: nil,
            connectTimeout: min(timeout, .seconds(10)), timeout: timeout, answerLimit: answerLimit)
        keepsAnswer = true
        reusesConnections = true
    }
}
