import Credentials
import Ground
import Testing

/// Work that a test lets end.
private final class Gate: Sendable {
    private let open = Monitor(false)
    func pass() {
        open.wait { $0 ? () : nil }
        open.withLock(wakes: true) { _ in }
    }
    func release() { open.withLock(wakes: true) { $0 = true } }
}

@Suite("The threads that hash passwords") struct HashingPoolTests {
    private func until(_ pool: HashingPool, _ condition: (HashingPool.Counters) -> Bool) async {
        while !condition(pool.counters) { await Task.yield() }
    }

    @Test("every job gives its own answer")
    func answers() async throws {
        let pool = HashingPool(threads: 3, queueLimit: 100)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...100 { group.addTask { try await pool.run { number * number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 338_350)
        pool.stop()
        #expect(pool.counters == HashingPool.Counters(completed: 100))
    }

    @Test("a full queue refuses at once, says when to come again, and takes jobs on again afterwards")
    func overload() async throws {
        let pool = HashingPool(threads: 1, queueLimit: 1, patience: .seconds(600))
        let gate = Gate()
        async let first: Void = pool.run { gate.pass() }
        await until(pool) { $0.running == 1 }
        async let second = pool.run { 2 }
        await until(pool) { $0.queued == 1 }
        let refusal = await #expect(throws: Overloaded.self) { try await pool.run { 3 } }
        #expect((refusal?.retryAfter ?? 0) >= 1)
        #expect(pool.counters == HashingPool.Counters(queued: 1, running: 1, refused: 1))
        gate.release()
        try await first
        #expect(try await second == 2)
        #expect(try await pool.run { 4 } == 4)
        pool.stop()
        #expect(pool.counters == HashingPool.Counters(completed: 3, refused: 1))
    }

    @Test("stopping does what was taken on, and refuses what comes after")
    func stop() async throws {
        let pool = HashingPool(threads: 2, queueLimit: 8, patience: .seconds(600))
        let gate = Gate()
        let jobs = (0..<5).map { number in
            Task {
                try await pool.run {
                    gate.pass()
                    return number
                }
            }
        }
        await until(pool) { $0.running == 2 && $0.queued == 3 }
        gate.release()
        pool.stop()
        for (number, job) in jobs.enumerated() { #expect(try await job.value == number) }
        await #expect(throws: Overloaded.self) { try await pool.run { 6 } }
        pool.stop()
    }

    @Test("a job goes on to its end when the caller is cancelled")
    func cancellation() async throws {
        let pool = HashingPool(threads: 1)
        let gate = Gate()
        let job = Task {
            try await pool.run {
                gate.pass()
                return 1
            }
        }
        await until(pool) { $0.running == 1 }
        job.cancel()
        gate.release()
        #expect(try await job.value == 1)
        pool.stop()
    }

    @Test("while nothing moves, one more thread helps, so that nobody waits for ever")
    func reserve() async throws {
        let pool = HashingPool(threads: 1, patience: .milliseconds(1))
        let gate = Gate()
        async let stuck: Void = pool.run { gate.pass() }
        await until(pool) { $0.running == 1 }
        for number in 0..<3 { #expect(try await pool.run { number } == number) }
        gate.release()
        try await stuck
        pool.stop()
        #expect(pool.counters == HashingPool.Counters(completed: 4))
    }
}
