import Ground
import Testing

@Suite("Resting before another attempt") struct BackoffTests {
    /// A source that always gives the same.
    private func source(_ byte: UInt8) -> RandomSource { RandomSource { $0.copyBytes(from: repeatElement(byte, count: $0.count)) } }

    @Test("it rests twice as long after each failure, up to the limit, and anew after a success")
    func doubling() {
        var shortest = Backoff(upTo: .seconds(1), random: source(0))
        #expect((0..<7).map { _ in shortest.next().milliseconds } == [25, 50, 100, 200, 400, 500, 500])
        #expect(shortest.failures == 7)
        shortest.reset()
        #expect(shortest.failures == 0 && shortest.next() == .milliseconds(25))
    }

    @Test("chance shortens it by a half at most")
    func chance() {
        var seen: Set<Int64> = []
        for _ in 0..<300 {
            var backoff = Backoff(upTo: .seconds(2))
            seen.insert(backoff.next().milliseconds)
            for _ in 0..<100 { #expect((25...2000).contains(backoff.next().milliseconds)) }
        }
        #expect(seen.count > 10 && seen.isSubset(of: Set(25...50)))
    }
}
