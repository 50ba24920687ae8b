import Ground

/// How a file of people is written.
public enum ImportFormat: String, CaseIterable, Sendable {
    case csv
    /// One array of objects.
    case json
    /// One object a line.
    case jsonl
}

/// Which program wrote a file of people.
public enum ImportSource: String, CaseIterable, Sendable {
    case gatehouse
    case keycloak
    case firebase
    case django
    case betterAuth = "better-auth"
}

/// What a file can say of a person.
public enum ImportField: String, CaseIterable, Sendable {
    case id
    case email
    case name
    case phone
    case status
    case passwordHash = "password_hash"
    case requiresPasswordChange = "requires_password_change"
    case emailVerified = "email_verified"
    case externalID = "external_id"
    case createdAt = "created_at"
    case roles
    case company
    case companies
    case settings
    case appData = "app_data"

    /// Whether a cell of CSV holds the text of a JSON value.
    var isStructured: Bool { self == .companies || self == .settings || self == .appData }
}

/// What one line of a file says, where it says something.
typealias ImportValues = [ImportField: JSON]

/// Why a line of a file is refused. It never quotes the line.
public struct ImportFault: Hashable, Sendable {
    /// The line of the file, where the file is one JSON array the number of the element; from 1.
    public let line: Int
    public let field: String
    public let code: String
    public let message: String

    init(_ line: Int, _ field: String, _ code: String, _ message: String) {
        self.line = line
        self.field = field
        self.code = code
        self.message = message
    }

    init(_ line: Int, _ field: ImportField, _ code: String, _ message: String) {
        self.init(line, field.rawValue, code, message)
    }

    /// The whole line, which cannot be read.
    static func unreadable(_ line: Int, _ fault: CSVReader.Fault) -> ImportFault {
        switch fault {
        case .malformed: ImportFault(line, "line", "malformed", "This line cannot be read.")
        case .tooLong: ImportFault(line, "line", "too_long", "This line, or a field of it, is too long.")
        case .invalidText: ImportFault(line, "line", "not_text", "This line is no UTF-8.")
        }
    }

    static func unknownField(_ line: Int, _ name: String) -> ImportFault {
        if name == "password" {
            return ImportFault(line, name, "plain_password", "Passwords are taken as hashes only, in password_hash.")
        }
        let shown = String(name.unicodeScalars.prefix(64))
        return ImportFault(line, shown, "unknown_field", "There is no field of this name.")
    }
}

/// What came of an import.
public struct ImportReport: Sendable {
    /// Lines that hold something, the header not counted.
    public internal(set) var lines: Int
    /// Lines that were written; in a dry run, those that would be.
    public internal(set) var imported: Int
    /// What is wrong with the others, in the order of the file.
    public internal(set) var faults: [ImportFault]
    public internal(set) var isDryRun: Bool

    public var refusedLines: Int { Set(faults.map(\.line)).count }
}

/// How an import goes on.
public struct ImportOptions: Sendable {
    /// Checks everything, and writes nothing.
    public var isDryRun: Bool
    /// Writes the good lines where others are refused; else nothing is written then.
    public var skipsRefused: Bool
    /// Makes companies that the file names and that are not here.
    public var createsCompanies: Bool

    public init(isDryRun: Bool = false, skipsRefused: Bool = false, createsCompanies: Bool = false) {
        self.isDryRun = isDryRun
        self.skipsRefused = skipsRefused
        self.createsCompanies = createsCompanies
    }
}
