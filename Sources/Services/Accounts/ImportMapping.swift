import Credentials
import Ground

/// How an object of a file becomes what is known of a person: by the names of the program that wrote it.
public struct ImportMapping: Sendable {
    let source: ImportSource
    /// What Firebase's hashes were made with.
    let firebase: FirebaseProject?

    public init(_ source: ImportSource = .gatehouse, firebase: FirebaseProject? = nil) {
        self.source = source
        self.firebase = firebase
    }

    /// - Parameter element: nil for one that is too long.
    func values(of element: [UInt8]?, line: Int) -> Result<ImportValues, ImportReader.ImportFaults> {
        func refused(_ faults: ImportFault...) -> Result<ImportValues, ImportReader.ImportFaults> {
            .failure(ImportReader.ImportFaults(all: faults))
        }
        guard let element else { return refused(.unreadable(line, .tooLong)) }
        guard let json = try? JSON.parse(element), let members = json.members else {
            return refused(.unreadable(line, .malformed))
        }
        do throws(HashFault) {
            switch source {
            case .gatehouse: return Self.own(members, line: line)
            case .keycloak: return .success(try Self.keycloak(json).filter { $0.value != .null })
            case .firebase: return .success(try firebase(json).filter { $0.value != .null })
            case .django: return .success(Self.django(json).filter { $0.value != .null })
            case .betterAuth: return .success(Self.betterAuth(json).filter { $0.value != .null })
            }
        } catch { return refused(ImportFault(line, .passwordHash, error.code, error.message)) }
    }

    private static func own(_ members: [JSON.Member], line: Int) -> Result<ImportValues, ImportReader.ImportFaults> {
        var values: ImportValues = [:]
        var faults: [ImportFault] = []
        for member in members {
            guard let field = ImportField(rawValue: member.name) else {
                faults.append(.unknownField(line, member.name))
                continue
            }
            if member.value != .null { values[field] = member.value }
        }
        return faults.isEmpty ? .success(values) : .failure(ImportReader.ImportFaults(all: faults))
    }

    /// One of `users` in an export of a realm.
    private static func keycloak(_ json: JSON) throws(HashFault) -> ImportValues {
        var values: ImportValues = [:]
        values[.externalID] = json["id"]
        values[.email] = json["email"] ?? json["username"]
        values[.name] = name(json["firstName"], json["lastName"]) ?? json["username"]
        values[.emailVerified] = json["emailVerified"]
        values[.createdAt] = json["createdTimestamp"]
        if json["enabled"] == false { values[.status] = "INACTIVE" }
        let actions = json["requiredActions"]?.array ?? []
        if actions.contains("UPDATE_PASSWORD") { values[.requiresPasswordChange] = true }
        if let password = json["credentials"]?.array?.first(where: { $0["type"] == "password" }) {
            let stored = try KeycloakHash.stored(
                how: nested(password["credentialData"]), secret: nested(password["secretData"]))
            values[.passwordHash] = .string(stored)
        }
        return values
    }

    /// JSON that stands as text in JSON.
    private static func nested(_ value: JSON?) -> JSON {
        guard let text = value?.string else { return .null }
        return (try? JSON.parse(Array(text.utf8))) ?? .null
    }

    /// One of `users` in the file of `firebase auth:export`.
    private func firebase(_ json: JSON) throws(HashFault) -> ImportValues {
        var values: ImportValues = [:]
        values[.externalID] = json["localId"]
        values[.email] = json["email"]
        values[.name] = json["displayName"].flatMap { $0 == "" ? nil : $0 }
        values[.phone] = json["phoneNumber"]
        values[.emailVerified] = json["emailVerified"]
        values[.createdAt] = json["createdAt"]?.string.flatMap { Int64($0) }.map { .integer($0) } ?? json["createdAt"]
        if json["disabled"] == true { values[.status] = "INACTIVE" }
        if let hash = json["passwordHash"]?.string, let salt = json["salt"]?.string {
            guard let firebase else { throw .unknownForm }
            values[.passwordHash] = .string(try firebase.stored(hash: hash, salt: salt))
        }
        return values
    }

    /// An object of `manage.py dumpdata auth.user`.
    private static func django(_ json: JSON) -> ImportValues {
        let fields = json["fields"] ?? json
        var values: ImportValues = [:]
        switch json["pk"] ?? json["id"] {
        case .integer(let number): values[.externalID] = .string(String(number))
        case let other: values[.externalID] = other
        }
        let email = fields["email"].flatMap { $0 == "" ? nil : $0 }
        values[.email] = email ?? fields["username"]
        values[.name] = name(fields["first_name"], fields["last_name"]) ?? fields["username"]
        values[.createdAt] = fields["date_joined"]
        if fields["is_active"] == false { values[.status] = "INACTIVE" }
        // Django marks who may not sign in with a password by `!`.
        if let password = fields["password"]?.string, !password.isEmpty, !password.hasPrefix("!") {
            values[.passwordHash] = .string(password)
        }
        return values
    }

    /// A row of `user` with the `password` of its `account`.
    private static func betterAuth(_ json: JSON) -> ImportValues {
        var values: ImportValues = [:]
        values[.externalID] = json["id"]
        values[.email] = json["email"]
        values[.name] = json["name"].flatMap { $0 == "" ? nil : $0 }
        values[.emailVerified] = json["emailVerified"] ?? json["email_verified"]
        values[.createdAt] = json["createdAt"] ?? json["created_at"]
        values[.passwordHash] = json["password"]
        if json["banned"] == true { values[.status] = "SUSPENDED" }
        return values
    }

    private static func name(_ first: JSON?, _ last: JSON?) -> JSON? {
        let words = [first, last].compactMap { $0?.string }.filter { !$0.isEmpty }
        return words.isEmpty ? nil : .string(words.joined(separator: " "))
    }
}
