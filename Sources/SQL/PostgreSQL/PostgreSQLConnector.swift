import CPostgreSQL
import Ground

/// Opens connections on a thread of its own: looking up names, TLS and passwords take their time, and libpq waits.
final class PostgreSQLConnector: Sendable {
    /// A connection that is open, on its way to the loop that asked for it.
    struct Open: @unchecked Sendable {  // handed from thread to thread, used by one at a time
        let handle: OpaquePointer
    }

    typealias Outcome = Result<Open, DatabaseError>

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isClosing = false
    }

    private let state = Monitor(State())
    private let thread: Thread
    private let settings: PostgreSQLSettings

    init(settings: PostgreSQLSettings) {
        self.settings = settings
        let state = state
        thread = Thread(name: "postgres-open") {
            while let job = state.wait(until: Self.next) { job() }
        }
    }

    private static func next(_ state: inout State) -> (@Sendable () -> Void)?? {
        if state.isClosing { return .some(nil) }
        return state.jobs.isEmpty ? nil : .some(state.jobs.removeFirst())
    }

    /// Opens a connection and tells `done`, on the connector's thread.
    func open(_ url: String, _ done: @escaping @Sendable (Outcome) -> Void) {
        let settings = settings
        state.withLock(wakes: true) { $0.jobs.append { done(Self.open(url, settings)) } }
    }

    /// Ends after the attempt that is under way.
    func close() {
        state.withLock(wakes: true) { $0.isClosing = true }
        thread.join()
    }

    private static func open(_ url: String, _ settings: PostgreSQLSettings) -> Outcome {
        let seconds = max(2, settings.connectTimeout.secondsRoundedUp)
        // What stands in the URI wins over what stands before it.
        let options = [
            ("connect_timeout", "\(seconds)"), ("fallback_application_name", "gatehouse"), ("client_encoding", "UTF8"),
            ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "\(settings.statementTimeout.milliseconds)"), ("dbname", url),
        ]
        guard let handle = begin(options) else { return .failure(.unavailable("out of memory")) }
        // libpq would write notices to standard error, among the lines of the log; a server that is being stopped sends
        // them while one signs in. So the connection is only begun, and made from its beginning once libpq knows where
        // notices go: waiting, with all that it does by itself about time and other hosts.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        if PQstatus(handle) != CONNECTION_BAD { PQreset(handle) }
        guard PQstatus(handle) == CONNECTION_OK else {
            let reason = String(cString: PQerrorMessage(handle)).split(separator: "\n").joined(separator: " ")
            PQfinish(handle)
            return .failure(.unavailable(reason))
        }
        return .success(Open(handle: handle))
    }

    private static func begin(_ options: [(String, String)]) -> OpaquePointer? {
        // Copies that live until the call is over.
        let names = options.map { Array($0.0.utf8CString) }
        let values = options.map { Array($0.1.utf8CString) }
        func withPointers<T>(_ arrays: [[CChar]], _ body: ([UnsafePointer<CChar>?]) -> T) -> T {
            var pointers: [UnsafePointer<CChar>?] = []
            func step(_ index: Int) -> T {
                guard index < arrays.count else { return body(pointers + [nil]) }
                return arrays[index].withUnsafeBufferPointer {
                    pointers.append($0.baseAddress)
                    return step(index + 1)
                }
            }
            return step(0)
        }
        return withPointers(names) { names in withPointers(values) { values in PQconnectStartParams(names, values, 1) } }
    }
}
