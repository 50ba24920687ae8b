import Credentials
import Ground

/// A file of people on its way in: takes it piece by piece, checks each line by itself, and keeps what it says.
/// Nothing is asked of a store.
public struct ImportIntake: Sendable {
    private let people: ImportedPersonReader
    private let mostLines: Int
    private var reader: ImportReader
    private(set) var accepted: [ImportedPerson] = []
    private(set) var faults: [ImportFault] = []
    private var emailKeys: Set<String> = []
    private var ids: Set<UUID> = []
    /// Lines that hold something, so far.
    public private(set) var lines = 0

    var scope: Scope { people.scope }

    init(_ format: ImportFormat, from mapping: ImportMapping, mostLines: Int, people: ImportedPersonReader) {
        reader = ImportReader(format, from: mapping)
        self.mostLines = mostLines
        self.people = people
    }

    /// - Throws: `.invalid` where nothing of the file can be read, or it has too many lines.
    public mutating func take(_ bytes: [UInt8]) throws(AuthError) {
        var found: [ImportReader.Line] = []
        try reader.read(bytes) { found.append($0) }
        try add(found)
    }

    /// Call it once, when all has been taken.
    /// - Throws: `.invalid` where the file ends too early.
    public mutating func finish() throws(AuthError) {
        var found: [ImportReader.Line] = []
        try reader.finish { found.append($0) }
        try add(found)
    }

    private mutating func add(_ found: [ImportReader.Line]) throws(AuthError) {
        for line in found {
            lines += 1
            guard lines <= mostLines else {
                let message = "The file has more than \(mostLines) lines; split it, or import it on the machine."
                throw .invalid([FieldFault(field: "file", code: "too_long", message: message)])
            }
            switch line.content {
            case .failure(let refusal): faults += refusal.all
            case .success(let values):
                guard let person = people.person(values, line: line.number, faults: &faults) else { continue }
                if let fault = repetition(of: person) { faults.append(fault) } else { accepted.append(person) }
            }
        }
    }

    private mutating func repetition(of person: ImportedPerson) -> ImportFault? {
        guard emailKeys.insert(person.emailKey).inserted else {
            return ImportFault(person.line, .email, "email_repeated", "This address stands in a line before.")
        }
        guard !person.hasOwnID || ids.insert(person.user.id).inserted else {
            return ImportFault(person.line, .id, "id_repeated", "This id stands in a line before.")
        }
        return nil
    }
}
