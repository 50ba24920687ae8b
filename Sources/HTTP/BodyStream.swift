import Synchronization

/// A request body as it arrives. When the reader is slow, the sender is made to wait.
public final class BodyStream: Sendable {
    /// The client went away, or broke its own framing, before the end.
    public struct Interrupted: Error {}

    private struct State {
        var bytes: [UInt8] = []
        var isFinished = false
        var hasFailed = false
        var reader: UnsafeContinuation<[UInt8]?, any Error>?
    }
    private let state = Mutex(State())
    private let wantMore: @Sendable () -> Void
    private static let highWater = 64 << 10

    init(wantMore: @escaping @Sendable () -> Void) { self.wantMore = wantMore }

    /// What has arrived since the last call, waiting for it if need be; nil at the end. One reader at a time.
    /// - Throws: `Interrupted`.
    public func next() async throws -> [UInt8]? {
        let bytes: [UInt8]? = try await withUnsafeThrowingContinuation { continuation in
            let result: Result<[UInt8]?, any Error>? = state.withLock { state in
                if !state.bytes.isEmpty {
                    defer { state.bytes = [] }
                    return .success(state.bytes)
                }
                if state.hasFailed { return .failure(Interrupted()) }
                if state.isFinished { return .success(nil) }
                state.reader = continuation
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
        if bytes != nil { wantMore() }
        return bytes
    }

    var isFull: Bool { state.withLock { $0.bytes.count >= Self.highWater } }

    func append(_ chunk: UnsafeBufferPointer<UInt8>) {
        let ready = state.withLock { state -> (UnsafeContinuation<[UInt8]?, any Error>, [UInt8])? in
            state.bytes.append(contentsOf: chunk)
            guard let reader = state.reader else { return nil }
            defer { state.reader = nil; state.bytes = [] }
            return (reader, state.bytes)
        }
        if let (reader, bytes) = ready { reader.resume(returning: bytes) }
    }

    func finish() { end { $0.isFinished = true }?.resume(returning: nil) }

    func fail() { end { $0.hasFailed = true }?.resume(throwing: Interrupted()) }

    private func end(_ change: (inout State) -> Void) -> UnsafeContinuation<[UInt8]?, any Error>? {
        state.withLock { state in
            change(&state)
            defer { state.reader = nil }
            return state.reader
        }
    }
}
