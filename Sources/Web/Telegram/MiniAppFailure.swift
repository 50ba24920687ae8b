import Ground
import HTTP
import Services

/// How everything below `/api/v2` refuses: what older clients of Mini Apps expect.
struct MiniAppFailure {
    static let schemaName = "Failure"
    static let contentType = "application/json"

    let problem: Problem

    /// Whether a path is answered in this form.
    static func covers(_ path: some StringProtocol) -> Bool { path == "/api/v2" || path.hasPrefix("/api/v2/") }

    func response(requestID: String) -> Response {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("success", false)
            writer.member("error", problem.detail ?? problem.code.title)
            writer.member("code", problem.code.rawValue)
            writer.member("need_new_token", problem.code.isOfToken)
            writer.member("request_id", requestID)
            writer.name("errors")
            problem.writeErrors(into: &writer)
        }
        return problem.finished(
            Response(problem.code.status, contentType: Self.contentType, body: writer.bytes))
    }

    // MARK: As the document tells of it

    static let schema: JSON = [
        "type": "object", "required": ["success", "error", "code", "need_new_token", "request_id", "errors"],
        "properties": [
            "success": ["const": false], "error": ["type": "string", "description": "A sentence for people."],
            "code": ["enum": .array(ProblemCode.allCases.map { .string($0.rawValue) })],
            "need_new_token": ["type": "boolean", "description": "Whether the token is dead: refresh, or sign in again."],
            "request_id": ["type": "string"], "errors": Problem.errorsSchema,
        ],
    ]

    static func example(_ code: ProblemCode, errors: JSON) -> JSON {
        [
            "success": false, "error": .string(code.title), "code": .string(code.rawValue),
            "need_new_token": .bool(code.isOfToken), "request_id": "6f1d0c2b3a495867", "errors": errors,
        ]
    }
}
