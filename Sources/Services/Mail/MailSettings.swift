import Credentials
import Ground
import Outgoing

/// How mail leaves the server, and what it says.
public struct MailSettings: Sendable {
    /// Which way mail goes.
    public enum Route: Sendable, Equatable {
        case server(MailServer)
        /// Each mail becomes a file, and its link a line of the log: for development.
        case folder(String)
    }

    /// nil: no mail leaves.
    public let route: Route?
    public let from: MIMEMessage.Mailbox
    /// What the server says it is when it speaks to the mail server.
    public let greeting: String
    public let caFile: String?
    public let timeout: Duration
    public let language: Language
    public let templates: MailTemplates
    /// Where links lead to, without a slash at the end.
    public let linkBase: String
    public let opensByMagicLink: Bool

    init(reading reader: inout SettingReader, server: ServerSettings, environment: Configuration.Environment) {
        let folder = server.dataDirectory + "/mail"
        let isDevelopment = environment == .development
        route = reader.read(
            "MAIL_URL", "off, file:FOLDER, or an address such as smtp://user:password@mail.example.com:587",
            default: isDevelopment ? .folder(folder) : nil, shownAs: "off in production, else file:DATA_DIR/mail",
            "The mail server: smtp:// demands STARTTLS, smtps:// TLS from the start; smtp+plain:// has none, and must be in a private network. "
                + "file: writes mail into a folder instead; refused in production.",
            masks: StoreSettings.masked
        ) { Self.route($0) }
        let host = Self.host(of: server.publicURL)
        let standard = "Gatehouse <no-reply@\(host)>"
        let standardBox = MIMEMessage.Mailbox(name: "Gatehouse", address: "no-reply@\(host)")
        from = reader.read(
            "MAIL_FROM", "an address such as Gatehouse <no-reply@example.com>", default: standardBox,
            shownAs: "Gatehouse <no-reply@HOST>", "Whom mail comes from; HOST is that of PUBLIC_URL."
        ) { Self.mailbox($0) }
        if case .server = route, from == standardBox, (try? EmailAddress("no-reply@\(host)")) == nil {
            reader.fault("MAIL_FROM", "must be set: \(standard) is no address of mail")
        }
        greeting = host
        caFile = reader.optionalText("MAIL_CA_FILE", "Certificates that the mail server is checked against; the system's without it.")
        timeout = reader.duration(
            "MAIL_TIMEOUT", default: "30s", from: .seconds(1), to: .seconds(300), "For the mail server to take a message.")
        language = reader.choice("MAIL_LANGUAGE", default: .english, "Of mail to people whose settings name no language.")
        var fault: String?
        templates = reader.read(
            "MAIL_TEMPLATES", "a folder", default: .standard, shownAs: "",
            "A folder with templates that take the place of the server's own."
        ) { folder in
            do throws(MailTemplateFault) { return try MailTemplates(folder: folder) } catch {
                fault = "is refused: \(error)"
                return .standard
            }
        }
        if let fault { reader.fault("MAIL_TEMPLATES", fault) }
        linkBase = reader.read(
            "MAIL_LINKS", "an http or https address", default: server.publicURL, shownAs: "PUBLIC_URL",
            "Where the links of mails lead to: this server, or an app that has pages of its own for them. "
                + "In production https alone."
        ) { Self.base($0) }
        opensByMagicLink = reader.flag(
            "MAGIC_LINK", default: false, "Whether people may sign in by a link that is sent to them.")
        if environment == .production, case .folder = route {
            reader.fault("MAIL_URL", "must not be a folder in production: links and codes would stand in files and in the log")
        }
        if environment == .production, !linkBase.hasPrefix("https://") {
            reader.fault("MAIL_LINKS", "must be an https address in production")
        }
    }

    private static func route(_ text: String) -> Route?? {
        if text == "off" { return .some(nil) }
        if text.hasPrefix("file:") {
            let folder = String(text.dropFirst(5))
            return folder.isEmpty ? nil : .folder(folder)
        }
        return MailServer(text).map { .server($0) }
    }

    private static func mailbox(_ text: String) -> MIMEMessage.Mailbox? {
        guard let open = text.lastIndex(of: "<"), text.hasSuffix(">") else {
            return (try? EmailAddress(text)).map { .init(name: nil, address: $0.address) }
        }
        var name = text[..<open]
        while name.last == " " { name.removeLast() }
        if name.count >= 2, name.first == "\"", name.last == "\"" { name = name.dropFirst().dropLast() }
        guard name.unicodeScalars.allSatisfy(CleanText.isPlain),
            let address = try? EmailAddress(String(text[text.index(after: open)...].dropLast()))
        else { return nil }
        return .init(name: name.isEmpty ? nil : String(name), address: address.address)
    }

    private static func host(of url: String) -> String {
        var rest = url.drop { $0 != "/" }.dropFirst(2)
        if rest.hasPrefix("[") { return "localhost" }
        rest = rest.prefix { $0 != ":" && $0 != "/" }
        return rest.isEmpty ? "localhost" : String(rest)
    }

    private static func base(_ text: String) -> String? {
        guard text.hasPrefix("https://") || text.hasPrefix("http://"),
            text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && !"#?\"'<>\\^`{|}".utf8.contains($0) })
        else { return nil }
        var base = text
        while base.hasSuffix("/") { base.removeLast() }
        return base.utf8.count > 8 ? base : nil
    }
}
