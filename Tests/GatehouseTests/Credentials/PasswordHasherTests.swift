import Credentials
import Testing

/// Cheap, for tests only.
let cheapArgon2id = PasswordScheme.argon2id(memoryKiB: 64, passes: 1)
let pepper = (0..<32).map { UInt8($0) }
let phrase = "correct horse battery staple"

@Suite("Hashing passwords") struct PasswordHasherTests {  // REQ-AUTH-40
    @Test("a new hash is argon2id at OWASP's cost unless set otherwise, in the form others read")
    func standardForm() throws {
        let hasher = try PasswordHasher(peppers: [pepper])
        let stored = try hasher.hash(phrase)
        #expect(stored.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(try hasher.verify(phrase, against: stored) == Verification(matches: true, needsRehash: false))
        #expect(try hasher.verify(phrase + "!", against: stored) == Verification(matches: false, needsRehash: false))
    }

    @Test("the same password twice gives two hashes", arguments: [cheapArgon2id, .bcrypt(cost: 4)])
    func salted(scheme: PasswordScheme) throws {
        let hasher = try PasswordHasher(scheme: scheme, peppers: [pepper])
        #expect(try hasher.hash(phrase) != hasher.hash(phrase))
    }

    @Test(
        "hashes made by other software are checked",
        arguments: [
            // argon2-cffi 25.1.0 (the reference implementation); the third has a short salt and hash.
            "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlIHNhbA$tKk2gUqm8SsZxIwKwNdax8uSrFpRRq75bla2/W94+oA",
            "$argon2id$v=19$m=65536,t=3,p=4$c2l4dGVlbiBieXRlIHNhbA$fRmBUojuPG7aTqmwwaelR/y24MlpU9V/HZ10NYLDKt4",
            "$argon2id$v=19$m=64,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
            // Python's bcrypt 5.0.0; $2y$ is PHP's name for the same.
            "$2a$04$wXc.EVMmCOGhidw8DrBN.OeUAMWRa01yQXPpdq1T1CVvb83Cy.qz2",
            "$2b$04$dQpzM5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS",
            "$2y$04$NCXX5PBqhwHkBpMS1fHjAuE7bRQrz7vGATmJfhfjcQT3DUqpQQdzi",
            // Ours, computed with Python's hmac and bcrypt 5.0.0.
            "$gh-bcrypt$630dcd29$2b$04$htF8TtdFuRRRuvN08w1uEeQs6FrzOZQ3P5ymc5yKj7wgva96iHqEq",
        ])
    func foreign(stored: String) throws {
        let hasher = try PasswordHasher(scheme: cheapArgon2id, peppers: [pepper])
        #expect(try hasher.verify(phrase, against: stored).matches)
        #expect(try !hasher.verify("correct horse battery stapler", against: stored).matches)
    }

    @Test("a password beyond ASCII is hashed as its UTF-8 bytes")
    func utf8() throws {
        let hasher = try PasswordHasher(scheme: cheapArgon2id, peppers: [pepper])
        // argon2-cffi 25.1.0
        let stored = "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$sgtmXcKg9QtZ/7HNCKEZIp97TyDELccgx+MGpTjMusc"
        #expect(try hasher.verify("пароль 🔑 длиннее восьми", against: stored).matches)
    }

