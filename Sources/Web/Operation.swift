import Ground
import HTTP
import Services

/// What a route does, and all that the document of the interface says of it.
///
/// What only the document needs is made when it is asked for: made at start, it would stay in memory unread.
struct Operation: Sendable {
    /// Its name in the document: unique.
    let id: String
    let summary: String
    let detail: String
    private let makeFields: @Sendable () -> [any AnyField]
    private let makeQuery: @Sendable () -> [any AnyField]
    /// The kinds of file that it takes as its body, piece by piece; most take none.
    let files: [FileKind]
    /// Whether that body is small and read as a whole.
    var readsWhole = false
    let answer: AnswerDescription
    /// What it refuses with, besides what its guard and its limit refuse with.
    let problems: [ProblemCode]
    let run: @Sendable (Call) async throws -> Response

    /// What it takes in its body.
    var fields: [any AnyField] { makeFields() }
    /// What it takes behind `?`.
    var query: [any AnyField] { makeQuery() }

    /// Whether its body is read piece by piece.
    var takesPieces: Bool { !files.isEmpty && !readsWhole }

    /// Whether the document of the interface lists it.
    var isPartOfInterface: Bool { !answer.contentType.hasPrefix("text/html") && !answer.isAsset }

    init(
        _ id: String, _ summary: String, detail: String = "", fields: @autoclosure @escaping @Sendable () -> [any AnyField] = [],
        query: @autoclosure @escaping @Sendable () -> [any AnyField] = [], files: [FileKind] = [], answers answer: AnswerDescription, problems: [ProblemCode] = [],
        run: @escaping @Sendable (Call) async throws -> Response
    ) {
        self.id = id
        self.summary = summary
        self.detail = detail
        makeFields = fields
        makeQuery = query
        self.files = files
        self.answer = answer
        self.problems = problems
        self.run = run
    }

    /// A page for people, which is no part of the programming interface.
    init(page id: String, _ summary: String, run: @escaping @Sendable (Call) async throws -> Response) {
        self.init(id, summary, answers: .page(summary), run: run)
    }

    /// For browsers that are on their way: it sends them on, and is no part of the programming interface.
    init<Q: Input>(
        journey id: String, _ summary: String, asks query: Q.Type, run: @escaping @Sendable (Q, Call) async throws -> Response
    ) {
        self.init(id, summary, query: Q.fields, answers: .page(summary, .found)) { call in
            try await run(try call.request.query(Q.self), call)
        }
    }

    /// The same for what is not asked by this server's rules.
    init(journey id: String, _ summary: String, run: @escaping @Sendable (Call) async throws -> Response) {
        self.init(id, summary, answers: .page(summary, .found), run: run)
    }

    /// With a body.
    init<I: Input>(
        _ id: String, _ summary: String, detail: String = "", takes input: I.Type,
        answers answer: AnswerDescription, problems: [ProblemCode] = [],
        run: @escaping @Sendable (I, Call) async throws -> Response
    ) {
        self.init(id, summary, detail: detail, fields: I.fields, answers: answer, problems: problems) { call in
            try await run(try call.request.input(I.self), call)
        }
    }

    /// With something behind `?`.
    init<Q: Input>(
        _ id: String, _ summary: String, detail: String = "", asks query: Q.Type, takes files: [FileKind] = [],
        answers answer: AnswerDescription, problems: [ProblemCode] = [],
        run: @escaping @Sendable (Q, Call) async throws -> Response
    ) {
        self.init(id, summary, detail: detail, query: Q.fields, files: files, answers: answer, problems: problems) { call in
            try await run(try call.request.query(Q.self), call)
        }
    }

    /// With something behind `?`, and a body whose form only the handler can tell.
    init<Q: Input>(
        _ id: String, _ summary: String, detail: String = "", asks query: Q.Type, takesWhole kinds: [FileKind],
        answers answer: AnswerDescription, problems: [ProblemCode] = [],
        run: @escaping @Sendable (Q, Call) async throws -> Response
    ) {
        self.init(
            id, summary, detail: detail, asks: query, takes: kinds, answers: answer, problems: problems, run: run)
        readsWhole = true
    }

