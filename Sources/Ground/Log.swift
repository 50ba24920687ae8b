import Glibc

/// The log of the server: one JSON object a line, on standard error.
///
/// Lines are gathered in memory and written by a thread of their own, so that a request never waits for a
/// slow terminal or disk. What does not fit the buffer is dropped and counted, never blocks.
public final class Log: Sendable {
    public enum Level: Int, Sendable, CaseIterable, Comparable {
        case debug, info, warning, error
        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
        public var name: String {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }
    }

    private struct Buffer {
        var bytes: [UInt8] = []
        var dropped = 0
        var closed = false
        var urgent = false
        var isFinished = false
    }

    public let level: Level
    private let clock: Clock
    private let buffer = Monitor(Buffer())

    /// - Parameter sink: takes finished lines; called by one thread at a time.
    public init(level: Level = .info, clock: Clock = .system, sink: @escaping @Sendable ([UInt8]) -> Void) {
        self.level = level
        self.clock = clock
        let buffer = buffer
        _ = Thread(name: "log") {
            while true {
                buffer.wait { $0.bytes.isEmpty && !$0.closed ? nil : () }
                // A moment's delay gathers many lines into one write.
                _ = buffer.wait(for: .milliseconds(100)) { $0.urgent || $0.closed ? () : nil }
                let (bytes, dropped, closed) = buffer.withLock { Self.take(&$0) }
                if !bytes.isEmpty { sink(bytes) }
                if dropped > 0 { sink(Array("{\"level\":\"warning\",\"event\":\"log.dropped\",\"lines\":\(dropped)}\n".utf8)) }
                if closed { return buffer.withLock(wakes: true) { $0.isFinished = true } }
            }
        }
    }

    /// Standard error.
    public static func standardError(level: Level) -> Log {
        Log(level: level) { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
                guard written > 0 else { return }
                rest = rest.dropFirst(written)
            }
        }
    }

    private static func take(_ state: inout Buffer) -> ([UInt8], Int, Bool) {
        var bytes: [UInt8] = []
        swap(&bytes, &state.bytes)
        defer { state.dropped = 0; state.urgent = false }
        return (bytes, state.dropped, state.closed)
    }

    /// Writes one event. `fields` must hold no password, token, code or secret.
    public func write(_ level: Level, _ event: String, _ fields: (inout JSONWriter) -> Void = { _ in }) {
        guard level >= self.level else { return }
        var line = JSONWriter(capacity: 320)
        line.object { line in
            line.member("time", clock.now.rfc3339)
            line.member("level", level.name)
            line.member("event", event)
            fields(&line)
        }
        let bytes = line.bytes
        let wakes = buffer.withLock { state -> Bool in
            guard state.bytes.count < 8 << 20 else {
                state.dropped += 1
                return false
            }
            let (wasEmpty, wasUrgent) = (state.bytes.isEmpty, state.urgent)
            state.bytes.append(contentsOf: bytes)
            state.bytes.append(10)
            if level >= .warning || state.bytes.count > 1 << 16 { state.urgent = true }
            // Waking a thread costs more than writing a line, so it is done only when there is news for it.
            return wasEmpty || wasUrgent != state.urgent
        }
        if wakes { buffer.wake() }
    }

    public func info(_ event: String, _ fields: (inout JSONWriter) -> Void = { _ in }) { write(.info, event, fields) }
    public func warning(_ event: String, _ fields: (inout JSONWriter) -> Void = { _ in }) { write(.warning, event, fields) }
    public func error(_ event: String, _ fields: (inout JSONWriter) -> Void = { _ in }) { write(.error, event, fields) }

    /// Writes what is left and ends the thread; waits for a sink that is stuck no longer than two seconds.
    public func close() {
        buffer.withLock(wakes: true) { $0.closed = true }
        _ = buffer.wait(for: .seconds(2)) { $0.isFinished ? () : nil }
    }
}
