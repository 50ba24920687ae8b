import Ground
import SQL
import Services
import Store
import Testing

/// Somebody who can write into the database, and has no key.
struct Tamperer {
    let database: FaultyDatabase

    func run(_ text: String, _ values: [SQLValue] = []) async throws {
        _ = try await database.write(Statement(text), values)
    }

    func ids() async throws -> [UUID] {
        var ids: [UUID] = []
        for var row in try await database.read(Statement("SELECT row_id FROM audit_chain ORDER BY sequence"), []) {
            ids.append(try row.next())
        }
        return ids
    }

    func number(_ text: String) async throws -> Int64 {
        try await database.read(Statement(text), []).value() ?? -1
    }
}

extension Gatehouse {
    var tamperer: Tamperer { Tamperer(database: database) }

    /// Many events by few requests.
    func fill(_ count: Int, sealing: Bool = true) async throws {
        let ada = try registered("fill\(clock.now.milliseconds)@example.com")
        for index in 0..<count {
            clock.advance(by: .milliseconds(7))
            if index % 3 == 0 {
                #expect(try ada.patch("/auth/profile", ["name": "Ada Lovelace"]).status == 200)
            } else {
                #expect(try login(ada.email, password: "not the password \(index)").status >= 400)
            }
        }
        if sealing { try await services.auditKeeper.seal() }
    }

    func verified(comparing head: String? = nil) async throws -> AuditReport {
        try await services.auditVerifier.run(comparing: head)
    }
}
