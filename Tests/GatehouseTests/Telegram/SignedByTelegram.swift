import Credentials
import Ground
import HTTP
import Testing

/// What Telegram would sign for a bot, made from its description and not from the code that checks it.
struct SignedByTelegram {
    /// A token that no bot has.
    static let token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    static let settings = ["TELEGRAM_BOT_TOKEN": token]

    let token: String

    init(_ token: String = SignedByTelegram.token) { self.token = token }

    private func lines(_ fields: [(String, String)]) -> [UInt8] {
        Array(fields.map { "\($0.0)=\($0.1)" }.sorted().joined(separator: "\n").utf8)
    }

    /// Of the Login Widget.
    func widgetHash(_ fields: [(String, String)]) -> String {
        Hex.encode(Digest.hmacSHA256(key: Digest.sha256(Array(token.utf8)), lines(fields)))
    }

    /// The object of the Login Widget.
    func widget(
        _ id: Int64, _ firstName: String = "Ada", at moment: Timestamp, _ more: (String, String)...
    ) -> JSON {
        let fields = [("id", "\(id)"), ("first_name", firstName), ("auth_date", "\(moment.seconds)")] + more
        return .object(
            fields.map { name, value in
                JSON.Member(name, ["id", "auth_date"].contains(name) ? .integer(Int64(value) ?? 0) : .string(value))
            } + [JSON.Member("hash", .string(widgetHash(fields)))])
    }

    /// The same in a query string, with another name.
    func widgetQuery(_ id: Int64, at moment: Timestamp) -> String {
        let fields = [("id", "\(id)"), ("first_name", "Ada K"), ("auth_date", "\(moment.seconds)")]
        return "id=\(id)&first_name=Ada+K&auth_date=\(moment.seconds)&hash=\(widgetHash(fields))"
    }

    /// What a Mini App is opened with, its pairs in this order.
    func initData(pairs fields: [(String, String)]) -> String {
        let key = Digest.hmacSHA256(key: Array("WebAppData".utf8), Array(token.utf8))
        let hash = Hex.encode(Digest.hmacSHA256(key: key, lines(fields)))
        return (fields + [("hash", hash)]).map { "\($0.0)=\(PercentCoding.encode($0.1))" }.joined(separator: "&")
    }

    /// - Parameter queryID: tells apart what is opened twice in one second.
    func initData(
        _ id: Int64, _ firstName: String = "Ada", at moment: Timestamp, queryID: String = "AAHdF6IQAAAAAN0XohDhrOrc",
        user more: [JSON.Member] = [], _ fields: (String, String)...
    ) -> String {
        let user = JSON.object([.init("id", .integer(id)), .init("first_name", .string(firstName))] + more).text
        return initData(
            pairs: [("query_id", queryID), ("user", user), ("auth_date", "\(moment.seconds)")] + fields)
    }
}

extension Gatehouse {
    func telegram(_ body: JSON, query: String = "", to path: String = "/auth/telegram", token: String? = nil) throws
        -> HTTPClient.Reply
    {
        try client.send("POST", path + query, json: body, token: token)
    }

    /// Signs in as somebody of Telegram by a Mini App.
    func miniApp(_ id: Int64, _ firstName: String = "Ada", signer: SignedByTelegram = SignedByTelegram()) throws -> HTTPClient.Reply {
        let data = signer.initData(id, firstName, at: clock.now, queryID: "\(RandomSource.system.uint64())")
        return try telegram(["init_data": .string(data)])
    }
}
