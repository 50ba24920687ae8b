import Glibc
import Ground
import KeyValue
import Testing

@Suite("Being let into Redis", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisAccessTests {
    /// A user who may do what the store does, and no more.
    static let user = [
        "--user", "gate", "on", ">sesame", "~*", "&*", "+@all", "-@dangerous", "--user", "default", "off",
    ]

    @Test("a user with a password gets in; a wrong password does not, and is told nowhere")
    func users() async throws {
        let server = try await RedisServer(Self.user)
        var settings = server.settings
        settings.username = "gate"
        settings.password = "sesame"
        try await checkAllRules(settings)
        settings.password = "open-barley"
        settings.commandTimeout = .milliseconds(500)
        try await withRedis(settings) { store, _ in
            do throws(KeyValueError) {
                _ = try await store.get("k")
                Issue.record("it was let in")
            } catch {
                #expect("\(error)".contains("WRONGPASS"))
                #expect(!"\(error) \(store.description)".contains("barley"))
            }
            #expect(!store.isConnected)
        }
    }

    @Test("a server that does not know HELLO is talked to in RESP2, with and without a password")
    func oldServers() async throws {
        let open = try await RedisServer(["--rename-command", "HELLO", ""])
        try await checkAllRules(open.settings)
        let closed = try await RedisServer(["--rename-command", "HELLO", "", "--requirepass", "sesame"])
        var settings = closed.settings
        settings.password = "sesame"
        try await checkAllRules(settings)
        settings.password = "open-barley"
        try await withRedis(settings) { store, _ in
            do throws(KeyValueError) {
                _ = try await store.get("k")
                Issue.record("it was let in")
            } catch {
                #expect(!"\(error) \(store.description)".contains("barley"))
            }
        }
    }

    @Test("databases are apart")
    func databases() async throws {
        let server = try await RedisServer()
        var settings = server.settings
        settings.database = 3
        try await withRedis(settings) { store, _ in
            try await store.set("k", [1], for: .seconds(10), onlyIfAbsent: false)
        }
        #expect(try server.run("GET", "k") == "")
        #expect(try server.run("-n", "3", "GET", "k") == "=\u{1}")
    }

    @Test("over TLS the rules hold too; a stranger's certificate and another host's are refused")
    func tls() async throws {
        let folder = TemporaryFolder()
        defer { _ = try? RealProcess.run(["rm", "-rf", folder.path]) }
        try Self.makeCertificate(in: folder.path, "ours", for: "IP:127.0.0.1")
        try Self.makeCertificate(in: folder.path, "other", for: "DNS:redis.example")
        for (name, isGood) in [("ours", true), ("other", false)] {
            let port = RealProcess.freePort()
            let server = try await RedisServer(
                port: 0,
                [
                    "--tls-port", String(port), "--tls-auth-clients", "no", "--tls-ca-cert-file",
                    "\(folder.path)/\(name).pem",
                    "--tls-cert-file", "\(folder.path)/\(name).pem", "--tls-key-file", "\(folder.path)/\(name).key",
                ])
            try await RealProcess.waitForPort(port)
            var settings = RedisSettings(hosts: [RedisEndpoint(host: "127.0.0.1", port: port)])
            settings.tls = .on(caFile: "\(folder.path)/\(name).pem")
            if isGood {
                try await checkAllRules(settings)
                // The name is as wrong as the signature would be.
                settings.hosts = [RedisEndpoint(host: "localhost", port: port)]
                try await Self.expectRefusal(settings, because: "hostname mismatch")
                settings.hosts = [RedisEndpoint(host: "127.0.0.1", port: port)]
                settings.tls = .on(caFile: "\(folder.path)/other.pem")
                try await Self.expectRefusal(settings, because: "self-signed certificate")
                settings.tls = .on(caFile: nil)
                try await Self.expectRefusal(settings, because: "self-signed certificate")
            } else {
                try await Self.expectRefusal(settings, because: "IP address mismatch")
            }
            server.process.end()
        }
        var settings = RedisSettings(hosts: [])
        settings.tls = .on(caFile: "\(folder.path)/none.pem")
        #expect(throws: KeyValueError.self) { try RedisKeyValue(settings, clock: .system) }
    }

    private static func expectRefusal(_ settings: RedisSettings, because reason: String) async throws {
        try await withRedis(settings) { store, _ in
            do throws(KeyValueError) {
                _ = try await store.get("k")
                Issue.record("it was trusted")
            } catch {
                #expect("\(error)".contains(reason), "\(error)")
            }
        }
    }

    private static func makeCertificate(in folder: String, _ name: String, for host: String) throws {
        try RealProcess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(host)", "-keyout", "\(folder)/\(name).key",
            "-out", "\(folder)/\(name).pem",
        ])
    }
}
