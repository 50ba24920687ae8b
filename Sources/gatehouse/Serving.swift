import Ground
import Services
import Web

/// `gatehouse serve`.
enum Serving {
    static func run(_ options: Command.Options) async throws -> Int32 {
        let configuration = try Setup.configuration(options)
        let level = Log.Level.allCases.first { $0.name == configuration.server.logLevel.rawValue } ?? .info
        let house = try await House(configuration, log: Log.standardError(level: level))
        let server = try WebServer(services: house.services, log: house.log, version: Version.current).start()
        try await greet(house, port: server.port)
        Memory.returnCode()
        house.services.outbox.start()
        house.services.botUpdates.start()
        let chores = [Task { await Chores.run(house) }, Task { await Chores.keepAudit(house) }]
        await Signals.wait()
        house.log.info("server.stopping")
        server.stop()
        for chore in chores { chore.cancel() }
        await house.close()
        return Program.Exit.success
    }

    private static func greet(_ house: House, port: UInt16) async throws {
        let server = house.configuration.server
        house.log.info("server.started") { line in
            line.member("version", Version.current)
            line.member("host", server.host)
            line.member("port", Int64(port))
            line.member("environment", house.configuration.environment.rawValue)
        }
        let address = server.publicURL == "http://localhost:0" ? "http://localhost:\(port)" : server.publicURL
        Console.print("Gatehouse \(Version.current) listens on \(server.host) port \(port): \(address)")
        Console.print("Data: \(StoreSettings.masked(house.configuration.stores.databaseURL))")
        if let file = house.keyFile {
            Console.print("Keys: sealed by \(file), which was made here; keep it with your backups. In production set ENCRYPTION_KEY.")
        }
        if house.configuration.telegram.registersDirectly {
            house.log.warning("telegram.direct_registration") { line in
                line.member("reason", "anybody may come in as anybody of Telegram; never let this be reached from outside")
            }
            Console.print("WARNING: TELEGRAM_DIRECT_REGISTRATION is on: anybody may come in as anybody of Telegram.")
        }
        if try await house.services.firstStart.isOpen() {
            Console.print("There is no administrator yet. Create the first one here, within a day:")
            Console.print("  \(address)/setup?token=\(house.services.firstStart.token())")
        }
    }
}

/// What the server does by itself from time to time.
enum Chores {
    /// In seconds.
    private static let beat: Int64 = 5

    static func run(_ house: House) async {
        let chores = house.services.housekeeping
        let hasOthers = !house.configuration.stores.isSQLite
        var beats = 0
        while !Task.isCancelled {
            if hasOthers { await attempt("catch_up", house) { try await chores.catchUp() } }
            house.services.outbox.wake()
            chores.readFiles()
            await attempt("words", house) { try await chores.writeMissingWords() }
            if beats % 12 == 0 {
                await attempt("keys", house) { try await chores.maintainKeys() }
                await chores.readSubscriptions()
                await attempt("access_ends", house) { try await house.services.access.tellOfEnds() }
                await attempt("access_reviews", house) { try await house.services.access.tellOfReviews() }
            }
            if beats % 720 == 0 { await attempt("sweep", house) { try await chores.sweep() } }
            // What the first round needed is seldom needed again.
            if beats == 0 { Memory.returnCode() }
            beats += 1
            do { try await Task.sleep(for: .seconds(beat)) } catch { return }
        }
    }

    /// Beside the others: there may be much to seal.
    static func keepAudit(_ house: House) async {
        let keeper = house.services.auditKeeper
        var beats = 0
        while !Task.isCancelled {
            await attempt("audit_seal", house) { try await keeper.seal() }
            if beats % 12 == 11 { await attempt("audit_patrol", house) { try await keeper.patrol() } }
            if beats % 720 == 1 { await attempt("audit_retention", house) { try await keeper.retire() } }
            beats += 1
            do { try await Task.sleep(for: .seconds(beat)) } catch { return }
        }
    }

    private static func attempt(_ name: String, _ house: House, _ chore: () async throws -> Void) async {
        do { try await chore() } catch {
            house.log.error("chore.failed") { line in
                line.member("chore", name)
                line.member("reason", Explanation.of(error))
            }
        }
    }
}
