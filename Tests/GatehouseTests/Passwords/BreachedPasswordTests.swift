import Credentials
import Glibc
import Ground
import HTTP
import KeyValue
import SQL
import Services
import Synchronization
import Testing

@Suite("Breached passwords") struct BreachedPasswordTests {
    /// Good by every other rule.
    private static let stolen = "violet anchors hum softly"
    private static let others = ["sixteen brazen kettles", "walnut gravel orchestra"]

    private func withFilter(
        of passwords: [String] = [stolen], _ settings: [String: String] = [:], _ body: (Gatehouse, String) async throws -> Void
    ) async throws {
        try await withBreachedFile { path in
            try BreachedFiles.make(of: passwords, at: path)
            try await withGatehouse(settings.merging(["BREACHED_PASSWORDS": path]) { $1 }) { try await body($0, path) }
        }
    }

    private func code(_ reply: HTTPClient.Reply) -> String? { reply["errors"]?.array?.first?["code"]?.string }

    @Test("nobody may choose one, wherever passwords are chosen")
    func everywhere() async throws {
        try await withFilter(of: [Self.stolen]) { gatehouse, _ async throws in
            #expect(try code(gatehouse.register(password: Self.stolen)) == "password_breached")
            let form = "token=\(gatehouse.services.firstStart.token())&name=Root&email=root%40example.com&password=violet+anchors+hum+softly"
            let setup = try gatehouse.client.send(
                "POST", "/setup", body: Array(form.utf8), headers: ["Content-Type": "application/x-www-form-urlencoded"])
            #expect(setup.status == 400)
            let root = try gatehouse.superAdmin()
            let made = try root.post(
                "/users", ["name": "Grace Hopper", "email": "grace@example.com", "password": .string(Self.stolen)])
            #expect(code(made) == "password_breached")
            let first = "first password of grace"
            let fine = try root.post(
                "/users", ["name": "Grace Hopper", "email": "grace@example.com", "password": .string(first)])
            #expect(fine.status == 201)
            let token = try #require(try gatehouse.login("grace@example.com", password: first)["password_change_token"]?.string)
            let forced = try gatehouse.client.send(
                "POST", "/auth/first-login/change-password",
                json: ["password_change_token": .string(token), "new_password": .string(Self.stolen)])
            #expect(code(forced) == "password_breached")
            let change = try root.post(
                "/auth/change-password",
                ["current_password": "seventeen quiet looms", "new_password": .string(Self.stolen)])
            #expect(code(change) == "password_breached")
            let invited = try root.post("/invitations", ["email": "ada@example.com"])
            let link = try #require(invited["token"]?.string, "\(invited.text)")
            let accepted = try gatehouse.client.send(
                "POST", "/invitations/accept",
                json: ["token": .string(link), "name": "Ada Lovelace", "password": .string(Self.stolen)])
            #expect(code(accepted) == "password_breached", "\(accepted.text)")
        }
    }

    @Test("who has one already gets in with it, and others are not refused")
    func notAtSignIn() async throws {
        try await withFilter(of: [Member.password]) { gatehouse, path async throws in
            #expect(try gatehouse.register(password: Self.others[0]).status == 201)
            #expect(try gatehouse.login(password: Self.others[0]).status == 200)
            // Now it is stolen.
            try BreachedFiles.make(of: Self.others, at: path)
            gatehouse.clock.advance(by: .seconds(61))
            gatehouse.services.housekeeping.readFiles()
            #expect(try gatehouse.login(password: Self.others[0]).status == 200)
            #expect(try code(gatehouse.register("b@example.com", password: Self.others[0])) == "password_breached")
            #expect(try gatehouse.register("c@example.com", password: Member.password).status == 201)
        }
    }

    @Test("while the file cannot be read nobody chooses a password, and all else goes on; it heals by itself")
    func unreadable() async throws {
        try await withFilter { gatehouse, path async throws in
            let ada = try gatehouse.registered()
            File.write([], to: path)
            let refused = try gatehouse.register("b@example.com")
            #expect(refused.status == 503 && refused.code == "unavailable")
            #expect(try gatehouse.login().status == 200)
            #expect(try ada.isSignedIn())
            gatehouse.clock.advance(by: .seconds(61))
            gatehouse.services.housekeeping.readFiles()
            #expect(try gatehouse.register("b@example.com").status == 503)
            try BreachedFiles.make(of: [Self.stolen], at: path)
            gatehouse.clock.advance(by: .seconds(61))
            gatehouse.services.housekeeping.readFiles()
            #expect(try gatehouse.register("b@example.com").status == 201)
            #expect(try code(gatehouse.register("c@example.com", password: Self.stolen)) == "password_breached")
        }
    }

    @Test("a setting that names no filter stops the start, and says why", arguments: ["/nowhere/at/all", "/etc/passwd"])
    func badFile(path: String) {
        var reader = SettingReader(environment: ["BREACHED_PASSWORDS": path])
        #expect(throws: SettingReader.Faults.self) { try Configuration(reading: &reader) }
        #expect(reader.faults.map(\.name) == ["BREACHED_PASSWORDS"])
        #expect(reader.faults.first?.problem.contains(path) == true)
    }

