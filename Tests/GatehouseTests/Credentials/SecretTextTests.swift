import Credentials
import Ground
import Testing

@Suite("Secrets of the configuration") struct SecretTextTests {  // UNI-10
    @Test("random secrets pass in every usual form")
    func random() {
        for _ in 0..<50 {
            #expect(SecretText.weakness(ofSecret: Hex.encode(RandomSource.system.bytes(16))) == nil)
            #expect(SecretText.weakness(ofSecret: Hex.encode(RandomSource.system.bytes(32))) == nil)
            #expect(SecretText.weakness(ofSecret: Base64URL.encode(RandomSource.system.bytes(32))) == nil)
            #expect(SecretText.weakness(ofSecret: Base64URL.encode(RandomSource.system.bytes(64))) == nil)
        }
    }

    @Test("a secret shorter than the hash is refused")
    func short() {
        #expect(SecretText.weakness(ofSecret: "") == .tooShort(minimum: 32))
        #expect(SecretText.weakness(ofSecret: String(Hex.encode(RandomSource.system.bytes(16)).dropLast()))
            == .tooShort(minimum: 32))
    }

    @Test("what stands in examples is refused", arguments: [
        "your-super-secret-jwt-key-change-in-production", "a-string-secret-at-least-256-bits-long",
        "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME", "your_jwt_secret_your_jwt_secret_1234",
        "MyKeyForDevelopmentOnly-0123456789abc",
    ])
    func known(secret: String) {
        #expect(SecretText.weakness(ofSecret: secret) == .wellKnown)
    }

    @Test("what can be guessed is refused", arguments: [
        String(repeating: "a", count: 64), "0123456789abcdef0123456789abcdef", "12345678901234567890123456789012",
        "abcdefghijklmnopqrstuvwxyz012345", "qwertyuiopasdfghjklzxcvbnm123456",
        String(repeating: "01", count: 32), String(repeating: "f00dface", count: 8),
    ])
    func predictable(secret: String) {
        #expect(SecretText.weakness(ofSecret: secret) == .predictable)
    }
}
