import Ground
import HTTP
import Services

/// What those who run the server ask it.
enum OperationsHandler {
    static let jwks = Operation(
        "jwks", "The public keys that verify access tokens (RFC 7517)",
        answers: AnswerDescription(
            status: .ok, contentType: "application/json", summary: "The key set.", schemaName: "KeySet",
            schema: [
                "type": "object", "required": ["keys"],
                "properties": ["keys": ["type": "array", "items": ["type": "object"]]],
            ], example: ["keys": []])
    ) { call in
        Response.json(call.services.ring.jwks)
            .header("Cache-Control", "public, max-age=\(KeyService.cachedFor.secondsRoundedUp)")
    }

    static let live = Operation("live", "Whether the process lives", answers: .json(HealthAnswer.self, "It does.")) { call in
        .answer(HealthAnswer(database: nil, version: call.application.version))
    }

    static let ready = Operation(
        "ready", "Whether requests can be served", answers: .json(HealthAnswer.self, "They can.")
    ) { call in
        guard await call.services.isReady() else { throw AuthError.unavailable(because: "the database does not answer") }
        return .answer(HealthAnswer(database: "up", version: call.application.version))
    }

    static let health = Operation(
        "health", "The state of the server and its stores", answers: .json(HealthAnswer.self, "All is well."),
        run: ready.run)

    static let metrics = Operation(
        "metrics", "Counters for Prometheus",
        answers: .text("text/plain; version=0.0.4; charset=utf-8", "The counters.")
    ) { call in
        let text = PrometheusText.page(of: call.application)
        return Response(contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(text.utf8))
            .header("Cache-Control", "no-store")
    }
}

struct HealthAnswer: Answer {
    /// nil where it was not asked.
    let database: String?
    let version: String

    static let schemaName = "Health"
    static let schema: JSON = [
        "type": "object", "required": ["status", "version"],
        "properties": [
            "status": ["const": "ok"], "version": ["type": "string"],
            "database": ["type": "string"],
        ],
    ]
    static let example: JSON = ["status": "ok", "version": "0.1.0", "database": "up"]

    func write(into writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("status", "ok")
            writer.member("version", version)
            if let database { writer.member("database", database) }
        }
    }
}
