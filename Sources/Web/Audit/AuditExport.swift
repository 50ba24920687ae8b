import Ground
import HTTP
import Services

/// The audit log as a file that is read from the store while it is sent: one page is in memory, and the next is asked
/// for when the client has taken it.
enum AuditExport {
    private static let csv = "text/csv; charset=utf-8; header=present"
    private static let lines = "application/jsonl"

    static let operation = Operation(
        "exportAuditLogs", "Gives the audit log as a file, the newest first",
        detail: """
            The filters are those of the list. In CSV a text that a spreadsheet would take for a formula has an \
            apostrophe before it, and control characters are replaced; JSON lines have everything as it is. The export \
            is an event of the log itself. A connection that is cut before the last chunk means that the file is not \
            whole.
            """,
        asks: AuditExportQuery.self, answers: description
    ) { query, call in
        let (log, token, client) = (call.services.auditLog, try call.caller, call.client)
        try await log.beginExport(query.facts, by: token, from: client)
        // Read before the status is out, so that a store that is away can be told of.
        let first = try await log.exportPage(query.filter, after: nil, by: token, from: client)
        let isCSV = query.format == .csv
        let response = Response(contentType: isCSV ? csv : lines) { writer in
            if isCSV { try await writer.write(csvLine(columns)) }
            var page = first
            while true {
                try await writer.write(isCSV ? page.items.flatMap(csvLine) : page.items.flatMap(jsonLine))
                guard let next = page.next else { return }
                page = try await log.exportPage(query.filter, after: next, by: token, from: client)
            }
        }
        return response.header("Cache-Control", "no-store")
            .header("Content-Disposition", "attachment; filename=\"audit-logs.\(query.format.rawValue)\"")
    }

    private static var description: AnswerDescription {
        .file(
            FileKind(contentType: lines, schema: ["type": "string"], example: .string(AuditAnswer.example.text + "\n")),
            FileKind(
                contentType: csv, schema: ["type": "string"],
                example: .string(String(decoding: csvLine(columns), as: UTF8.self))),
            summary: "The file.")
    }

    private static func jsonLine(_ row: AuditRow) -> [UInt8] {
        var writer = JSONWriter(capacity: 640)
        AuditAnswer(row: row).write(into: &writer)
        return writer.bytes + [10]
    }

    private static let columns = [
        "id", "at", "event", "severity", "outcome", "user_id", "actor_id", "company_id", "session_id", "ip",
        "user_agent", "request_id", "metadata", "redacted_at",
    ]

    private static func csvLine(_ row: AuditRow) -> [UInt8] {
        csvLine([
            row.id.description, row.at.rfc3339, row.event, row.severity, row.outcome, row.userID?.description,
            row.actorID?.description, row.companyID?.description, row.sessionID?.description, row.ip, row.userAgent,
            row.requestID, row.metadata, row.redactedAt?.rfc3339,
        ])
    }

    private static func csvLine(_ fields: [String?]) -> [UInt8] {
        var line: [UInt8] = []
        CSVText.append(fields.map { $0 ?? "" }, for: .viewing, to: &line)
        return line
    }
}
