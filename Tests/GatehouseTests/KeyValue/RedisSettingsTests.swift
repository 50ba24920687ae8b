import KeyValue
import Testing

@Suite("The URL of a Redis") struct RedisSettingsTests {
    @Test("it names host, port, user, password, database and TLS")
    func whole() throws {
        let settings = try RedisSettings.parse(url: "rediss://gate:p%40ss%3a%2F@redis.example:6380/3")
        #expect(settings.hosts == [RedisEndpoint(host: "redis.example", port: 6380)])
        #expect(settings.username == "gate")
        #expect(settings.password == "p@ss:/")
        #expect(settings.database == 3)
        #expect(settings.tls == .on(caFile: nil))
    }

    @Test("what it leaves out is what Redis has by default")
    func defaults() throws {
        let settings = try RedisSettings.parse(url: "redis://:secret@127.0.0.1")
        #expect(settings.hosts == [RedisEndpoint(host: "127.0.0.1", port: 6379)])
        #expect(settings.username == nil)
        #expect(settings.password == "secret")
        #expect(settings.database == 0)
        #expect(settings.mode == .single)
        #expect(settings.tls == .off)
    }

    @Test("it may name several hosts, and addresses of IPv6")
    func several() throws {
        let settings = try RedisSettings.parse(url: "redis://a:1,[::1]:2,[fe80::1],c/")
        #expect(settings.hosts.map(\.description) == ["a:1", "[::1]:2", "[fe80::1]:6379", "c:6379"])
    }

    @Test(
        "what cannot be read is refused, without a word of it",
        arguments: [
            "", "http://a", "redis://", "redis://:sesame@", "redis://:sesame@a:0", "redis://:sesame@a:70000",
            "redis://:sesame@a/x", "redis://:sesame%@a", "redis://:sesame%4@a", "redis://:sesame@a b", "redis://[::1",
            "redis://:sesame@a/-1", "redis://:sesame@a?db=1", "redis://:sesame%ff@a", "redis://a,,b",
            "redis://a:b:sesame",
        ])
    func refusals(url: String) {
        do throws(RedisSettings.InvalidURL) {
            _ = try RedisSettings.parse(url: url)
            Issue.record("it was read")
        } catch {
            #expect(!error.reason.contains("sesame"))
        }
    }
}
