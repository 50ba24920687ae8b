import Glibc
import Ground
import Services

extension Command {
    /// - Returns: the exit code: a failure as soon as one row is not as it was written.
    func verifyAudit(_ options: Options, comparing path: String?) async throws -> Int32 {
        let head = try path.map(Self.head)
        let report = try await withHouse(options) { try await $0.services.auditVerifier.run(comparing: head) }
        Self.tell(report)
        return report.isSound ? Program.Exit.success : Program.Exit.failure
    }

    func printAuditHead(_ options: Options) async throws {
        try await withHouse(options) { house in
            guard let head = try await house.services.auditLog.newestHead() else {
                throw UsageError(message: "nothing is sealed yet", hint: "A running server seals every few seconds.")
            }
            Console.print(head.token)
        }
    }

    private static func tell(_ report: AuditReport) {
        if let anchor = report.anchor {
            Console.print("Rows up to \(anchor.sequence) are older than is kept, and were deleted by \(anchor.at.rfc3339) at the latest.")
        }
        var line = "Verified \(report.verified) rows"
        if report.redacted > 0 { line += ", \(report.redacted) of them without their personal part, which was taken away" }
        if report.withoutCode > 0 { line += ", \(report.withoutCode) of them older than their codes" }
        Console.print(line + ".")
        if report.pending > 0 { Console.print("\(report.pending) rows wait to be sealed; each has the code of this server.") }
        if let head = report.head {
            Console.print("The chain is signed up to \(head.sequence), at \(head.at.rfc3339).")
            Console.print(head.token)
        } else {
            Console.print("Nothing is sealed yet.")
        }
        for fault in report.faults { Console.error("\(fault)") }
        Console.print(report.isSound ? "The audit log is sound." : "The audit log is NOT sound.")
    }

    /// The token in a file that holds one, or the answer of `GET /audit-logs/head`.
    private static func head(in path: String) throws -> String {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw UsageError(message: "--head: cannot read \(path)") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = read(descriptor, &bytes, bytes.count)
        let content = Array(bytes.prefix(max(0, count)))
        if let json = try? JSON.parse(content), let token = json["head"]?.string { return token }
        let words = String(decoding: content, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard let last = words.last else { throw UsageError(message: "--head: \(path) is empty") }
        return String(last)
    }
}
