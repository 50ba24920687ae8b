// What it costs to check an assertion of a passkey, from the bytes to the verdict, or of that the signature alone: by
// OpenSSL with a key that it has parsed. Compiled together with the floor that does it. Prints its figures as JSON, its
// own CPU time in seconds.
//
// usage: passkey_rate SECONDS, or under the name passkey_signature for the signature alone

import COpenSSL
import Credentials
import Glibc
import Ground
import WebAuthn

@main enum PasskeyRate {
    // The first vector of Web Authentication Level 3 (section 16.2).
    static let challenge = bytes("39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408")
    static let cose = bytes(
        "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66"
            + "334b03458abf879717c12cc68ed73290af2e2664796b9220")
    static let clientData = Array(
        (#"{"type":"webauthn.get","challenge":"OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag","origin":"https://example.org","#
            + #""crossOrigin":false}"#).utf8)
    static let data = bytes("bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000")
    static let signature = bytes(
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11"
            + "a1dd5d78c6e486013f937295ea13653e331e87")

    static func main() {
        guard let seconds = CommandLine.arguments.last.flatMap(Double.init) else { exit(64) }
        let check = CommandLine.arguments[0].hasSuffix("passkey_signature") ? signatureAlone() : wholeAssertion
        let start = (wall: time(CLOCK_MONOTONIC), cpu: time(CLOCK_PROCESS_CPUTIME_ID))
        var checks = 0
        while time(CLOCK_MONOTONIC) - start.wall < seconds {
            for _ in 0..<100 { guard check() else { exit(1) } }
            checks += 100
        }
        let (wall, cpu) = (time(CLOCK_MONOTONIC) - start.wall, time(CLOCK_PROCESS_CPUTIME_ID) - start.cpu)
        print("{\"requests\":\(checks),\"failed\":0,\"seconds\":\(wall),\"p50\":0,\"p99\":0,\"cpu\":\(cpu)}")
    }

    static let party = RelyingParty(id: "example.org", origins: ["https://example.org"])

    /// As a sign-in does it: the key as it stands in the database.
    static func wholeAssertion() -> Bool {
        do {
            let assertion = try Assertion(clientData: clientData, authenticatorData: data, signature: signature)
            let known = Assertion.Known(key: try CredentialKey(cose: cose), counter: 0, isBackupEligible: true)
            try assertion.verify(by: known, challenge: challenge, for: party, requiringVerification: false)
            return true
        } catch { return false }
    }

    static func signatureAlone() -> () -> Bool {
        // A SubjectPublicKeyInfo of P-256 up to the point, and the point.
        let head = bytes("3059301306072a8648ce3d020106082a8648ce3d030107034200")
        let info = head + [4] + cose[10..<42] + cose[45..<77]
        let key = info.withUnsafeBufferPointer { info in
            var position = info.baseAddress
            return d2i_PUBKEY(nil, &position, info.count)
        }
        let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil)
        guard EVP_PKEY_verify_init(context) == 1 else { exit(1) }
        let digest = Digest.sha256(data + Digest.sha256(clientData))
        return { EVP_PKEY_verify(context, signature, signature.count, digest, digest.count) == 1 }
    }

    static func bytes(_ hex: String) -> [UInt8] { Hex.decode(hex) ?? [] }

    static func time(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
