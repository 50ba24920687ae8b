extension Services {
    /// How the stores are.
    public struct Health: Sendable {
        public let database: Bool
        /// nil where none is configured.
        public let redis: Bool?
        /// Whether everything is heard that other nodes say; else the database is asked instead.
        public let hearsOthers: Bool
        /// Whether requests can be served.
        public let isReady: Bool
    }

    /// Asks the stores.
    public func health() async -> Health {
        let database: Bool
        do {
            _ = try await store.reading.keys.all(for: "health")
            database = true
        } catch { database = false }
        let stores = configuration.stores
        let redis = stores.redis == nil ? nil : keyValue.isConnected
        return Health(
            database: database, redis: redis, hearsOthers: sessions.revocations.hearsOthers,
            isReady: database && (stores.tokenStore == .sql || redis != false))
    }
}
