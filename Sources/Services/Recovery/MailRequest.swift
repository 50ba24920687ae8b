import Credentials
import Ground
import Store

/// Somebody's wish for a link, as it waits in the outbox.
///
/// Whoever asks is answered once it stands there, before anybody has looked whether the address has an account. So answer
/// and time are the same for every address, and no mail is sent while the client waits.
struct MailRequest: Sendable {
    static let kind = "mail-request"
    /// What nobody has looked at by then, nobody waits for any more.
    static let longestWait = Duration.seconds(3600)

    let purpose: LinkPurpose
    /// The address that was named.
    let email: EmailAddress
    /// Whose address it shall become; nil where the address says who.
    let user: UUID?
    /// Of the browser that the link is for.
    let browser: [UInt8]?
    let client: Client

    func inOutbox(_ id: UUID, by vault: Vault, at now: Timestamp) throws -> OutboxMessage {
        let json: JSON = [
            "purpose": .string(purpose.rawValue), "email": .string(email.address), "user": JSON(user),
            "browser": JSON(browser.map { Base64URL.encode($0) }), "address": .string(client.address.description),
            "user_agent": .string(client.userAgent), "request_id": .string(client.requestID),
            "device": JSON(client.deviceToken),
        ]
        let sealed = try vault.seal(json.utf8, purpose: Self.purpose(id))
        let payload: JSON = ["sealed": .string(Base64URL.encode(sealed))]
        return OutboxMessage(
            id: id, kind: Self.kind, lane: Self.kind, messageID: id, topic: purpose.rawValue, payload: payload.text, at: now)
    }

    init(_ purpose: LinkPurpose, _ email: EmailAddress, user: UUID? = nil, browser: [UInt8]? = nil, from client: Client) {
        self.purpose = purpose
        self.email = email
        self.user = user
        self.browser = browser
        self.client = client
    }

    init?(_ message: OutboxMessage, by vault: Vault) {
        guard let payload = try? JSON.parse(Array(message.payload.utf8)),
            let sealed = payload["sealed"]?.string.flatMap({ Base64URL.decode($0) }),
            let bytes = try? vault.open(sealed, purpose: Self.purpose(message.id)), let json = try? JSON.parse(bytes),
            let purpose = json["purpose"]?.string.flatMap({ LinkPurpose(rawValue: $0) }),
            let email = json["email"]?.string.flatMap({ try? EmailAddress($0) }),
            let address = json["address"]?.string.flatMap({ IPAddress($0) })
        else { return nil }
        self.init(
            purpose, email, user: json["user"]?.string.flatMap { UUID($0) },
            browser: json["browser"]?.string.flatMap { Base64URL.decode($0) },
            from: Client(
                address: address, userAgent: json["user_agent"]?.string, requestID: json["request_id"]?.string ?? "",
                deviceToken: json["device"]?.string))
    }

    private static func purpose(_ id: UUID) -> String { "mail-request:\(id)" }
}

/// Grants wishes for links: looks whose address it is, makes the link, and has it sent. The link, the row of the audit log
/// and the mail are of the transaction that settles the wish, so each wish is granted once.
struct MailRequestCarrier: OutboxCarrier {
    /// Mails to one person for one purpose within an hour that one device or network may ask for.
    private static let mostWithinHour = 5
    /// The same for all together whom the account does not know: nobody fills somebody else's mailbox. What strangers use up
    /// is not missing to the devices of its owner, and one of them alone uses up nothing for the others.
    private static let mostOfStrangers = 20

    let vault: Vault
    let links: MailLinks
    let mail: MailBox
    let lockout: Lockout
    let audit: Audit
    let clock: Clock

    func carry(_ message: OutboxMessage) async throws -> Carried {
        guard let request = MailRequest(message, by: vault) else { return Carried(verdict: .hopeless, error: "payload_invalid") }
        let isOver = message.createdAt + MailRequest.longestWait <= clock.now
        var carried = Carried(verdict: isOver ? .hopeless : .sent, error: isOver ? "expired" : nil)
        carried.alongside = { repositories in
            try await repositories.outbox.forget(message.id)
            if !isOver { try await grant(request, in: repositories) }
        }
        return carried
    }

    private func grant(_ request: MailRequest, in repositories: Repositories) async throws {
        let now = clock.now
        guard let kind = Self.message(of: request.purpose), let user = try await person(of: request, in: repositories),
            user.status == .active, !user.hasEnded(at: now),
            let asker = try await asker(of: request, for: user, at: now, in: repositories)
        else { return }
        let link = try await links.make(
            request.purpose, for: user, to: request.email.address, browser: request.browser, askedBy: asker,
            in: repositories)
        if let event = Self.event(of: request.purpose) {
            let company = try await audit.company(ofEventAbout: user.id, in: repositories)
            try await audit.record(
                AuditEvent(event, user: user.id, company: company), from: request.client, in: repositories)
        }
        let message = MailMessage(
            kind, [.link: link.url, .minutes: link.minutes], in: mail.language(of: user),
            until: link.expiresAt
        ).done(by: request.client, at: now)
        try await mail.post(message, to: request.email, in: repositories)
    }

    /// - Returns: nil for whom enough was sent within the hour.
    private func asker(of request: MailRequest, for user: User, at now: Timestamp, in repositories: Repositories)
        async throws -> MailAsker?
    {
        let known = try await lockout.knownDevice(
            of: user.id, among: Lockout.deviceKeys(of: request.client), at: now, in: repositories)
        let asker: MailAsker = known.map { .device($0) } ?? .network("\(request.client.address.subscriber)")
        let (purpose, hour) = (request.purpose.rawValue, now - .seconds(3600))
        let sent = try await repositories.mailLinks.count(purpose, ofUser: user.id, askedBy: asker, since: hour)
        guard sent < Self.mostWithinHour else { return nil }
        guard known == nil else { return asker }
        let toStrangers = try await repositories.mailLinks.countOfStrangers(purpose, ofUser: user.id, since: hour)
        return toStrangers < Self.mostOfStrangers ? asker : nil
    }

    private func person(of request: MailRequest, in repositories: Repositories) async throws -> User? {
        let holder = try await repositories.users.find(emailKey: request.email.normalized)
        guard let id = request.user else { return holder }
        // An address that somebody else has, or may take back, is not offered; nobody is told so.
        guard holder == nil || holder?.id == id,
            try await !repositories.mailLinks.isHeld(request.email.normalized, from: id, at: clock.now)
        else { return nil }
        return try await repositories.users.find(id)
    }

    private static func event(of purpose: LinkPurpose) -> AuditEvent.Kind? {
        switch purpose {
        case .passwordReset: .passwordResetRequested
        case .emailChange: .emailChangeRequested
        case .magicLink: .magicLinkRequested
        case .emailVerification, .emailUndo, .disown: nil
        }
    }

    private static func message(of purpose: LinkPurpose) -> MailMessage.Kind? {
        switch purpose {
        case .passwordReset: .passwordReset
        case .emailVerification: .emailVerification
        case .emailChange: .emailChange
        case .magicLink: .magicLink
        case .emailUndo, .disown: nil
        }
    }
}
