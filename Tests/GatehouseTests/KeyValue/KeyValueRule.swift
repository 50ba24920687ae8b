import Ground
import KeyValue
import Testing

/// What every `KeyValue` keeps to, whatever it is built on.
enum KeyValueRule: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case valuesExpire = "values expire, and one that is there can be left alone"
    case valuesAreBytes = "a value is any bytes, and keys are any text"
    case countersCount = "a counter counts, expires after its first increment, and stays when it is full"
    case allowancesAllow = "an allowance of five a minute lets five come at once, then one every twelve seconds"
    case verdictsAgree = "the verdict is the one that the allowance decides"
    case allowancesAreAtomic = "of many that take at once no more are allowed than there is room for"
    case kindsAreApart = "values, counters and allowances are not taken for one another"
    case replacing = "a value is replaced only while it is the expected one"
    case replacingHasOneWinner = "of many that replace the same value one wins"
    case publishing = "subscribers hear what is published, in order, until they cancel"

    var testDescription: String { rawValue }

    /// A store, with keys of its own and a clock that allowances go by.
    struct Trial {
        let store: any KeyValue
        let clock: ManualClock
        let prefix: String

        /// Lets time pass until there is nothing under the key; false when there is something for longer.
        func expires(_ key: String) async throws -> Bool {
            try await eventually {
                clock.advance(by: .milliseconds(20))
                return try await store.get(key) == nil
            }
        }
    }

    func check(_ trial: Trial) async throws {
        switch self {
        case .valuesExpire: try await trial.valuesExpire()
        case .valuesAreBytes: try await trial.valuesAreBytes()
        case .countersCount: try await trial.countersCount()
        case .allowancesAllow: try await trial.allowancesAllow()
        case .verdictsAgree: try await trial.verdictsAgree()
        case .allowancesAreAtomic: try await trial.allowancesAreAtomic()
        case .kindsAreApart: try await trial.kindsAreApart()
        case .replacing: try await trial.replacing()
        case .replacingHasOneWinner: try await trial.replacingHasOneWinner()
        case .publishing: try await trial.publishing()
        }
    }
}

extension KeyValueRule.Trial {
    func valuesExpire() async throws {
        let key = prefix + "k"
        #expect(try await store.get(key) == nil)
        #expect(try await store.set(key, [1], for: .seconds(100), onlyIfAbsent: true))
        #expect(try await !store.set(key, [2], for: .milliseconds(1), onlyIfAbsent: true))
        clock.advance(by: .seconds(99))
        #expect(try await store.get(key) == [1])
        #expect(try await store.set(key, [2], for: .milliseconds(40), onlyIfAbsent: false))
        #expect(try await expires(key))
        #expect(try await store.set(key, [3], for: .seconds(300), onlyIfAbsent: true))
        try await store.remove(key)
        #expect(try await store.get(key) == nil)
        try await store.remove(key)
    }

    func valuesAreBytes() async throws {
        let values: [[UInt8]] = [[], [0], [13, 10, 36], Array(0...255), [UInt8](repeating: 7, count: 200_000)]
        for key in ["", " ", "\r\n", "ключ", "a{b}c{", "{}", String(repeating: "k", count: 500)] {
            for value in values {
                try await store.set(prefix + key, value, for: .seconds(300), onlyIfAbsent: false)
                #expect(try await store.get(prefix + key) == value)
            }
        }
    }

