import Credentials
import Ground

/// What a webhook signs with, as Standard Webhooks has it: 32 random bytes, `whsec_` and base64.
struct WebhookSecret: Sendable {
    private let bytes: [UInt8]

    init(random: RandomSource) { bytes = random.bytes(32) }

    init(sealed: [UInt8], of webhook: UUID, in vault: Vault) throws(VaultError) {
        bytes = try vault.open(sealed, purpose: Self.purpose(webhook))
    }

    func sealed(for webhook: UUID, in vault: Vault) throws(VaultError) -> [UInt8] {
        try vault.seal(bytes, purpose: Self.purpose(webhook))
    }

    private static func purpose(_ webhook: UUID) -> String { "webhook:\(webhook)" }

    var text: String { "whsec_" + Self.base64(bytes) }

    /// The signature of a message.
    func signature(of content: [UInt8]) -> String { "v1," + Self.base64(HMACKey(bytes).sign(content)) }

    /// With padding (RFC 4648, section 4).
    private static func base64(_ bytes: [UInt8]) -> String {
        let text = Base64URL.encode(bytes).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        return String(text) + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }
}
