import Ground
import HTTP
import Services

/// Reading the audit log.
enum AuditHandler {
    private static let scanned = """
        One page goes through 5,000 rows at most, so a page may have fewer rows than `limit`, or none, and still have a \
        `next`: go on until it is null.
        """

    static let list = Operation(
        "listAuditLogs", "Lists events of the audit log, the newest first",
        detail: """
            Every filter that is given must be met. Whoever has the permission in one company sees the rows of that \
            company only. \(scanned)
            """,
        asks: AuditListQuery.self, answers: .json(PageAnswer<AuditAnswer>.self, "One page.")
    ) { query, call in
        let page = try await call.services.auditLog.page(
            query.filter, after: query.page.after, limit: query.page.limit, by: try call.caller)
        return .answer(PageAnswer(page, of: AuditAnswer.init))
    }

    static let read = Operation(
        "readAuditLog", "Tells one event of the audit log",
        detail: "A row of another company does not exist for whoever has the permission in one company.",
        answers: .json(AuditAnswer.self, "The row."), problems: [.notFound]
    ) { call in
        .answer(AuditAnswer(row: try await call.services.auditLog.entry(try call.request.uuid(), by: try call.caller)))
    }

    static let head = Operation(
        "auditHead", "Tells how far the audit log is sealed, signed",
        detail: """
            Keep it where who can write into the database cannot: `gatehouse audit verify --head` finds by it that the \
            log was cut off or written anew. 404 while nothing is sealed.
            """,
        answers: .json(AuditHeadAnswer.self, "The newest head."), problems: [.notFound]
    ) { call in
        guard let head = try await call.services.auditLog.head(by: try call.caller) else { throw AuthError.notFound }
        return .answer(AuditHeadAnswer(head: head, key: call.services.auditLog.publicKey))
    }

    static let history = Operation(
        "signInHistory", "Lists what happened to the caller's own account, the newest first",
        detail: "Sign-ins, failures, locks, changes of the password, and the end of sessions. \(scanned)",
        asks: PageQuery.self, answers: .json(PageAnswer<HistoryItemAnswer>.self, "One page.")
    ) { query, call in
        let token = try call.caller
        let page = try await call.services.auditLog.history(of: token, after: query.after, limit: query.limit)
        return .answer(PageAnswer(page) { HistoryItemAnswer(item: $0, current: token.sessionID) })
    }
}
