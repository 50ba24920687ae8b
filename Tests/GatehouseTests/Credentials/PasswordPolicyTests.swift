import Credentials
import Testing

@Suite("The password policy") struct PasswordPolicyTests {  // REQ-AUTH-41, CO-7
    private let policy = PasswordPolicy()

    private func policy(
        upper: Bool = false, lower: Bool = false, digit: Bool = false, special: Bool = false
    ) throws -> PasswordPolicy {
        try #require(
            PasswordPolicy(
                requireUppercase: upper, requireLowercase: lower, requireDigit: digit,
                requireSpecialCharacter: special, blockCommon: false, minimumScore: 0))
    }

    @Test("a good password passes, in any script", arguments: [
        "plum-Tundra-42-vex", "correct horse battery staple", "Zug fährt um Viertel nach", "корректная лошадь батарея",
        "x7#Kp!9vQz",
    ])
    func good(password: String) throws {
        #expect(try #require(policy).check(password, against: ["Alice Example", "alice@example.com"]).isEmpty)
    }

    @Test("eight characters are the least and 128 the most, counted as characters and not as bytes")
    func length() throws {
        let policy = try policy()
        #expect(policy.check("abcdefg") == [.tooShort(minimum: 8)])
        #expect(policy.check("абвгдеж") == [.tooShort(minimum: 8)])
        #expect(policy.check("абвгдежз").isEmpty)
        #expect(policy.check(String(repeating: "🔑", count: 128)).isEmpty)
        #expect(policy.check(String(repeating: "🔑", count: 129)) == [.tooLong(maximum: 128)])
        #expect(policy.check("e" + String(repeating: "\u{301}", count: 128)) == [.tooLong(maximum: 128)])
    }

    @Test("length settings outside 8 to 128, crossed, or a score outside 0 to 4 make no policy")
    func settings() {
        #expect(PasswordPolicy(minimumLength: 7) == nil)
        #expect(PasswordPolicy(maximumLength: 129) == nil)
        #expect(PasswordPolicy(minimumLength: 20, maximumLength: 19) == nil)
        #expect(PasswordPolicy(minimumScore: 5) == nil)
        #expect(PasswordPolicy(minimumLength: 12, maximumLength: 64, minimumScore: 4) != nil)
    }

    @Test("each kind of character can be asked for by itself")
    func composition() throws {
        #expect(try policy(upper: true).check("plum-tundra-42") == [.needsUppercase])
        #expect(try policy(lower: true).check("PLUM-TUNDRA-42") == [.needsLowercase])
        #expect(try policy(digit: true).check("plum-Tundra-vex") == [.needsDigit])
        #expect(try policy(special: true).check("plumTundra42") == [.needsSpecialCharacter])
        let all = try policy(upper: true, lower: true, digit: true, special: true)
        #expect(all.check("Слива-Тундра-42").isEmpty)
        #expect(all.check("--------").map(\.code) == [
            "password_needs_uppercase", "password_needs_lowercase", "password_needs_digit",
        ])
    }

    @Test("control characters are refused, NUL among them", arguments: ["\0", "\n", "\u{7f}", "\u{85}", "\u{2028}"])
    func control(character: String) throws {
        #expect(try #require(policy).check("plum-Tundra" + character + "42-vex") == [.containsControl])
    }

    @Test("a common password is refused in any case, with the usual substitutions, reversed or repeated", arguments: [
        "password", "PassWord", "P@ssw0rd", "drowssap", "passwordpassword", "12345678", "qwertyuiop", "trustno1",
        "monkeymonkey", "iloveyou", "sunshine", "11111111", "q1w2e3r4t5",
    ])
    func common(password: String) throws {
        #expect(try #require(policy).check(password) == [.common])
    }

    @Test("what is easy to guess is refused with the reasons, or not where the setting says so")
    func weak() throws {
        let faults = try #require(policy).check("Password2024")
        guard case .tooWeak(let score, let reasons) = try #require(faults.first) else {
            Issue.record("not told to be weak: \(faults)")
            return
        }
        #expect(score < 2)
        #expect(reasons.contains(.dictionaryWord))
        #expect(faults[0].message.contains("common word"))
        #expect(try policy().check("Password2024").isEmpty)
    }

    @Test("a password that is little more than what is known about the person is refused", arguments: [
        "alice-example", "Example2024!", "examplealice1", "wonderland.Inc",
    ])
    func personal(password: String) throws {
        let known = ["Alice Example", "alice@example.com", "Wonderland Ltd"]
        #expect(try #require(policy).check(password, against: known).contains(.containsPersonal))
    }

    @Test("a name within a long password does no harm")
    func personalWithin() throws {
        #expect(try #require(policy).check("alice-plum-Tundra-42-vex", against: ["Alice Example"]).isEmpty)
    }

    @Test("codes are stable, and no sentence quotes the password")
    func codes() {
        let faults: [PasswordFault] = [
            .tooShort(minimum: 8), .tooLong(maximum: 128), .needsUppercase, .needsLowercase, .needsDigit,
            .needsSpecialCharacter, .containsControl, .containsPersonal, .common, .tooWeak(score: 1, reasons: []),
        ]
        #expect(faults.map(\.code) == [
            "password_too_short", "password_too_long", "password_needs_uppercase", "password_needs_lowercase",
            "password_needs_digit", "password_needs_special_character", "password_contains_control_character",
            "password_contains_personal_data", "password_common", "password_too_weak",
        ])
        #expect(Set(faults.map(\.message)).count == faults.count)
    }
}
