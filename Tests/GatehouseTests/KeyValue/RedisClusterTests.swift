import Ground
import KeyValue
import Testing

@Suite("Redis of many servers", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"), .serialized)
struct RedisClusterTests {
    /// Three masters, and a replica of the first.
    private struct Cluster {
        let masters: [RedisServer]
        let replica: RedisServer

        init() async throws {
            var servers: [RedisServer] = []
            for _ in 0..<4 {
                servers.append(
                    try await RedisServer([
                        "--cluster-enabled", "yes", "--cluster-port", String(RealProcess.freePort()),
                        "--cluster-require-full-coverage", "no", "--cluster-node-timeout", "2000",
                        "--repl-diskless-sync-delay", "0",
                    ]))
            }
            masters = Array(servers[..<3])
            replica = servers[3]
            for (master, slots) in zip(masters, [("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
                try master.run("CLUSTER", "ADDSLOTSRANGE", slots.0, slots.1)
            }
            for server in servers.dropFirst() {
                // MEET wants the bus port beside the port.
                try masters[0].run(
                    "CLUSTER", "MEET", "127.0.0.1", String(server.port),
                    try server.run("CONFIG", "GET", "cluster-port").lines[1].description)
            }
            for server in servers {
                guard
                    try await eventually({
                        try server.run("CLUSTER", "NODES").lines.count == 4
                            && server.run("CLUSTER", "INFO").contains("cluster_state:ok")
                    })
                else { throw RealProcess.Failure(reason: "the cluster does not come together") }
            }
            try replica.run("CLUSTER", "REPLICATE", try masters[0].run("CLUSTER", "MYID"))
            guard try await eventually({ try replica.run("INFO", "replication").contains("master_link_status:up") })
            else { throw RealProcess.Failure(reason: "the replica does not follow") }
        }

        func settings(_ known: [RedisServer]) -> RedisSettings {
            var settings = RedisSettings(hosts: known.map(\.endpoint))
            settings.mode = .cluster
            return settings
        }
    }

    @Test("in a cluster the rules hold, slots may move, and a replica may take over")
    func cluster() async throws {
        let cluster = try await Cluster()
        // One host is enough to find the others, even when another is down.
        var settings = cluster.settings([cluster.masters[1]])
        settings.hosts.insert(RedisEndpoint(host: "127.0.0.1", port: 1), at: 0)
        try await checkAllRules(settings)
        try await withRedis(settings) { store, _ in
            for number in 0..<100 {
                try await store.set("k\(number)", [UInt8(number)], for: .seconds(60), onlyIfAbsent: false)
            }
            try await moveSlot(store, from: cluster.masters[0], to: cluster.masters[2])
            try await takeOver(store, cluster)
        }
    }

    /// `foo` has slot 12182, `bar` 5061: a key of the first master.
    private func moveSlot(_ store: RedisKeyValue, from source: RedisServer, to target: RedisServer) async throws {
        try await store.set("{bar}old", [1], for: .seconds(60), onlyIfAbsent: false)
        try target.run("CLUSTER", "SETSLOT", "5061", "IMPORTING", try source.run("CLUSTER", "MYID"))
        try source.run("CLUSTER", "SETSLOT", "5061", "MIGRATING", try target.run("CLUSTER", "MYID"))
        // What is not there any more is asked for at the new place (ASK).
        #expect(try await store.set("{bar}new", [2], for: .seconds(60), onlyIfAbsent: true))
        #expect(try await store.increment("{bar}count", by: 1, for: .seconds(60)) == 1)
        #expect(try await store.get("{bar}old") == [1])
        #expect(try await store.get("{bar}new") == [2])
        #expect(try target.run("-c", "CLUSTER", "COUNTKEYSINSLOT", "5061") == "2")
        try source.run("MIGRATE", "127.0.0.1", String(target.port), "{bar}old", "0", "1000")
        for server in [target, source] {
            try server.run("CLUSTER", "SETSLOT", "5061", "NODE", try target.run("CLUSTER", "MYID"))
        }
        // The old place says where they are now (MOVED).
        #expect(try await store.get("{bar}old") == [1])
        #expect(try await store.get("{bar}new") == [2])
        #expect(try await store.increment("{bar}count", by: 1, for: .seconds(60)) == 2)
    }

    private func takeOver(_ store: RedisKeyValue, _ cluster: Cluster) async throws {
        let heard = HeardWords()
        let subscription = try await store.subscribe("news") { heard.append($0) }
        // What was not copied yet would be lost, whoever asks.
        let isCopied = try await eventually {
            try cluster.masters[0].run("DBSIZE") == cluster.replica.run("DBSIZE")
        }
        #expect(isCopied)
        cluster.masters[0].process.end()
        try cluster.replica.run("CLUSTER", "FAILOVER", "TAKEOVER")
        let isWhole = await eventually {
            for number in 0..<100 {
                guard (try? await store.get("k\(number)")) == [UInt8(number)] else { return false }
            }
            return true
        }
        #expect(isWhole, "\(store.description)")
        // The line may have led to the master that is gone.
        _ = await eventually(within: .seconds(5)) { heard.all.isEmpty || heard.all.last == .resumed }
        try await store.publish("news", [1])
        #expect(await eventually { heard.all.last == .message([1]) })
        #expect(await eventually { store.isConnected })
        subscription.cancel()
    }

    @Test("sentinels say where the master is, and where it is after its end")
    func sentinel() async throws {
        let first = try await RedisServer(["--requirepass", "sesame", "--masterauth", "sesame"])
        let second = try await RedisServer([
            "--replicaof", "127.0.0.1 \(first.port)", "--requirepass", "sesame", "--masterauth", "sesame",
            "--repl-diskless-sync-delay", "0",
        ])
        let sentinel = try await Sentinel(of: first.port)
        guard
            try await eventually({
                try second.run("-a", "sesame", "--no-auth-warning", "INFO", "replication").contains(
                    "master_link_status:up")
                    && sentinel.run("SENTINEL", "REPLICAS", "gate").contains(String(second.port))
            })
        else { throw RealProcess.Failure(reason: "the replica does not follow") }
        var settings = RedisSettings(hosts: [RedisEndpoint(host: "127.0.0.1", port: 1), sentinel.endpoint])
        settings.mode = .sentinel(master: "gate", password: "sentry")
        settings.password = "sesame"
        try await checkAllRules(settings)
        try await withRedis(settings) { store, _ in
            let heard = HeardWords()
            let subscription = try await store.subscribe("news") { heard.append($0) }
            try await store.set("k", [1], for: .seconds(60), onlyIfAbsent: false)
            let isCopied = try await eventually {
                try second.run("-a", "sesame", "--no-auth-warning", "GET", "k") == "=\u{1}"
            }
            #expect(isCopied)
            first.process.end()
            #expect(await eventually { (try? await store.get("k")) == [1] })
            #expect(await eventually { heard.all.last == .resumed })
            try await store.publish("news", [1])
            #expect(await eventually { heard.all == [.interrupted, .resumed, .message([1])] })
            subscription.cancel()
        }
        settings.mode = .sentinel(master: "nobody", password: "sentry")
        try await withRedis(settings) { store, _ in
            await #expect(throws: KeyValueError.self) { _ = try await store.get("k") }
        }
    }
}

/// A sentinel that watches one master called `gate`.
private struct Sentinel {
    let endpoint: RedisEndpoint
    private let process: RealProcess
    private let folder: TemporaryFolder

    init(of master: UInt16) async throws {
        let port = RealProcess.freePort()
        endpoint = RedisEndpoint(host: "127.0.0.1", port: port)
        folder = TemporaryFolder()
        let lines = [
            "port \(port)", "bind 127.0.0.1", "dir \(folder.path)", "requirepass sentry",
            "sentinel monitor gate 127.0.0.1 \(master) 1", "sentinel auth-pass gate sesame",
            "sentinel down-after-milliseconds gate 500", "sentinel failover-timeout gate 3000",
        ]
        try RealProcess.run(["sh", "-c", "printf '%s\\n' \"$@\" >\(folder.path)/sentinel.conf", "sh"] + lines)
        process = try RealProcess(["redis-server", "\(folder.path)/sentinel.conf", "--sentinel"])
        try await RealProcess.waitForPort(port)
    }

    func run(_ words: String...) throws -> String {
        try RealProcess.run(["redis-cli", "-p", String(endpoint.port), "-a", "sentry", "--no-auth-warning"] + words)
    }
}

extension String {
    fileprivate var lines: [Substring] { split(separator: "\n") }
}
