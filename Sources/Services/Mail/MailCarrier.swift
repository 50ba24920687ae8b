import Credentials
import Ground
import Outgoing
import Store

/// Sends mail from the outbox.
///
/// Of a message whose answer was lost nobody knows whether it arrived; it is sent again, under the same `Message-ID`.
struct MailCarrier: OutboxCarrier {
    /// Answers of SMTP that speak of this server's way in, and not of the message: another day they may be others.
    private static let faultsOfOurs: Set<Int> = [503, 530, 534, 535, 538]

    let settings: MailSettings
    let vault: Vault
    let courier: Courier
    let log: Log
    let clock: Clock

    func carry(_ message: OutboxMessage) async throws -> Carried {
        guard let letter = Letter(message, by: vault) else { return forgetting(message, "payload_invalid") }
        if let expiry = letter.message.expiresAt, expiry <= clock.now { return forgetting(message, "expired") }
        guard let route = settings.route else { return forgetting(message, "mail_off") }
        guard let text = text(of: letter.message, to: letter.to, as: message.id) else { return forgetting(message, "template_missing") }
        let carried = switch route {
        case .server(let server): await send(text, letter, as: message, through: server)
        case .folder(let folder): file(text, letter, as: message, in: folder)
        }
        note(carried, of: message)
        return carried
    }

    /// The message as it goes over the line; nil where there is no template for it.
    func text(of message: MailMessage, to address: EmailAddress, as id: UUID) -> [UInt8]? {
        guard let content = settings.templates.content(of: message) else { return nil }
        return MIMEMessage(
            from: settings.from, to: address.address, subject: content.subject, text: content.text, html: content.html,
            date: clock.now, id: id, language: message.language.rawValue
        ).bytes
    }

    /// Sends what no transaction speaks of, and waits for the answer.
    func send(_ text: [UInt8], to address: EmailAddress, through server: MailServer) async -> OutgoingOutcome {
        guard
            let mail = OutgoingMail(
                from: settings.from.address, to: address.address, text: text, through: server, greetingAs: settings.greeting)
        else { return OutgoingOutcome(fault: .notSent) }
        return await courier.send(
            OutgoingRequest(mail),
            by: OutgoingSettings(to: server, caFile: settings.caFile, timeout: settings.timeout))
    }

    private func send(_ text: [UInt8], _ letter: Letter, as message: OutboxMessage, through server: MailServer) async -> Carried {
        let outcome = await send(text, to: letter.to, through: server)
        var carried = Carried(
            verdict: Self.verdict(outcome), status: outcome.status, duration: outcome.duration,
            error: outcome.fault?.rawValue)
        if carried.verdict == .sent || carried.verdict == .hopeless { carried.alongside = forget(message) }
        return carried
    }

    private static func verdict(_ outcome: OutgoingOutcome) -> Carried.Verdict {
        switch outcome.fault {
        case nil: .sent
        case .stopped, .cancelled: .notTried
        case .mailRefused:
            outcome.status.map { $0 >= 500 && !faultsOfOurs.contains($0) } == true ? .hopeless : .failed
        default: .failed
        }
    }

    private func file(_ text: [UInt8], _ letter: Letter, as message: OutboxMessage, in folder: String) -> Carried {
        let moment = String(clock.now.rfc3339.map { $0 == ":" ? "-" : $0 })
        let path = "\(folder)/\(moment)-\(letter.message.kind.rawValue)-\(message.id).eml"
        guard Files.makeFolder(folder), Files.write(path, text) else {
            return Carried(verdict: .failed, error: "not_written")
        }
        log.info("mail.written") { line in
            line.member("kind", letter.message.kind.rawValue)
            line.member("to", letter.to.address)
            line.member("file", path)
            // For whoever develops: there is no mail server that could bring it.
            if let link = letter.message.facts[.link] { line.member("link", link) }
            if let code = letter.message.facts[.code] { line.member("code", code) }
        }
        var carried = Carried(verdict: .sent)
        carried.alongside = forget(message)
        return carried
    }

    private func note(_ carried: Carried, of message: OutboxMessage) {
        guard carried.verdict == .failed || carried.verdict == .hopeless else { return }
        let isDead = carried.verdict == .hopeless || message.attempts >= RetrySchedule.attempts
        log.warning(isDead ? "mail.dead" : "mail.failed") { line in
            line.member("message", message.id.description)
            line.member("kind", message.topic)
            line.member("reason", carried.error ?? "")
            line.member("status", (carried.status).map { "\($0)" } ?? "")
        }
    }

    private func forgetting(_ message: OutboxMessage, _ error: String) -> Carried {
        var carried = Carried(verdict: .hopeless, error: error)
        carried.alongside = forget(message)
        note(carried, of: message)
        return carried
    }

    private func forget(_ message: OutboxMessage) -> @Sendable (Repositories) async throws -> Void {
        { try await $0.outbox.forget(message.id) }
    }
}
