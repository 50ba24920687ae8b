import Credentials
import Ground
import Store

/// What a bot's token makes, once for each bot: the keys of what Telegram signs for it.
struct TelegramKeys: Sendable {
    /// Of the Login Widget.
    let widget: HMACKey
    /// Of Mini Apps.
    let initData: HMACKey

    init(token: String) {
        widget = HMACKey(Digest.sha256(Array(token.utf8)))
        initData = HMACKey(Digest.hmacSHA256(key: Array("WebAppData".utf8), Array(token.utf8)))
    }
}

/// That Telegram says who somebody is, checked.
public struct TelegramProof: Sendable {
    public let door: TelegramDoor
    /// For which bot.
    public let bot: Int64
    public let person: TelegramPerson
    /// By what it is known that it was used.
    let digest: [UInt8]
    /// From when on it is too old anyway.
    let expiresAt: Timestamp
    /// What the link had in it that opened the app: chosen by whoever made the link.
    var startParameter: String?
    /// What OpenID Connect calls the person.
    var subject: String?
    /// As Telegram has verified it, digits without `+`.
    var phone: String?
    /// Nobody has signed it: `TELEGRAM_DIRECT_REGISTRATION`.
    var isUnverified = false

    init(
        door: TelegramDoor, bot: Int64, person: TelegramPerson, digest: [UInt8], expiresAt: Timestamp,
        startParameter: String? = nil, subject: String? = nil, phone: String? = nil
    ) {
        self.door = door
        self.bot = bot
        self.person = person
        self.digest = digest
        self.expiresAt = expiresAt
        self.startParameter = startParameter
        self.subject = subject
        self.phone = phone
    }
}

/// The Login Widget: fields that anybody may hold, signed with what only Telegram and the bot know.
enum LoginWidget {
    /// - Throws: `.notSigned` only where the form is right.
    static func proof(
        of fields: TelegramFields, for bot: Int64, _ keys: TelegramKeys, at now: Timestamp, maximumAge: Duration
    ) throws(TelegramFault) -> TelegramProof {
        let person = try person(in: fields)
        let code = try fields.code(by: keys.widget)
        let expiry = try fields.moment(at: now, maximumAge: maximumAge) + maximumAge
        return TelegramProof(
            door: .widget, bot: bot, person: person,
            digest: TelegramProofRepository.digest(of: code, expiresAt: expiry), expiresAt: expiry)
    }

    private static func person(in fields: TelegramFields) throws(TelegramFault) -> TelegramPerson {
        guard let id = fields["id"].flatMap(TelegramPerson.number), TelegramPerson.isID(id) else {
            throw .malformed("The field id must be a number of Telegram's.")
        }
        guard fields["hash"] != nil else { throw .malformed("The field hash is missing.") }
        return TelegramPerson(
            id: id, firstName: fields["first_name"] ?? "", lastName: fields["last_name"], username: fields["username"],
            photoURL: fields["photo_url"])
    }
}

/// What a Mini App is opened with.
enum InitData {
    private static let userLimits = JSONLimits(depth: 4, values: 64)

    /// - Throws: `.notSigned` only where the form is right.
    static func proof(
        of fields: TelegramFields, for bot: Int64, _ keys: TelegramKeys, at now: Timestamp, maximumAge: Duration
    ) throws(TelegramFault) -> TelegramProof {
        guard fields["hash"] != nil else { throw .malformed("The field hash is missing.") }
        guard let user = fields["user"] else { throw .malformed("It names no user: this way of opening the app signs none.") }
        let code = try fields.code(by: keys.initData)
        let expiry = try fields.moment(at: now, maximumAge: maximumAge) + maximumAge
        guard let json = try? JSON.parse(Array(user.utf8), limits: userLimits), let person = TelegramPerson(json) else {
            throw .malformed("The field user is not as Telegram writes it.")
        }
        guard json["is_bot"]?.bool != true else { throw .malformed("The user is a bot.") }
        let parameter = fields["start_param"]
        if let parameter, !isParameter(parameter) { throw .malformed("The field start_param is not as Telegram writes it.") }
        return TelegramProof(
            door: .miniApp, bot: bot, person: person,
            digest: TelegramProofRepository.digest(of: code, expiresAt: expiry), expiresAt: expiry, startParameter: parameter)
    }

    private static func isParameter(_ text: String) -> Bool {
        text.utf8.count <= 512
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 48...57, 65...90, 97...122, 45, 95: true
                default: false
                }
            }
    }
}
