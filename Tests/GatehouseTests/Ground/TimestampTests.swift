import Ground
import Testing

@Suite("Moments")
struct TimestampTests {
    @Test("a moment is written in UTC with milliseconds, leap days and the years before 1970 included", arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (-1000, "1969-12-31T23:59:59.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_210_096_789, "2024-02-29T12:34:56.789Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] as [(Int64, String)])
    func text(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).rfc3339 == text)
    }

    @Test("seconds are rounded down on both sides of 1970, at the ends of time too")
    func seconds() {
        let cases: [(Int64, Int64)] = [
            (0, 0), (999, 0), (1000, 1), (-1, -1), (-999, -1), (-1000, -1), (-1001, -2),
            (.max, 9_223_372_036_854_775), (.min, -9_223_372_036_854_776),
        ]
        for (milliseconds, seconds) in cases { #expect(Timestamp(milliseconds: milliseconds).seconds == seconds) }
    }

    @Test("a span is rounded up to whole seconds where a client must wait for it")
    func roundedUp() {
        let cases: [(Duration, Int64)] = [
            (.zero, 0), (.milliseconds(1), 1), (.milliseconds(1000), 1), (.milliseconds(1001), 2), (.seconds(60), 60),
        ]
        for (span, seconds) in cases { #expect(span.secondsRoundedUp == seconds) }
    }

    @Test("moments and spans add up")
    func arithmetic() {
        let start = Timestamp(seconds: 100)
        #expect(start + .milliseconds(1500) == Timestamp(milliseconds: 101_500))
        #expect((start - .seconds(1)).seconds == 99 && start - Timestamp(seconds: 40) == .seconds(60))
        #expect(start < start + .milliseconds(1))
    }

    @Test("a clock in a test stands still until it is moved")
    func manualClock() {
        let clock = ManualClock(at: Timestamp(seconds: 10))
        let copy = clock.clock
        clock.advance(by: .seconds(5))
        #expect(copy.now == Timestamp(seconds: 15) && clock.now == copy.now)
    }
}
