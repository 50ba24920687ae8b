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
        .answer(HealthAnswer(health: nil, version: call.application.version))
    }

    static let ready = Operation(
        "ready", "Whether requests can be served", answers: .json(HealthAnswer.self, "They can.")
    ) { call in
        let health = await call.services.health()
        guard health.isReady else {
            throw AuthError.unavailable(because: health.database ? "Redis does not answer" : "the database does not answer")
        }
        return .answer(HealthAnswer(health: health, version: call.application.version))
    }

    static let health = Operation(
        "health", "The state of the server and its stores", answers: .json(HealthAnswer.self, "Requests are served."),
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
    /// nil where the stores were not asked.
    let health: Services.Health?
    let version: String

    static let schemaName = "Health"
    static let schema: JSON = [
        "type": "object", "required": ["status", "version"],
        "properties": [
            "status": [
                "enum": ["ok", "degraded"],
                "description": "degraded: something is down that can be done without for a while.",
            ],
            "version": ["type": "string"],
            "database": ["const": "up"],
            "redis": ["enum": ["up", "down"], "description": "Absent where none is configured."],
            "other_nodes": [
                "enum": ["heard", "not_heard"],
                "description": "not_heard: each request asks the database whether its session has ended.",
            ],
        ],
    ]
    static let example: JSON = ["status": "ok", "version": "0.1.0", "database": "up", "redis": "up", "other_nodes": "heard"]

    func write(into writer: inout JSONWriter) {
        let isWhole = health.map { $0.redis != false && $0.hearsOthers } ?? true
        writer.object { writer in
            writer.member("status", isWhole ? "ok" : "degraded")
            writer.member("version", version)
            guard let health else { return }
            writer.member("database", "up")
            if let redis = health.redis { writer.member("redis", redis ? "up" : "down") }
            writer.member("other_nodes", health.hearsOthers ? "heard" : "not_heard")
        }
    }
}
