import CCurl
import Ground
import Synchronization

/// Carries requests out of the server, many at a time, on one thread of its own. Library and thread are there from the
/// first request on.
///
/// Redirects are not followed, proxies of the environment are not used, and the address of each connection is held
/// against the policy when the connection is made: no name is looked up twice.
public final class Courier: Sendable {
    private struct State {
        var waiting: [Errand] = []
        /// libcurl's handle of the requests under way.
        var handle: Handle?
        var thread: Thread?
        var isStopping = false
    }

    private struct Handle: @unchecked Sendable {  // beside the thread that works with it, others only wake it
        let pointer: UnsafeMutableRawPointer
    }

    /// A request, until its outcome is known.
    private final class Errand: Sendable {
        let request: OutgoingRequest
        let policy: AddressPolicy
        private let done: @Sendable (OutgoingOutcome) -> Void

        init(_ request: OutgoingRequest, _ policy: AddressPolicy, done: @escaping @Sendable (OutgoingOutcome) -> Void) {
            self.request = request
            self.policy = policy
            self.done = done
        }

        func finish(_ outcome: OutgoingOutcome) { done(outcome) }
    }

    private let settings: OutgoingSettings
    private let state = Mutex(State())

    public init(_ settings: OutgoingSettings) { self.settings = settings }

    /// Sends the request, and gives what came of it.
    public func send(_ request: OutgoingRequest) async -> OutgoingOutcome {
        await withUnsafeContinuation { continuation in
            let errand = Errand(request, settings.policy) { continuation.resume(returning: $0) }
            let refusal = state.withLock { state -> OutgoingOutcome.Fault? in
                if state.isStopping { return .stopped }
                guard let handle = state.handle ?? open(&state) else { return .notSent }
                state.waiting.append(errand)
                gh_curl_wake(handle.pointer)
                return nil
            }
            if let refusal { errand.finish(OutgoingOutcome(fault: refusal)) }
        }
    }

    /// Gives up what is under way: its outcome is `.stopped`. Nothing is sent afterwards.
    public func stop() {
        let thread = state.withLock { state -> Thread? in
            defer { state.thread = nil }
            state.isStopping = true
            if let handle = state.handle { gh_curl_wake(handle.pointer) }
            return state.thread
        }
        thread?.join()
    }

    private func open(_ state: inout State) -> Handle? {
        guard gh_curl_load() == 0, let pointer = gh_curl_open() else { return nil }
        let handle = Handle(pointer: pointer)
        state.handle = handle
        state.thread = Thread(name: "courier", niceness: 5) { [self] in work(with: handle) }
        return handle
    }

    // MARK: On the thread

    private func work(with handle: Handle) {
        var outcome = gh_curl_outcome()
        while true {
            let (errands, isStopping) = state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.isStopping)
            }
            if isStopping {
                for errand in errands { errand.finish(OutgoingOutcome(fault: .stopped)) }
                break
            }
            for errand in errands { start(errand, handle) }
            gh_curl_work(handle.pointer, 60_000)
            while gh_curl_next(handle.pointer, &outcome) != 0 { finish(outcome) }
        }
        while gh_curl_abandon(handle.pointer, &outcome) != 0 {
            Self.errand(of: outcome)?.finish(OutgoingOutcome(fault: .stopped))
        }
        state.withLock { $0.handle = nil }
        gh_curl_close(handle.pointer)
    }

    private func start(_ errand: Errand, _ handle: Handle) {
        let context = Unmanaged.passRetained(errand)
        let hasStarted = errand.request.url.withCString { url in
            errand.request.body.withCString { body in
                withCStrings(errand.request.headers) { headers in
                    withOptionalCString(settings.caFile) { caFile in
                        var request = gh_curl_request()
                        request.url = url
                        request.headers = headers.baseAddress
                        request.header_count = headers.count
                        request.body = body
                        request.body_size = errand.request.body.utf8.count
                        request.ca_file = caFile
                        request.allows_http = settings.allowsHTTP ? 1 : 0
                        request.connect_milliseconds = Int(settings.connectTimeout.milliseconds)
                        request.milliseconds = Int(settings.timeout.milliseconds)
                        request.answer_limit = settings.answerLimit
                        request.admits = Self.admits
                        request.context = context.toOpaque()
                        return gh_curl_start(handle.pointer, &request) == 0
                    }
                }
            }
        }
        guard !hasStarted else { return }
        context.release()
        errand.finish(OutgoingOutcome(fault: .notSent))
    }

    private static let admits: gh_curl_admits = { context, address, size in
        guard let context, let address, size == 4 || size == 16 else { return 0 }
        let bytes = Array(UnsafeBufferPointer(start: address, count: size))
        let errand = Unmanaged<Errand>.fromOpaque(context).takeUnretainedValue()
        return errand.policy.admits(size == 4 ? IPAddress(four: bytes) : IPAddress(mapped: bytes)) ? 1 : 0
    }

    private static func errand(of outcome: gh_curl_outcome) -> Errand? {
        outcome.context.map { Unmanaged<Errand>.fromOpaque($0).takeRetainedValue() }
    }

    private func finish(_ outcome: gh_curl_outcome) {
        let fault: OutgoingOutcome.Fault? =
            switch outcome.fault {
            case GH_CURL_NONE: nil
            case GH_CURL_NAME: .nameNotFound
            case GH_CURL_ADDRESS: .addressNotAllowed
            case GH_CURL_CONNECT: .connectionFailed
            case GH_CURL_TLS: .tlsFailed
            case GH_CURL_TIMEOUT: .timeout
            case GH_CURL_ANSWER: .answerInvalid
            default: .notSent
            }
        Self.errand(of: outcome)?.finish(
            OutgoingOutcome(
                fault: fault, status: outcome.status > 0 ? Int(outcome.status) : nil,
                duration: .microseconds(outcome.microseconds)))
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
