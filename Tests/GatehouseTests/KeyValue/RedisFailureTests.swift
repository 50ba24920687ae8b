import Glibc
import Ground
import KeyValue
import Testing

@Suite("When Redis fails", .enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct RedisFailureTests {
    @Test("a server that is killed and comes back is used again, and subscribers hear of both")
    func killAndRestart() async throws {
        let first = try await RedisServer()
        try await withRedis(first.settings) { store, _ in
            let heard = HeardWords()
            let subscription = try await store.subscribe("news") { heard.append($0) }
            try await store.set("k", [1], for: .seconds(10), onlyIfAbsent: false)
            #expect(store.isConnected)
            first.process.end()
            #expect(await eventually { heard.all == [.interrupted] })
            await #expect(throws: KeyValueError.self) { _ = try await store.get("k") }
            #expect(!store.isConnected)
            let second = try await RedisServer(port: first.port)
            #expect(await eventually { store.isConnected && heard.all.last == .resumed })
            #expect(try await store.get("k") == nil)
            #expect(try await store.increment("c", by: 2, for: .seconds(10)) == 2)
            try await store.publish("news", [1])
            #expect(await eventually { heard.all == [.interrupted, .resumed, .message([1])] })
            subscription.cancel()
            second.process.end()
        }
    }

    @Test("a server that falls silent is noticed, and an answer that comes too late is nobody's")
    func silence() async throws {
        let server = try await RedisServer()
        var settings = server.settings
        settings.commandTimeout = .milliseconds(200)
        try await withRedis(settings) { store, _ in
            let heard = HeardWords()
            let subscription = try await store.subscribe("news") { heard.append($0) }
            for key in ["a", "b"] {
                try await store.set(key, Array(key.utf8), for: .seconds(60), onlyIfAbsent: false)
            }
            server.process.stop()
            await #expect(throws: KeyValueError.self) { _ = try await store.get("a") }
            #expect(await eventually { heard.all == [.interrupted] })
            #expect(!store.isConnected)
            server.process.goOn()
            #expect(await eventually { store.isConnected && heard.all.last == .resumed })
            #expect(try await store.get("b") == [98])
            #expect(heard.all == [.interrupted, .resumed])
            subscription.cancel()
        }
    }

    @Test("who subscribes while the server is down is told so, and hears when it is up")
    func subscribeWhileDown() async throws {
        let port = RealProcess.freePort()
        try await withRedis(RedisSettings(hosts: [RedisEndpoint(host: "127.0.0.1", port: port)])) { store, _ in
            let heard = HeardWords()
            let subscription = try await store.subscribe("news") { heard.append($0) }
            #expect(heard.all == [.interrupted])
            await #expect(throws: KeyValueError.self) { try await store.publish("news", [0]) }
            let server = try await RedisServer(port: port)
            #expect(await eventually { heard.all == [.interrupted, .resumed] })
            // The line for commands may still be waiting for its next attempt.
            _ = await eventually { store.isConnected }
            try await store.publish("news", [1])
            #expect(await eventually { heard.all.last == .message([1]) })
            subscription.cancel()
            server.process.end()
        }
    }

    @Test("a server that takes connections and says nothing costs a command its time, no more")
    func nobodyAnswers() async throws {
        let silent = try SilentServer(answer: [])
        var settings = RedisSettings(hosts: [silent.endpoint])
        settings.commandTimeout = .milliseconds(100)
        try await withRedis(settings) { store, _ in
            await #expect(throws: KeyValueError.self) { _ = try await store.get("k") }
        }
    }

    @Test(
        "a server that speaks something else is let go of",
        arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", "*99999999\r\n", "-ERR go away\r\n"])
    func nonsense(answer: String) async throws {
        let server = try SilentServer(answer: Array(answer.utf8))
        try await withRedis(RedisSettings(hosts: [server.endpoint])) { store, _ in
            await #expect(throws: KeyValueError.self) { _ = try await store.get("k") }
            #expect(!store.isConnected)
        }
    }

    @Test("after closing nothing works, and nothing hangs")
    func closed() async throws {
        let server = try await RedisServer()
        try await withRedis(server.settings) { store, _ in
            let heard = HeardWords()
            _ = try await store.subscribe("news") { heard.append($0) }
            store.close()
            await #expect(throws: KeyValueError.self) { _ = try await store.get("k") }
            await #expect(throws: KeyValueError.self) { _ = try await store.subscribe("news") { _ in } }
            #expect(heard.all == [.interrupted])
        }
    }

    @Test("the second host is taken where the first is down, and names are looked up")
    func hosts() async throws {
        let server = try await RedisServer()
        let hosts = [RedisEndpoint(host: "127.0.0.1", port: 1), RedisEndpoint(host: "localhost", port: server.port)]
        try await withRedis(RedisSettings(hosts: hosts)) { store, _ in
            #expect(await eventually { (try? await store.set("k", [], for: .seconds(9), onlyIfAbsent: false)) == true })
        }
    }
}

/// Listens, and says the same to everybody.
final class SilentServer: Sendable {
    let endpoint: RedisEndpoint
    private let descriptor: Int32

    init(answer: [UInt8]) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let port = RealProcess.listen(descriptor)
        guard port > 0 else { throw RealProcess.Failure(reason: "cannot listen") }
        endpoint = RedisEndpoint(host: "127.0.0.1", port: port)
        guard !answer.isEmpty else { return }
        let listener = descriptor
        _ = Thread(name: "silent") {
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { return }
                var some: UInt8 = 0
                recv(peer, &some, 1, 0)
                send(peer, answer, answer.count, Int32(MSG_NOSIGNAL))
                // It stays open: the other side shall end it.
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}
