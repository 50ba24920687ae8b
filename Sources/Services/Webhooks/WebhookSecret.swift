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

    var text: String { "whsec_" + Base64.encode(bytes) }

    /// The signature of a message.
    func signature(of content: [UInt8]) -> String { "v1," + Base64.encode(HMACKey(bytes).sign(content)) }
}
