import Credentials
import Ground
import Store

/// A message on its way to an address, as it waits in the outbox: sealed.
struct Letter: Sendable {
    static let kind = "mail"
    static let lane = "mail"
    /// Bytes of one fact.
    private static let longestFact = 300
    /// What people choose, and others read.
    private static let freeFacts: Set<MailMessage.Fact> = [.name, .company, .inviter, .reason, .passkey, .people]

    let message: MailMessage
    let to: EmailAddress

    init(message: MailMessage, to address: EmailAddress) {
        self.message = message
        to = address
    }

    func inOutbox(_ id: UUID, by vault: Vault, at now: Timestamp) throws -> OutboxMessage {
        let sealed = try vault.seal(json.utf8, purpose: Self.purpose(id))
        let payload: JSON = ["sealed": .string(Base64URL.encode(sealed))]
        return OutboxMessage(
            id: id, kind: Self.kind, lane: Self.lane, messageID: id, topic: message.kind.rawValue, payload: payload.text, at: now)
    }

    private var json: JSON {
        let facts = message.facts.sorted { $0.key.rawValue < $1.key.rawValue }.map { fact in
            JSON.Member(fact.key.rawValue, .string(Self.tamed(fact.value, as: fact.key)))
        }
        return [
            "kind": .string(message.kind.rawValue), "language": .string(message.language.rawValue), "facts": .object(facts),
            "to": .string(to.address), "expires_at": (message.expiresAt?.milliseconds).map { .integer($0) } ?? .null,
        ]
    }

    /// - Returns: nil for what is no such message, or was sealed by a key that is not known.
    init?(_ message: OutboxMessage, by vault: Vault) {
        guard let payload = try? JSON.parse(Array(message.payload.utf8)),
            let sealed = payload["sealed"]?.string.flatMap({ Base64URL.decode($0) }),
            let bytes = try? vault.open(sealed, purpose: Self.purpose(message.id)), let json = try? JSON.parse(bytes),
            let kind = json["kind"]?.string.flatMap({ MailMessage.Kind(rawValue: $0) }),
            let language = json["language"]?.string.flatMap({ Language(rawValue: $0) }),
            let to = json["to"]?.string.flatMap({ try? EmailAddress($0) })
        else { return nil }
        var facts: [MailMessage.Fact: String] = [:]
        for member in json["facts"]?.members ?? [] {
            if let fact = MailMessage.Fact(rawValue: member.name) { facts[fact] = member.value.string }
        }
        self.to = to
        self.message = MailMessage(
            kind, facts, in: language, until: json["expires_at"]?.integer.map { Timestamp(milliseconds: $0) })
    }

    private static func purpose(_ id: UUID) -> String { "mail:\(id)" }

    /// Whoever may choose a name must not write mail with it: it is short, has one line, and no programme takes a part of it
    /// for a link.
    private static func tamed(_ text: String, as fact: MailMessage.Fact) -> String {
        let clean = CleanText.clean(text, limit: fact == .link || fact == .disown ? 2048 : longestFact)
        guard freeFacts.contains(fact) else { return clean }
        var tamed = String.UnicodeScalarView()
        for scalar in clean.unicodeScalars {
            tamed.append(scalar)
            // A word joiner: it is not seen.
            if scalar == "." || scalar == "/" || scalar == ":" || scalar == "@" { tamed.append("\u{2060}") }
        }
        return String(tamed)
    }
}

/// Moments, as mail tells them.
enum MailMoment {
    static func text(_ moment: Timestamp) -> String { BotMoment.text(moment) }
}
