import Credentials
import Ground
import Testing

/// A hash that other software made of `phrase`, unless another password stands beside it.
struct ForeignVector: Sendable, CustomTestStringConvertible {
    let name: String
    let hash: String
    var password = phrase
    /// How it is stored; nil: as it came.
    var stored: String?

    var testDescription: String { name }

    /// Made with Django 5.2, passlib 1.7, argon2-cffi 25.1 and Python's hashlib.
    static let all = [
        ForeignVector(
            name: "Django pbkdf2_sha256", hash: "pbkdf2_sha256$1000$seasalt1seasalt1$UiLwZ2kMmbdgjeUZvIjAmPb1oJyg7o654pD3wPSl+98=",
            stored: "$pbkdf2-sha256$1000$c2Vhc2FsdDFzZWFzYWx0MQ$UiLwZ2kMmbdgjeUZvIjAmPb1oJyg7o654pD3wPSl+98"),
        ForeignVector(
            name: "Django pbkdf2_sha1", hash: "pbkdf2_sha1$1000$seasalt1seasalt1$zWuV01D6AIzqvWY3AzWzp2RmPSw=",
            stored: "$pbkdf2$1000$c2Vhc2FsdDFzZWFzYWx0MQ$zWuV01D6AIzqvWY3AzWzp2RmPSw"),
        ForeignVector(
            name: "Django argon2",
            hash: "argon2$argon2id$v=19$m=64,t=1,p=1$c2Vhc2FsdDFzZWFzYWx0MXNlYXNhbHQx$BmUx/TfZhusbZowA+OOBw26tWxfK4x1SzYjVsE9TXSU",
            stored: "$argon2id$v=19$m=64,t=1,p=1$c2Vhc2FsdDFzZWFzYWx0MXNlYXNhbHQx$BmUx/TfZhusbZowA+OOBw26tWxfK4x1SzYjVsE9TXSU"),
        ForeignVector(
            name: "Django bcrypt_sha256", hash: "bcrypt_sha256$$2b$04$3aOYPc4m4I3NJL1Y2yD7VeH1pfJaJKBt5XbnrGKzeuBra//Wj89O.",
            stored: "$django-bcrypt-sha256$2b$04$3aOYPc4m4I3NJL1Y2yD7VeH1pfJaJKBt5XbnrGKzeuBra//Wj89O."),
        ForeignVector(
            name: "Django bcrypt", hash: "bcrypt$$2b$04$EHojEroV/NMu5hgsKwbfEO8UbhhbwVLk.RJa8huorp4HjR1lQE9qG",
            stored: "$2b$04$EHojEroV/NMu5hgsKwbfEO8UbhhbwVLk.RJa8huorp4HjR1lQE9qG"),
        ForeignVector(
            name: "Django scrypt",
            hash: "scrypt$64$seasalt1seasalt1$8$2$lAvW8yNiCIG+eEdNVXr27lkFz8L4jxwu3CCbiap0TNOGnli9Ijkasvqd1PpuA8awS8Q0cfMdL4NUTMNJqjf1Ng==",
            stored: "$scrypt$ln=6,r=8,p=2$c2Vhc2FsdDFzZWFzYWx0MQ$lAvW8yNiCIG+eEdNVXr27lkFz8L4jxwu3CCbiap0TNOGnli9Ijkasvqd1PpuA8awS8Q0cfMdL4NUTMNJqjf1Ng"),
        ForeignVector(
            name: "passlib pbkdf2", hash: "$pbkdf2$1000$.//.IHNpeHRlZW4gYnl0$I11ismuJLxxEXuGUPu/rFYuvXIA",
            stored: "$pbkdf2$1000$+//+IHNpeHRlZW4gYnl0$I11ismuJLxxEXuGUPu/rFYuvXIA"),
        ForeignVector(
            name: "passlib pbkdf2-sha256",
            hash: "$pbkdf2-sha256$1000$.//.IHNpeHRlZW4gYnl0$D2IPvgSEp18FrOqntJZR34ytkMfZJvwD0TMGQ3gQukM",
            stored: "$pbkdf2-sha256$1000$+//+IHNpeHRlZW4gYnl0$D2IPvgSEp18FrOqntJZR34ytkMfZJvwD0TMGQ3gQukM"),
        ForeignVector(
            name: "passlib pbkdf2-sha512",
            hash: "$pbkdf2-sha512$1000$.//.IHNpeHRlZW4gYnl0$zKnOYd0eFfSGVbEdXAtl79lEkp689N1aH66eEOjapx6DuUz76ppPMnJW1SPkclgDA0gVAh8TH5Y0PVyqzkBt7Q",
            stored: "$pbkdf2-sha512$1000$+//+IHNpeHRlZW4gYnl0$zKnOYd0eFfSGVbEdXAtl79lEkp689N1aH66eEOjapx6DuUz76ppPMnJW1SPkclgDA0gVAh8TH5Y0PVyqzkBt7Q"),
        ForeignVector(
            name: "passlib scrypt", hash: "$scrypt$ln=6,r=8,p=1$+//+IHNpeHRlZW4gYnl0$uxPE2i0yes6l0xjLbyLKEJWMKvCXXncmzt+LvJV8X9A"),
        ForeignVector(
            name: "argon2i", hash: "$argon2i$v=19$m=64,t=3,p=1$c2l4dGVlbiBieXRlIHNhbA$kQ5Sv6wBsMJsQJ1EQ5DntEh8GPyYzopuYmRNHMC9KA0"),
        ForeignVector(
            name: "Better Auth",
            hash: "9f86d081884c7d659a2feaa0c55ad015:97d47df5d547258b860af02ef4f3e3d69e346fcc0887faccd03564204d389e4bacee13f9aedff163e2edfdd865cec75aa916522faa4d83a13e2b63dac4936674",
            stored: "$scrypt-nfkc$ln=14,r=16,p=1$OWY4NmQwODE4ODRjN2Q2NTlhMmZlYWEwYzU1YWQwMTU$l9R99dVHJYuGCvAu9PPj1p40b8wIh/rM0DVkIE04nkus7hP5rt/xY+Lt/dhlzsdaqRZSL6pNg6E+K2PaxJNmdA"),
        ForeignVector(
            name: "Better Auth, a password that NFKC changes",
            hash: "9f86d081884c7d659a2feaa0c55ad015:f85a3f66305daebee1ee057917d17654aff98df34fc45413eaec0829bfefdc5c2eb7a0de7bdf930ded2eb5cabc11ee0fc62a0bbfb31c4f87fe9c91bdee401d56",
            password: "ﬁancé Ⅷ ｐａｓｓword ﷺ",
            stored: "$scrypt-nfkc$ln=14,r=16,p=1$OWY4NmQwODE4ODRjN2Q2NTlhMmZlYWEwYzU1YWQwMTU$+Fo/ZjBdrr7h7gV5F9F2VK/5jfNPxFQT6uwIKb/v3Fwut6Dee9+TDe0utcq8Ee4PxioLv7McT4f+nJG97kAdVg"),
    ]
}

