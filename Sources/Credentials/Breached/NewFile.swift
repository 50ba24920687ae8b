import Glibc

/// A file that is written beside the one that it will replace. Where it never does, it is gone.
final class NewFile {
    private let path: String
    private var temporary: String?
    private let descriptor: Int32
    private var size: UInt64 = 0

    /// - Throws: `.notWritten`.
    init(path: String) throws(BreachedFault) {
        self.path = path
        var name = Array((path + ".XXXXXX").utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw Self.fault() }
        temporary = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        forgetName()
        close(descriptor)
    }

    /// From now on it is only there for whoever has it open.
    func forgetName() {
        if let temporary { unlink(temporary) }
        temporary = nil
    }

    /// Leaves room that is written at the end.
    func skip(to offset: UInt64) throws(BreachedFault) {
        guard lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else { throw Self.fault() }
        size = offset
    }

    /// - Returns: where the bytes are.
    func append(_ bytes: [UInt8]) throws(BreachedFault) -> UInt64 {
        try write(bytes, at: size)
        defer { size += UInt64(bytes.count) }
        return size
    }

    private func write(_ bytes: [UInt8], at offset: UInt64) throws(BreachedFault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let place = off_t(offset) + off_t(bytes.count - rest.count)
            let count = rest.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, place) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.fault() }
            rest = rest.dropFirst(count)
        }
    }

    /// Keys that were appended.
    func read(_ count: Int, at offset: UInt64, into all: inout [BreachedKey]) throws(BreachedFault) {
        let keys = [BreachedKey](unsafeUninitializedCapacity: count) { buffer, filled in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            let got = pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
            filled = got == bytes.count ? count : 0
        }
        guard keys.count == count else { throw .notRead(reason: "what was put aside is not there any more") }
        all += keys
    }

    /// Writes the beginning, and puts the file in its place, durably.
    /// - Returns: its size.
    func finish(beginningWith head: (UInt64) -> [UInt8]) throws(BreachedFault) -> UInt64 {
        try write(head(size), at: 0)
        // Whoever runs the server may be another user than whoever imports, and the list is no secret.
        guard let temporary, fchmod(descriptor, 0o644) == 0, fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw Self.fault()
        }
        self.temporary = nil
        let folder = open(path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.fault() }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw Self.fault() }
        return size
    }

    private static func fault() -> BreachedFault { .notWritten(reason: String(cString: strerror(errno))) }
}
