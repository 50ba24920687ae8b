import CCurl
import Ground
import Synchronization

/// Carries requests and mail out of the server, many at a time, on one thread of its own. Library and thread are there from the
/// first request on.
///
/// Redirects are not followed, proxies of the environment are not used, and the address of each connection is held
/// against the policy when the connection is made: no name is looked up twice.
public final class Courier: Sendable {
    private struct State {
        var waiting: [Errand] = []
        /// Held on to until the thread has given them up, so that no other errand comes to stand at their place.
        var cancelled: [Errand] = []
        /// libcurl's handle of the requests under way.
        var handle: Handle?
        var thread: Thread?
        var isStopping = false
    }

    private struct Handle: @unchecked Sendable {  // beside the thread that works with it, others only wake it
        let pointer: UnsafeMutableRawPointer
    }

    private let settings: OutgoingSettings
    private let state = Mutex(State())

    /// - Parameter settings: for requests that say nothing else.
    public init(_ settings: OutgoingSettings) { self.settings = settings }

    /// Sends the request, and gives what came of it. A task that is cancelled gives the request up.
    public func send(_ request: OutgoingRequest, by settings: OutgoingSettings? = nil) async -> OutgoingOutcome {
        let errand = Errand(request, by: settings ?? self.settings)
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                errand.wait(with: continuation)
                if let refusal = accept(errand) { errand.finish(refusal) }
            }
        } onCancel: {
            cancel(errand)
        }
    }

    private func accept(_ errand: Errand) -> OutgoingOutcome.Fault? {
        state.withLock { state in
            if errand.isCancelled { return .cancelled }
            if state.isStopping { return .stopped }
            guard let handle = state.handle ?? open(&state) else { return .notSent }
            state.waiting.append(errand)
            gh_curl_wake(handle.pointer)
            return nil
        }
    }

    private func cancel(_ errand: Errand) {
        state.withLock { state in
            errand.cancel()
            guard let handle = state.handle else { return }
            state.cancelled.append(errand)
            gh_curl_wake(handle.pointer)
        }
    }

    /// Gives up what is under way: its outcome is `.stopped`. Nothing is sent afterwards.
    public func stop() {
        let thread = state.withLock { state -> Thread? in
            defer { state.thread = nil }
            state.isStopping = true
            if let handle = state.handle { gh_curl_stop(handle.pointer) }
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
        while takeOrders(handle) {
            gh_curl_work(handle.pointer, 60_000)
            while gh_curl_next(handle.pointer, &outcome) != 0 { Errand.ended(outcome.context)?.finish(outcome) }
        }
        while gh_curl_abandon(handle.pointer, &outcome) != 0 { Errand.ended(outcome.context)?.finish(.stopped) }
        state.withLock { state in
            state.handle = nil
            state.cancelled = []
        }
        gh_curl_close(handle.pointer)
    }

    /// - Returns: false when the courier stops.
    private func takeOrders(_ handle: Handle) -> Bool {
        let (errands, cancelled, isStopping) = state.withLock { state in
            defer { (state.waiting, state.cancelled) = ([], []) }
            return (state.waiting, state.cancelled, state.isStopping)
        }
        for errand in errands {
            if isStopping {
                errand.finish(.stopped)
            } else if errand.isCancelled {
                errand.finish(.cancelled)
            } else if !errand.start(on: handle.pointer) {
                errand.finish(.notSent)
            }
        }
        for errand in cancelled where gh_curl_cancel(handle.pointer, Unmanaged.passUnretained(errand).toOpaque()) != 0 {
            Errand.ended(Unmanaged.passUnretained(errand).toOpaque())?.finish(.cancelled)
        }
        return !isStopping
    }
}