@Suite("Hashes of other software") struct ForeignHashTests {
    let hasher: PasswordHasher

    init() throws { hasher = try PasswordHasher(scheme: cheapArgon2id, peppers: [pepper]) }

    @Test("are taken over, checked, and asked to be made anew", arguments: ForeignVector.all)
    func checked(vector: ForeignVector) throws {
        let stored = try hasher.adopt(vector.hash)
        #expect(stored == vector.stored ?? vector.hash)
        let needsRehash = !stored.hasPrefix("$argon2id$")
        #expect(
            try hasher.verify(vector.password, against: stored) == Verification(matches: true, needsRehash: needsRehash))
        #expect(try !hasher.verify(vector.password + "r", against: stored).matches)
        #expect(try !hasher.verify("", against: stored).matches)
        #expect(try hasher.adopt(stored) == stored, "what is stored can be taken out and in again")
    }

    @Test("Firebase's, by the example that Firebase publishes")
    func firebase() throws {
        let key = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
        let project = try FirebaseProject(signerKey: key, separator: "Bw==", rounds: 8, memoryCost: 14)
        let hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
        let stored = try project.stored(hash: hash, salt: "42xEC+ixf3L2lw==")
        #expect(stored.hasPrefix("$firebase-scrypt$ln=14,r=8,p=1,sep=Bw,key=jxspr8Ki"))
        #expect(try hasher.verify("user1password", against: stored) == Verification(matches: true, needsRehash: true))
        #expect(try !hasher.verify("user2password", against: stored).matches)
        #expect(try hasher.adopt(stored) == stored)
        let urlSafe = hash.replacing("/", with: "_").replacing("+", with: "-")
        #expect(try project.stored(hash: urlSafe, salt: "42xEC-ixf3L2lw==") == stored)
    }

    /// The first is from a public guide to Keycloak 9, the others from Python's hashlib and argon2-cffi.
    @Test("Keycloak's", arguments: [
        ("pbkdf2-sha256", 27500, "x/bm4Y3DcuV9eU97ervkPA==", "1u7BLvfSPxQFpwc5jpGSA+88EGl9pZYKhaZ8YPIu9N4=", "admin"),
        ("pbkdf2", 1000, "AAECAwQFBgcICQoLDA0ODw==", "AOm/kOb/+YAZ3ZwSogYgNu9fO1g98616UUT2x3Jzcezc674WB6rf1PmFu7KUTJ/kBMpXzOJ47gHQ2i8osqaCHQ==", phrase),
        ("pbkdf2-sha256", 1000, "AAECAwQFBgcICQoLDA0ODw==", "ppsXnjrdPB4KryJ6DrOqKqhkWrhv7PbKAMF1Eml8cZ7TX23G+6QgERwdCrtdq7/IU5aB6IVSOpTz6igHBLZ5Gw==", phrase),
        ("pbkdf2-sha512", 1000, "AAECAwQFBgcICQoLDA0ODw==", "A6AmFIti7CKlYdoPiV9jf1d9llp37o27Wms8Zx8fwMJGCOigJzAthOW3Pg+XF5PnNiYnsQsIz1N5NtynrEm78w==", phrase),
        ("argon2", 5, "AAECAwQFBgcICQoLDA0ODw==", "8cZyfmGLYgTYc8avb2ZXWqFShr92bklhQdS/tplOl9k=", phrase),
    ])
    func keycloak(algorithm: String, iterations: Int, salt: String, value: String, password: String) throws {
        let how: JSON = [
            "hashIterations": .integer(Int64(iterations)), "algorithm": .string(algorithm),
            "additionalParameters": algorithm == "argon2"
                ? ["hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]] : [:],
        ]
        let stored = try KeycloakHash.stored(how: how, secret: ["value": .string(value), "salt": .string(salt)])
        #expect(try hasher.adopt(stored) == stored)
        #expect(try hasher.verify(password, against: stored).matches)
        #expect(try !hasher.verify(password + "r", against: stored).matches)
    }

    @Test("that cost more than a server can bear are refused, and never computed", arguments: [
        "$argon2id$v=19$m=4194304,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
        "$argon2i$v=19$m=262144,t=1024,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
        "$2b$31$dQpzM5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS",
        "bcrypt_sha256$$2b$31$dQpzM5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS",
        "pbkdf2_sha256$4000001$salt$UiLwZ2kMmbdgjeUZvIjAmPb1oJyg7o654pD3wPSl+98=",
        "$pbkdf2-sha256$9223372036854775807$c2FsdHNhbHQ$UiLwZ2kMmbdgjeUZvIjAmPb1oJyg7o654pD3wPSl+98",
        "$scrypt$ln=21,r=8,p=1$c2FsdHNhbHQ$uxPE2i0yes6l0xjLbyLKEJWMKvCXXncmzt+LvJV8X9A",
        "$scrypt$ln=20,r=8,p=1$c2FsdHNhbHQ$uxPE2i0yes6l0xjLbyLKEJWMKvCXXncmzt+LvJV8X9A",
        "$scrypt$ln=18,r=8,p=5$c2FsdHNhbHQ$uxPE2i0yes6l0xjLbyLKEJWMKvCXXncmzt+LvJV8X9A",
        "$scrypt$ln=9223372036854775807,r=9223372036854775807,p=9223372036854775807$c2FsdHNhbHQ$uxPE2i0yes6l0xjLbyLKEJWMKvCXXncmzt+LvJV8X9A",
        "$firebase-scrypt$ln=20,r=64,p=1,sep=Bw,key=jxspr8Ki0RYycVU8zykbdA$42xEC+ixf3L2lw$lSrfV15cpx95/sZS2W9c9A",
    ])
    func tooCostly(hash: String) throws {
        #expect(throws: HashFault.tooCostly) { try hasher.adopt(hash) }
        #expect(try !hasher.verify(phrase, against: hash).matches)
    }

    @Test("that cannot be read are refused", arguments: [
        "$argon2id$v=19$m=64,t=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ", "$argon2id$v=19$m=64,t=1,p=1$OCBieXRlcyE$",
        "$argon2id$v=16$m=64,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ", "$2b$04$short",
        "$2b$04$!!!!!5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS", "pbkdf2_sha256$1000$salt", "pbkdf2_sha256$0$salt$UiLwZ2kMmbdgjeUZvIjAmPb1oJyg7o654pD3wPSl+98=",
        "pbkdf2_sha256$-1$salt$UiLwZ2kMmbdgjeUZvIjAmPb1oJyg7o654pD3wPSl+98=", "pbkdf2_sha256$1000$salt$AAAA",
        "scrypt$65$salt$8$1$lAvW8yNiCIG+eEdNVXr27lkFz8L4jxwu3CCbiap0TNM", "$scrypt$ln=6,r=8$c2FsdA$AAAA",
        "$scrypt$ln=6,r=8,p=1$c2FsdHNhbHQ$", "$pbkdf2-sha256$1000$c2FsdHNhbHQ$!!!!",
        "$firebase-scrypt$ln=14,r=8,p=1,sep=Bw$42xEC+ixf3L2lw$lSrfV15cpx95",
        "$firebase-scrypt$ln=14,r=8,p=1,sep=Bw,key=jxspr8Ki0RYycVU8zykbdA$42xEC+ixf3L2lw$AAAA",
        "$gh-bcrypt$630dcd29$2b$04$short", "$pbkdf2$1000$" + String(repeating: "A", count: 2000) + "$AAAA",
    ])
    func malformed(hash: String) throws {
        #expect(throws: HashFault.malformed) { try hasher.adopt(hash) }
        #expect(try !hasher.verify(phrase, against: hash).matches)
    }

    @Test("of kinds that are not known are refused, a plain password among them", arguments: [
        "", "hunter2", "$1$salt$hash", "$6$rounds=5000$salt$hash", "$argon2d$v=19$m=64,t=1,p=1$OCBieXRlcyE$dgqrpSX1sHquE9X5vKwBOQ",
        "$2x$04$dQpzM5eNt0vlFEC0sxKslu.BnMCj5aRO0fDqsRsc3r8ZkDwvHvVBS", "md5$salt$0123456789abcdef", "!unusable",
        "correct:horse", "5f4dcc3b5aa765d61d8327deb882cf99", "$", "$$$$$",
    ])
    func unknown(hash: String) throws {
        #expect(throws: HashFault.unknownForm) { try hasher.adopt(hash) }
        #expect(try !hasher.verify(phrase, against: hash).matches)
    }

    @Test("of another server's pepper are refused, those of our own are not")
    func peppers() throws {
        let ours = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [pepper]).hash(phrase)
        let theirs = try PasswordHasher(scheme: .bcrypt(cost: 4), peppers: [[UInt8](repeating: 7, count: 32)]).hash(phrase)
        #expect(try hasher.adopt(ours) == ours)
        #expect(throws: HashFault.unknownPepper) { try hasher.adopt(theirs) }
    }

    @Test("codes are stable, and no sentence quotes the hash")
    func codes() {
        let faults: [HashFault] = [.unknownForm, .malformed, .tooCostly, .unknownPepper]
        #expect(faults.map(\.code) == ["hash_unknown", "hash_malformed", "hash_too_costly", "hash_of_other_pepper"])
        #expect(faults.allSatisfy { !$0.message.contains("$") })
    }
}
