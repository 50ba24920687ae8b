import Services
import Testing

@Suite("Settings of the stores") struct StoreSettingsTests {
    @Test("an address is shown without its password, wherever that stands", arguments: [
        ("sqlite:data/gatehouse.db", "sqlite:data/gatehouse.db"),
        ("postgres://gate@db/gate", "postgres://gate@db/gate"),
        ("postgres://gate:sesame@db/gate", "postgres://gate:***@db/gate"),
        ("postgres://gate:ses@me:x@db:5432/gate", "postgres://gate:***@db:5432/gate"),
        ("postgres://db/gate?user=gate&password=sesame", "postgres://db/gate?user=gate&password=***"),
        ("postgres://gate:sesame@db/gate?sslmode=require&sslpassword=sesame&x=1", "postgres://gate:***@db/gate?sslmode=require&sslpassword=***&x=1"),
        ("postgres://db/gate?PASSWORD=sesame", "postgres://db/gate?PASSWORD=***"),
    ])
    func masked(url: String, shown: String) { #expect(StoreSettings.masked(url) == shown) }

    @Test("what cannot be together stops the start", arguments: [
        (["TOKEN_STORE": "redis"], "TOKEN_STORE"),
        (["REDIS_HOST": "a", "REDIS_URL": "redis://b"], "REDIS_HOST, REDIS_URL, REDIS_CLUSTER, REDIS_SENTINELS"),
        (["REDIS_URL": "redis://:sesame@b", "REDIS_CLUSTER": "a:1"], "REDIS_HOST, REDIS_URL, REDIS_CLUSTER, REDIS_SENTINELS"),
    ])
    func refused(settings: [String: String], name: String) {
        var reader = SettingReader(environment: settings)
        let faults = #expect(throws: SettingReader.Faults.self) { _ = try Configuration(reading: &reader) }
        #expect(faults?.all.map(\.name) == [name])
        #expect(faults?.all.contains { "\($0)".contains("sesame") } == false)
    }

    @Test("TLS is spoken where either the address or the setting says so")
    func tls() throws {
        func settings(_ environment: [String: String]) throws -> StoreSettings {
            var reader = SettingReader(environment: environment)
            return try Configuration(reading: &reader).stores
        }
        #expect(try settings(["REDIS_URL": "redis://b"]).redis?.tls == .off)
        #expect(try settings(["REDIS_URL": "redis://b", "REDIS_TLS": "true"]).redis?.tls == .on(caFile: nil))
        #expect(try settings(["REDIS_URL": "rediss://b", "REDIS_CA_FILE": "/ca"]).redis?.tls == .on(caFile: "/ca"))
        #expect(try settings(["REDIS_HOST": "b", "REDIS_TLS": "true"]).redis?.tls == .on(caFile: nil))
        #expect(try settings(["REDIS_HOST": "b", "TOKEN_STORE": "redis"]).tokenStore == .redis)
        #expect(try settings([:]).redis == nil)
    }
}
