import Ground

/// Holds handlers back until the test lets them go on.
final class HandlerGate: Sendable {
    private struct State: Sendable {
        var isOpen = false
        var arrivals = 0
        var waiting: [UnsafeContinuation<Void, Never>] = []
    }
    private let state = Monitor(State())

    func pass() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isOpen = state.withLock(wakes: true) { state in
                state.arrivals += 1
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits until a handler stands before the gate; false when none comes.
    func hasArrival() -> Bool { state.wait(for: .seconds(10)) { $0.arrivals > 0 ? true : nil } ?? false }
}
