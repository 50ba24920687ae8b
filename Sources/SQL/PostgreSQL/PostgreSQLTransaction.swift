import Ground
import Synchronization

/// A connection that a transaction has for itself.
struct PostgreSQLLease: @unchecked Sendable {  // what is in it is used on the pool's loop alone
    let connection: PostgreSQLConnection
    let pool: PostgreSQLPool

    func run(
        before: String?, _ statement: Statement, _ values: [SQLValue], prepares: Bool, patience: Duration? = nil
    ) async -> PostgreSQLConnection.Answer {
        await withUnsafeContinuation { continuation in
            pool.loop.execute {
                connection.run(before: before, statement, values, prepares: prepares, patience: patience) {
                    continuation.resume(returning: $0)
                }
            }
        }
    }

    func release() { pool.loop.execute { pool.release(connection) } }
}

/// One transaction, from its first statement to its end. BEGIN travels with the first statement.
final class PostgreSQLTransaction: Sendable {
    private struct State {
        var hasBegun = false
        var isCommitting = false
        var hasEnded = false
        var failure: PostgreSQLFailure?
    }

    private let lease: PostgreSQLLease
    private let begin: String
    private let prepares: Bool
    private let patience: Duration?
    private let state = Mutex(State())

    private static let commitWord = Statement("COMMIT")
    private static let rollBackWord = Statement("ROLLBACK")

    /// - Parameter patience: for each statement; the usual where it is nil.
    init(on lease: PostgreSQLLease, beginning begin: String, prepares: Bool, patience: Duration?) {
        self.patience = patience
        self.lease = lease
        self.begin = begin
        self.prepares = prepares
    }

    /// What the body of the transaction is given.
    var statements: any Transaction { PostgreSQLStatements(transaction: self) }

    /// The first failure of a statement: it has ended the transaction, whatever the body makes of it.
    var failure: PostgreSQLFailure? { state.withLock { $0.failure } }

    /// Whether COMMIT was sent: when its answer is lost, nobody knows whether it happened.
    var isCommitting: Bool { state.withLock { $0.isCommitting } }

    func run(_ statement: Statement, _ values: [SQLValue], prepares: Bool? = nil) async throws(DatabaseError) -> [Row] {
        let (first, hasEnded) = state.withLock { state in
            defer { state.hasBegun = true }
            return (!state.hasBegun, state.hasEnded)
        }
        guard !hasEnded else { throw .unexpected("a transaction was used after its end") }
        if let failure { throw failure.error }
        let answer = await lease.run(
            before: first ? begin : nil, statement, values, prepares: prepares ?? self.prepares, patience: patience)
        switch answer {
        case .success(let rows): return rows
        case .failure(let failure):
            state.withLock { $0.failure = $0.failure ?? failure }
            throw failure.error
        }
    }

    /// - Throws: what a statement failed with, even where the body took it lightly.
    func commit() async throws(DatabaseError) {
        if let failure { throw failure.error }
        let hasBegun = state.withLock { state in
            state.isCommitting = true
            return state.hasBegun
        }
        if hasBegun {
            let answer = await lease.run(before: nil, Self.commitWord, [], prepares: false, patience: patience)
            if case .failure(let failure) = answer {
                state.withLock { $0.failure = failure }
                throw failure.error
            }
        }
        end()
    }

    func rollBack() async {
        // A COMMIT that failed has ended the transaction by itself.
        let isOpen = state.withLock { $0.hasBegun && !$0.hasEnded && !$0.isCommitting }
        if isOpen { _ = await lease.run(before: nil, Self.rollBackWord, [], prepares: false) }
        end()
    }

    private func end() {
        let isFirst = state.withLock { state in
            defer { state.hasEnded = true }
            return !state.hasEnded
        }
        if isFirst { lease.release() }
    }
}

/// The face of a transaction.
private struct PostgreSQLStatements: Transaction {
    let transaction: PostgreSQLTransaction

    var runsCompoundStatements: Bool { true }

    func run(_ statement: Statement, _ values: [SQLValue]) async throws(DatabaseError) -> [Row] {
        try await transaction.run(statement, values)
    }

    func run(script: String) async throws(DatabaseError) {
        for statement in Script.statements(of: Script.adapted(script, to: "postgres")) {
            _ = try await transaction.run(Statement(statement), [], prepares: false)
        }
    }
}
