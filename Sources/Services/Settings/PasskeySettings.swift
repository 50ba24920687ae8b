import Ground
import WebAuthn

/// For whom passkeys are made, and what they must show.
public struct PasskeySettings: Sendable {
    /// Whether the authenticator asks for a PIN, a finger or a face.
    public enum Verification: String, Sendable, CaseIterable { case required, preferred, discouraged }

    public let party: RelyingParty
    /// As authenticators show it.
    public let partyName: String
    public let verification: Verification

    init(reading reader: inout SettingReader, publicURL: String) {
        let host = Self.host(of: publicURL)
        let id = reader.read(
            "PASSKEY_RP_ID", "a domain in lower case", default: host, shownAs: "the host of PUBLIC_URL",
            "The domain that passkeys belong to: that of every page that asks for them, or one above it. "
                + "With another domain every passkey is lost."
        ) { Self.isDomain($0) ? $0 : nil }
        let origins = reader.read(
            "PASSKEY_ORIGINS", "origins such as https://app.example.com, separated by commas", default: [publicURL],
            shownAs: "PUBLIC_URL", "Whose pages and apps may ask for passkeys."
        ) { Self.origins($0) }
        partyName = reader.text("PASSKEY_RP_NAME", default: "Gatehouse", "By what name authenticators know the server.")
        verification = reader.choice(
            "PASSKEY_USER_VERIFICATION", default: .required,
            "Whether a passkey that signs in by itself must verify the person; where it has not, it counts as one factor.")
        for origin in origins where origin.hasPrefix("http") && !Self.covers(id, Self.host(of: origin)) {
            reader.fault("PASSKEY_ORIGINS", "must lie under PASSKEY_RP_ID, and \(origin) does not")
        }
        party = RelyingParty(id: id, origins: origins.map(Self.asBrowsersSay))
    }

    /// Browsers leave a port out that goes without saying.
    private static func asBrowsersSay(_ origin: String) -> String {
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where origin.hasPrefix(scheme) && origin.hasSuffix(port) {
            return String(origin.dropLast(port.utf8.count))
        }
        return origin
    }

    /// The host of an origin, without its port.
    static func host(of origin: String) -> String {
        let rest = origin.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first ?? ""
        if rest.hasPrefix("[") { return String(rest.prefix { $0 != "]" }) + "]" }
        return String(rest.prefix { $0 != ":" })
    }

    private static func covers(_ domain: String, _ host: String) -> Bool { host == domain || host.hasSuffix(".\(domain)") }

    private static func isDomain(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
            }
    }

    /// Those of pages, and those of Android's apps: `android:apk-key-hash:…`.
    private static func origins(_ text: String) -> [String]? {
        let parts = text.split(separator: ",").map { $0.filter { $0 != " " } }
        let origins = parts.compactMap { part in
            part.hasPrefix("android:apk-key-hash:") ? part : ServerSettings.origin(part)
        }
        return origins.count == parts.count && !origins.isEmpty ? origins : nil
    }
}
