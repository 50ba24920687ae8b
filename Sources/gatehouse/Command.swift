/// A command with its options.
enum Command: Sendable {
    case serve(Options)
    case config(Options, markdown: Bool)
    case migrate(Options)
    case createAdmin(Options, email: String, name: String)
    case allowAddress(Options, email: String?, role: String?)
    case listKeys(Options)
    case rotateKeys(Options, atOnce: Bool)
    case verifyAudit(Options, head: String?)
    case auditHead(Options)
    case importUsers(Options, ImportOrder)
    case previewMail(Options, MailOrder)
    case testMail(Options, to: String)
    case deadMail(Options)
    case retryMail(Options)
    case importBreached(Options, BreachedOrder)
    case verifyBreached(Options, file: String?)
    case openAPI(Options)
    case version
    case help

    /// What goes before the environment.
    struct Options: Sendable {
        var overrides: [String: String] = [:]
    }

    static let usage = """
        gatehouse: sign-in and access management in one program

        usage: gatehouse COMMAND [OPTIONS]

        commands
          serve                 Listens and serves until SIGTERM.
          config                Prints every setting, its value and where it comes from.
              --markdown        As the page for docs/settings.md.
          migrate               Brings the database up to date.
          admin create          Makes a SuperAdmin.
              --email E         The e-mail address.
              --name N          The person's name.
              --password-stdin  Reads the password from standard input.
          admin allow-address   Switches an address list off, for who has shut themselves out.
              --email E         That of the person with this address.
              --role R          That of the role of this name.
          keys list             Lists the keys that sign and verify tokens.
          keys rotate           Makes a new signing key that signs in ten minutes, when every cached key set has
                                it; the former verifies until its tokens have expired.
              --now             Signs at once, for when the current key is known to others.
          audit verify          Checks the whole audit log, and names the first row that is not as it was written.
              --head FILE       Compares it with a head that was printed or sent away earlier.
          audit head            Prints the newest signed head of the audit log.
          users import FILE     Brings people in from a file: every line, or none.
              --format F        csv, json or jsonl; else by the name of the file.
              --source S        Who wrote it: gatehouse, keycloak, firebase, django or better-auth.
              --hash-parameters FILE
                                The parameters of the hashes of a Firebase project.
              --dry-run         Checks everything, and writes nothing.
              --on-error skip   Writes the other lines where some are refused.
              --create-companies
                                Makes companies that the file names and that are not here.
          mail preview KIND     Prints what a mail says, filled with an example; without KIND, every kind.
              --language L      en or ru.
              --format F        text, html, or source: the template, to begin one's own with.
          mail test --to E      Sends a message to E now, and says what the mail server answered.
          mail dead             Lists the messages that were given up.
          mail retry            Sends those once more that are still there.
          breached import LIST  Makes a filter of breached passwords, from a file of SHA-1 hashes or a folder of
                                such files, as Have I Been Pwned offers them.
              --output FILE     The filter; else what BREACHED_PASSWORDS names, or a file under DATA_DIR.
              --bits N          8 or 16 for each password: of others one in 256, or in 65536, is refused too.
              --at-least N      Leaves out what was seen less often.
          breached verify [FILE]
                                Reads a whole filter, and says what it is of.
          openapi               Prints the OpenAPI document.
          version               Prints the version.
          help                  Prints this.

        options of every command
          --port N              The TCP port (PORT).
          --host ADDRESS        The address to listen on (HOST).
          --data DIR            The folder of the database and of keys (DATA_DIR).

        exit codes: 0 success, 1 failure, 64 wrong usage, 78 refused configuration
        """

    private static let names = ["serve", "config", "migrate", "admin", "keys", "audit", "users", "mail", "breached", "openapi", "version", "help"]

    private static let flagNames = ["--markdown", "--password-stdin", "--now", "--dry-run", "--create-companies"]
    private static let valueNames = [
        "--port", "--host", "--data", "--email", "--name", "--role", "--format", "--source", "--language", "--to", "--hash-parameters", "--on-error", "--head",
        "--output", "--bits", "--at-least",
    ]

