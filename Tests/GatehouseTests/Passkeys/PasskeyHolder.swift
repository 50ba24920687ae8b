import Ground
import Testing

/// A person in a browser, which keeps the cookie by which it is known.
struct PasskeyHolder {
    let gatehouse: Gatehouse
    var member: Member
    var device: String

    init(_ gatehouse: Gatehouse, _ member: Member) throws {
        self.gatehouse = gatehouse
        self.member = member
        device = try Self.newDevice(gatehouse)
    }

    /// What a browser is given that asks for a passkey for the first time.
    static func newDevice(_ gatehouse: Gatehouse) throws -> String {
        let reply = try gatehouse.client.send("POST", "/auth/passkeys/sign-in-options")
        return try #require(reply.cookie("gatehouse_device"), "\(reply.text)")
    }

    var cookie: [String: String] { ["Cookie": "gatehouse_device=\(device)"] }

    /// Anything that this browser sends without a session.
    func send(_ path: String, _ json: JSON = [:]) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", path, json: json, headers: cookie)
    }

    func creationOptions(for use: String = "sign_in") throws -> HTTPClient.Reply {
        try member.post("/auth/passkeys/registration-options", ["use": .string(use)])
    }

    func register(_ authenticator: SoftwareAuthenticator, for use: String = "sign_in", name: String? = nil) throws
        -> HTTPClient.Reply
    {
        let options = try creationOptions(for: use)
        try #require(options.status == 200, "\(options.text)")
        return try keep(authenticator.create(options.json), name: name)
    }

    func keep(_ credential: JSON, name: String? = nil) throws -> HTTPClient.Reply {
        var members: [JSON.Member] = [.init("credential", credential)]
        if let name { members.append(.init("name", .string(name))) }
        return try member.post("/auth/passkeys", .object(members))
    }

    /// Makes a passkey and has it kept.
    func newPasskey(for use: String = "sign_in", name: String? = nil) throws -> SoftwareAuthenticator {
        var authenticator = try SoftwareAuthenticator()
        let reply = try register(authenticator, for: use, name: name)
        try #require(reply.status == 201, "\(reply.text)")
        authenticator.userHandle = UUID(member.id)?.bytes
        return authenticator
    }

    func requestOptions() throws -> JSON {
        let reply = try send("/auth/passkeys/sign-in-options")
        try #require(reply.status == 200, "\(reply.text)")
        return reply.json
    }

    func signIn(with authenticator: SoftwareAuthenticator, company: String? = nil) throws -> HTTPClient.Reply {
        try send(
            "/auth/passkeys/sign-in",
            ["credential": authenticator.get(try requestOptions()), "company_id": JSON(company)])
    }

    func login() throws -> HTTPClient.Reply {
        try gatehouse.login(member.email, headers: cookie)
    }

    /// Shows the passkey behind the password.
    func finish(_ token: String, with authenticator: SoftwareAuthenticator) throws -> HTTPClient.Reply {
        let options = try send("/auth/passkeys/second-factor-options", ["second_factor_token": .string(token)])
        guard options.status == 200 else { return options }
        return try send(
            "/auth/passkeys/second-factor",
            ["second_factor_token": .string(token), "credential": authenticator.get(options.json)])
    }
}