    @Test("a hash is made anew when the setting asks for more, and only then")
    func rehash() throws {
        let old = try PasswordHasher(scheme: cheapArgon2id, peppers: [pepper]).hash(phrase)
        let bcrypt = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [pepper]).hash(phrase)
        func needsRehash(_ stored: String, by scheme: PasswordScheme) throws -> Bool {
            let result = try PasswordHasher(scheme: scheme, peppers: [pepper]).verify(phrase, against: stored)
            #expect(result.matches)
            return result.needsRehash
        }
        #expect(try !needsRehash(old, by: cheapArgon2id))
        #expect(try needsRehash(old, by: .argon2id(memoryKiB: 128, passes: 1)))
        #expect(try needsRehash(old, by: .argon2id(memoryKiB: 64, passes: 2)))
        #expect(try !needsRehash(old, by: .argon2id(memoryKiB: 32, passes: 1)))
        #expect(try needsRehash(old, by: .bcrypt(cost: 4)))
        #expect(try !needsRehash(bcrypt, by: .bcrypt(cost: 4)))
        #expect(try needsRehash(bcrypt, by: .bcrypt(cost: 5)))
        #expect(try needsRehash(bcrypt, by: cheapArgon2id))
    }

    @Test("a pepper can be replaced: the old one still checks, and asks for a new hash")
    func pepperRotation() throws {
        let newPepper = [UInt8](repeating: 9, count: 32)
        let stored = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [pepper]).hash(phrase)
        let rotated = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [newPepper, pepper])
        #expect(try rotated.verify(phrase, against: stored) == Verification(matches: true, needsRehash: true))
        #expect(try !rotated.verify(phrase, against: rotated.hash(phrase)).needsRehash)
        let forgotten = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [newPepper])
        #expect(try !forgotten.verify(phrase, against: stored).matches)
    }

    @Test(
        "a stored text that is no hash, or asks for more than a server can bear, matches nothing and costs nothing",
        arguments: [
            "", "*", "plain", "$argon2id$", "$1$salt$hash", "$2b$04$short", "$gh-bcrypt$", "$gh-bcrypt$630dcd29",
            "$2x$04$dQpzM5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS",
            "$2b$31$dQpzM5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS",
            "$argon2i$v=19$m=64,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
            "$argon2id$v=16$m=64,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
            "$argon2id$v=19$m=4194304,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
            "$argon2id$v=19$m=262144,t=1024,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
            "$argon2id$v=19$m=99999999999999999999,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
            "$argon2id$v=19$m=-64,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
            "$argon2id$v=19$m=64,t=1,p=255$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
        ])
    func hostile(stored: String) throws {
        let hasher = try PasswordHasher(scheme: cheapArgon2id, peppers: [pepper])
        #expect(try hasher.verify(phrase, against: stored) == Verification(matches: false, needsRehash: false))
    }

    @Test("a NUL character is refused, never taken for the end", arguments: [cheapArgon2id, .bcrypt(cost: 4)])
    func nul(scheme: PasswordScheme) throws {
        let hasher = try PasswordHasher(scheme: scheme, peppers: [pepper])
        #expect(throws: HashingError.containsNUL) { try hasher.hash("correct\0horse") }
        #expect(try !hasher.verify("correct\0horse", against: hasher.hash("correct")).matches)
    }

    @Test("what is longer than any password may be is refused before the work")
    func tooLong() throws {
        let hasher = try PasswordHasher(scheme: cheapArgon2id, peppers: [pepper])
        let longest = String(repeating: "x", count: PasswordHasher.longestPassword)
        #expect(throws: HashingError.tooLong) { try hasher.hash(longest + "x") }
        #expect(try hasher.verify(longest, against: hasher.hash(longest)).matches)
        #expect(try !hasher.verify(longest + "x", against: hasher.hash(longest)).matches)
    }

    @Test(
        "costs that cannot be, or would stop the server, are refused at start",
        arguments: [
            PasswordScheme.argon2id(memoryKiB: 4, passes: 1), .argon2id(memoryKiB: 64, passes: 0),
            .argon2id(memoryKiB: 8_000_000, passes: 1), .bcrypt(cost: 3), .bcrypt(cost: 20),
        ])
    func unusable(scheme: PasswordScheme) {
        #expect(throws: HashingError.unusableScheme) { try PasswordHasher(scheme: scheme, peppers: [pepper]) }
        #expect(throws: HashingError.unusablePepper) { try PasswordHasher(peppers: []) }
        #expect(throws: HashingError.unusablePepper) { try PasswordHasher(peppers: [[1, 2, 3]]) }
    }

    @Test("costs too low for production are told from sufficient ones")
    func sufficient() {
        #expect(PasswordScheme.argon2id().isSufficient)
        #expect(PasswordScheme.argon2id(memoryKiB: 12_288, passes: 3).isSufficient)
        #expect(!PasswordScheme.argon2id(memoryKiB: 12_288, passes: 2).isSufficient)
        #expect(PasswordScheme.bcrypt(cost: 10).isSufficient)
        #expect(!PasswordScheme.bcrypt(cost: 9).isSufficient)
    }

    @Test("the dummy hash is made by the hasher of the setting, differs at each start, and never matches")
    func dummy() throws {  // CO-3
        for scheme in [cheapArgon2id, .bcrypt(cost: 4)] {
            let hasher = try PasswordHasher(scheme: scheme, peppers: [pepper])
            let dummy = try DummyHash(for: hasher)
            #expect(try dummy.verify(phrase) == Verification(matches: false, needsRehash: false))
            #expect(try dummy.verify("") == Verification(matches: false, needsRehash: false))
        }
    }
}
