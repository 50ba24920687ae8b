import Credentials
import Ground
import Testing

/// An authenticator app with one account in it, and the recovery codes on paper beside.
struct Authenticator: Sendable {
    let gatehouse: Gatehouse
    private let app: TOTP
    let recoveryCodes: [String]

    init(_ gatehouse: Gatehouse, secret: String, recoveryCodes: [String] = []) throws {
        self.gatehouse = gatehouse
        let bytes = try #require(Self.decode(secret))
        app = try #require(TOTP(secret: bytes))
        self.recoveryCodes = recoveryCodes
    }

    /// What the app shows so many half minutes from now.
    func code(_ steps: Int64 = 0) -> String { app.code(at: TOTP.step(at: gatehouse.clock.now) + steps) }

    /// What the app shows next: each code works once.
    func nextCode() -> String {
        gatehouse.clock.advance(by: .seconds(TOTP.period))
        return code()
    }

    /// A code that the app does not show now, or soon.
    func wrongCode() -> String {
        let shown = (-2...2).map { code($0) }
        return (0..<10).map { String(repeating: "\($0)", count: 6) }.first { !shown.contains($0) } ?? "012345"
    }

    /// Base 32, as an app reads it.
    static func decode(_ text: String) -> [UInt8]? {
        var bits = ""
        for character in text {
            guard let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".firstIndex(of: character).map({
                "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".distance(from: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".startIndex, to: $0)
            }) else { return nil }
            let digits = String(value, radix: 2)
            bits += String(repeating: "0", count: 5 - digits.count) + digits
        }
        let characters = Array(bits)
        return stride(from: 0, to: characters.count / 8 * 8, by: 8).compactMap { UInt8(String(characters[$0..<$0 + 8]), radix: 2) }
    }
}

/// A browser that keeps the cookie by which it is known.
struct Browser: Sendable {
    let gatehouse: Gatehouse
    private(set) var cookies: [String: String] = [:]
    var headers: [String: String] = [:]

    init(_ gatehouse: Gatehouse, headers: [String: String] = [:]) {
        self.gatehouse = gatehouse
        self.headers = headers
    }

    mutating func send(_ method: String, _ path: String, _ json: JSON? = nil, token: String? = nil) throws -> HTTPClient.Reply {
        var headers = headers
        if !cookies.isEmpty { headers["Cookie"] = cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ") }
        let reply = try gatehouse.client.send(method, path, json: json, token: token, headers: headers)
        for name in ["gatehouse_device", "gatehouse_2fa"] {
            if let value = reply.cookie(name) { cookies[name] = value.isEmpty ? nil : value }
        }
        return reply
    }

    mutating func login(_ email: String = "ada@example.com", password: String = Member.password) throws -> HTTPClient.Reply {
        try send("POST", "/auth/login", ["email": .string(email), "password": .string(password)])
    }

    /// Signs in as far as the second factor.
    mutating func challenged(_ email: String = "ada@example.com", password: String = Member.password) throws -> String {
        let reply = try login(email, password: password)
        try #require(reply.status == 200, "\(reply.text)")
        return try #require(reply["second_factor_token"]?.string, "\(reply.text)")
    }

    mutating func finish(_ token: String, _ code: String, method: String = "totp", _ more: JSON.Member...) throws
        -> HTTPClient.Reply
    {
        let members: [JSON.Member] = [
            .init("second_factor_token", .string(token)), .init("code", .string(code)), .init("method", .string(method)),
        ]
        return try send("POST", "/auth/2fa/login", .object(members + more))
    }

    /// The whole way.
    mutating func signedIn(_ authenticator: Authenticator, _ email: String = "ada@example.com") throws -> Member {
        let reply = try finish(try challenged(email), authenticator.nextCode())
        try #require(reply.status == 200, "\(reply.text)")
        return try Member(gatehouse, email: email, reply: reply)
    }
}

extension Member {
    /// Sets an authenticator app up.
    func authenticator() throws -> Authenticator {
        let setup = try post("/auth/2fa/setup")
        try #require(setup.status == 200, "\(setup.text)")
        let secret = try #require(setup["secret"]?.string)
        let app = try Authenticator(gatehouse, secret: secret)
        let enabled = try post("/auth/2fa/enable", ["code": .string(app.code())])
        try #require(enabled.status == 200, "\(enabled.text)")
        return try Authenticator(
            gatehouse, secret: secret, recoveryCodes: enabled["recovery_codes"]?.array?.compactMap(\.string) ?? [])
    }

    /// The claims of an access token, unchecked.
    static func claims(_ token: String) throws -> JSON {
        let parts = token.split(separator: ".")
        return try JSON.parse(try #require(Base64URL.decode(parts[1])))
    }
}
