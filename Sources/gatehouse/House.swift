import Credentials
import Ground
import KeyValue
import SQL
import Services
import Store

/// The floors of the server, built from the ground up.
struct House: Sendable {
    let configuration: Configuration
    let services: Services
    let database: any Database
    let keyValue: any KeyValue
    let log: Log
    /// Where the key was found that was made because none was set; nil where one was.
    let keyFile: String?

    init(_ configuration: Configuration, log: Log) async throws {
        self.configuration = configuration
        self.log = log
        database = try Setup.database(configuration)
        let store = DataStore(database)
        let ran = try await DataStore.migrate(database, clock: .system)
        if !ran.isEmpty {
            log.info("schema.migrated") { line in
                line.member("migrations", ran.map(String.init).joined(separator: ","))
            }
        }
        var keys = ([configuration.tokens.encryptionKey].compactMap { $0 } + configuration.tokens.formerEncryptionKeys)
            .compactMap { TokenSettings.keyBytes($0) }
        if configuration.tokens.encryptionKey == nil {
            let folder = configuration.server.dataDirectory
            // A fresh key beside a database that another one sealed would only hide what is missing.
            let mayBeMade = try await store.reading.keys.isEmpty()
            keys.insert(try KeyFile.key(in: folder, mayBeMade: mayBeMade), at: 0)
            keyFile = KeyFile.path(in: folder)
        } else {
            keyFile = nil
        }
        keyValue = try Setup.keyValue(configuration, beside: database)
        services = try await Services(
            configuration,
            on: Services.Foundations(
                store: store, keyValue: keyValue, vault: try Vault(keys: keys), log: log))
    }

    func close() async {
        await services.stop()
        keyValue.close()
        database.close()
        log.close()
    }
}
