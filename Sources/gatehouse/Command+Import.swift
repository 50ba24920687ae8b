import Glibc
import Ground
import Services

/// What `gatehouse users import` is told.
struct ImportOrder: Sendable {
    /// A path, or `-` for standard input.
    let file: String
    let format: ImportFormat
    let source: ImportSource
    /// The file with Firebase's parameters.
    let parametersFile: String?
    let options: ImportOptions

    /// - Throws: `UsageError`.
    init(file: String, values: [String: String], flags: Set<String>) throws {
        self.file = file
        format = try Self.choice("--format", values) ?? Self.format(of: file)
        source = try Self.choice("--source", values) ?? .gatehouse
        parametersFile = values["--hash-parameters"]
        guard source == .gatehouse || format != .csv else {
            throw UsageError(message: "files of \(source.rawValue) are JSON or JSON lines", hint: "See docs/migrating.md.")
        }
        guard source != .firebase || parametersFile != nil else {
            throw UsageError(
                message: "--source firebase needs --hash-parameters FILE",
                hint: "Firebase's console shows the parameters under Authentication, Users, Password hash parameters.")
        }
        guard ["refuse", "skip", nil].contains(values["--on-error"]) else {
            throw UsageError(message: "--on-error is refuse or skip")
        }
        options = ImportOptions(
            isDryRun: flags.contains("--dry-run"), skipsRefused: values["--on-error"] == "skip",
            createsCompanies: flags.contains("--create-companies"))
    }

    private static func choice<T: RawRepresentable & CaseIterable>(_ name: String, _ values: [String: String]) throws -> T?
    where T.RawValue == String {
        guard let text = values[name] else { return nil }
        if let value = T(rawValue: text) { return value }
        throw UsageError(message: "\(name) is one of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
    }

    private static func format(of file: String) throws -> ImportFormat {
        switch file.split(separator: ".").last {
        case "csv": return .csv
        case "json": return .json
        case "jsonl", "ndjson": return .jsonl
        default: throw UsageError(message: "--format is needed: \(file) does not say by its name whether it is csv, json or jsonl")
        }
    }
}

extension Command {
    /// - Returns: the exit code: failure where any line was refused.
    func importUsers(_ options: Options, _ order: ImportOrder) async throws -> Int32 {
        let mapping = ImportMapping(order.source, firebase: try order.parametersFile.map(FirebaseParameters.read))
        var outcome = Program.Exit.success
        try await withHouse(options) { house in
            var intake = house.services.imports.intake(order.format, from: mapping)
            try read(order.file, into: &intake)
            let total = intake.lines
            do {
                let report = try await house.services.imports.run(intake, order.options) { written in
                    if written % 10_000 == 0 { Console.error("\(written) of \(total) lines are written") }
                }
                outcome = tell(report)
            } catch AuthError.importRefused(let report) {
                _ = tell(report)
                Console.error("Nothing was written. Mend these lines, or write the others with --on-error skip.")
                outcome = Program.Exit.failure
            }
        }
        return outcome
    }

    private func tell(_ report: ImportReport) -> Int32 {
        for fault in report.faults {
            Console.error("line \(fault.line): \(fault.field): \(fault.code): \(fault.message)")
        }
        let done = report.isDryRun ? "could be imported" : "imported"
        Console.print("\(report.lines) lines: \(report.imported) \(done), \(report.refusedLines) refused.")
        return report.faults.isEmpty ? Program.Exit.success : Program.Exit.failure
    }

    private func read(_ file: String, into intake: inout ImportIntake) throws {
        let descriptor = file == "-" ? 0 : open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw UsageError(message: "cannot read \(file): \(String(cString: strerror(errno)))")
        }
        defer { if file != "-" { close(descriptor) } }
        var told = 0
        while let piece = try FilePiece.next(of: descriptor, named: file) {
            try intake.take(piece)
            if intake.lines / 50_000 > told {
                told = intake.lines / 50_000
                Console.error("\(intake.lines) lines are read")
            }
        }
        try intake.finish()
    }
}

/// A file, piece by piece.
enum FilePiece {
    private static let size = 1 << 18

    /// - Returns: nil at the end.
    static func next(of descriptor: Int32, named name: String) throws -> [UInt8]? {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                filled = max(0, count)
            }
            if count > 0 { return bytes }
            if count == 0 { return nil }
            guard errno == EINTR else {
                throw UsageError(message: "cannot read \(name): \(String(cString: strerror(errno)))")
            }
        }
    }
}

/// The parameters of a Firebase project, as its console shows them or as JSON: the names stand before their values.
enum FirebaseParameters {
    /// - Throws: `UsageError`.
    static func read(_ file: String) throws -> FirebaseProject {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw UsageError(message: "cannot read \(file): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let text = String(decoding: try FilePiece.next(of: descriptor, named: file) ?? [], as: UTF8.self)
        let words = text.split { " \t\r\n:,\"{}".contains($0) }
        func value(_ name: String) -> String? {
            guard let index = words.firstIndex(where: { $0 == name }), words.indices.contains(index + 1) else { return nil }
            return String(words[index + 1])
        }
        guard let signerKey = value("base64_signer_key"), let rounds = value("rounds").flatMap({ Int($0) }),
            let memoryCost = value("mem_cost").flatMap({ Int($0) })
        else { throw UsageError(message: "\(file) must name base64_signer_key, base64_salt_separator, rounds and mem_cost") }
        do throws(HashFault) {
            return try FirebaseProject(
                signerKey: signerKey, separator: value("base64_salt_separator") ?? "", rounds: rounds, memoryCost: memoryCost)
        } catch { throw UsageError(message: "\(file): the parameters cannot be used: \(error.message)") }
    }
}
