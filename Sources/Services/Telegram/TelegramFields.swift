import Credentials
import Ground

/// The fields that Telegram has signed, each name once.
///
/// The signature covers lines of `name=value`. A name or value with a line break in it would be other fields under the
/// same signature, and a name given twice could be read as either: both are refused.
struct TelegramFields: Sendable {
    private static let most = 64
    private static let longestName = 64
    private static let longestValue = 8192

    private let fields: [(name: String, value: String)]

    init(_ fields: [(name: String, value: String)]) throws(TelegramFault) {
        guard !fields.isEmpty else { throw .malformed("It is empty: this way of opening the app signs nothing.") }
        guard fields.count <= Self.most else { throw .malformed("It has too many fields.") }
        for field in fields {
            guard Self.isName(field.name) else { throw .malformed("A field has a name that Telegram gives none.") }
            guard field.value.utf8.count <= Self.longestValue, field.value.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
                throw .malformed("The field \(field.name) is too long, or has control characters.")
            }
        }
        let sorted = fields.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (one, next) in zip(sorted, sorted.dropFirst()) where one.name == next.name {
            throw .malformed("The field \(one.name) is given twice.")
        }
        self.fields = sorted
    }

    /// A query string, as Telegram's own pages make it: `+` is a space, and blank values stay.
    init(query: String) throws(TelegramFault) {
        guard query.utf8.count <= Self.longestValue * 2 else { throw .malformed("It is too long.") }
        let bytes = Array(query.utf8)
        var fields: [(String, String)] = []
        fields.reserveCapacity(12)
        for pair in bytes.split(separator: 38, omittingEmptySubsequences: false) {
            guard fields.count <= Self.most, !bytes.isEmpty else { break }
            guard let equals = pair.firstIndex(of: 61), let name = Self.decoded(pair[..<equals]),
                let value = Self.decoded(pair[(equals + 1)...])
            else { throw .malformed("It is no query string.") }
            fields.append((name, value))
        }
        try self.init(fields)
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == 37 {
                guard bytes.endIndex - index > 2, let high = Hex.value(of: bytes[index + 1]),
                    let low = Hex.value(of: bytes[index + 2])
                else { return nil }
                output.append(high << 4 | low)
                index += 2
            } else {
                output.append(byte == 43 ? 32 : byte)
            }
            index += 1
        }
        return String(validating: output, as: UTF8.self)
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= longestName
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122, 45, 95: true
                default: false
                }
            }
    }

    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The lines that are signed: every field but its own code, by name.
    private var lines: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        for field in fields where field.name != Self.code {
            if !bytes.isEmpty { bytes.append(10) }
            bytes.append(contentsOf: field.name.utf8)
            bytes.append(61)
            bytes.append(contentsOf: field.value.utf8)
        }
        return bytes
    }

    private static let code = "hash"

    /// The code of all other fields.
    /// - Throws: `.notSigned` where `hash` is another, or not in lower-case hexadecimal digits.
    func code(by key: HMACKey) throws(TelegramFault) -> [UInt8] {
        let code = key.sign(lines)
        guard let given = self[Self.code], Digest.equal(Array(given.utf8), Array(Hex.encode(code).utf8)) else {
            throw .notSigned
        }
        return code
    }

    /// When Telegram signed them.
    /// - Parameter maximumAge: how old they may be.
    func moment(at now: Timestamp, maximumAge: Duration) throws(TelegramFault) -> Timestamp {
        guard let text = self["auth_date"], let seconds = TelegramPerson.number(text) else {
            throw .malformed("The field auth_date must be a moment in seconds.")
        }
        let moment = Timestamp(seconds: seconds)
        guard moment <= now + Self.clockSkew else { throw .inFuture }
        guard now - moment <= maximumAge else { throw .expired }
        return moment
    }

    /// How far ahead a clock of Telegram's may be.
    static let clockSkew = Duration.seconds(30)
}

/// A person, as Telegram describes them.
public struct TelegramPerson: Sendable, Equatable {
    public let id: Int64
    public var firstName: String
    public var lastName: String?
    /// Without the `@`.
    public var username: String?
    public var photoURL: String?
    public var language: String?

    public init(
        id: Int64, firstName: String, lastName: String? = nil, username: String? = nil, photoURL: String? = nil,
        language: String? = nil
    ) {
        self.id = id
        self.firstName = CleanText.clean(firstName, limit: 256)
        self.lastName = Self.text(lastName, limit: 256)
        self.username = username.flatMap { Self.isUsername($0) ? $0 : nil }
        self.photoURL = photoURL.flatMap { $0.hasPrefix("https://") ? Self.text($0, limit: 1024) : nil }
        self.language = language.flatMap { Self.isLanguage($0) ? $0 : nil }
    }

    /// What the person is called here, until they say otherwise.
    public var name: String {
        let full = [firstName, lastName ?? ""].filter { $0.contains { !$0.isWhitespace } }.joined(separator: " ")
        return full.isEmpty ? username.map { "@\($0)" } ?? "Telegram \(id)" : full
    }

    /// The field `user` of a Mini App, or an update of the Bot API.
    init?(_ json: JSON) {
        guard let id = json["id"]?.integer, Self.isID(id), let first = json["first_name"]?.string else { return nil }
        self.init(
            id: id, firstName: first, lastName: json["last_name"]?.string, username: json["username"]?.string,
            photoURL: json["photo_url"]?.string, language: json["language_code"]?.string)
    }

    /// Decimal digits without a sign or a leading zero, as Telegram writes numbers.
    static func number(_ text: String) -> Int64? {
        guard (1...16).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }), text.utf8.first != 48
        else { return nil }
        return Int64(text)
    }

    /// Telegram's ids have 52 bits at most.
    static func isID(_ id: Int64) -> Bool { id > 0 && id < 1 << 52 }

    private static func text(_ text: String?, limit: Int) -> String? {
        guard let text, !text.isEmpty else { return nil }
        return CleanText.clean(text, limit: limit)
    }

    static func isUsername(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0 & 0xdf) || $0 == 95 }
    }

    private static func isLanguage(_ text: String) -> Bool {
        (2...16).contains(text.utf8.count) && text.utf8.allSatisfy { (65...90).contains($0 & 0xdf) || (48...57).contains($0) || $0 == 45 }
    }
}
