import Credentials
import Ground
import Services

/// Which mail is to be seen, and in which form.
struct MailOrder: Sendable {
    enum Form: String, CaseIterable { case text, html, source }

    /// nil: all of them are named.
    let kind: MailMessage.Kind?
    let language: Language
    let form: Form
}

extension Command {
    /// - Throws: `UsageError`.
    static func mail(_ words: ArraySlice<String>, _ options: Options, _ values: [String: String]) throws -> Command {
        switch Array(words) {
        case ["preview"]: return .previewMail(options, MailOrder(kind: nil, language: .english, form: .text))
        case let words where words.count == 2 && words[0] == "preview":
            let kinds = MailMessage.Kind.allCases.map(\.rawValue)
            guard let kind = MailMessage.Kind(rawValue: words[1]) else {
                throw UsageError(
                    message: "there is no mail of the kind '\(words[1])'", hint: Spelling.suggestion(for: words[1], among: kinds))
            }
            guard let language = Language(rawValue: values["--language"] ?? "en") else {
                throw UsageError(message: "--language must be en or ru")
            }
            guard let form = MailOrder.Form(rawValue: values["--format"] ?? "text") else {
                throw UsageError(message: "--format must be text, html or source")
            }
            return .previewMail(options, MailOrder(kind: kind, language: language, form: form))
        case ["test"]:
            guard let address = values["--to"] else { throw UsageError(message: "mail test needs --to", hint: Self.hint) }
            return .testMail(options, to: address)
        case ["dead"]: return .deadMail(options)
        case ["retry"]: return .retryMail(options)
        default:
            throw UsageError(
                message: "mail what? There are 'mail preview', 'mail test', 'mail dead' and 'mail retry'.",
                hint: Self.hint)
        }
    }

    func previewMail(_ options: Options, _ order: MailOrder) throws {
        let mail = try Setup.configuration(options).mail
        guard let kind = order.kind else {
            for kind in MailMessage.Kind.allCases { Console.print(kind.rawValue) }
            return
        }
        if order.form == .source {
            return Console.print(mail.templates.source(of: kind, in: order.language))
        }
        guard let content = mail.templates.content(of: kind.example(in: order.language, at: mail.linkBase)) else {
            throw Failure(reason: "there is no template for \(kind.rawValue)")
        }
        Console.print(order.form == .html ? content.html : "Subject: \(content.subject)\n\n\(content.text)")
    }

    func testMail(_ options: Options, to text: String) async throws -> Int32 {
        let address: EmailAddress
        do throws(EmailFault) { address = try EmailAddress(text) } catch {
            throw UsageError(message: "--to: \(error.message)")
        }
        let report = try await withHouse(options) { house in
            do { return try await house.services.postmaster.test(to: address) } catch AuthError.mailNotConfigured {
                throw Failure(reason: "MAIL_URL names no mail server")
            }
        }
        let took = "\(report.milliseconds) ms"
        guard let fault = report.fault else {
            Console.print("The mail server has taken the message for \(address) (\(report.answer), \(took)).")
            return Program.Exit.success
        }
        Console.error("gatehouse: the message was not taken: \(fault) (\(report.answer), \(took))")
        return Program.Exit.failure
    }

    func listDeadMail(_ options: Options) async throws {
        try await withHouse(options) { house in
            for letter in try await house.services.postmaster.deadLetters() {
                let status = letter.status.map { " \($0)" } ?? ""
                let note = letter.isWhole ? "" : "  (forgotten)"
                Console.print(
                    "\(letter.id)  \(letter.createdAt.rfc3339)  \(letter.kind)  \(letter.attempts) attempts  \(letter.error)\(status)\(note)")
            }
        }
    }

    func retryMail(_ options: Options) async throws {
        let count = try await withHouse(options) { try await $0.services.postmaster.retry() }
        Console.print("\(count) messages wait again; a running server sends them within seconds.")
    }
}
