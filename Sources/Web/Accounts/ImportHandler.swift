import Ground
import HTTP
import Services

/// People in a file: in.
enum ImportHandler {
    static let importUsers = Operation(
        "importUsers", "Brings people in from a file",
        detail: """
            CSV with a header, a JSON array, or JSON lines; up to 64 MiB and 20,000 lines. Either every line is written or \
            none, unless `on_error` is `skip`. Passwords are taken as hashes only. Whoever may import in their company \
            only brings people into that one. Roles are granted as far as the caller has what they permit.
            """,
        asks: ImportQuery.self, takes: PeopleFile.kinds, answers: .json(ImportAnswer.self, "What came of it."),
        problems: [.importRefused]
    ) { query, call in
        guard let format = PeopleFile.format(of: call.request) else { throw Problem(.unsupportedMediaType) }
        let token = try call.caller
        var intake = try await call.services.imports.intake(format, by: token)
        try await read(call.request.body, into: &intake)
        try intake.finish()
        let report = try await call.services.imports.run(intake, query.options, by: token, from: call.client)
        return .answer(ImportAnswer(report: report))
    }

    private static func read(_ body: RequestBody, into intake: inout ImportIntake) async throws {
        switch body {
        case .bytes(let bytes): try intake.take(bytes)
        case .stream(let stream):
            var count = 0
            do {
                while let bytes = try await stream.next() {
                    count += bytes.count
                    guard count <= ImportService.mostBytesOfRequest else { throw Problem(.bodyTooLarge) }
                    try intake.take(bytes)
                    // Others have their turn between two pieces.
                    await Task.yield()
                }
            } catch is BodyStream.Interrupted { throw Problem(.badRequest) }
        }
    }
}

struct ImportQuery: Input {
    enum OnError: String, CaseIterable {
        case refuse, skip
    }

    static let dryRun = Field<Bool>.flag("dry_run", example: false, "Checks everything, and writes nothing.")
        .standing(for: false)
    static let onError = Field<OnError>.choice(
        "on_error", "`refuse`: where one line is refused, nothing is written. `skip`: the others are written.").optional
    static let createsCompanies = Field<Bool>.flag(
        "create_companies", example: false, "Makes companies that the file names and that are not here."
    ).standing(for: false)
    static let fields: [any AnyField] = [dryRun, onError, createsCompanies]

    let options: ImportOptions

    init(_ values: InputValues) throws(AuthError) {
        options = ImportOptions(
            isDryRun: try values[optional: Self.dryRun] ?? false, skipsRefused: try values[optional: Self.onError] == .skip,
            createsCompanies: try values[optional: Self.createsCompanies] ?? false)
    }
}

/// Files of people, as they go in and come out.
enum PeopleFile {
    private static let line: JSON = [
        "email": "ada@example.com", "name": "Ada Lovelace", "password_hash": .string(hash), "company": "example.com",
        "roles": ["Viewer"], "external_id": "1815",
    ]
    private static let hash = "$2b$12$NCXX5PBqhwHkBpMS1fHjAuE7bRQrz7vGATmJfhfjcQT3DUqpQQdzi"

    static let csv = FileKind(
        contentType: "text/csv; charset=utf-8", schema: ["type": "string"],
        example: .string("email,name,password_hash,roles\r\nada@example.com,Ada Lovelace,\(hash),Viewer\r\n"))
    static let json = FileKind(contentType: "application/json", schema: ["type": "array"], example: [line])
    static let lines = FileKind(
        contentType: "application/x-ndjson", schema: ["type": "string"], example: .string(line.text + "\n"))
    static let kinds = [csv, json, lines]

    static func kind(_ format: ImportFormat) -> FileKind {
        switch format {
        case .csv: csv
        case .json: json
        case .jsonl: lines
        }
    }

    /// nil where the type of the body is none of those.
    static func format(of request: Request) -> ImportFormat? {
        switch request.mediaType {
        case "text/csv": return .csv
        case "application/json": return .json
        case "application/jsonl", "application/x-ndjson": return .jsonl
        default: return nil
        }
    }
}

/// What came of an import.
struct ImportAnswer: Answer {
    let report: ImportReport

    static let schemaName = "ImportReport"
    static let schema: JSON = [
        "type": "object", "required": ["dry_run", "lines", "imported", "refused_lines", "refused"],
        "properties": [
            "dry_run": ["type": "boolean"], "lines": ["type": "integer"], "imported": ["type": "integer"],
            "refused_lines": ["type": "integer"],
            "refused": [
                "type": "array",
                "items": [
                    "type": "object", "required": ["line", "field", "code", "message"],
                    "properties": [
                        "line": ["type": "integer"], "field": ["type": "string"], "code": ["type": "string"],
                        "message": ["type": "string"],
                    ],
                ],
            ],
        ],
    ]
    static let example: JSON = [
        "dry_run": false, "lines": 3, "imported": 2, "refused_lines": 1,
        "refused": [["line": 3, "field": "email", "code": "email_taken", "message": "The e-mail address has an account."]],
    ]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("dry_run", report.isDryRun)
            writer.member("lines", Int64(report.lines))
            writer.member("imported", Int64(report.imported))
            writer.member("refused_lines", Int64(report.refusedLines))
            writer.name("refused")
            writer.array { writer in
                for fault in report.faults {
                    writer.object { writer in
                        writer.member("line", Int64(fault.line))
                        writer.member("field", fault.field)
                        writer.member("code", fault.code)
                        writer.member("message", fault.message)
                    }
                }
            }
        }
    }
}

extension FieldFault {
    /// The fault of one line among many.
    init(line fault: ImportFault) {
        self.init(field: "lines.\(fault.line).\(fault.field)", code: fault.code, message: fault.message)
    }
}
