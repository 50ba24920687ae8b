import CCurl
import Ground
import Synchronization

/// A request, until its outcome is known.
final class Errand: Sendable {
    let request: OutgoingRequest
    let settings: OutgoingSettings
    private let answer = Mutex(OutgoingAnswer())
    private let waiting = Mutex<UnsafeContinuation<OutgoingOutcome, Never>?>(nil)
    private let wasCancelled = Atomic(false)

    init(_ request: OutgoingRequest, by settings: OutgoingSettings) {
        self.request = request
        self.settings = settings
    }

    var isCancelled: Bool { wasCancelled.load(ordering: .acquiring) }
    func cancel() { wasCancelled.store(true, ordering: .releasing) }

    func wait(with continuation: UnsafeContinuation<OutgoingOutcome, Never>) { waiting.withLock { $0 = continuation } }

    func finish(_ fault: OutgoingOutcome.Fault) { finish(OutgoingOutcome(fault: fault)) }

    func finish(_ outcome: gh_curl_outcome) {
        finish(
            OutgoingOutcome(
                fault: Self.fault(outcome.fault), status: outcome.status > 0 ? Int(outcome.status) : nil,
                duration: .microseconds(outcome.microseconds), answer: answer.withLock { $0 }))
    }

    private func finish(_ outcome: OutgoingOutcome) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: outcome)
    }

    private static func fault(_ fault: gh_curl_fault) -> OutgoingOutcome.Fault? {
        switch fault {
        case GH_CURL_NONE: nil
        case GH_CURL_NAME: .nameNotFound
        case GH_CURL_ADDRESS: .addressNotAllowed
        case GH_CURL_CONNECT: .connectionFailed
        case GH_CURL_TLS: .tlsFailed
        case GH_CURL_TIMEOUT: .timeout
        case GH_CURL_ANSWER: .answerInvalid
        case GH_CURL_TOO_LONG: .answerTooLong
        case GH_CURL_LOGIN: .loginRefused
        case GH_CURL_REFUSED: .mailRefused
        case GH_CURL_UNREADY: .mailServerUnready
        case GH_CURL_STOPPED: .stopped
        default: .notSent
        }
    }

    // MARK: On the thread of the courier

    /// - Returns: whether it is under way; libcurl's side then holds on to this errand.
    func start(on handle: UnsafeMutableRawPointer) -> Bool {
        var request = gh_curl_request()
        request.allows_http = settings.allowsHTTP ? 1 : 0
        request.reuses = settings.reusesConnections ? 1 : 0
        request.connect_milliseconds = Int(settings.connectTimeout.milliseconds)
        request.milliseconds = Int(settings.timeout.milliseconds)
        request.answer_limit = settings.answerLimit
        request.admits = Self.admits
        if settings.keepsAnswer {
            request.takes_line = Self.takesLine
            request.takes_body = Self.takesBody
        }
        var body: [UInt8] = []
        var mail: OutgoingMail?
        switch self.request.content {
        case .get: request.is_get = 1
        case .post(let text): body = Array(text.utf8)
        case .mail(let given): (mail, body) = (given, given.text)
        }
        let context = Unmanaged.passRetained(self)
        request.context = context.toOpaque()
        let hasStarted = withTexts(body) { url, body, headers, caFile in
            request.url = url
            request.body = body.baseAddress
            request.body_size = body.count - 1
            request.headers = headers.baseAddress
            request.header_count = headers.count
            request.ca_file = caFile
            return withMail(mail) { mail in
                request.mail = mail
                return gh_curl_start(handle, &request) == 0
            }
        }
        if !hasStarted { context.release() }
        return hasStarted
    }

    private func withMail(_ mail: OutgoingMail?, _ use: (UnsafePointer<gh_curl_mail>?) -> Bool) -> Bool {
        guard let mail else { return use(nil) }
        return mail.sender.withCString { sender in
            mail.recipient.withCString { recipient in
                withOptionalCString(mail.server.user) { user in
                    withOptionalCString(mail.server.password) { password in
                        var mail = gh_curl_mail(
                            sender: sender, recipient: recipient, user: user, password: password,
                            starts_tls: mail.server.security == .startTLS ? 1 : 0)
                        return use(&mail)
                    }
                }
            }
        }
    }

    /// What it gives of the body is never empty: a zero stands at its end.
    private func withTexts(
        _ body: [UInt8],
        _ use: (
            UnsafePointer<CChar>, UnsafeBufferPointer<CChar>, UnsafeBufferPointer<UnsafePointer<CChar>?>,
            UnsafePointer<CChar>?
        ) -> Bool
    ) -> Bool {
        request.url.withCString { url in
            (body + [0]).map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { body in
                withCStrings(request.headers) { headers in
                    withOptionalCString(settings.caFile) { use(url, body, headers, $0) }
                }
            }
        }
    }

    /// Takes back what `start` gave away.
    static func ended(_ context: UnsafeMutableRawPointer?) -> Errand? {
        context.map { Unmanaged<Errand>.fromOpaque($0).takeRetainedValue() }
    }

    private static func of(_ context: UnsafeMutableRawPointer) -> Errand {
        Unmanaged<Errand>.fromOpaque(context).takeUnretainedValue()
    }

    private static let admits: gh_curl_admits = { context, address, size in
        guard let context, let address, size == 4 || size == 16 else { return 0 }
        let bytes = Array(UnsafeBufferPointer(start: address, count: size))
        return of(context).settings.policy.admits(size == 4 ? IPAddress(four: bytes) : IPAddress(mapped: bytes)) ? 1 : 0
    }

    private static let takesLine: gh_curl_takes = { context, bytes, size in
        guard let context else { return }
        of(context).answer.withLock { $0.take(line: UnsafeBufferPointer(start: bytes, count: size)) }
    }

    private static let takesBody: gh_curl_takes = { context, bytes, size in
        guard let context else { return }
        of(context).answer.withLock { $0.take(body: UnsafeBufferPointer(start: bytes, count: size)) }
    }
}

private func withCStrings<T>(_ texts: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> T) -> T {
    let bytes = texts.map { Array($0.utf8CString) }
    func pass(_ index: Int, _ pointers: [UnsafePointer<CChar>?]) -> T {
        guard index < bytes.count else { return pointers.withUnsafeBufferPointer(body) }
        return bytes[index].withUnsafeBufferPointer { pass(index + 1, pointers + [$0.baseAddress]) }
    }
    return pass(0, [])
}

private func withOptionalCString<T>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> T) -> T {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}
