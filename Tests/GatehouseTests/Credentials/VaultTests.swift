import Credentials
import Ground
import Testing

@Suite("The vault") struct VaultTests {
    private let key = [UInt8](repeating: 7, count: 32)
    private let otherKey = [UInt8](repeating: 8, count: 32)
    private let secret = Array("JBSWY3DPEHPK3PXP".utf8)

    @Test("a sealed value opens again, and looks different each time")
    func roundTrip() throws {
        let vault = try Vault(keys: [key])
        let sealed = try vault.seal(secret, purpose: "totp:1")
        #expect(try vault.open(sealed, purpose: "totp:1") == secret)
        #expect(try vault.seal(secret, purpose: "totp:1") != sealed)
        #expect(try vault.open(vault.seal([], purpose: ""), purpose: "") == [])
    }

    @Test("a value sealed for one purpose does not open for another")
    func purpose() throws {
        let vault = try Vault(keys: [key])
        let sealed = try vault.seal(secret, purpose: "totp:1")
        #expect(throws: VaultError.damaged) { try vault.open(sealed, purpose: "totp:2") }
    }

    @Test("a value changed in any byte, or cut, does not open")
    func tampered() throws {
        let vault = try Vault(keys: [key])
        let sealed = try vault.seal(secret, purpose: "totp:1")
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: VaultError.self) { try vault.open(changed, purpose: "totp:1") }
            #expect(throws: VaultError.self) { try vault.open(Array(sealed[..<index]), purpose: "totp:1") }
        }
    }

    @Test("after a change of keys old values open, are known as old, and new ones need the new key")
    func rotation() throws {
        let old = try Vault(keys: [key])
        let rotated = try Vault(keys: [otherKey, key])
        let before = try old.seal(secret, purpose: "p")
        let after = try rotated.seal(secret, purpose: "p")
        #expect(try rotated.open(before, purpose: "p") == secret)
        #expect(rotated.isOutdated(before))
        #expect(!rotated.isOutdated(after))
        #expect(throws: VaultError.unknownKey) { try old.open(after, purpose: "p") }
    }

    @Test("keys of another length than 32 bytes are refused")
    func keys() {
        #expect(throws: VaultError.unusableKey) { try Vault(keys: []) }
        #expect(throws: VaultError.unusableKey) { try Vault(keys: [Array(key.dropLast())]) }
        #expect(throws: VaultError.unusableKey) { try Vault(keys: [key, []]) }
    }

    private static let vectors = "wycheproof/aes_gcm_test.json"

    @Test("AES-256-GCM passes Wycheproof's vectors", .enabled(if: Vectors.has(vectors), "no vectors here"))
    func wycheproof() throws {
        var checked = 0
        let groups = try Vectors.json(Self.vectors)?["testGroups"]?.array
        for group in try #require(groups)
        where group["keySize"]?.integer == 256 && group["ivSize"]?.integer == 96 && group["tagSize"]?.integer == 128 {
            for test in try #require(group["tests"]?.array) {
                try check(test)
                checked += 1
            }
        }
        #expect(checked > 50)
    }

    private func check(_ test: JSON) throws {
        let key = try #require(test.bytes("key"))
        let cipher = try #require(AESGCM(key: key))
        let nonce = try #require(test.bytes("iv"))
        let data = try #require(test.bytes("aad"))
        let message = try #require(test.bytes("msg"))
        let ciphertext = try #require(test.bytes("ct"))
        let sealed = ciphertext + (try #require(test.bytes("tag")))
        if test["result"]?.string == "valid" {
            #expect(cipher.seal(message, nonce: nonce, authenticating: data) == sealed)
            #expect(cipher.open(sealed, nonce: nonce, authenticating: data) == message)
        } else {
            #expect(cipher.open(sealed, nonce: nonce, authenticating: data) == nil)
        }
    }
}
