import Ground
import Services

/// What opened a Mini App.
struct MiniAppInput: Input {
    static let initData = Field<String>.secret(
        "init_data", 0...5120, example: "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=…&auth_date=1662771648&hash=c501b71e…",
        "`Telegram.WebApp.initData`, as it is."
    ).alias("initData")
    static let referral = Field<String>.text("ref_code", 1...64, example: "7Q2M0XKZ9A", "The code of whoever brought the person.")
        .alias("refCode").optional
    static let fields: [any AnyField] = [initData, referral]

    let initData: String
    let referral: String?

    init(_ values: InputValues) throws(AuthError) {
        initData = try values[Self.initData]
        referral = try values[optional: Self.referral]
    }
}

/// The same, or somebody's word for who they are.
struct MiniAppRegistration: Input {
    enum Who {
        case signed(String)
        case unverified(TelegramPerson)
    }

    static let initData = MiniAppInput.initData.optional
    static let isDirect = Field<Bool>.flag(
        "direct_registration", example: false, "For development: whether the fields below are believed."
    ).alias("directRegistration").optional
    static let telegramID = Field<Int64>(
        "telegram_id", schema: [.init("type", "integer"), .init("minimum", 1), .init("maximum", .integer(1 << 52 - 1))],
        example: 279058397, "The number of the person."
    ) { value in
        guard let id = value.integer, (1..<1 << 52).contains(id) else {
            return .failure(.init("not_a_number", "This must be a number of Telegram's."))
        }
        return .success(id)
    }.alias("telegramId").optional
    static let firstName = Field<String>.text("first_name", 1...64, example: "Ada", "The person's first name.").optional
    static let lastName = Field<String>.text("last_name", 1...64, example: "Lovelace", "The person's last name.").optional
    static let username = Field<String>.text("username", 1...64, example: "ada", "The person's name in Telegram.").optional
    static let fields: [any AnyField] = [
        initData, MiniAppInput.referral, isDirect, telegramID, firstName, lastName, username,
    ]

    let who: Who
    let referral: String?

    init(_ values: InputValues) throws(AuthError) {
        referral = try values[optional: MiniAppInput.referral]
        guard try values[optional: Self.isDirect] == true else {
            for field in [Self.firstName, Self.lastName, Self.username] where try values[optional: field] != nil {
                throw Self.needless(field.name)
            }
            guard try values[optional: Self.telegramID] == nil else { throw Self.needless(Self.telegramID.name) }
            who = .signed(try values[MiniAppInput.initData])
            return
        }
        guard try values[optional: Self.initData] == nil else { throw Self.needless(Self.initData.name) }
        who = .unverified(
            TelegramPerson(
                id: try values[Self.telegramID], firstName: try values[Self.firstName],
                lastName: try values[optional: Self.lastName], username: try values[optional: Self.username]))
    }

    private static func needless(_ name: String) -> AuthError {
        .invalid([
            FieldFault(
                field: name, code: "unexpected", message: "This belongs to direct_registration, or init_data to its absence.")
        ])
    }
}

/// An access token.
struct AccessTokenInput: Input {
    static let token = Field<String>.secret(
        "token", 1...5120, example: "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl", "The token.")
    static let fields: [any AnyField] = [token]

    let token: String

    init(_ values: InputValues) throws(AuthError) { token = try values[Self.token] }
}

/// A refresh token, or an access token beside the cookie that holds one.
struct RenewalInput: Input {
    static let token = AccessTokenInput.token.optional
    static let fields: [any AnyField] = [token, RefreshInput.refreshToken]

    /// What stands in `token`.
    let token: String?
    /// What has the form of a refresh token.
    let refreshToken: String?

    init(_ values: InputValues) throws(AuthError) {
        token = try values[optional: Self.token]
        refreshToken = try values[optional: RefreshInput.refreshToken] ?? token.flatMap { RefreshTokens.isOne($0) ? $0 : nil }
    }

    /// Nothing that can be read.
    init() {
        token = nil
        refreshToken = nil
    }
}

struct MiniAppLogout: LenientInput {
    static let fields: [any AnyField] = RenewalInput.fields + [LogoutInput.everywhere]

    let tokens: RenewalInput
    let everywhere: Bool

    init() {
        tokens = RenewalInput()
        everywhere = false
    }

    init(_ values: InputValues) throws(AuthError) {
        tokens = try RenewalInput(values)
        everywhere = try values[optional: LogoutInput.everywhere] ?? false
    }
}
