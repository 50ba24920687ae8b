import Ground
import HTTP
import Services

/// People in a file: out.
enum ExportHandler {
    static let exportUsers = Operation(
        "exportUsers", "Takes people out into a file",
        detail: """
            Sent as it is read, page by page, in the form in which it can be imported again. Whoever may export in their \
            company only gets its members. Cells of CSV that a spreadsheet would take for formulas begin with an \
            apostrophe.
            """,
        asks: ExportQuery.self,
        answers: .file(PeopleFile.csv, PeopleFile.json, PeopleFile.lines, summary: "The people.")
    ) { query, call in
        let exports = call.services.exports
        let export = try await exports.begin(includesHashes: query.includesHashes, by: try call.caller, from: call.client)
        let response = Response(contentType: PeopleFile.kind(query.format).contentType) { writer in
            var text = ExportText(query.format, includesHashes: export.includesHashes)
            var last: UUID?
            while true {
                let people = try await exports.page(of: export, after: last)
                guard let newest = people.last else { break }
                last = newest.id
                // Waits until the client has taken it.
                try await writer.write(text.page(people))
            }
            try await writer.write(text.end())
        }
        return response.header("Cache-Control", "no-store")
            .header("Content-Disposition", "attachment; filename=\"people.\(query.format.rawValue)\"")
    }
}

struct ExportQuery: Input {
    static let format = Field<ImportFormat>.choice("format", "How the file is written; `csv` unless said.").optional
    static let includesHashes = Field<Bool>.flag(
        "include_hashes", example: false, "With the hashes of passwords: for those who may do everything, everywhere."
    ).standing(for: false)
    static let fields: [any AnyField] = [format, includesHashes]

    let format: ImportFormat
    let includesHashes: Bool

    init(_ values: InputValues) throws(AuthError) {
        format = try values[optional: Self.format] ?? .csv
        includesHashes = try values[optional: Self.includesHashes] ?? false
    }
}
