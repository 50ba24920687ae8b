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

    @Test("what was written is read again, and other offsets and precisions too", arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999Z", -1), ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("2024-02-29t14:34:56.789123456+02:00", 1_709_210_096_789), ("2024-02-29T12:04:56.7-00:30", 1_709_210_096_700),
        ("2016-12-31T23:59:60z", 1_483_228_800_000), ("0000-03-01T00:00:00Z", -62_162_035_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999), ("1900-02-28T23:59:59Z", -2_203_891_201_000),
    ] as [(String, Int64)])
    func parsed(text: String, milliseconds: Int64) {
        #expect(Timestamp(rfc3339: text) == Timestamp(milliseconds: milliseconds))
    }

    @Test("every day of eight centuries is read as it was written")
    func everyDay() {
        for day in stride(from: -146_097 as Int64, to: 146_097, by: 1) {
            let moment = Timestamp(milliseconds: day * 86_400_000 + 43_200_001)
            guard Timestamp(rfc3339: moment.rfc3339) == moment else {
                Issue.record("\(moment.rfc3339)")
                return
            }
        }
    }

    @Test("anything else is no moment", arguments: [
        "", "2024", "2024-02-30T00:00:00Z", "1900-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z",
        "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00 02:00", "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00ZZ", "+024-01-01T00:00:00Z", "2024-01-01T00:00:00Z\0", "２024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.00000000000000000000000Z", "2024-01-01T00:00:00+0200",
    ])
    func noMoment(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
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
