import Ground

/// Sends the same request over and over, as fast as it is read, and throws the answers away.
final class GreedyClient: Sendable {
    private struct State: Sendable {
        var sent = 0
        var isOver = false
    }
    private let state: Monitor<State>
    private let thread: Thread

    init(port: UInt16, request: String) {
        let state = Monitor(State())
        self.state = state
        thread = Thread(name: "greedy") {
            guard let client = try? RawClient(port: port) else { return }
            defer { client.close() }
            let flood = Array(String(repeating: request, count: 20_000).utf8)
            var offset = 0
            while !state.withLock({ $0.isOver }) {
                let count = client.sendWhatFits(flood[offset...])
                offset = (offset + count) % flood.count
                client.discard()
                state.withLock(wakes: true) { $0.sent += count }
            }
        }
    }

    /// Waits until much more has gone than the server reads at once; false when that never comes.
    func isUnderWay() -> Bool { state.wait(for: .seconds(10)) { $0.sent > 1 << 20 ? true : nil } ?? false }

    func stop() {
        state.withLock { $0.isOver = true }
        thread.join()
    }
}