    /// With a body that is never refused.
    init<I: LenientInput>(
        _ id: String, _ summary: String, detail: String = "", takesLeniently input: I.Type,
        answers answer: AnswerDescription, problems: [ProblemCode] = [],
        run: @escaping @Sendable (I, Call) async throws -> Response
    ) {
        self.init(id, summary, detail: detail, fields: I.fields, answers: answer, problems: problems) { call in
            try await run((try? call.request.input(I.self)) ?? I(), call)
        }
    }
}

/// A file that goes in or comes out, as the document of the interface tells of it.
struct FileKind: Sendable {
    let contentType: String
    /// JSON Schema (2020-12).
    let schema: JSON
    let example: JSON

    /// As a member of `content`.
    var json: JSON.Member {
        let type = contentType.split(separator: ";").first.map(String.init) ?? contentType
        return JSON.Member(type, ["schema": schema, "example": example])
    }
}

/// What an operation answers when all is well.
struct AnswerDescription: Sendable {
    let status: Status
    let contentType: String
    let summary: String
    /// The name of the schema in the document; nil for what is no JSON.
    let schemaName: String?
    private let makeSchema: @Sendable () -> JSON
    private let makeExample: @Sendable () -> JSON
    /// A file that belongs to a page.
    var isAsset = false
    /// Other kinds of file that the answer may be.
    let others: [FileKind]

    var schema: JSON { makeSchema() }
    var example: JSON { makeExample() }

    init(
        status: Status, contentType: String, summary: String, schemaName: String?,
        schema: @autoclosure @escaping @Sendable () -> JSON, example: @autoclosure @escaping @Sendable () -> JSON,
        others: [FileKind] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.summary = summary
        self.schemaName = schemaName
        makeSchema = schema
        makeExample = example
        self.others = others
    }

    static func json<A: Answer>(_ type: A.Type, status: Status = .ok, _ summary: String) -> AnswerDescription {
        AnswerDescription(
            status: status, contentType: "application/json", summary: summary, schemaName: A.schemaName,
            schema: A.schema, example: A.example)
    }

    /// One of two.
    static func json<A: Answer, B: Answer>(
        _ type: A.Type, or second: B.Type, status: Status = .ok, _ summary: String
    ) -> AnswerDescription {
        AnswerDescription(
            status: status, contentType: "application/json", summary: summary, schemaName: nil,
            schema: ["oneOf": [A.schema, B.schema]], example: A.example)
    }

    /// One of three.
    static func json<A: Answer, B: Answer, C: Answer>(
        _ type: A.Type, or second: B.Type, or third: C.Type, status: Status = .ok, _ summary: String
    ) -> AnswerDescription {
        AnswerDescription(
            status: status, contentType: "application/json", summary: summary, schemaName: nil,
            schema: ["oneOf": [A.schema, B.schema, C.schema]], example: A.example)
    }

    static func page(_ summary: String, _ status: Status = .ok) -> AnswerDescription {
        AnswerDescription(
            status: status, contentType: "text/html; charset=utf-8", summary: summary, schemaName: nil,
            schema: ["type": "string"], example: .null)
    }

    static func asset(_ contentType: String) -> AnswerDescription {
        var description = text(contentType, "The file.")
        description.isAsset = true
        return description
    }

    /// One of several kinds of file.
    static func file(_ first: FileKind, _ others: FileKind..., summary: String) -> AnswerDescription {
        AnswerDescription(
            status: .ok, contentType: first.contentType, summary: summary, schemaName: nil, schema: first.schema,
            example: first.example, others: others)
    }

    static func text(_ contentType: String, _ summary: String) -> AnswerDescription {
        AnswerDescription(
            status: .ok, contentType: contentType, summary: summary, schemaName: nil, schema: ["type": "string"],
            example: .null)
    }
}

/// The body of an answer.
protocol Answer: Sendable {
    static var schemaName: String { get }
    /// JSON Schema (2020-12).
    static var schema: JSON { get }
    static var example: JSON { get }
    func write(into writer: inout JSONWriter)
}

extension Response {
    /// An answer that no cache keeps.
    static func answer(_ answer: some Answer, status: Status = .ok) -> Response {
        var writer = JSONWriter(capacity: 1536)
        answer.write(into: &writer)
        return Response.json(writer.bytes, status: status).header("Cache-Control", "no-store")
    }
}
