import Glibc
import Ground
import Synchronization

/// Passwords that have been stolen somewhere, as a file that `gatehouse breached import` has compiled.
///
/// Whoever is in the list is always found. Who is not, is taken for one with the chance that ``falsePositiveRate`` says.
///
/// The file is read piece by piece, and stays in the memory of the operating system as long as there is room. It is not
/// mapped into that of the process: there a file that is cut off while it is used would end the server.
public final class BreachedFilter: FileContent {
    public let path: String
    public let stamp: FileStamp
    private let descriptor: Int32
    private let format: BreachedFormat
    /// Parts that were found to be as they were written. Each is looked at when it is first asked.
    private let sound: Mutex<[Bool]>

    /// Opens the file and checks all of it but the tables.
    /// - Throws: `.notRead`, `.noFilter`, `.newerVersion`.
    public init(path: String) throws(BreachedFault) {
        guard let stamp = FileStamp(path) else { throw .notRead(reason: String(cString: strerror(errno))) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .notRead(reason: String(cString: strerror(errno))) }
        do throws(BreachedFault) {
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .noFilter }
            format = try BreachedFormat(fileSize: UInt64(max(0, status.st_size))) { offset, count throws(BreachedFault) in
                try Self.bytes(of: descriptor, at: offset, count)
            }
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.stamp = stamp
        self.descriptor = descriptor
        sound = Mutex([Bool](repeating: false, count: format.partCount))
    }

    deinit { close(descriptor) }

    /// How many passwords the list has.
    public var entries: UInt64 { format.entries }
    public var madeAt: Timestamp { format.madeAt }
    public var fingerprintBits: Int { Int(format.fingerprintBits) }
    /// How often the rarest of them was seen.
    public var leastCount: Int { Int(format.leastCount) }
    /// The chance that a password that is not in the list is taken for one of it.
    public var falsePositiveRate: Double { 1 / Double(1 << format.fingerprintBits) }

    /// Whether the password is in the list, or is taken for one of it. The bytes count as they are, in UTF-8.
    /// - Throws: `.notRead`, `.damaged`.
    public func contains(_ password: String) throws(BreachedFault) -> Bool {
        try contains(BreachedKey(password))
    }

    public func contains(_ key: BreachedKey) throws(BreachedFault) -> Bool {
        let index = format.part(of: key)
        let part = format.parts[index]
        guard part.fuse.segmentCount > 0 else { return false }
        if !sound.withLock({ $0[index] }) { try demandSound(index) }
        let hash = part.fuse.hash(key)
        let places = part.fuse.places(of: hash)
        let size = format.fingerprintSize
        let offset = part.offset + UInt64(places.0 * size)
        return try Self.reading(descriptor, at: offset, (places.2 - places.0 + 1) * size) { bytes in
            let table = UnsafeRawBufferPointer(bytes)
            let found = [0, places.1 - places.0, places.2 - places.0].reduce(UInt16(0)) { sum, place in
                sum ^ (size == 1
                    ? UInt16(table[place])
                    : UInt16(littleEndian: table.loadUnaligned(fromByteOffset: place * 2, as: UInt16.self)))
            }
            let own = BinaryFuse.fingerprint(of: hash)
            return size == 1 ? UInt8(truncatingIfNeeded: own ^ found) == 0 : own == found
        }
    }

    /// Reads all of it.
    /// - Throws: `.notRead`, `.damaged`.
    public func verify() throws(BreachedFault) {
        for index in format.parts.indices { try demandSound(index) }
    }

    private func demandSound(_ index: Int) throws(BreachedFault) {
        let part = format.parts[index]
        let table = try Self.bytes(of: descriptor, at: part.offset, format.size(of: part))
        guard Self.check(of: table) == part.check else { throw .damaged(part: index) }
        sound.withLock { $0[index] = true }
    }

    static func check(of table: [UInt8]) -> UInt64 { Digest.sha256(table).prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

    private static func bytes(of descriptor: Int32, at offset: UInt64, _ count: Int) throws(BreachedFault) -> [UInt8] {
        try reading(descriptor, at: offset, count) { Array($0) }
    }

    private static func reading<T>(
        _ descriptor: Int32, at offset: UInt64, _ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> T
    ) throws(BreachedFault) -> T {
        let result = withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 8) { buffer -> Result<T, BreachedFault> in
            var done = 0
            while done < count {
                let got = pread(descriptor, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset) + off_t(done))
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { return .failure(.notRead(reason: String(cString: strerror(errno)))) }
                // It was longer when it was opened.
                guard got > 0 else { return .failure(.noFilter) }
                done += got
            }
            return .success(body(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])))
        }
        return try result.get()
    }
}
