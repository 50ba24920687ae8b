extension PasswordHasher {
    /// The form in which a hash from elsewhere is stored, where this server can check it.
    ///
    /// Taken are bcrypt, Argon2id and Argon2i in the PHC form, PBKDF2 and scrypt in passlib's, Firebase's scrypt in
    /// the form of ``FirebaseProject``, what this product makes, and the spellings of Django and Better Auth.
    /// - Throws: `.unknownForm`, `.malformed`, `.tooCostly`, `.unknownPepper`.
    public func adopt(_ text: String) throws(HashFault) -> String {
        guard text.utf8.count <= HashText.longest else { throw .malformed }
        let stored = try ForeignSpelling.stored(text)
        if stored.hasPrefix("$argon2id$") || stored.hasPrefix("$argon2i$") {
            try Argon2id.demandReadable(stored)
            return stored
        }
        if stored.hasPrefix(Self.marker) {
            try demandKnownPepper(of: stored.dropFirst(Self.marker.count))
            return stored
        }
        if Bcrypt.isMarked(stored) {
            try Bcrypt.demandReadable(stored)
            return stored
        }
        return try ForeignHash(stored).text
    }
}