    /// - Throws: `UsageError`.
    static func parse(_ arguments: [String]) throws -> Command {
        var words: [String] = []
        var options = Options()
        var values: [String: String] = [:]
        var flags: Set<String> = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            switch parts[0] {
            case "--help", "-h": return .help
            case "--version": return .version
            case let name where flagNames.contains(name): flags.insert(name)
            case let name where valueNames.contains(name):
                guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
                    throw UsageError(message: "\(parts[0]) needs a value", hint: Self.hint)
                }
                values[parts[0]] = value
            default:
                let known = flagNames + valueNames + ["--help"]
                throw UsageError(message: "unknown option \(parts[0])", hint: Spelling.suggestion(for: parts[0], among: known))
            }
        }
        for (option, setting) in [("--port", "PORT"), ("--host", "HOST"), ("--data", "DATA_DIR")] {
            options.overrides[setting] = values[option]
        }
        return try command(words, options, values, flags)
    }

    private static func command(
        _ words: [String], _ options: Options, _ values: [String: String], _ flags: Set<String>
    ) throws -> Command {
        switch words {
        case ["serve"]: return .serve(options)
        case ["config"]: return .config(options, markdown: flags.contains("--markdown"))
        case ["migrate"]: return .migrate(options)
        case ["keys", "list"]: return .listKeys(options)
        case ["keys", "rotate"]: return .rotateKeys(options, atOnce: flags.contains("--now"))
        case ["audit", "verify"]: return .verifyAudit(options, head: values["--head"])
        case ["audit", "head"]: return .auditHead(options)
        case ["openapi"]: return .openAPI(options)
        case let words where words.first == "mail": return try mail(words.dropFirst(), options, values)
        case ["version"]: return .version
        case ["help"], []: return .help
        case ["admin", "create"]:
            guard let email = values["--email"], let name = values["--name"], flags.contains("--password-stdin") else {
                throw UsageError(
                    message: "admin create needs --email, --name and --password-stdin",
                    hint: "A password on the command line would be seen by every user of the machine.")
            }
            return .createAdmin(options, email: email, name: name)
        case ["users", "import"]: throw UsageError(message: "users import needs a file", hint: Self.hint)
        case let words where words.count == 3 && words.starts(with: ["users", "import"]):
            return .importUsers(options, try ImportOrder(file: words[2], values: values, flags: flags))
        case ["users"]: throw UsageError(message: "users what? There is 'users import'.", hint: Self.hint)
        case let words where words.count == 3 && words.starts(with: ["breached", "import"]):
            return .importBreached(options, try BreachedOrder(source: words[2], values: values))
        case let words where (2...3).contains(words.count) && words.starts(with: ["breached", "verify"]):
            return .verifyBreached(options, file: words.count == 3 ? words[2] : nil)
        case ["breached", "import"]: throw UsageError(message: "breached import needs a file or a folder", hint: Self.hint)
        case ["breached"]:
            throw UsageError(message: "breached what? There are 'breached import' and 'breached verify'.", hint: Self.hint)
        case ["admin", "allow-address"]:
            guard (values["--email"] == nil) != (values["--role"] == nil) else {
                throw UsageError(message: "admin allow-address needs --email or --role", hint: Self.hint)
            }
            return .allowAddress(options, email: values["--email"], role: values["--role"])
        case ["admin"]:
            throw UsageError(message: "admin what? There are 'admin create' and 'admin allow-address'.", hint: Self.hint)
        case ["keys"]: throw UsageError(message: "keys what? There are 'keys list' and 'keys rotate'.", hint: Self.hint)
        case ["audit"]: throw UsageError(message: "audit what? There are 'audit verify' and 'audit head'.", hint: Self.hint)
        default:
            let first = words.first ?? ""
            if names.contains(first) {
                throw UsageError(message: "'\(words.joined(separator: " "))' is no command", hint: Self.hint)
            }
            throw UsageError(message: "unknown command '\(first)'", hint: Spelling.suggestion(for: first, among: names))
        }
    }

    static let hint = "See 'gatehouse help'."
}

/// What a mistyped word may have meant.
enum Spelling {
    static func suggestion(for word: String, among known: [String]) -> String {
        let nearest = known.map { ($0, distance(Array(word), Array($0))) }.min { $0.1 < $1.1 }
        if let (name, distance) = nearest, distance <= 2 { return "Did you mean '\(name)'? See 'gatehouse help'." }
        return "See 'gatehouse help'."
    }

    /// Levenshtein's.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for i in 0..<a.count {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 0..<b.count {
                let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
