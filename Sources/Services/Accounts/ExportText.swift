import Ground

/// Writes an export so that it can be imported again.
public struct ExportText: Sendable {
    private let format: ImportFormat
    private let columns: [ImportField]
    private var hasBegun = false
    private var hasPeople = false

    public init(_ format: ImportFormat, includesHashes: Bool) {
        self.format = format
        columns = ImportField.allCases.filter { $0 != .company && (includesHashes || $0 != .passwordHash) }
    }

    /// The text of one page.
    public mutating func page(_ people: [ExportedPerson]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(people.count * 320)
        if !hasBegun { begin(&output) }
        for person in people { append(person, to: &output) }
        return output
    }

    /// What stands at the end.
    public mutating func end() -> [UInt8] {
        var output: [UInt8] = []
        if !hasBegun { begin(&output) }
        if format == .json { output += "\n]\n".utf8 }
        return output
    }

    private mutating func begin(_ output: inout [UInt8]) {
        hasBegun = true
        switch format {
        case .csv: CSVText.append(columns.map(\.rawValue), for: .restoring, to: &output)
        case .json: output.append(91)
        case .jsonl: break
        }
    }

    private mutating func append(_ person: ExportedPerson, to output: inout [UInt8]) {
        switch format {
        case .csv: CSVText.append(columns.map { Self.cell(person.value(of: $0), $0) }, for: .restoring, to: &output)
        case .json:
            output += (hasPeople ? ",\n" : "\n").utf8
            output += object(person)
        case .jsonl:
            output += object(person)
            output.append(10)
        }
        hasPeople = true
    }

    private func object(_ person: ExportedPerson) -> [UInt8] {
        JSON.object(columns.map { JSON.Member($0.rawValue, person.value(of: $0)) }).utf8
    }

    private static func cell(_ value: JSON, _ column: ImportField) -> String {
        switch value {
        case .null: ""
        case .string(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .array(let names) where column == .roles: names.compactMap(\.string).joined(separator: ";")
        case let other: other.text
        }
    }
}

extension ExportedPerson {
    fileprivate func value(of field: ImportField) -> JSON {
        switch field {
        case .id: JSON(id)
        case .email: JSON(email)
        case .name: .string(name)
        case .phone: JSON(phone)
        case .status: .string(status.rawValue)
        case .passwordHash: JSON(passwordHash)
        case .requiresPasswordChange: .bool(requiresPasswordChange)
        case .emailVerified: .bool(isEmailVerified)
        case .externalID: JSON(externalID)
        case .createdAt: JSON(createdAt)
        case .roles: .array(roles.map { .string($0) })
        case .company: .null
        case .companies: .array(companies.map(\.json))
        case .settings: Self.object(settings)
        case .appData: Self.object(appData)
        }
    }

    private static func object(_ text: String) -> JSON { (try? JSON.parse(Array(text.utf8))) ?? .object([]) }
}

extension ExportedPerson.Membership {
    fileprivate var json: JSON {
        [
            "id": JSON(id), "name": .string(name), "domain": JSON(domain), "roles": .array(roles.map { .string($0) }),
        ]
    }
}
