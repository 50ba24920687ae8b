import Ground
import SQL
import Services
import Store
import Web

extension Command {
    /// - Returns: the exit code.
    func run() async throws -> Int32 {
        switch self {
        case .serve(let options): return try await Serving.run(options)
        case .config(let options, let markdown): return printConfiguration(options, markdown: markdown)
        case .migrate(let options): try await migrate(options)
        case .createAdmin(let options, let email, let name): try await createAdmin(options, email: email, name: name)
        case .allowAddress(let options, let email, let role): try await allowAddress(options, email: email, role: role)
        case .listKeys(let options): try await listKeys(options)
        case .rotateKeys(let options, let atOnce):
            try await withHouse(options) { house in
                let activation = try await house.services.keys.rotate(atOnce: atOnce)
                Console.print("A new key signs from \(activation.rfc3339) on; a running server hears of it within a minute.")
            }
        case .verifyAudit(let options, let head): return try await verifyAudit(options, comparing: head)
        case .auditHead(let options): try await printAuditHead(options)
        case .importUsers(let options, let order): return try await importUsers(options, order)
        case .previewMail(let options, let order): try previewMail(options, order)
        case .testMail(let options, let address): return try await testMail(options, to: address)
        case .deadMail(let options): try await listDeadMail(options)
        case .retryMail(let options): try await retryMail(options)
        case .importBreached(let options, let order): try importBreached(options, order)
        case .verifyBreached(let options, let file): try verifyBreached(options, file)
        case .openAPI(let options):
            let configuration = try Setup.configuration(options)
            let document = WebServer.openAPI(publicURL: configuration.server.publicURL, version: Version.current)
            Console.print(document)
        case .version: Console.print("gatehouse \(Version.current)")
        case .help: Console.print(Self.usage)
        }
        return Program.Exit.success
    }

    private func printConfiguration(_ options: Options, markdown: Bool) -> Int32 {
        var reader = Setup.reader(options)
        let faults: [SettingReader.Fault]
        do throws(SettingReader.Faults) {
            _ = try Configuration(reading: &reader)
            faults = []
        } catch { faults = error.all }
        Console.print(markdown ? SettingsPage.markdown(reader.records) : SettingsPage.table(reader.records))
        for fault in faults { Console.error("refused: \(fault)") }
        return faults.isEmpty ? Program.Exit.success : Program.Exit.configuration
    }

    private func migrate(_ options: Options) async throws {
        let configuration = try Setup.configuration(options)
        let database = try Setup.database(configuration)
        defer { database.close() }
        let ran = try await DataStore.migrate(database, clock: .system)
        Console.print(ran.isEmpty ? "The schema is up to date." : "Ran migrations \(ran.map(String.init).joined(separator: ", ")).")
    }

    private func createAdmin(_ options: Options, email: String, name: String) async throws {
        guard let password = Console.readSecret(), !password.isEmpty else {
            throw UsageError(message: "no password on standard input")
        }
        let address: EmailAddress
        do throws(EmailFault) { address = try EmailAddress(email) } catch {
            throw UsageError(message: "--email: \(error.message)")
        }
        guard (2...255).contains(name.unicodeScalars.count) else {
            throw UsageError(message: "--name: must have 2 to 255 characters")
        }
        try await withHouse(options) {
            try await $0.services.firstStart.create(name: name, email: address, password: password)
        }
        Console.print("\(address) is a SuperAdmin.")
    }

    private func allowAddress(_ options: Options, email: String?, role: String?) async throws {
        try await withHouse(options) { house in
            let rules = house.services.addressRules
            if let role {
                try await Self.finding("there is no role of the name \(role)") { try await rules.switchOff(ofRole: role) }
            }
            guard let email else { return }
            let address: EmailAddress
            do throws(EmailFault) { address = try EmailAddress(email) } catch {
                throw UsageError(message: "--email: \(error.message)")
            }
            try await Self.finding("nobody has the e-mail address \(address)") {
                try await rules.switchOff(ofUser: address.normalized)
            }
        }
        Console.print("The address list of \(email ?? role ?? "") is off; running servers hear of it within a minute.")
    }

    /// Says what there is not, where something is not found.
    private static func finding(_ absence: String, _ body: () async throws -> Void) async throws {
        do { try await body() } catch AuthError.notFound { throw Failure(reason: absence) }
    }

    private func listKeys(_ options: Options) async throws {
        try await withHouse(options) { house in
            for key in try await house.services.keys.list() {
                let state = key.signs ? "signs" : key.verifiesUntil.map { "verifies until \($0.rfc3339)" } ?? "signs later"
                Console.print("\(key.id)  \(key.algorithm)  from \(key.activatesAt.rfc3339)  \(state)")
            }
        }
    }

    func withHouse<T>(_ options: Options, _ body: (House) async throws -> T) async throws -> T {
        let house = try await House(Setup.configuration(options), log: Log.standardError(level: .error))
        let result: T
        do { result = try await body(house) } catch {
            await house.close()
            throw error
        }
        await house.close()
        return result
    }
}
