import Ground
import Testing

/// A person who has registered, and their tokens.
struct Member: Sendable {
    static let password = "clattering brass mill"

    let gatehouse: Gatehouse
    let email: String
    var id: String
    var companyID: String?
    var sessionID: String
    var accessToken: String
    var refreshToken: String

    init(_ gatehouse: Gatehouse, email: String, reply: HTTPClient.Reply) throws {
        self.gatehouse = gatehouse
        self.email = email
        id = try #require(reply["user"]?["id"]?.string, "\(reply.text)")
        companyID = reply["company"]?["id"]?.string
        sessionID = try #require(reply["session_id"]?.string)
        accessToken = try #require(reply["access_token"]?.string)
        refreshToken = try #require(reply["refresh_token"]?.string)
    }

    func get(_ path: String) throws -> HTTPClient.Reply { try gatehouse.client.send("GET", path, token: accessToken) }
    func post(_ path: String, _ json: JSON = [:]) throws -> HTTPClient.Reply {
        try gatehouse.client.send("POST", path, json: json, token: accessToken)
    }
    func patch(_ path: String, _ json: JSON) throws -> HTTPClient.Reply {
        try gatehouse.client.send("PATCH", path, json: json, token: accessToken)
    }
    func delete(_ path: String) throws -> HTTPClient.Reply {
        try gatehouse.client.send("DELETE", path, token: accessToken)
    }

    /// Somebody whom this person creates, and who has signed in with a password of their own.
    func created(_ email: String, roles: [String] = [], company: String? = nil) throws -> Member {
        let first = "first password of \(email)"
        let made = try post(
            "/users",
            [
                "name": "Grace Hopper", "email": .string(email), "password": .string(first),
                "roles": .array(roles.map { .string($0) }), "company_id": JSON(company),
            ])
        try #require(made.status == 201, "\(made.text)")
        let token = try #require(try gatehouse.login(email, password: first)["password_change_token"]?.string)
        let reply = try gatehouse.client.send(
            "POST", "/auth/first-login/change-password",
            json: ["password_change_token": .string(token), "new_password": .string(Member.password)])
        try #require(reply.status == 200, "\(reply.text)")
        return try Member(gatehouse, email: email, reply: reply)
    }

    /// Whether the access token is still good.
    func isSignedIn() throws -> Bool { try get("/auth/validate").status == 200 }
}

extension Gatehouse {
    func register(
        _ email: String = "ada@example.com", password: String = Member.password, headers: [String: String] = [:],
        _ more: JSON.Member...
    ) throws -> HTTPClient.Reply {
        let members: [JSON.Member] = [
            .init("name", "Ada Lovelace"), .init("email", .string(email)), .init("password", .string(password)),
            .init("company_name", "Analytical Engines"),
        ]
        return try client.send("POST", "/auth/register", json: .object(members + more), headers: headers)
    }

    func registered(_ email: String = "ada@example.com") throws -> Member {
        let reply = try register(email)
        try #require(reply.status == 201, "\(reply.text)")
        return try Member(self, email: email, reply: reply)
    }

    func login(
        _ email: String = "ada@example.com", password: String = Member.password, headers: [String: String] = [:]
    ) throws -> HTTPClient.Reply {
        try client.send(
            "POST", "/auth/login", json: ["email": .string(email), "password": .string(password)], headers: headers)
    }

    func signedIn(_ email: String = "ada@example.com", password: String = Member.password) throws -> Member {
        let reply = try login(email, password: password)
        try #require(reply.status == 200, "\(reply.text)")
        return try Member(self, email: email, reply: reply)
    }

    func refresh(_ token: String) throws -> HTTPClient.Reply {
        try client.send("POST", "/auth/refresh", json: ["refresh_token": .string(token)])
    }

    /// A SuperAdmin, made through the link of the first start.
    func superAdmin() throws -> Member {
        let form = "token=\(services.firstStart.token())&name=Root&email=root%40example.com&password=seventeen+quiet+looms"
        let reply = try client.send(
            "POST", "/setup", body: Array(form.utf8), headers: ["Content-Type": "application/x-www-form-urlencoded"])
        try #require(reply.status == 200, "\(reply.text)")
        return try signedIn("root@example.com", password: "seventeen quiet looms")
    }
}