    func countersCount() async throws {
        let key = prefix + "c"
        #expect(try await store.increment(key, by: 2, for: .seconds(100)) == 2)
        #expect(try await store.increment(key, by: 3, for: .seconds(100)) == 5)
        // What it was first given counts, not what came later.
        #expect(try await store.increment(prefix + "short", by: 2, for: .milliseconds(150)) == 2)
        #expect(try await eventually {
            clock.advance(by: .milliseconds(20))
            return try await store.increment(prefix + "short", by: 1, for: .seconds(100)) == 1
        })
        #expect(try await store.increment(prefix + "full", by: .max - 1, for: .seconds(300)) == .max - 1)
        #expect(try await store.increment(prefix + "full", by: 2, for: .seconds(300)) == .max - 1)
        #expect(try await store.increment(prefix + "full", by: 1, for: .seconds(300)) == .max)
        #expect(try await store.increment(prefix + "down", by: -5, for: .seconds(300)) == -5)
    }

    func allowancesAllow() async throws {
        let (a, b) = (prefix + "a", prefix + "b")
        let five = Allowance(count: 5, period: .seconds(60))
        for _ in 0..<5 { #expect(try await store.take(a, from: five) == .allowed) }
        #expect(try await store.take(a, from: five) == .wait(.seconds(12)))
        #expect(try await store.take(b, from: five) == .allowed)
        clock.advance(by: .seconds(12))
        #expect(try await store.take(a, from: five) == .allowed)
        #expect(try await store.take(a, from: five) == .wait(.seconds(12)))
        clock.advance(by: .seconds(60))
        for _ in 0..<5 { #expect(try await store.take(a, from: five) == .allowed) }
        #expect(try await store.take(a, from: five) != .allowed)
    }

    func verdictsAgree() async throws {
        var random = SplitMix(seed: 7)
        for round in 0..<20 {
            let allowance = Allowance(
                count: .random(in: 1...50, using: &random), period: .seconds(.random(in: 10...100_000, using: &random)))
            var wholeAt: Timestamp?
            for _ in 0..<20 {
                clock.advance(by: .milliseconds(.random(in: 0...3000, using: &random)))
                let (verdict, next) = allowance.decide(wholeAt: wholeAt, now: clock.now)
                wholeAt = next ?? wholeAt
                #expect(try await store.take(prefix + "\(round)", from: allowance) == verdict)
            }
        }
    }

    func allowancesAreAtomic() async throws {
        let ten = Allowance(count: 10, period: .seconds(1000))
        let allowed = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 { group.addTask { try await store.take(prefix + "a", from: ten) == .allowed } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(allowed == 10)
    }

    func kindsAreApart() async throws {
        let one = Allowance(count: 1, period: .seconds(60))
        try await store.set(prefix + "v", Array("5".utf8), for: .seconds(60), onlyIfAbsent: false)
        _ = try await store.increment(prefix + "c", by: 5, for: .seconds(60))
        _ = try await store.take(prefix + "a", from: one)
        for key in ["c", "a"] {
            await #expect(throws: KeyValueError.wrongKind) { _ = try await store.get(prefix + key) }
            await #expect(throws: KeyValueError.wrongKind) {
                _ = try await store.exchange(
                    prefix + key, startingWith: Array("5".utf8), for: [], lasting: .seconds(60))
            }
        }
        for key in ["v", "a"] {
            await #expect(throws: KeyValueError.wrongKind) {
                _ = try await store.increment(prefix + key, by: 1, for: .seconds(60))
            }
        }
        for key in ["v", "c"] {
            await #expect(throws: KeyValueError.wrongKind) { _ = try await store.take(prefix + key, from: one) }
        }
        #expect(try await store.get(prefix + "v") == Array("5".utf8))
        #expect(try await store.increment(prefix + "c", by: 1, for: .seconds(60)) == 6)
        #expect(try await store.take(prefix + "a", from: one) != .allowed)
    }

    func replacing() async throws {
        let key = prefix + "r"
        #expect(try await store.exchange(key, startingWith: [], for: [1], lasting: .seconds(60)) == .held(nil))
        try await store.set(key, [1, 9], for: .seconds(300), onlyIfAbsent: false)
        for other: [UInt8] in [[2], [1, 9, 0]] {
            let outcome = try await store.exchange(key, startingWith: other, for: [3], lasting: .seconds(300))
            #expect(outcome == .held([1, 9]))
        }
        #expect(try await store.exchange(key, startingWith: [1], for: [2], lasting: .seconds(100)) == .exchanged)
        clock.advance(by: .seconds(15))
        #expect(try await store.get(key) == [2])
        #expect(try await store.exchange(key, startingWith: [2], for: [3], lasting: .milliseconds(40)) == .exchanged)
        #expect(try await expires(key))
        #expect(try await store.exchange(key, startingWith: [3], for: [4], lasting: .seconds(300)) == .held(nil))
    }

    func replacingHasOneWinner() async throws {
        let key = prefix + "r"
        try await store.set(key, [0], for: .seconds(300), onlyIfAbsent: false)
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 1...50 {
                group.addTask {
                    try await store.exchange(key, startingWith: [0], for: [UInt8(number)], lasting: .seconds(300))
                        == .exchanged
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
    }

    func publishing() async throws {
        let (news, other) = (HeardWords(), HeardWords())
        func messages(_ words: HeardWords) -> [Heard] { words.all.filter { $0 != .interrupted && $0 != .resumed } }
        let subscription = try await store.subscribe(prefix + "news") { news.append($0) }
        let second = try await store.subscribe(prefix + "news") { other.append($0) }
        // A line that is still being opened says so, and is waited for: what is said meanwhile is lost.
        for words in [news, other] {
            #expect(await eventually { words.all.last != .interrupted })
        }
        for number in 0..<100 {
            try await store.publish(prefix + "news", [UInt8(number)])
            try await store.publish(prefix + "else", [UInt8(number)])
        }
        let all = (0..<100).map { Heard.message([UInt8($0)]) }
        #expect(await eventually { messages(other).count >= 100 })
        subscription.cancel()
        try await store.publish(prefix + "news", [255])
        #expect(await eventually { messages(other).count >= 101 })
        #expect(messages(news) == all)
        #expect(messages(other) == all + [.message([255])])
        second.cancel()
        let third = try await store.subscribe(prefix + "news") { news.append($0) }
        try await store.publish(prefix + "news", [])
        #expect(await eventually { news.all.last == .message([]) })
        third.cancel()
    }
}
