import CPostgreSQL
import CSystem
import Glibc
import Ground

/// One connection to PostgreSQL on one event loop, always in pipeline mode: what is asked leaves at once, and the
/// answers come in the same order.
final class PostgreSQLConnection: DescriptorWatcher {
    typealias Answer = Result<[Row], PostgreSQLFailure>

    /// What was sent up to one synchronisation point.
    private struct Unit {
        /// In milliseconds, the deadline on the loop's clock.
        let patience, deadline: Int64
        let finish: (Answer) -> Void
        /// Prepared by this unit, as its result of that number; forgotten again where the server did not prepare it.
        var preparing: (statement: Statement, result: Int)?
        var results = 0
        var rows: [Row] = []
        var failure: PostgreSQLFailure?
    }

    /// Told once, when the connection is of no more use.
    var whenLost: ((PostgreSQLConnection) -> Void)?
    /// Told of each notification: its channel and what it says.
    var whenNotified: ((String, String) -> Void)?
    /// Told whenever nothing is under way any more.
    var whenFree: (() -> Void)?
    /// Whether a transaction has it for itself.
    var isExclusive = false
    private(set) var isLost = false

    private let handle: OpaquePointer
    private let descriptor: Int32
    private unowned let loop: EventLoop
    private let timeout: Duration
    private let preparesStatements: Bool
    private var prepared: Set<Int> = []
    private var units: [Unit] = []
    private var firstUnit = 0
    private var wantsToWrite = false
    private var isSettling = false
    /// One timer for all units, and when it is due: one for each would stay in the loop's queue long after the answer.
    private var watch: LoopTimer?
    private var watchEnds: Int64 = 0

    /// Takes over a connection that is open.
    /// - Returns: nil when the loop cannot watch it; it is closed then.
    init?(_ open: PostgreSQLConnector.Open, on loop: EventLoop, settings: PostgreSQLSettings) {
        handle = open.handle
        descriptor = PQsocket(open.handle)
        self.loop = loop
        timeout = settings.statementTimeout
        preparesStatements = settings.preparesStatements
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1,
            loop.watch(descriptor, for: EPOLLIN.rawValue, self)
        else {
            PQfinish(handle)
            return nil
        }
        // A pooler in transaction mode would give the settings to somebody else.
        if preparesStatements {
            isSettling = true
            run(Self.configuration(settings), [], prepares: false) { [weak self] _ in self?.isSettling = false }
        }
        if isLost { return nil }
    }

    /// First of all that the connection is asked: waiting for the answer anywhere but on the loop would have no end.
    private static func configuration(_ settings: PostgreSQLSettings) -> Statement {
        let limit = settings.statementTimeout.milliseconds
        // Whatever the planner guesses, nothing here runs for so long that compiling it first would pay.
        return Statement(
            """
            SELECT set_config('statement_timeout', '\(limit)', false),
                set_config('idle_in_transaction_session_timeout', '\(limit)', false), set_config('jit', 'off', false)
            """)
    }

    /// Units that are under way, the settings of the connection among them.
    var load: Int { units.count - firstUnit }
    /// Whether nobody waits for it.
    var isFree: Bool { !isExclusive && (load == 0 || isSettling && load == 1) }

    /// Sends one statement, or a word such as COMMIT, and what must go before it, with one synchronisation point.
    /// - Parameter patience: for the answer; the time for a statement where it is nil.
    func run(
        before: String? = nil, _ statement: Statement, _ values: [SQLValue], prepares: Bool,
        patience: Duration? = nil, _ finish: @escaping (Answer) -> Void
    ) {
        guard !isLost else {
            return finish(.failure(PostgreSQLFailure(unavailable: "the connection is closed", state: "08003")))
        }
        var preparing: (statement: Statement, result: Int)?
        var isSent = before.map { PQsendQueryParams(handle, $0, 0, nil, nil, nil, nil, 1) == 1 } ?? true
        if isSent, prepares, preparesStatements {
            if prepared.insert(statement.number).inserted {
                let types = values.map(PostgreSQLWire.type)
                isSent = PQsendPrepare(handle, statement.name, statement.text, Int32(types.count), types) == 1
                preparing = (statement, before == nil ? 0 : 1)
            }
            isSent = isSent && PostgreSQLWire.withParameters(values) { count, values, lengths, formats in
                PQsendQueryPrepared(handle, statement.name, count, values, lengths, formats, 1) == 1
            }
        } else if isSent {
            let types = values.map(PostgreSQLWire.type)
            isSent = PostgreSQLWire.withParameters(values) { count, values, lengths, formats in
                PQsendQueryParams(handle, statement.text, count, types, values, lengths, formats, 1) == 1
            }
        }
        let patience = (patience ?? timeout).milliseconds
        let deadline = loop.now + patience
        units.append(Unit(patience: patience, deadline: deadline, finish: finish, preparing: preparing))
        if watch == nil || deadline < watchEnds { watch(until: deadline) }
        guard isSent, PQpipelineSync(handle) == 1 else { return lose(message) }
        flush()
    }

