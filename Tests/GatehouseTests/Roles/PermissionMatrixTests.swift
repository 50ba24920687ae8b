import Ground
import Testing

@Suite("Who may call what") struct PermissionMatrixTests {
    /// Who passes the guard of each route, kept by hand: it must not be made from what it checks.
    private static let table = """
        GET /auth/validate: everyone
        PATCH /auth/session: everyone
        GET /auth/sessions: everyone
        GET /auth/sessions/all: everyone
        POST /auth/sessions/{id}/revoke: everyone
        POST /auth/sessions/revoke-others: everyone
        POST /auth/revoke-all: everyone
        GET /auth/profile: everyone
        PATCH /auth/profile: everyone
        POST /auth/change-password: everyone
        POST /auth/email-verification/request: everyone
        POST /auth/email-change/request: everyone
        GET /auth/permissions: everyone
        GET /auth/sign-in-history: everyone
        POST /authorize: everyone
        POST /authorize/batch: everyone
        GET /auth/2fa: everyone
        POST /auth/2fa/setup: everyone
        POST /auth/2fa/enable: everyone
        POST /auth/2fa/disable: everyone
        POST /auth/2fa/verify: everyone
        POST /auth/2fa/recovery-codes: everyone
        GET /auth/2fa/devices: everyone
        DELETE /auth/2fa/devices: everyone
        DELETE /auth/2fa/devices/{id}: everyone
        POST /auth/step-up: everyone
        POST /auth/step-up/code: everyone
        GET /auth/telegram: everyone
        DELETE /auth/telegram: everyone
        POST /auth/telegram/link: everyone
        POST /auth/passkeys/registration-options: everyone
        POST /auth/passkeys: everyone
        GET /auth/passkeys: everyone
        PATCH /auth/passkeys/{id}: everyone
        DELETE /auth/passkeys/{id}: everyone
        POST /auth/passkeys/step-up-options: everyone
        POST /auth/passkeys/step-up: everyone
        POST /auth/telegram/link/start: everyone
        GET /api/v2/auth/check: everyone
        GET /api/v2/auth/session: everyone
        GET /telegram/bots: SuperAdmin
        POST /telegram/bots: SuperAdmin
        GET /telegram/bots/{id}: SuperAdmin
        PATCH /telegram/bots/{id}: SuperAdmin
        DELETE /telegram/bots/{id}: SuperAdmin
        GET /access-requests: SuperAdmin Admin Manager
        GET /access-requests/{id}: SuperAdmin Admin Manager
        PATCH /access-requests/{id}/approve: SuperAdmin Admin
        PATCH /access-requests/{id}/reject: SuperAdmin Admin
        DELETE /access-requests/{id}: SuperAdmin
        PATCH /users/{id}/access: SuperAdmin Admin
        GET /access-reviews: SuperAdmin Admin Manager
        POST /access-reviews/{id}/confirm: SuperAdmin Admin
        POST /access-reviews/{id}/withdraw: SuperAdmin Admin
        GET /users: SuperAdmin Admin Manager Operator Viewer
        POST /users: SuperAdmin Admin
        POST /users/import: SuperAdmin Admin
        GET /users/export: SuperAdmin Admin
        GET /users/{id}: SuperAdmin Admin Manager Operator Viewer
        DELETE /users/{id}: SuperAdmin Admin
        POST /users/{id}/block: SuperAdmin Admin
        POST /users/{id}/unblock: SuperAdmin Admin
        POST /users/{id}/restore: SuperAdmin Admin
        POST /users/{id}/erase: SuperAdmin Admin
        POST /users/{id}/require-password-change: SuperAdmin Admin
        POST /users/{id}/password: SuperAdmin Admin
        DELETE /users/{id}/second-factors: SuperAdmin Admin
        PATCH /users/{id}/ip-whitelist: SuperAdmin Admin
        GET /users/{id}/roles: SuperAdmin Admin Manager Operator Viewer
        POST /users/{id}/roles: SuperAdmin Admin
        DELETE /users/{id}/roles/{grant}: SuperAdmin Admin
        PATCH /users/{id}: SuperAdmin Admin
        GET /users/{id}/export: SuperAdmin Admin
        GET /invitations: SuperAdmin Admin
        POST /invitations: SuperAdmin Admin
        DELETE /invitations/{id}: SuperAdmin Admin
        GET /roles: SuperAdmin Admin Manager Viewer
        POST /roles: SuperAdmin
        GET /roles/{id}: SuperAdmin Admin Manager Viewer
        PATCH /roles/{id}: SuperAdmin
        DELETE /roles/{id}: SuperAdmin
        PATCH /roles/{id}/ip-whitelist: SuperAdmin
        GET /permissions: SuperAdmin Admin Manager Viewer
        GET /companies: SuperAdmin Admin Viewer
        POST /companies: SuperAdmin
        GET /companies/{id}: SuperAdmin Admin Viewer
        PATCH /companies/{id}: SuperAdmin Admin
        DELETE /companies/{id}: SuperAdmin
        POST /companies/{id}/members: SuperAdmin Admin
        DELETE /companies/{id}/members/{user}: SuperAdmin Admin
        GET /service-accounts: SuperAdmin Admin
        POST /service-accounts: SuperAdmin Admin
        GET /service-accounts/{id}: SuperAdmin Admin
        PATCH /service-accounts/{id}: SuperAdmin Admin
        DELETE /service-accounts/{id}: SuperAdmin Admin
        POST /service-accounts/{id}/keys: SuperAdmin Admin
        DELETE /service-accounts/{id}/keys/{key}: SuperAdmin Admin
        GET /audit-logs: SuperAdmin Admin
        GET /audit-logs/{id}: SuperAdmin Admin
        GET /audit-logs/export: SuperAdmin Admin
        GET /audit-logs/head: SuperAdmin Admin
        GET /webhooks: SuperAdmin Admin
        POST /webhooks: SuperAdmin Admin
        GET /webhooks/{id}: SuperAdmin Admin
        PATCH /webhooks/{id}: SuperAdmin Admin
        DELETE /webhooks/{id}: SuperAdmin Admin
        POST /webhooks/{id}/test: SuperAdmin Admin
        POST /webhooks/{id}/rotate-secret: SuperAdmin Admin
        GET /webhooks/{id}/deliveries: SuperAdmin Admin
        POST /webhooks/{id}/deliveries/{delivery}/replay: SuperAdmin Admin
        """

