/// Writes commands as the arrays of bulk strings that RESP wants.
struct CommandWriter {
    private(set) var bytes: [UInt8]

    /// - Parameter count: of the words that follow, the name of the command included.
    init(words count: Int, capacity: Int = 96) {
        bytes = []
        bytes.reserveCapacity(capacity)
        head(UInt8(ascii: "*"), count)
    }

    /// A command of few words, where speed is no matter.
    static func command(_ words: String...) -> [UInt8] {
        var writer = CommandWriter(words: words.count)
        for word in words { writer.add(word) }
        return writer.bytes
    }

    mutating func add(_ word: String) {
        var word = word
        word.withUTF8 { add($0) }
    }

    mutating func add(_ word: [UInt8]) { word.withUnsafeBufferPointer { add($0) } }

    mutating func add(_ word: StaticString) {
        add(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    mutating func add(_ number: Int64) { add(String(number)) }

    /// A value behind the byte that tells its kind.
    mutating func add(_ kind: UInt8, _ value: [UInt8]) {
        head(UInt8(ascii: "$"), value.count + 1)
        bytes.append(kind)
        bytes.append(contentsOf: value)
        end()
    }

    private mutating func add(_ word: UnsafeBufferPointer<UInt8>) {
        head(UInt8(ascii: "$"), word.count)
        bytes.append(contentsOf: word)
        end()
    }

    private mutating func head(_ kind: UInt8, _ count: Int) {
        bytes.append(kind)
        if count < 10 {
            bytes.append(48 + UInt8(truncatingIfNeeded: count))
        } else if count < 100 {
            bytes.append(48 + UInt8(truncatingIfNeeded: count / 10))
            bytes.append(48 + UInt8(truncatingIfNeeded: count % 10))
        } else {
            bytes.append(contentsOf: String(count).utf8)
        }
        end()
    }

    private mutating func end() {
        bytes.append(13)
        bytes.append(10)
    }
}
