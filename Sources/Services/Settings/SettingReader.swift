import Ground
import KeyValue

/// Reads settings from an environment, and keeps a record of each: name, kind, default, sentence, value, origin.
/// `gatehouse config` and the page of settings are printed from these records.
public struct SettingReader: Sendable {
    public struct Record: Sendable {
        public let section: String
        public let name: String
        public let kind: String
        public let defaultText: String
        public let sentence: String
        public let isSecret: Bool
        /// What is in force, masked where it is secret.
        public let value: String
        public let origin: Origin
    }

    /// Where a value came from.
    public enum Origin: String, Sendable {
        case standard = "default"
        case environment
        case commandLine = "command line"
        case file
    }

    /// A value that cannot be taken, named.
    public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        public let name: String
        public let problem: String
        public var description: String { "\(name) \(problem)" }
    }

    /// All that was wrong, at once.
    public struct Faults: Error, Hashable, Sendable, CustomStringConvertible {
        public let all: [Fault]
        public var description: String { all.map(\.description).joined(separator: "\n") }
    }

    private let values: [String: (text: String, origin: Origin)]
    private var section = ""
    public private(set) var records: [Record] = []
    public private(set) var faults: [Fault] = []

    /// - Parameters:
    ///   - overrides: what the command line or a file says; it goes before the environment.
    public init(environment: [String: String], overrides: [String: (text: String, origin: Origin)] = [:]) {
        var values = environment.mapValues { (text: $0, origin: Origin.environment) }
        for (name, value) in overrides { values[name] = value }
        self.values = values
    }

    mutating func begin(_ section: String) { self.section = section }

    mutating func fault(_ name: String, _ problem: String) { faults.append(Fault(name: name, problem: problem)) }

    /// The value of one setting. An empty variable counts as unset.
    mutating func read<T>(
        _ name: String, _ kind: String, default standard: T, shownAs shown: String, isSecret: Bool = false,
        _ sentence: String, masks: (String) -> String = { $0 }, parse: (String) -> T?
    ) -> T {
        var value = standard
        var text = shown
        var origin = Origin.standard
        if let given = values[name], !given.text.isEmpty {
            origin = given.origin
            text = isSecret ? "(set)" : masks(given.text)
            if let parsed = parse(given.text) {
                value = parsed
            } else {
                fault(name, "must be \(kind)" + (isSecret ? "" : ", and is \"\(masks(given.text))\""))
            }
        }
        records.append(
            Record(
                section: section, name: name, kind: kind, defaultText: shown, sentence: sentence,
                isSecret: isSecret, value: text, origin: origin))
        return value
    }

    /// A setting that may be absent. Apart from `read`, where a refusal could pass for an absence.
    mutating func readOptional<T>(
        _ name: String, _ kind: String, isSecret: Bool, _ sentence: String, parse: (String) -> T?
    ) -> T? {
        read(name, kind, default: T?.none, shownAs: "", isSecret: isSecret, sentence) { text -> T?? in
            guard let value = parse(text) else { return .none }
            return .some(value)
        }
    }

    mutating func text(_ name: String, default standard: String, _ sentence: String) -> String {
        read(name, "text", default: standard, shownAs: standard, sentence) { $0 }
    }

    mutating func optionalText(_ name: String, isSecret: Bool = false, _ sentence: String) -> String? {
        readOptional(name, "text", isSecret: isSecret, sentence) { $0 }
    }

    /// - Parameter shown: the default, where it is not the same on every machine.
    mutating func integer(
        _ name: String, default standard: Int, shownAs shown: String? = nil, in range: ClosedRange<Int>,
        _ sentence: String
    ) -> Int {
        let kind = "a number from \(range.lowerBound) to \(range.upperBound)"
        return read(name, kind, default: standard, shownAs: shown ?? "\(standard)", sentence) { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    mutating func flag(_ name: String, default standard: Bool, _ sentence: String) -> Bool {
        read(name, "true or false", default: standard, shownAs: "\(standard)", sentence) { text in
            switch text.lowercased() {
            case "true", "1", "yes", "on": true
            case "false", "0", "no", "off": false
            default: nil
            }
        }
    }

    mutating func choice<T: RawRepresentable & CaseIterable>(_ name: String, default standard: T, _ sentence: String) -> T
    where T.RawValue == String {
        let kind = T.allCases.map(\.rawValue).joined(separator: " or ")
        return read(name, kind, default: standard, shownAs: standard.rawValue, sentence) { T(rawValue: $0) }
    }

    mutating func duration(
        _ name: String, default standard: String, from least: Duration, to most: Duration, _ sentence: String
    ) -> Duration {
        let parsed = Self.duration(standard) ?? least
        return read(name, "a time such as 500ms, 10s, 15m, 12h or 7d", default: parsed, shownAs: standard, sentence) {
            Self.duration($0).flatMap { $0 >= least && $0 <= most ? $0 : nil }
        }
    }

    mutating func allowance(_ name: String, default standard: String, _ sentence: String) -> Allowance? {
        let parsed = Self.allowance(standard) ?? nil
        return read(name, "count/seconds or off", default: parsed, shownAs: standard, sentence) { Self.allowance($0) }
    }

    mutating func list<T>(_ name: String, of kind: String, _ sentence: String, item: (String) -> T?) -> [T] {
        read(name, "a list of \(kind), separated by commas", default: [], shownAs: "", sentence) { text in
            var items: [T] = []
            for part in text.split(separator: ",") {
                guard let item = item(String(part.filter { $0 != " " })) else { return nil }
                items.append(item)
            }
            return items
        }
    }

    /// `500ms`, `10s`, `15m`, `12h`, `7d`; a bare number is seconds.
    static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), number <= 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(number)
        case "s", "": return .seconds(number)
        case "m": return .seconds(number * 60)
        case "h": return .seconds(number * 3600)
        case "d": return .seconds(number * 86400)
        default: return nil
        }
    }

    /// The outer nil: no allowance at all; the inner: `off`.
    private static func allowance(_ text: String) -> Allowance?? {
        if text == "off" { return .some(nil) }
        let parts = text.split(separator: "/")
        guard parts.count == 2, let count = Int(parts[0]), let seconds = Int64(parts[1]),
            (1...1_000_000).contains(count), (1...86400).contains(seconds)
        else { return nil }
        return Allowance(count: count, period: .seconds(seconds))
    }
}
