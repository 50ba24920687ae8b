import Ground
import Synchronization

/// What all connections of a store share.
final class RedisContext: Sendable {
    let settings: RedisSettings
    let tls: TLSContext?
    let resolver = Resolver()
    let health = RedisHealth()
    /// Of a cluster, as the last map said that any loop got.
    private let clusterNodes = Mutex<[RedisEndpoint]>([])

    init(_ settings: RedisSettings) throws(KeyValueError) {
        self.settings = settings
        tls =
            switch settings.tls {
            case .off: nil
            case .on(let caFile): try TLSContext(caFile: caFile)
            }
    }

    /// The nodes of the cluster, and then the hosts of the settings.
    var places: [RedisEndpoint] {
        let nodes = clusterNodes.withLock { $0 }
        return nodes + settings.hosts.filter { !nodes.contains($0) }
    }

    func learned(_ nodes: [RedisEndpoint]) { clusterNodes.withLock { $0 = nodes } }
}

/// Which places were reached at the last attempt.
final class RedisHealth: Sendable {
    private struct State {
        var open: Set<String> = []
        var down: [String: String] = [:]
        var lastError: String?
    }

    private let state = Mutex(State())

    /// Something was reached, and nothing that is wanted is out of reach.
    var isConnected: Bool { state.withLock { !$0.open.isEmpty && $0.down.isEmpty } }
    var lastError: String? { state.withLock { $0.lastError } }

    func opened(_ place: String) {
        state.withLock {
            $0.open.insert(place)
            $0.down[place] = nil
        }
    }

    func failed(_ place: String, _ reason: String) {
        state.withLock {
            $0.open.remove(place)
            $0.down[place] = reason
            $0.lastError = reason
        }
    }

    /// The place is wanted no longer.
    func forgot(_ place: String) {
        state.withLock {
            $0.open.remove(place)
            $0.down[place] = nil
        }
    }
}
