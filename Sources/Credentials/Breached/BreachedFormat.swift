import Ground

/// How a filter of breached passwords stands in its file: a head, the directory of its parts, SHA-256 of both, and the
/// tables of the parts one after another. Numbers have their lowest byte first.
///
/// A part holds the keys that begin with the same bits, in a filter of its own. So a list of any length is compiled in
/// little memory, and a lookup reads one piece of the file.
struct BreachedFormat: Sendable {
    static let magic = Array("GHBREACH".utf8)
    static let version: UInt32 = 1
    static let headSize = 48
    static let entrySize = 32
    static let digestSize = 32
    /// So many parts are a directory of half a gigabyte; a billion keys need 65,536.
    static let mostPartBits: UInt32 = 24

    struct Part: Hashable, Sendable {
        /// From the start of the file.
        let offset: UInt64
        let fuse: BinaryFuse
        /// The first eight bytes of SHA-256 over the table.
        let check: UInt64
    }

    /// Of one fingerprint: 8 or 16.
    let fingerprintBits: UInt32
    let partBits: UInt32
    var entries: UInt64
    let madeAt: Timestamp
    /// What was seen in fewer breaches was left out.
    let leastCount: UInt32
    var parts: [Part] = []

    var fingerprintSize: Int { fingerprintBits == 8 ? 1 : 2 }
    var partCount: Int { 1 << Int(partBits) }
    /// Where the tables begin.
    var dataOffset: UInt64 { UInt64(Self.headSize + partCount * Self.entrySize + Self.digestSize) }

    func part(of key: BreachedKey) -> Int { Int(truncatingIfNeeded: key.value >> (64 - UInt64(partBits))) }
    func size(of part: Part) -> Int { part.fuse.tableSize * fingerprintSize }

    /// What stands before the tables.
    func encoded(fileSize: UInt64) -> [UInt8] {
        var bytes = Self.magic
        func put(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        put(Self.version)
        put(fingerprintBits)
        put(partBits)
        put(leastCount)
        put(entries)
        put(madeAt.milliseconds)
        put(fileSize)
        for part in parts {
            put(part.offset)
            put(part.fuse.seed)
            put(part.fuse.segmentLength)
            put(part.fuse.segmentCount)
            put(part.check)
        }
        return bytes + Digest.sha256(bytes)
    }

    /// - Parameter read: bytes of the file, from and how many.
    /// - Throws: `.noFilter`, `.newerVersion`, and what `read` throws.
    init(fileSize: UInt64, read: (UInt64, Int) throws(BreachedFault) -> [UInt8]) throws(BreachedFault) {
        guard fileSize >= UInt64(Self.headSize + Self.digestSize) else { throw .noFilter }
        let head = try read(0, Self.headSize)
        var rest = head[...]
        guard rest.prefix(8).elementsEqual(Self.magic) else { throw .noFilter }
        rest = rest.dropFirst(8)
        let version: UInt32 = Self.take(&rest)
        guard version == Self.version else { throw .newerVersion(version) }
        fingerprintBits = Self.take(&rest)
        partBits = Self.take(&rest)
        leastCount = Self.take(&rest)
        entries = Self.take(&rest)
        madeAt = Timestamp(milliseconds: Self.take(&rest))
        let size: UInt64 = Self.take(&rest)
        guard fingerprintBits == 8 || fingerprintBits == 16, partBits <= Self.mostPartBits, size == fileSize,
            size >= dataOffset
        else { throw .noFilter }
        let directory = try read(UInt64(Self.headSize), partCount * Self.entrySize)
        let digest = try read(dataOffset - UInt64(Self.digestSize), Self.digestSize)
        guard Digest.equal(Digest.sha256(head + directory), digest) else { throw .noFilter }
        rest = directory[...]
        var offset = dataOffset
        for _ in 0..<partCount {
            let part = try Self.part(&rest, at: offset)
            offset += UInt64(self.size(of: part))
            guard offset <= size else { throw .noFilter }
            parts.append(part)
        }
        guard offset == size else { throw .noFilter }
    }

    init(fingerprintBits: UInt32, partBits: UInt32, entries: UInt64, madeAt: Timestamp, leastCount: UInt32) {
        self.fingerprintBits = fingerprintBits
        self.partBits = partBits
        self.entries = entries
        self.madeAt = madeAt
        self.leastCount = leastCount
    }

    /// Whatever the directory says, a lookup stays inside its table.
    private static func part(_ bytes: inout ArraySlice<UInt8>, at expected: UInt64) throws(BreachedFault) -> Part {
        let offset: UInt64 = take(&bytes)
        let seed: UInt64 = take(&bytes)
        let length: UInt32 = take(&bytes)
        let count: UInt32 = take(&bytes)
        let check: UInt64 = take(&bytes)
        guard offset == expected, length.nonzeroBitCount == 1, length <= BinaryFuse.longestSegment, count < 1 << 20 else {
            throw .noFilter
        }
        return Part(
            offset: offset, fuse: BinaryFuse(seed: seed, segmentLength: length, segmentCount: count), check: check)
    }

    private static func take<T: FixedWidthInteger & UnsignedInteger>(_ bytes: inout ArraySlice<UInt8>) -> T {
        defer { bytes = bytes.dropFirst(MemoryLayout<T>.size) }
        return bytes.prefix(MemoryLayout<T>.size).reversed().reduce(0) { $0 << 8 | T($1) }
    }

    private static func take(_ bytes: inout ArraySlice<UInt8>) -> Int64 { Int64(bitPattern: take(&bytes) as UInt64) }
}
