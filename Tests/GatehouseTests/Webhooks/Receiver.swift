import Credentials
import Ground
import HTTP
import Synchronization
import Testing

/// Somebody's server that webhooks go to.
final class Receiver: Sendable {
    struct Heard: Sendable {
        let headers: [String: String]
        let body: [UInt8]

        var json: JSON { (try? JSON.parse(body)) ?? .null }
        var type: String { json["type"]?.string ?? "" }
        var id: String { headers["webhook-id"] ?? "" }

        /// Whether one of the signatures was made with the secret.
        func isSigned(with secret: String) -> Bool {
            let base64 = secret.dropFirst("whsec_".count).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
            guard let key = Base64URL.decode(String(base64.filter { $0 != "=" })), key.count == 32 else { return false }
            let content = Array("\(id).\(headers["webhook-timestamp"] ?? "").".utf8) + body
            let wanted = Base64URL.encode(Digest.hmacSHA256(key: key, content))
            return signatures.contains { text in
                let url = String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter { $0 != "=" })
                return url == "v1," + wanted
            }
        }

        var signatures: [Substring] { (headers["webhook-signature"] ?? "").split(separator: " ") }
    }

    private final class Ears: Responder {
        let heard = Mutex<[Heard]>([])
        let answer: @Sendable (Int) async -> Response

        init(_ answer: @escaping @Sendable (Int) async -> Response) { self.answer = answer }

        func bodyPolicy(for request: Request) -> BodyPolicy { .collect(limit: 1 << 16) }
        func refusal(_ status: Status, peer: IPAddress, path: String?) -> Response { Response(status) }

        func respond(to request: Request) async -> Response {
            guard case .bytes(let body) = request.body else { return Response(.internalError) }
            let all = [
                ":path": request.path, ":query": request.query ?? "", "content-type": request.headers["content-type"],
                "webhook-id": request.headers["webhook-id"], "webhook-timestamp": request.headers["webhook-timestamp"],
                "webhook-signature": request.headers["webhook-signature"],
            ].compactMapValues { $0 }
            let count = heard.withLock { heard in
                heard.append(Heard(headers: all, body: body))
                return heard.count
            }
            return await answer(count)
        }
    }

    private let ears: Ears
    private let server: Server

    /// Webhooks may go to this machine.
    static let settings = [
        "WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ANY_PORT": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    ]

    /// - Parameter answer: what it answers to the first request, the second, and so on.
    init(_ answer: @escaping @Sendable (Int) async -> Response = { _ in Response(.noContent) }) throws {
        ears = Ears(answer)
        var settings = Server.Settings()
        settings.port = 0
        server = try Server(settings: settings, responder: ears)
    }

    var port: UInt16 { server.port }
    func url(_ path: String = "/hooks") -> String { "http://127.0.0.1:\(server.port)\(path)" }
    func stop() { server.stop() }

    var heard: [Heard] { ears.heard.withLock { $0 } }

    /// What was heard, once it is so much.
    func heard(_ count: Int) async throws -> [Heard] {
        let has = await eventually { heard.count >= count }
        try #require(has, "\(heard.count) of \(count) messages came")
        return heard
    }
}

/// Runs `body` beside a receiver, and stops it.
func withReceiver(
    _ answer: @escaping @Sendable (Int) async -> Response = { _ in Response(.noContent) },
    _ body: (Receiver) async throws -> Void
) async throws {
    let receiver = try Receiver(answer)
    defer { receiver.stop() }
    try await body(receiver)
}

extension Member {
    /// A webhook of this member's, as the answer tells of it.
    func webhook(_ url: String, _ events: [String] = ["*"], _ more: JSON.Member...) throws -> JSON {
        let members: [JSON.Member] = [
            .init("url", .string(url)), .init("events", .array(events.map { .string($0) })),
        ]
        let reply = try post("/webhooks", .object(members + more))
        try #require(reply.status == 201, "\(reply.text)")
        return reply.json
    }

    func deliveries(of webhook: JSON) throws -> [JSON] {
        let reply = try get("/webhooks/\(webhook.id)/deliveries?limit=100")
        try #require(reply.status == 200, "\(reply.text)")
        return reply["items"]?.array ?? []
    }

    /// A delivery, once there is one that is as it should be.
    func delivery(of webhook: JSON, where condition: (JSON) -> Bool) async throws -> JSON {
        var all: [JSON] = []
        _ = try await eventually {
            all = try deliveries(of: webhook)
            return all.contains(where: condition)
        }
        let found = all.first(where: condition)
        return try #require(found, "\(all.map(\.text))")
    }
}

extension JSON {
    var id: String { self["id"]?.string ?? "" }
}
