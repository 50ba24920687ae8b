import Glibc
import Ground

/// Makes the file of a ``BreachedFilter`` of keys that come in any order, in less than a hundred megabytes of memory
/// for a billion of them.
///
/// Keys wait in 256 buckets by their first byte, in a file without a name. Then one bucket after another is sorted, cut
/// into parts, and each part is made into a filter.
public final class BreachedCompiler {
    private static let buckets = 256
    private static let bucketBits: UInt32 = 8
    /// Of a part. Larger ones take less room for each key, but a lookup reads more of the file.
    private static let mostKeys: UInt64 = 16_384
    private static let mostEntries: UInt64 = 1 << 36
    private static let mostSeeds: UInt64 = 1000

    /// What became of a list.
    public struct Summary: Sendable {
        /// Each once.
        public let entries: UInt64
        /// Bytes.
        public let fileSize: UInt64
    }

    private let path: String
    private let fingerprintBits: UInt32
    private let leastCount: UInt32
    private let madeAt: Timestamp
    private var waiting: KeyBuckets
    private var count: UInt64 = 0

    /// - Parameters:
    ///   - path: of the file to make. What stands there is replaced in one step, when all is done.
    ///   - fingerprintBits: 8 or 16; else it is 16.
    ///   - leastCount: what is told of the list.
    /// - Throws: `.notWritten`.
    public init(path: String, fingerprintBits: Int, leastCount: Int, madeAt: Timestamp) throws(BreachedFault) {
        self.path = path
        self.fingerprintBits = fingerprintBits == 8 ? 8 : 16
        self.leastCount = UInt32(clamping: leastCount)
        self.madeAt = madeAt
        waiting = try KeyBuckets(count: Self.buckets, beside: path)
    }

    /// - Throws: `.notWritten`, `.tooMany`.
    public func add(_ key: BreachedKey) throws(BreachedFault) {
        guard count < Self.mostEntries else { throw .tooMany }
        count += 1
        try waiting.add(key, to: Int(truncatingIfNeeded: key.value >> 56))
    }

    /// Writes the file.
    /// - Throws: `.empty`, `.notWritten`, `.notRead`.
    public func finish() throws(BreachedFault) -> Summary {
        guard count > 0 else { throw .empty }
        var partBits: UInt32 = 0
        while count >> UInt64(partBits) > Self.mostKeys { partBits += 1 }
        var format = BreachedFormat(
            fingerprintBits: fingerprintBits, partBits: partBits, entries: 0, madeAt: madeAt, leastCount: leastCount)
        let file = try NewFile(path: path)
        try file.skip(to: format.dataOffset)
        var keys: [BreachedKey] = []
        for bucket in 0..<Self.buckets {
            try waiting.take(bucket, into: &keys)
            // Where there are fewer parts than buckets, several make one.
            guard partBits >= Self.bucketBits || (bucket + 1) % (Self.buckets >> Int(partBits)) == 0 else { continue }
            Self.sortOnce(&keys)
            try write(keys, upTo: ((bucket + 1) << Int(partBits)) >> Int(Self.bucketBits), of: &format, to: file)
            keys.removeAll(keepingCapacity: true)
        }
        let size = try file.finish(beginningWith: { format.encoded(fileSize: $0) })
        return Summary(entries: format.entries, fileSize: size)
    }

    /// Writes the next parts.
    private func write(
        _ keys: [BreachedKey], upTo end: Int, of format: inout BreachedFormat, to file: NewFile
    ) throws(BreachedFault) {
        var rest = keys[...]
        while format.parts.count < end {
            let index = format.parts.count
            let next = rest.firstIndex { format.part(of: $0) != index } ?? rest.endIndex
            format.parts.append(try write(rest[..<next], to: file))
            rest = rest[next...]
        }
        format.entries += UInt64(keys.count)
    }

    private func write(_ keys: ArraySlice<BreachedKey>, to file: NewFile) throws(BreachedFault) -> BreachedFormat.Part {
        // The same list makes the same file.
        for seed in 0..<Self.mostSeeds {
            let fuse = BinaryFuse(count: keys.count, seed: (keys.first?.value ?? 0) &+ seed &* 0x9e37_79b9_7f4a_7c15)
            guard let table = fuse.table(of: keys) else { continue }
            let bytes = fingerprintBits == 8
                ? table.map { UInt8(truncatingIfNeeded: $0) }
                : table.map(\.littleEndian).withUnsafeBytes { Array($0) }
            let offset = try file.append(bytes)
            return BreachedFormat.Part(offset: offset, fuse: fuse, check: BreachedFilter.check(of: bytes))
        }
        throw .notWritten(reason: "no filter was found for \(keys.count) hashes")
    }

    private static func sortOnce(_ keys: inout [BreachedKey]) {
        keys.sort()
        var kept = 0
        for index in keys.indices where index == 0 || keys[index] != keys[kept - 1] {
            keys[kept] = keys[index]
            kept += 1
        }
        keys.removeLast(keys.count - kept)
    }
}

/// Keys that wait in buckets; what does not fit the memory waits in a file without a name.
private struct KeyBuckets: ~Copyable {
    /// Of one bucket in memory.
    private static let room = 8192

    private let file: NewFile
    private var keys: [[BreachedKey]]
    /// Where pieces of `room` keys of each bucket are in the file.
    private var pieces: [[UInt64]]

    init(count: Int, beside path: String) throws(BreachedFault) {
        file = try NewFile(path: path)
        file.forgetName()
        keys = [[BreachedKey]](repeating: [], count: count)
        pieces = [[UInt64]](repeating: [], count: count)
    }

    mutating func add(_ key: BreachedKey, to bucket: Int) throws(BreachedFault) {
        keys[bucket].append(key)
        guard keys[bucket].count == Self.room else { return }
        pieces[bucket].append(try file.append(keys[bucket].withUnsafeBytes { Array($0) }))
        keys[bucket].removeAll(keepingCapacity: true)
    }

    mutating func take(_ bucket: Int, into all: inout [BreachedKey]) throws(BreachedFault) {
        all.reserveCapacity(all.count + pieces[bucket].count * Self.room + keys[bucket].count)
        for piece in pieces[bucket] { try file.read(Self.room, at: piece, into: &all) }
        all += keys[bucket]
        keys[bucket] = []
    }
}
