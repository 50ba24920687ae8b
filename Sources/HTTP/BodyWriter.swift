import Synchronization

/// Writes an answer's body piece by piece; each piece waits until the one before it has left.
public final class BodyWriter: Sendable {
    /// The client went away.
    public struct Disconnected: Error {}

    private struct State {
        var isClosed = false
        var waiter: UnsafeContinuation<Void, any Error>?
    }
    private let state = Mutex(State())
    private let isChunked: Bool
    private let send: @Sendable ([UInt8]) -> Void

    init(isChunked: Bool, send: @escaping @Sendable ([UInt8]) -> Void) {
        self.isChunked = isChunked
        self.send = send
    }

    /// Sends one piece and waits until the socket has taken it.
    /// - Throws: `Disconnected`.
    public func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        var chunk = bytes
        if isChunked {
            chunk = Array("\(String(bytes.count, radix: 16))\r\n".utf8)
            chunk.append(contentsOf: bytes)
            chunk.append(contentsOf: "\r\n".utf8)
        }
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.waiter = continuation }
                return state.isClosed
            }
            if isClosed { continuation.resume(throwing: Disconnected()) } else { send(chunk) }
        }
    }

    func drained() { take { _ in }?.resume() }

    func connectionClosed() { take { $0.isClosed = true }?.resume(throwing: Disconnected()) }

    private func take(_ change: (inout State) -> Void) -> UnsafeContinuation<Void, any Error>? {
        state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
    }
}
