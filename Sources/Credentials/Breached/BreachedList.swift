import Ground

/// Reads the lists of Have I Been Pwned: lines of a SHA-1 in hexadecimal digits and, after a colon, how often it was seen;
/// in files of one range, of what follows the range's five digits.
public struct BreachedList: Sendable {
    private static let digitsOfSHA1 = 40
    private static let digitsOfNTLM = 32
    private static let digitsOfKey = 16

    /// The digits that the hashes of this file begin with, and what they make of the key.
    private let given: (digits: Int, key: UInt64)
    private let leastCount: UInt64
    private var line = 1
    private var digits: Int
    private var key: UInt64
    /// nil before the colon.
    private var count: UInt64?
    private var countDigits = 0
    private var sawCarriageReturn = false

    /// - Parameters:
    ///   - range: the digits that the file is of; nil for a file of whole hashes.
    ///   - leastCount: what was seen less often is left out. What the range API pads its answers with was never seen.
    public init(range: String? = nil, leastCount: Int = 1) {
        let range = (range ?? "").utf8
        given = (range.count, range.reduce(0) { $0 << 4 | UInt64(Hex.value(of: $1) ?? 0) })
        self.leastCount = UInt64(max(1, leastCount))
        (digits, key) = given
    }

    /// The range that a file of this name is of, as `00ABC` or `00ABC.txt`.
    public static func range(ofFile name: String) -> String? {
        let stem = name.hasSuffix(".txt") ? name.dropLast(4) : name[...]
        let digits = Array(stem.utf8)
        return digits.count == 5 && digits.allSatisfy { Hex.value(of: $0) != nil } ? stem.uppercased() : nil
    }

    /// Takes a piece of the file, which may end anywhere, and gives the key of each hash that is wanted.
    /// - Throws: `.noHash`, `.isNTLM`, and what `add` throws.
    public mutating func take(_ piece: [UInt8], _ add: (BreachedKey) throws(BreachedFault) -> Void) throws(BreachedFault) {
        for byte in piece {
            if byte == UInt8(ascii: "\n") {
                try endLine(add)
            } else if sawCarriageReturn {
                throw .noHash(line: line)
            } else if byte == UInt8(ascii: "\r") {
                sawCarriageReturn = true
            } else if let count {
                guard (48...57).contains(byte), countDigits < 18 else { throw .noHash(line: line) }
                self.count = count * 10 + UInt64(byte - 48)
                countDigits += 1
            } else if let value = Hex.value(of: byte), digits < Self.digitsOfSHA1 {
                digits += 1
                if digits <= Self.digitsOfKey { key = key << 4 | UInt64(value) }
            } else {
                guard byte == UInt8(ascii: ":") else { throw .noHash(line: line) }
                try demandHash()
                count = 0
            }
        }
    }

    /// Takes the last line where nothing has ended it.
    public mutating func finish(_ add: (BreachedKey) throws(BreachedFault) -> Void) throws(BreachedFault) { try endLine(add) }

    private mutating func endLine(_ add: (BreachedKey) throws(BreachedFault) -> Void) throws(BreachedFault) {
        if digits > given.digits || count != nil {
            try demandHash()
            guard count == nil || countDigits > 0 else { throw .noHash(line: line) }
            // A list without counts is of what was seen.
            if count ?? leastCount >= leastCount { try add(BreachedKey(value: key)) }
        }
        line += 1
        (digits, key) = given
        (count, countDigits, sawCarriageReturn) = (nil, 0, false)
    }

    private func demandHash() throws(BreachedFault) {
        if digits == Self.digitsOfNTLM, given.digits == 0 { throw .isNTLM(line: line) }
        guard digits == Self.digitsOfSHA1 else { throw .noHash(line: line) }
    }
}
