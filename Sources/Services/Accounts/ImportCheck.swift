import Credentials
import Ground
import Store

/// The values of one line while they are checked.
struct ImportCheck {
    let values: ImportValues
    let line: Int
    private(set) var faults: [ImportFault] = []

    init(values: ImportValues, line: Int) {
        self.values = values
        self.line = line
    }

    mutating func refuse(_ field: ImportField, _ code: String, _ message: String) {
        faults.append(ImportFault(line, field, code, message))
    }

    mutating func string(_ field: ImportField) -> String? {
        guard let value = values[field] else { return nil }
        if value.string == nil { refuse(field, "not_text", "This must be text.") }
        return value.string
    }

    mutating func text(_ field: ImportField, _ length: ClosedRange<Int>) -> String? {
        guard let text = string(field) else { return nil }
        return plain(text, field, length)
    }

    private mutating func plain(_ text: String, _ field: ImportField, _ length: ClosedRange<Int>) -> String? {
        var scalars = text.unicodeScalars[...]
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        guard length.contains(scalars.count) else {
            let isShort = scalars.count < length.lowerBound
            let message = "This must have \(length.lowerBound) to \(length.upperBound) characters."
            refuse(field, isShort ? "too_short" : "too_long", message)
            return nil
        }
        guard scalars.allSatisfy(Self.isPlain) else {
            refuse(field, "forbidden_character", "This must not contain control characters.")
            return nil
        }
        return String(scalars)
    }

    /// As for the fields of a form: joiners may be in a name, what turns the direction of writing may not.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7f { return scalar.value >= 0x20 }
        return switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: false
        case .format: !(0x202a...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value)
        default: true
        }
    }

    mutating func id() -> UUID? {
        guard let text = string(.id) else { return nil }
        if let id = UUID(text) { return id }
        refuse(.id, "not_an_id", "This must be an id.")
        return nil
    }

    mutating func email() -> EmailAddress? {
        guard let text = string(.email) else {
            if values[.email] == nil { refuse(.email, "required", "This is needed.") }
            return nil
        }
        do throws(EmailFault) { return try EmailAddress(text) } catch {
            refuse(.email, error.code, error.message)
            return nil
        }
    }

    mutating func phone() -> String? {
        guard let text = string(.phone), !text.isEmpty else { return nil }
        if PhoneNumber.isPlausible(text) { return text }
        refuse(.phone, "phone_invalid", "This must be a telephone number of 5 to 15 digits.")
        return nil
    }

    mutating func status() -> User.Status? {
        guard let text = string(.status) else { return nil }
        if let status = User.Status(rawValue: text) { return status }
        let names = User.Status.allCases.map(\.rawValue).joined(separator: ", ")
        refuse(.status, "not_a_choice", "This must be one of \(names).")
        return nil
    }

    mutating func flag(_ field: ImportField) -> Bool? {
        guard let value = values[field] else { return nil }
        if value.bool == nil { refuse(field, "not_boolean", "This must be true or false.") }
        return value.bool
    }

    /// RFC 3339, or milliseconds since 1970.
    mutating func moment(_ field: ImportField, notAfter now: Timestamp) -> Timestamp? {
        guard let value = values[field] else { return nil }
        let moment = value.integer.map { Timestamp(milliseconds: $0) } ?? value.string.flatMap { Timestamp(rfc3339: $0) }
        guard let moment else {
            refuse(field, "not_a_moment", "This must be a moment as RFC 3339 writes it, or milliseconds since 1970.")
            return nil
        }
        guard moment.milliseconds >= 0, moment <= now else {
            refuse(field, "out_of_range", "This must be between 1970 and now.")
            return nil
        }
        return moment
    }

    /// The text of a JSON object.
    mutating func object(_ field: ImportField, bytes: Int) -> String? {
        guard let value = values[field] else { return nil }
        guard value.members != nil else {
            refuse(field, "not_object", "This must be an object.")
            return nil
        }
        let text = value.text
        guard text.utf8.count <= bytes else {
            refuse(field, "too_long", "This must have at most \(bytes) bytes.")
            return nil
        }
        return text
    }

    /// The keys of roles that are named in an array.
    mutating func roles(_ field: ImportField) -> [String] {
        guard let value = values[field] else { return [] }
        return roles(in: value, of: field)
    }

    private mutating func roles(in value: JSON, of field: ImportField) -> [String] {
        guard let names = value.array, names.count <= 32, names.allSatisfy({ $0.string != nil }) else {
            refuse(field, "malformed", "Roles must be an array of up to 32 names.")
            return []
        }
        var keys: [String] = []
        for name in names.compactMap(\.string) {
            guard let name = plain(name, field, 1...100) else { continue }
            if !keys.contains(name.lowercased()) { keys.append(name.lowercased()) }
        }
        return keys
    }

    /// Where the person is to belong.
    /// - Parameter roles: those of the line itself, which are for its `company`.
    mutating func memberships(roles: [String], scope: Scope) -> [ImportedPerson.Membership] {
        guard let list = values[.companies] else { return membership(roles: roles, scope: scope) }
        guard values[.company] == nil else {
            refuse(.companies, "given_twice", "This is given under two names.")
            return []
        }
        guard let companies = list.array, companies.count <= 32 else {
            refuse(.companies, "malformed", "This must be an array of up to 32 companies.")
            return []
        }
        var found = companies.compactMap { membership(in: $0) }
        if case .company(let own) = scope {
            // Roles beside the list would be for everywhere.
            if found.isEmpty { found = [.init(company: .id(own))] }
            if !roles.isEmpty { refuse(.roles, "not_allowed", "Only an import for everywhere may set this.") }
        }
        return found
    }

    private mutating func membership(roles: [String], scope: Scope) -> [ImportedPerson.Membership] {
        guard let text = string(.company), !text.isEmpty else {
            guard case .company(let own) = scope else { return [] }
            return [.init(company: .id(own), roles: roles)]
        }
        return reference(text, in: .company).map { [.init(company: $0, roles: roles)] } ?? []
    }

    private mutating func membership(in value: JSON) -> ImportedPerson.Membership? {
        let known = ["id", "name", "domain", "roles"]
        guard let members = value.members, members.allSatisfy({ known.contains($0.name) }) else {
            refuse(.companies, "malformed", "A company has id, name, domain and roles, and nothing else.")
            return nil
        }
        let domain = value["domain"]?.string
        guard let reference = reference(value["id"]?.string ?? domain ?? "", in: .companies) else { return nil }
        var membership = ImportedPerson.Membership(company: reference)
        membership.name = value["name"]?.string.flatMap { plain($0, .companies, 2...255) }
        if let domain, case .domain(let ascii)? = self.reference(domain, in: .companies) { membership.domain = ascii }
        if let roles = value["roles"] { membership.roles = self.roles(in: roles, of: .companies) }
        return membership
    }

    /// An id or a domain.
    private mutating func reference(_ text: String, in field: ImportField) -> ImportedPerson.Membership.Reference? {
        if let id = UUID(text) { return .id(id) }
        do throws(DomainFault) { return .domain(try DomainName(text).ascii) } catch {
            refuse(field, error.code, error.message)
            return nil
        }
    }
}