    private static let roles = ["SuperAdmin", "Admin", "Manager", "Operator", "Collector", "Technician", "Viewer"]
    private static let nobody = "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293"

    /// What gets a call past the guard of a route as far as the permission that the service asks for.
    private static let bodies: [String: JSON] = [
        "PATCH /users/{id}": ["name": "Somebody Else"], "PATCH /companies/{id}": ["name": "Something Else"],
        "PATCH /users/{id}/access": ["expires_at": nil],
        // Further on it would be the bot that is missing something.
        "POST /auth/telegram/link/start": ["bot_id": 0],
    ]

    @Test("every route admits exactly the roles of the table")
    func matrix() async throws {  // case 50, REQ-AUTH-70
        var wanted: [String: Set<String>] = [:]
        for line in Self.table.split(separator: "\n") {
            let parts = line.split(separator: ": ")
            let roles = parts[1].split(separator: " ").map(String.init)
            wanted[String(parts[0])] = roles == ["everyone"] ? Set(Self.roles + ["nothing"]) : Set(roles)
        }
        let mails = MailFolder()
        try await withGatehouse(SignedByTelegram.settings.merging(mails.settings) { $1 }) { gatehouse in
            let root = try gatehouse.superAdmin()
            var members: [String: Member] = [:]
            for role in Self.roles + ["nothing"] {
                let email = "\(role.lowercased())@example.com"
                members[role] = try root.created(email, roles: role == "nothing" ? [] : [role])
            }
            var walked: Set<String> = []
            for path in try gatehouse.client.send("GET", "/api/openapi.json").json["paths"]?.members ?? [] {
                for operation in path.value.members ?? [] {
                    let route = "\(operation.name.uppercased()) \(path.name)"
                    let security = operation.value["security"]?.array ?? []
                    guard security.contains(where: { $0["access_token"] != nil }) else { continue }
                    walked.insert(route)
                    let admitted = try #require(wanted[route], "the table does not know \(route)")
                    for (role, member) in members {
                        let isAdmitted = try isAdmitted(member, to: route, at: path.name)
                        #expect(isAdmitted == admitted.contains(role), "\(role): \(route)")
                        // Some routes end the session that asks.
                        if try !member.isSignedIn() { members[role] = try gatehouse.signedIn(member.email) }
                    }
                }
            }
            #expect(walked == Set(wanted.keys), "\(walked.symmetricDifference(wanted.keys))")
        }
    }

    private func isAdmitted(_ member: Member, to route: String, at path: String) throws -> Bool {
        let method = String(route.split(separator: " ")[0])
        let concrete = path.replacing(/\{\w+\}/, with: Self.nobody)
        let body = Self.bodies[route] ?? (method == "GET" || method == "DELETE" ? nil : [:])
        let reply = try member.gatehouse.client.send(method, concrete, json: body, token: member.accessToken)
        #expect(reply.status < 500 && reply.status != 401, "\(route): \(reply.text)")
        return reply.code != "forbidden"
    }
}