    /// Closes. What is under way fails.
    func close() { lose("the connection is closed") }

    // MARK: On the loop

    func ready(_ events: UInt32) {
        if events & EPOLLOUT.rawValue != 0 { flush() }
        guard !isLost, events & ~EPOLLOUT.rawValue != 0 else { return }
        guard PQconsumeInput(handle) == 1 else { return lose(message) }
        receive()
        if !isLost { notify() }
        if !isLost, wantsToWrite { flush() }
        if !isLost, load == 0, PQstatus(handle) == CONNECTION_BAD { lose(message) }
    }

    private var message: String {
        let text = String(cString: PQerrorMessage(handle))
        return text.split(separator: "\n").joined(separator: " ")
    }

    private func flush() {
        let state = PQflush(handle)
        guard state >= 0 else { return lose(message) }
        guard wantsToWrite != (state == 1) else { return }
        wantsToWrite = state == 1
        loop.change(descriptor, to: EPOLLIN.rawValue | (wantsToWrite ? EPOLLOUT.rawValue : 0))
    }

    private func watch(until end: Int64) {
        watch?.cancel()
        watchEnds = end
        watch = loop.schedule(after: .milliseconds(end - loop.now)) { [weak self] in
            guard let self else { return }
            self.watch = nil
            guard let first = self.units[self.firstUnit...].min(by: { $0.deadline < $1.deadline }) else { return }
            if first.deadline > self.loop.now { return self.watch(until: first.deadline) }
            self.lose("no answer within \(first.patience) ms")
        }
    }

    private func receive() {
        while load > 0, !isLost, PQisBusy(handle) == 0 {
            // NULL stands between the results of two statements.
            guard let result = PQgetResult(handle) else { continue }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK:
                do throws(DatabaseError) {
                    units[firstUnit].rows = try PostgreSQLWire.rows(of: result)
                } catch {
                    units[firstUnit].failure = PostgreSQLFailure(unexpected: error)
                }
            case PGRES_COMMAND_OK:
                // It stays prepared, whatever becomes of its first use.
                if units[firstUnit].preparing?.result == units[firstUnit].results { units[firstUnit].preparing = nil }
                units[firstUnit].results += 1
            case PGRES_PIPELINE_ABORTED: break
            case PGRES_PIPELINE_SYNC: finishUnit()
            default:
                let failure = PostgreSQLFailure(result)
                units[firstUnit].failure = failure
                if failure.endsConnection { return lose(message(of: failure)) }
            }
        }
    }

    // Behind a pooler they come to connections too that asked for none, and would pile up.
    private func notify() {
        while !isLost, let notification = PQnotifies(handle) {
            defer { PQfreemem(notification) }
            guard let channel = notification.pointee.relname, let words = notification.pointee.extra else { continue }
            whenNotified?(String(cString: channel), String(cString: words))
        }
    }

    private func message(of failure: PostgreSQLFailure) -> String {
        if case .unavailable(let reason) = failure.error { reason } else { "the connection is closed" }
    }

    private func finishUnit() {
        let unit = units[firstUnit]
        firstUnit += 1
        if firstUnit == units.count {
            units.removeAll(keepingCapacity: true)
            firstUnit = 0
        } else if firstUnit > 256 {
            units.removeFirst(firstUnit)
            firstUnit = 0
        }
        if let failure = unit.failure {
            if let statement = unit.preparing?.statement { prepared.remove(statement.number) }
            unit.finish(.failure(failure))
        } else {
            unit.finish(.success(unit.rows))
        }
        if load == 0, !isExclusive { whenFree?() }
    }

    private func lose(_ reason: String) {
        guard !isLost else { return }
        isLost = true
        watch?.cancel()
        loop.forget(descriptor)
        PQfinish(handle)
        let waiting = units[firstUnit...]
        units = []
        firstUnit = 0
        whenLost?(self)
        for unit in waiting {
            unit.finish(.failure(unit.failure ?? PostgreSQLFailure(unavailable: reason)))
        }
    }
}

extension PostgreSQLFailure {
    /// An answer that the program does not understand.
    init(unexpected error: DatabaseError) {
        state = "XX000"
        self.error = error
    }
}
