import Ground
import Outgoing

/// Where webhooks may go, and how they are sent.
public struct WebhookSettings: Sendable {
    public let allowsHTTP: Bool
    public let allowsAnyPort: Bool
    public let allowedNetworks: [AddressBlock]
    public let caFile: String?
    public let timeout: Duration
    public let disableAfter: Duration
    public let retention: Duration

    init(reading reader: inout SettingReader) {
        allowsHTTP = reader.flag("WEBHOOK_ALLOW_HTTP", default: false, "Whether webhooks may go to http addresses too.")
        allowsAnyPort = reader.flag(
            "WEBHOOK_ANY_PORT", default: false, "Whether webhooks may go to other ports than 443 and 80.")
        allowedNetworks = reader.list(
            "WEBHOOK_ALLOWED_NETWORKS", of: "addresses and CIDR blocks",
            "Networks that are not public and that webhooks may go to all the same."
        ) { AddressBlock($0) }
        caFile = reader.optionalText(
            "WEBHOOK_CA_FILE", "Certificates that receivers are checked against; the system's without it.")
        timeout = reader.duration(
            "WEBHOOK_TIMEOUT", default: "15s", from: .seconds(1), to: .seconds(60),
            "For a receiver to answer; a third of it to connect.")
        disableAfter = reader.duration(
            "WEBHOOK_DISABLE_AFTER", default: "5d", from: .seconds(3600), to: .seconds(365 * 86400),
            "How long nothing but failures disables a webhook.")
        retention = reader.duration(
            "OUTBOX_RETENTION", default: "7d", from: .seconds(3600), to: .seconds(365 * 86400),
            "How long messages that were sent or given up are kept.")
    }

    /// The rules by which requests leave the server.
    public var outgoing: OutgoingSettings {
        OutgoingSettings(
            policy: policy, allowsHTTP: allowsHTTP, caFile: caFile, connectTimeout: timeout / 3, timeout: timeout,
            answerLimit: 16_384)
    }

    var policy: AddressPolicy { AddressPolicy(allowing: allowedNetworks) }
}
