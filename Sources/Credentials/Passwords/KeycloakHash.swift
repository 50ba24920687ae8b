import Ground

/// The password of a person in an export of Keycloak: two JSON texts, of which one says how the other was made.
public enum KeycloakHash {
    /// The stored form.
    /// - Parameters:
    ///   - how: `credentialData`.
    ///   - secret: `secretData`.
    /// - Throws: `.unknownForm`, `.malformed`, `.tooCostly`.
    public static func stored(how: JSON, secret: JSON) throws(HashFault) -> String {
        guard let key = secret["value"]?.string.flatMap({ HashText.bytes($0) }),
            let salt = secret["salt"]?.string.flatMap({ HashText.bytes($0) }),
            let iterations = how["hashIterations"]?.integer.flatMap({ Int(exactly: $0) }),
            let algorithm = how["algorithm"]?.string
        else { throw .malformed }
        switch algorithm {
        case "pbkdf2": return try PBKDF2(.sha1, iterations: iterations, salt: salt, key: key).text
        case "pbkdf2-sha256": return try PBKDF2(.sha256, iterations: iterations, salt: salt, key: key).text
        case "pbkdf2-sha512": return try PBKDF2(.sha512, iterations: iterations, salt: salt, key: key).text
        case "argon2": return try argon2(how["additionalParameters"] ?? .null, passes: iterations, salt: salt, key: key)
        default: throw .unknownForm
        }
    }

    private static func argon2(_ parameters: JSON, passes: Int, salt: [UInt8], key: [UInt8]) throws(HashFault) -> String {
        // Each is an array with one text.
        func parameter(_ name: String, _ standard: String) -> String {
            parameters[name]?.array?.first?.string ?? standard
        }
        guard ["id", "i"].contains(parameter("type", "id")), parameter("version", "1.3") == "1.3" else {
            throw .unknownForm
        }
        guard let memory = HashText.number(parameter("memory", "7168")[...]),
            let lanes = HashText.number(parameter("parallelism", "1")[...])
        else { throw .malformed }
        let name = "argon2\(parameter("type", "id"))"
        return "$\(name)$v=19$m=\(memory),t=\(passes),p=\(lanes)$\(HashText.text(salt))$\(HashText.text(key))"
    }
}
