import Credentials
import Testing

@Suite("The strength of a password") struct PasswordStrengthTests {
    @Test("known patterns are found and named", arguments: [
        ("plumtundra", StrengthReason.dictionaryWord), ("m0nk3y88", .substitutedWord), ("kkkkkkkkkk", .repeated),
        ("cdefghijk", .sequence), ("zxcvfdsa", .keyboardPattern), ("17.03.1986", .date),
    ])
    func reasons(password: String, reason: StrengthReason) {
        let strength = PasswordStrength(of: password)
        #expect(strength.reasons.contains(reason), "\(strength)")
        #expect(strength.score < 3)
    }

    @Test("what is known about the person counts for little")
    func personal() {
        let known = PasswordStrength(of: "xerxanthippe", personal: ["xerxanthippe"])
        #expect(known.score == 0)
        #expect(known.reasons == [.personal])
        #expect(PasswordStrength(of: "xerxanthippe").bits > known.bits)
    }

    @Test("the score rises with the guesses needed: 10^3, 10^6, 10^8, 10^10")
    func score() {
        #expect(PasswordStrength(of: "password").score == 0)
        #expect(PasswordStrength(of: "plumtundra").score < PasswordStrength(of: "plumtundravexjolt").score)
        #expect(PasswordStrength(of: "plum-Tundra-42-vex").score == 4)
        #expect(PasswordStrength(of: "").score == 0)
        #expect(PasswordStrength(of: "x8").reasons == [.short])
    }

    @Test("a word of another alphabet is not taken for random bytes", arguments: [
        "пароль", "привет123", "пароль12", "парольпарольпароль", "密码密码",
    ])
    func foreign(password: String) {
        #expect(PasswordStrength(of: password).score < 2)
    }

    @Test("a phrase of another alphabet is strong all the same", arguments: [
        "корректная лошадь батарея", "我的密码很长很难猜得到",
    ])
    func foreignPhrase(password: String) {
        #expect(PasswordStrength(of: password).score > 2)
    }

    @Test("nothing hides behind a NUL, and what comes behind the part looked at takes nothing away")
    func bounds() {
        #expect(PasswordStrength(of: "a\0plum-Tundra-42-vex").score == 4)
        #expect(PasswordStrength(of: "plum-Tundra-42-vex-jolt-aaaaaaaaaaaaaaaaaaaaaaaa").score == 4)
        #expect(!PasswordStrength(of: "monkeymonkeymonkeymonkey-Tundra-42").isOneWord)
    }

    @Test("no password takes the machine seconds: long walks over the keyboard are cut")
    func walk() {
        // libzxcvbn takes more than five minutes for these where it sees them whole.
        for walk in ["12", "0o", "qw", "787"] {
            for _ in 0..<100 { #expect(PasswordStrength(of: String(repeating: walk, count: 64)).score < 4) }
        }
    }
}