    // MARK: The range API

    @Test("the range API is told five digits, is asked for padding, and is believed")
    func rangeAPI() async throws {
        let key = BreachedKey(Self.stolen)
        try await withRangeAPI({ _ in .found(Self.stolen) }) { api in
            try await withGatehouse(api.settings) { gatehouse async throws in
                #expect(try code(gatehouse.register(password: Self.stolen)) == "password_breached")
                #expect(try gatehouse.register(password: Self.others[0]).status == 201)
                #expect(api.asked.first == "/range/\(key.range) padded")
                #expect(api.asked.last == "/range/\(BreachedKey(Self.others[0]).range) padded")
                // What breaks other rules is told to nobody, nor is what somebody signs in with.
                let count = api.asked.count
                _ = try gatehouse.register("b@example.com", password: "short")
                _ = try gatehouse.login(password: Self.others[0])
                #expect(api.asked.count == count)
            }
        }
    }

    @Test("what the range API only pads its answer with is refused to nobody")
    func padding() async throws {
        try await withRangeAPI({ _ in .padded(Self.stolen) }) { api in
            try await withGatehouse(api.settings) { gatehouse async throws in
                #expect(try gatehouse.register(password: Self.stolen).status == 201)
            }
        }
    }

    @Test("while the range API does not answer as it should, passwords are taken, and the log says so", arguments: [
        RangeAPI.Answer.status(.internalError), .status(.notFound), .text("<html>"), .text("ABC:1"), .nothing,
    ])
    func failsOpen(answer: RangeAPI.Answer) async throws {
        try await withRangeAPI({ _ in answer }) { api in
            let database = FaultyDatabase(try SQLiteDatabase(path: ":memory:"))
            let settings = api.settings.merging(["BREACHED_PASSWORDS_API_TIMEOUT": "300ms"]) { $1 }
            let gatehouse = try await Gatehouse(database: database, keyValue: nil, clock: ManualClock(), settings: settings)
            let status = try gatehouse.register(password: Self.stolen).status
            await gatehouse.stop()
            database.close()
            #expect(status == 201)
            #expect(gatehouse.logText.contains("breached_passwords.not_asked"))
            #expect(!gatehouse.logText.contains(Self.stolen))
        }
    }

    @Test("an address that is none is refused", arguments: ["api.pwnedpasswords.com", "ftp://a.example", "https://", "https:///x", "https://a.example/?x=1"])
    func badAddress(text: String) {
        var reader = SettingReader(environment: ["BREACHED_PASSWORDS_API": text])
        #expect(throws: SettingReader.Faults.self) { try Configuration(reading: &reader) }
    }
}

/// A range API as tests want it.
final class RangeAPI: Sendable {
    enum Answer: Sendable {
        /// Knows this password, among others.
        case found(String)
        /// Names it with a count of zero.
        case padded(String)
        case status(Status)
        case text(String)
        /// None, for as long as anybody waits.
        case nothing
    }

    private final class Ears: Responder {
        let asked = Mutex<[String]>([])
        let gate = HandlerGate()
        let answer: @Sendable (String) -> Answer

        init(_ answer: @escaping @Sendable (String) -> Answer) { self.answer = answer }

        func bodyPolicy(for request: Request) -> BodyPolicy { .collect(limit: 1 << 16) }
        func refusal(_ status: Status, peer: IPAddress, path: String?) -> Response { Response(status) }

        func respond(to request: Request) async -> Response {
            let isPadded = request.headers["add-padding"] == "true"
            asked.withLock { $0.append(request.path + (isPadded ? " padded" : "")) }
            switch answer(request.path) {
            case .found(let password): return lines(password, 4)
            case .padded(let password): return lines(password, 0)
            case .status(let status): return Response(status)
            case .text(let text): return Response(.ok, body: Array(text.utf8))
            case .nothing:
                await gate.pass()
                return Response(.ok)
            }
        }

        private func lines(_ password: String, _ count: Int) -> Response {
            // Only the first sixteen digits of a hash are held against each other here.
            let key = String(BreachedKey(password).value, radix: 16, uppercase: true)
            let digits = String(repeating: "0", count: 16 - key.count) + key
            let rest = digits.dropFirst(5) + String(repeating: "A", count: 24)
            let text = "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n\(rest):\(count)\r\n011053FD0102E94D6AE2F8B83D76FAF94F6:2"
            return Response(.ok, body: Array(text.utf8))
        }
    }

    private let ears: Ears
    private let server: Server

    init(_ answer: @escaping @Sendable (String) -> Answer) throws {
        ears = Ears(answer)
        var settings = Server.Settings()
        settings.port = 0
        server = try Server(settings: settings, responder: ears)
    }

    var settings: [String: String] { ["BREACHED_PASSWORDS_API": "http://127.0.0.1:\(server.port)"] }
    var asked: [String] { ears.asked.withLock { $0 } }
    func stop() {
        ears.gate.open()
        server.stop()
    }
}

func withRangeAPI(
    _ answer: @escaping @Sendable (String) -> RangeAPI.Answer, _ body: (RangeAPI) async throws -> Void
) async throws {
    let api = try RangeAPI(answer)
    defer { api.stop() }
    try await body(api)
}
