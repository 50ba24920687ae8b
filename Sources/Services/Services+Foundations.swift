import Credentials
import Ground
import KeyValue
import Store

extension Services {
    /// What the services stand on.
    public struct Foundations: Sendable {
        public let store: DataStore
        public let keyValue: any KeyValue
        public let vault: Vault
        public let clock: Clock
        public let random: RandomSource
        public let log: Log

        public init(
            store: DataStore, keyValue: any KeyValue, vault: Vault, clock: Clock = .system, random: RandomSource = .system,
            log: Log
        ) {
            self.store = store
            self.keyValue = keyValue
            self.vault = vault
            self.clock = clock
            self.random = random
            self.log = log
        }
    }
}
