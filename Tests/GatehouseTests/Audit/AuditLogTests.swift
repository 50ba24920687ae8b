import Ground
import SQL
import Services
import Store
import Testing

@Suite("Reading the audit log") struct AuditLogTests {
    private func items(_ reply: HTTPClient.Reply) throws -> [JSON] {
        try #require(reply.status == 200, "\(reply.text)")
        return try #require(reply["items"]?.array)
    }

    /// Every page.
    private func all(_ member: Member, _ path: String) throws -> [JSON] {
        var found: [JSON] = []
        var after = ""
        while true {
            let reply = try member.get(path + after)
            found += try items(reply)
            guard let next = reply["next"]?.string else { return found }
            after = "&after=" + next
        }
    }

    @Test("each filter shows what meets it, and only that", arguments: Stores.all)
    func filters(kind: StoreKind) async throws {  // REQ-AUTH-81
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            gatehouse.clock.advance(by: .seconds(10))
            let middle = gatehouse.clock.now.rfc3339
            let wrong = try gatehouse.login(password: "wrong", headers: ["User-Agent": "FireFOX/140 (é; 100%_)"])
            let eve = try gatehouse.registered("eve@example.com")
            let renewed = try gatehouse.refresh(ada.refreshToken)
            #expect(renewed.status == 200)
            let isWritten = try await eventually { try await gatehouse.audit("session.refreshed").count == 1 }
            #expect(isWritten)
            let everything = try await gatehouse.audit()
            let filters: [(String, @Sendable (AuditRow) -> Bool)] = [
                ("refreshes=yes", { _ in true }), ("limit=3", { $0.event != "session.refreshed" }),
                ("from=\(middle)&refreshes=yes", { $0.at.rfc3339 >= middle }),
                ("to=\(middle)", { $0.at.rfc3339 < middle }),
                ("event=session.refreshed", { $0.event == "session.refreshed" }),
                ("event=account.registered", { $0.event == "account.registered" }),
                ("severity=warning", { $0.severity == "warning" }),
                ("severity=info", { $0.severity == "info" && $0.event != "session.refreshed" }),
                ("severity=critical", { $0.severity == "critical" }), ("outcome=failure", { $0.outcome == "failure" }),
                ("user_id=\(ada.id)", { $0.userID?.description == ada.id && $0.event != "session.refreshed" }),
                ("user_id=\(ada.id)&refreshes=yes", { $0.userID?.description == ada.id }),
                ("actor_id=\(eve.id)", { $0.actorID?.description == eve.id }),
                ("company_id=\(eve.companyID ?? "")", { $0.companyID?.description == eve.companyID }),
                ("session_id=\(root.sessionID)", { $0.sessionID?.description == root.sessionID }),
                ("ip=127.0.0.1&refreshes=yes", { $0.ip == "127.0.0.1" }),
                ("ip=::ffff:127.0.0.1&event=sign_in.failed", { $0.event == "sign_in.failed" }), ("ip=192.0.2.1", { _ in false }),
                ("request_id=\(wrong.header("x-request-id") ?? "")", { $0.event == "sign_in.failed" }),
                ("text=firefox", { $0.userAgent?.contains("FireFOX") == true }),
                ("text=%C3%A9", { $0.userAgent?.contains("FireFOX") == true }),
                ("text=100%25_", { $0.userAgent?.contains("FireFOX") == true }), ("text=%25", { $0.userAgent?.contains("%") == true }),
                ("text=registered&user_id=\(eve.id)", { $0.event == "account.registered" && $0.userID?.description == eve.id }),
                ("event=sign_in.failed&severity=info", { _ in false }),
            ]
            for (query, meets) in filters {
                let shown = try all(root, "/audit-logs?\(query)").compactMap { $0["id"]?.string }
                #expect(shown == everything.filter(meets).map(\.id.description), "\(query)")
            }
            #expect(try await gatehouse.audit().count == everything.count)
        }
    }

    @Test("one row is told whole, and one that is not there is not found", arguments: Stores.all)
    func entry(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let row = try #require(try items(root.get("/audit-logs?event=sign_in.succeeded")).first)
            #expect(row["user_id"]?.string == root.id && row["session_id"]?.string == root.sessionID)
            #expect(row["metadata"]?["method"] == "pwd" && row["ip"] == "127.0.0.1" && row["redacted_at"] == .null)
            #expect(try root.get("/audit-logs/\(row["id"]?.string ?? "")").json == row)
            #expect(try root.get("/audit-logs/\(root.id)").status == 404)
        }
    }

    @Test("an administrator of a company sees its rows and no other's, by list, by id and by export", arguments: Stores.all)
    func case48ForeignRows(kind: StoreKind) async throws {  // case 48, CO-11
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            let own = try await gatehouse.audit().filter { $0.companyID?.description == eve.companyID }
            let foreign = try await gatehouse.audit().filter { $0.companyID?.description != eve.companyID }
            #expect(!own.isEmpty && foreign.count >= 3)
            let queries = [
                "refreshes=yes", "limit=1", "user_id=\(ada.id)", "actor_id=\(ada.id)", "company_id=\(ada.companyID ?? "")",
                "session_id=\(ada.sessionID)", "event=account.registered", "severity=warning", "ip=127.0.0.1",
                "outcome=success", "text=account", "after=ffffffff-ffff-ffff-ffff-ffffffffffff",
                "after=\(foreign[0].id)", "user_id=\(root.id)",
            ]
            for query in queries {
                for path in ["/audit-logs?", "/audit-logs/export?"] where !(path.contains("export") && query.contains("limit") || query.contains("after") && path.contains("export")) {
                    let text = try eve.get(path + query).text
                    for row in foreign { #expect(!text.contains(row.id.description), "\(path)\(query)") }
                }
            }
            #expect(try items(eve.get("/audit-logs")).compactMap { $0["id"]?.string }.contains(own[0].id.description))
            #expect(try eve.get("/audit-logs/\(own[0].id)").status == 200)
            for row in foreign { #expect(try eve.get("/audit-logs/\(row.id)").status == 404) }
            #expect(try eve.get("/audit-logs/head").code == "forbidden")
        }
    }

    @Test("filters and places are checked, never trusted", arguments: [
        "event=x%27%20OR%201%3D1", "severity=info%27--", "outcome=", "user_id=1%27%20OR%201%3D1", "from=now()",
        "from=2027-01-15T08:00:00+01:00", "to=1", "ip=127.0.0.1%27", "session_id=%00", "request_id=%00", "request_id=",
        "text=", "text=%00", "text=%1B%5B31m", "after=1%27", "limit=1%3BDROP%20TABLE%20audit_logs", "sort=id",
        "refreshes=maybe", "user_id=", "text=a&text=b", "company_id=null", "format=xml",
    ])
    func case54Injection(query: String) async throws {  // case 54
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            for path in ["/audit-logs?", "/audit-logs/export?"] {
                let reply = try root.get(path + query)
                #expect(reply.status == 400 && reply.code == "validation_failed", "\(path)\(query)")
            }
        }
    }

    @Test("what looks like SQL is only text", arguments: Stores.all)
    func case54Text(kind: StoreKind) async throws {  // case 54
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            for text in ["' OR 1=1 --", "'; DROP TABLE audit_logs; --", "%", "_", "\\", "$1", "?1", "\u{202e}"] {
                let query = text.utf8.map { "%" + Hex.encode([$0]) }.joined()
                #expect(try items(root.get("/audit-logs?text=\(query)")).isEmpty == (text != "_"), "\(text)")
                #expect(try items(root.get("/audit-logs?request_id=\(query)")).isEmpty)
            }
            #expect(try await gatehouse.audit().count >= 2)
        }
    }

    @Test("what a client sends as its name neither breaks the log nor a line of an export", arguments: Stores.all)
    func case55ControlCharacters(kind: StoreKind) async throws {  // cases 55 and 58
        try await withGatehouse(on: kind, ["MAX_LOGIN_ATTEMPTS": "100"]) { gatehouse in
            let root = try gatehouse.superAdmin()
            let agents = [
                "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", " =1+1", "\u{ff1d}1+1", "a\"b,c", "<script>alert(1)</script>",
                "tab\there", "bidi\u{202e}gpj.exe", "zero\u{200b}=1",
            ]
            for agent in agents {
                #expect(try gatehouse.login(password: "wrong", headers: ["User-Agent": agent]).status == 401)
            }
            // What no request brings in, somebody may have written into the database.
            try await gatehouse.tamperer.run(
                "UPDATE audit_logs SET metadata = $1 WHERE event = 'sign_in.succeeded'", [.text("not\r\njson\u{1b}[31m")])
            let csv = try root.get("/audit-logs/export?format=csv")
            #expect(csv.status == 200 && csv.header("content-type") == "text/csv; charset=utf-8; header=present")
            #expect(csv.header("content-disposition") == "attachment; filename=\"audit-logs.csv\"")
            #expect(csv.header("x-content-type-options") == "nosniff")
            let rows = try SpreadsheetLines.rows(Self.unchunked(csv.body))
            let column = try #require(rows.first?.firstIndex(of: "user_agent"))
            #expect(rows.allSatisfy { $0.count == 14 })
            #expect(rows.count == (try await gatehouse.audit().count) + 1)
            let shown = Set(rows.map { $0[column] })
            for wanted in ["'=cmd|' /C calc'!A0", "'+1+1", "'-2+3", "'@SUM(A1)", "'\u{ff1d}1+1", "a\"b,c"] {
                #expect(shown.contains(wanted), "\(wanted)")
            }
            for row in rows {
                for field in row {
                    #expect(!"=+-@".contains(field.first ?? "x"), "\(field)")
                    #expect(!field.unicodeScalars.contains { $0.value < 32 || $0.value == 0x202e }, "\(field)")
                }
            }
            let lines = try root.get("/audit-logs/export")
            #expect(lines.header("content-type") == "application/jsonl")
            let values = try Self.unchunked(lines.body).split(separator: 10).map { try JSON.parse(Array($0)) }
            #expect(values.contains { $0["user_agent"] == "=cmd|' /C calc'!A0" })
            #expect(values.count == (try await gatehouse.audit().count))
            #expect(lines.text.contains("<script") == false)
        }
    }

    @Test("an export gives every row once, refreshes too, however many pages it takes, and is an event itself", arguments: Stores.all)
    func export(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            var rows: [AuditRow] = []
            for index in 0..<1300 {
                gatehouse.clock.advance(by: .milliseconds(1))
                let now = gatehouse.clock.now
                rows.append(
                    AuditRow(
                        id: UUID(at: now, random: .system), at: now, event: index % 2 == 0 ? "session.refreshed" : "profile.updated",
                        severity: "info", outcome: "success", userID: UUID(root.id), actorID: nil, companyID: nil, sessionID: nil,
                        ip: nil, userAgent: "row \(index)", requestID: nil, metadata: "{}"))
            }
            try await gatehouse.store.transaction { [rows] in try await $0.audit.append(rows) }
            // Written twice, as after a commit that nobody heard of: still there once.
            try await gatehouse.store.transaction { [rows] in try await $0.audit.append(rows) }
            func agents(_ query: String) throws -> [String] {
                try Self.unchunked(try root.get("/audit-logs/export?\(query)").body).split(separator: 10)
                    .map { try JSON.parse(Array($0)) }.compactMap { $0["user_agent"]?.string }.filter { $0.hasPrefix("row ") }
            }
            #expect(try agents("user_id=\(root.id)") == (0..<1300).reversed().map { "row \($0)" })
            #expect(try agents("refreshes=no").count == 650)
            #expect(try agents("text=row%201299") == ["row 1299"])
            let events = try await gatehouse.audit("audit.exported")
            #expect(events.count == 3 && events.contains { $0.metadata.contains(root.id) })
            #expect(events.allSatisfy { $0.actorID?.description == root.id && $0.severity == "warning" })
        }
    }

    @Test("an export ends when its session does")
    func exportOfEndedSession() async throws {
        try await withGatehouse { gatehouse in
            let root = try gatehouse.superAdmin()
            #expect(try root.post("/auth/logout").status == 200)
            #expect(try root.get("/audit-logs/export").code == "session_ended")
        }
    }

    @Test("a page that found little in what it may go through says where to go on", arguments: Stores.all)
    func scanBound(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            gatehouse.clock.advance(by: .seconds(1))
            let now = gatehouse.clock.now
            let rows = (0..<5200).map { index in
                AuditRow(
                    id: UUID(at: now, random: .system), at: now, event: "profile.updated", severity: "info", outcome: "success",
                    userID: nil, actorID: nil, companyID: nil, sessionID: nil, ip: nil, userAgent: nil, requestID: nil, metadata: "{}")
            }
            try await gatehouse.store.transaction { try await $0.audit.append(rows) }
            let first = try root.get("/audit-logs?text=super_admin.created")
            #expect(try items(first).isEmpty)
            let next = try #require(first["next"]?.string)
            let second = try root.get("/audit-logs?text=super_admin.created&after=\(next)")
            #expect(try items(second).count == 1 && second["next"] == .null)
        }
    }

    @Test("people see what happened to their own account, and nothing of others", arguments: Stores.all)
    func history(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let ada = try gatehouse.registered()
            let eve = try gatehouse.registered("eve@example.com")
            gatehouse.clock.advance(by: .seconds(1))
            let agent = ["User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"]
            _ = try gatehouse.login(password: "wrong", headers: agent)
            gatehouse.clock.advance(by: .seconds(1))
            let again = try gatehouse.signedIn()
            _ = try gatehouse.refresh(ada.refreshToken)
            _ = try ada.patch("/auth/profile", ["name": "Ada King"])
            let shown = try all(again, "/auth/sign-in-history?limit=2")
            #expect(shown.compactMap { $0["event"]?.string } == ["sign_in.succeeded", "sign_in.failed", "account.registered"])
            #expect(shown[0]["current"] == true && shown[2]["current"] == false)
            #expect(shown[1]["outcome"] == "failure" && shown[1]["device"]?["name"] == "Firefox on Linux")
            #expect(try all(eve, "/auth/sign-in-history?limit=2").count == 1)
            #expect(try eve.get("/auth/sign-in-history?user_id=\(ada.id)").status == 400)
        }
    }

    @Test("the head is there once something is sealed, and its key verifies it", arguments: Stores.all)
    func head(kind: StoreKind) async throws {
        try await withGatehouse(on: kind) { gatehouse in
            let root = try gatehouse.superAdmin()
            #expect(try root.get("/audit-logs/head").status == 404)
            try await gatehouse.services.auditKeeper.seal()
            let reply = try root.get("/audit-logs/head")
            #expect(reply.status == 200 && reply["key"]?["crv"] == "Ed25519" && reply["key"]?["d"] == nil)
            let token = try #require(reply["head"]?.string)
            #expect(try await gatehouse.verified(comparing: token).isSound)
        }
    }

    @Test("every event has a severity and an outcome that can be asked for, and what fails is never of severity info")
    func rules() {
        for kind in AuditEvent.Kind.allCases {
            #expect(AuditSeverity(rawValue: kind.severity) != nil && AuditOutcome(rawValue: kind.outcome) != nil)
            #expect(kind.outcome == "success" || kind.severity != "info", "\(kind)")
        }
    }

    /// What a chunked body holds (RFC 9112, section 7.1).
    private static func unchunked(_ body: [UInt8]) throws -> [UInt8] {
        var content: [UInt8] = []
        var rest = body[...]
        while true {
            let end = try #require(rest.firstIndex(of: 13))
            let size = try #require(Int(String(decoding: rest[rest.startIndex..<end], as: UTF8.self), radix: 16))
            if size == 0 { return content }
            content += rest[(end + 2)..<(end + 2 + size)]
            rest = rest[(end + 4 + size)...]
        }
    }
}
