import Ground

/// The connections of one event loop. On its thread only.
final class PostgreSQLPool: @unchecked Sendable {  // touched by its loop's thread alone
    typealias Answer = PostgreSQLConnection.Answer

    private struct Waiter {
        let timer: LoopTimer
        let isExclusive: Bool
        let take: (Result<PostgreSQLConnection, PostgreSQLFailure>) -> Void
    }

    let loop: EventLoop
    /// Connections at most.
    private let size: Int
    private let settings: PostgreSQLSettings
    private let connector: PostgreSQLConnector
    private var connections: [PostgreSQLConnection] = []
    private var waiters: [Int: Waiter] = [:]
    private var firstWaiter = 0
    private var nextWaiter = 0
    private var openingCount = 0
    private var backoff: Backoff
    /// Why the last attempt to connect failed.
    private var lastFailure = PostgreSQLFailure(unavailable: "not connected yet")
    private var isResting = false
    private var isClosed = false
    /// Above so many units under way, another connection is opened where it may.
    private static let comfortableLoad = 4

    init(loop: EventLoop, size: Int, settings: PostgreSQLSettings, connector: PostgreSQLConnector, random: RandomSource) {
        self.loop = loop
        self.size = size
        self.settings = settings
        self.connector = connector
        backoff = Backoff(upTo: .seconds(1), random: random)
    }

    /// Runs one statement as a transaction of its own, beside others on a connection that no transaction has.
    func run(_ statement: Statement, _ values: [SQLValue], prepares: Bool, _ finish: @escaping (Answer) -> Void) {
        if let connection = leastLoaded, connection.load < Self.comfortableLoad || !mayOpen {
            return connection.run(statement, values, prepares: prepares, finish)
        }
        if mayOpen { open() }
        if let connection = leastLoaded { return connection.run(statement, values, prepares: prepares, finish) }
        wait(isExclusive: false) { result in
            switch result {
            case .success(let connection): connection.run(statement, values, prepares: prepares, finish)
            case .failure(let failure): finish(.failure(failure))
            }
        }
    }

    /// Gives a connection for a transaction alone, until `release`.
    func acquire(_ take: @escaping (Result<PostgreSQLConnection, PostgreSQLFailure>) -> Void) {
        if let connection = free { return lend(connection, to: take) }
        if mayOpen { open() } else if let connection = leastLoaded { return lend(connection, to: take) }
        wait(isExclusive: true, take)
    }

    func release(_ connection: PostgreSQLConnection) {
        connection.isExclusive = false
        serve()
    }

    /// Closes every connection. The loop has ended, or this is its thread.
    func close() {
        isClosed = true
        for connection in connections { connection.close() }
        failWaiters(PostgreSQLFailure(unavailable: "the database is closed"))
    }

    // MARK: Choosing

    private var leastLoaded: PostgreSQLConnection? {
        connections.lazy.filter { !$0.isExclusive }.min { $0.load < $1.load }
    }

    /// One that has nothing under way: a transaction that queues behind others waits for them.
    private var free: PostgreSQLConnection? { connections.first(where: \.isFree) }

    private func lend(
        _ connection: PostgreSQLConnection, to take: (Result<PostgreSQLConnection, PostgreSQLFailure>) -> Void
    ) {
        connection.isExclusive = true
        take(.success(connection))
    }

    private func wait(
        isExclusive: Bool, _ take: @escaping (Result<PostgreSQLConnection, PostgreSQLFailure>) -> Void
    ) {
        // While nothing is open and the last attempt failed, nobody is kept waiting for the next.
        guard !isClosed, !(isResting && connections.isEmpty) else { return take(.failure(lastFailure)) }
        let number = nextWaiter
        nextWaiter += 1
        let timer = loop.schedule(after: settings.poolTimeout) { [weak self] in
            self?.waiters.removeValue(forKey: number)?.take(
                .failure(PostgreSQLFailure(unavailable: "no connection became free in time")))
        }
        waiters[number] = Waiter(timer: timer, isExclusive: isExclusive, take: take)
    }

    /// Gives what is free to who has waited longest.
    func serve() {
        while firstWaiter < nextWaiter {
            guard let waiter = waiters[firstWaiter] else {
                firstWaiter += 1
                continue
            }
            guard let connection = waiter.isExclusive ? free ?? (openingCount == 0 ? leastLoaded : nil) : leastLoaded
            else { return }
            waiters[firstWaiter] = nil
            firstWaiter += 1
            waiter.timer.cancel()
            if waiter.isExclusive { lend(connection, to: waiter.take) } else { waiter.take(.success(connection)) }
        }
    }

    private func failWaiters(_ failure: PostgreSQLFailure) {
        let failed = waiters.sorted { $0.key < $1.key }.map(\.value)
        waiters = [:]
        for waiter in failed {
            waiter.timer.cancel()
            waiter.take(.failure(failure))
        }
    }

    // MARK: Opening

    private var mayOpen: Bool {
        !isClosed && !isResting && connections.count + openingCount < size
            && (backoff.failures == 0 || openingCount == 0)
    }

    private func open() {
        openingCount += 1
        connector.open(settings.url) { [self] outcome in
            loop.execute { [self] in opened(outcome) }
        }
    }

    private func opened(_ outcome: PostgreSQLConnector.Outcome) {
        openingCount -= 1
        switch outcome {
        case .failure(let error): failed(PostgreSQLFailure(unexpected: error))
        case .success(let open):
            guard let connection = PostgreSQLConnection(open, on: loop, settings: settings) else {
                return failed(PostgreSQLFailure(unavailable: "the connection cannot be watched"))
            }
            guard !isClosed else { return connection.close() }
            backoff.reset()
            connection.whenLost = { [weak self] lost in self?.lost(lost) }
            connection.whenFree = { [weak self] in self?.serve() }
            connections.append(connection)
            serve()
            if !waiters.isEmpty, mayOpen { self.open() }
        }
    }

    private func failed(_ failure: PostgreSQLFailure) {
        lastFailure = failure
        isResting = true
        loop.schedule(after: backoff.next()) { [weak self] in
            guard let self else { return }
            self.isResting = false
            // By itself, so that the first request after the server's return finds a connection.
            if self.connections.isEmpty, self.mayOpen { self.open() }
        }
        if connections.isEmpty { failWaiters(failure) }
    }

    private func lost(_ connection: PostgreSQLConnection) {
        connections.removeAll { $0 === connection }
        if !waiters.isEmpty, mayOpen { open() }
    }
}
