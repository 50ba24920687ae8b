import Credentials
import Glibc
import Ground
import Services

/// What `gatehouse breached import` is told.
struct BreachedOrder: Sendable {
    /// A list of hashes, or a folder with lists of ranges.
    let source: String
    /// nil: what the settings name, or a file in the folder of the server's data.
    let output: String?
    let fingerprintBits: Int
    let leastCount: Int

    /// - Throws: `UsageError`.
    init(source: String, values: [String: String]) throws {
        self.source = source
        output = values["--output"]
        guard let bits = Int(values["--bits"] ?? "16"), [8, 16].contains(bits) else {
            throw UsageError(message: "--bits is 8 or 16")
        }
        fingerprintBits = bits
        guard let count = Int(values["--at-least"] ?? "1"), (1...1_000_000_000).contains(count) else {
            throw UsageError(message: "--at-least is a number from 1 to 1000000000")
        }
        leastCount = count
    }
}

extension Command {
    private static let setting = "BREACHED_PASSWORDS"

    func importBreached(_ options: Options, _ order: BreachedOrder) throws {
        let named = Setup.value(of: Self.setting, options)
        let output = try order.output ?? named ?? Self.usualFile(options)
        var files = try BreachedFiles(order.source, leastCount: order.leastCount)
        let summary: BreachedCompiler.Summary
        do {
            let compiler = try BreachedCompiler(
                path: output, fingerprintBits: order.fingerprintBits, leastCount: order.leastCount, madeAt: Clock.system.now)
            try files.read(into: compiler)
            Console.error("\(files.hashes) hashes are read; making the filter")
            summary = try compiler.finish()
        } catch let fault as BreachedFault {
            if case .notWritten = fault { throw Failure(reason: "\(output) \(fault)") }
            throw Failure(reason: "\(files.current) \(fault)")
        }
        try Self.tell(of: output)
        Console.print("\(output) takes \(summary.fileSize) bytes.")
        if let missing = files.missingRanges { Console.print("WARNING: \(missing) of 1048576 ranges are missing from \(order.source).") }
        guard named != output else { return Console.print("A running server reads it within a minute or so.") }
        Console.print("To refuse these passwords set \(Self.setting)=\(output)")
    }

    func verifyBreached(_ options: Options, _ file: String?) throws {
        guard let path = file ?? Setup.value(of: Self.setting, options) else {
            throw UsageError(message: "breached verify needs a file, or the setting \(Self.setting)")
        }
        try Self.tell(of: path)
    }

    /// Reads all of a filter, and says what it is.
    private static func tell(of path: String) throws {
        do throws(BreachedFault) {
            let filter = try BreachedFilter(path: path)
            try filter.verify()
            let seen = filter.leastCount > 1 ? ", each seen \(filter.leastCount) times or more" : ""
            Console.print("\(path) is sound: \(filter.entries) passwords\(seen), made at \(filter.madeAt.rfc3339).")
            Console.print("Of other passwords one in \(1 << filter.fingerprintBits) is refused with them.")
        } catch { throw Failure(reason: "\(path) \(error)") }
    }

    private static func usualFile(_ options: Options) throws -> String {
        let folder = Setup.value(of: "DATA_DIR", options) ?? "."
        try Setup.makeFolder(folder)
        return folder + "/breached-passwords.filter"
    }
}

/// The files of a list: one, or those of a folder.
private struct BreachedFiles {
    private let paths: [String]
    private let isFolder: Bool
    private let leastCount: Int
    /// What is read.
    private(set) var current: String
    private(set) var hashes = 0
    private var ranges = 0

    /// Of a folder that has some ranges but not all.
    var missingRanges: Int? { isFolder && ranges > 0 && ranges < 1 << 20 ? 1 << 20 - ranges : nil }

    /// - Throws: `Failure`.
    init(_ source: String, leastCount: Int) throws {
        self.leastCount = leastCount
        current = source
        var status = stat()
        guard stat(source, &status) == 0 else { throw Self.failure(source) }
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard isFolder else {
            paths = [source]
            return
        }
        guard let names = Files.names(in: source) else { throw Self.failure(source) }
        paths = names.map { "\(source)/\($0)" }
    }

    private static func failure(_ path: String) -> Failure {
        Failure(reason: "\(path) cannot be read: \(String(cString: strerror(errno)))")
    }

    mutating func read(into compiler: BreachedCompiler) throws {
        for path in paths {
            current = path
            let name = path.split(separator: "/").last.map(String.init) ?? path
            let range = BreachedList.range(ofFile: name)
            if range != nil { ranges += 1 }
            try read(BreachedList(range: range, leastCount: leastCount), into: compiler)
        }
    }

    private mutating func read(_ list: BreachedList, into compiler: BreachedCompiler) throws {
        let descriptor = open(current, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(current) }
        defer { close(descriptor) }
        var list = list
        var taken = hashes
        let take = { (key: BreachedKey) throws(BreachedFault) in
            try compiler.add(key)
            taken += 1
            if taken % 50_000_000 == 0 { Console.error("\(taken) hashes are read") }
        }
        while let piece = try FilePiece.next(of: descriptor, named: current) { try list.take(piece, take) }
        try list.finish(take)
        hashes = taken
    }
}
