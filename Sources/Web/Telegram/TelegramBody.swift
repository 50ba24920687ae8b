import Credentials
import Ground
import HTTP
import Services

/// The body of a sign-in through Telegram, in whichever of its forms it comes.
struct TelegramBody {
    let evidence: TelegramEvidence
    /// The code of whoever brought the person.
    let referral: String?

    /// - Throws: `Problem`, `AuthError.telegramInvalid`.
    init(_ call: Call) throws {
        let (evidence, referral) = try Self.read(call.request)
        self.referral = referral
        if case .idToken(let token, _) = evidence {
            self.evidence = .idToken(token, nonce: DoorCookie.nonce.value(in: call))
        } else {
            self.evidence = evidence
        }
    }

    private static func read(_ request: Request) throws -> (TelegramEvidence, String?) {
        guard case .bytes(let bytes) = request.body, !bytes.isEmpty else { throw malformed("The body is empty.") }
        switch request.mediaType {
        case "application/x-www-form-urlencoded":
            guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed("The body is no form.") }
            return try read(form: text)
        case "application/json":
            let json: JSON
            do { json = try JSON.parse(bytes) } catch {
                throw Problem(
                    .malformedBody, detail: "The body is no JSON that can be read: \(error.reason) at byte \(error.offset).")
            }
            guard let members = json.members else { throw Problem(.malformedBody, detail: "The body must be a JSON object.") }
            return try read(members)
        default: throw Problem(.unsupportedMediaType)
        }
    }

    /// The fields of the widget as a redirect brings them.
    init(query: String) throws {
        (evidence, referral) = try Self.read(form: query)
    }

    /// The forms that are told apart by the name of their field.
    private enum Form: String, CaseIterable {
        case initData = "init_data"
        case initDataCamel = "initData"
        case result = "tgAuthResult"
        case query
        case idToken = "id_token"

        func evidence(_ text: String) throws -> TelegramEvidence {
            switch self {
            case .initData, .initDataCamel: .initData(text)
            case .query: .widgetQuery(text)
            case .idToken: .idToken(text, nonce: nil)
            case .result: .widget(try TelegramBody.fields(ofResult: text))
            }
        }
    }

    private static func read(_ members: [JSON.Member]) throws -> (TelegramEvidence, String?) {
        let forms = members.compactMap { member in Form(rawValue: member.name).map { ($0, member.value) } }
        guard let (form, value) = forms.first else { return (.widget(try fields(of: members)), nil) }
        guard forms.count == 1 else { throw malformed("It is given in two forms.") }
        var referral: String?
        for member in members where Form(rawValue: member.name) == nil {
            guard ["ref_code", "refCode"].contains(member.name), referral == nil else {
                let name = String(member.name.unicodeScalars.prefix(64))
                throw AuthError.invalid([
                    FieldFault(field: name, code: "unknown_field", message: "There is no field of this name.")
                ])
            }
            referral = try code(member.value)
        }
        guard let text = value.string else { throw malformed("The field \(form.rawValue) must be text.") }
        return (try form.evidence(text), referral)
    }

    private static func code(_ value: JSON) throws -> String {
        guard let text = value.string, (1...64).contains(text.utf8.count) else {
            throw AuthError.invalid([FieldFault(field: "ref_code", code: "not_text", message: "This must be a code.")])
        }
        return text
    }

    private static func read(form text: String) throws -> (TelegramEvidence, String?) {
        if let form = HTTP.Form(text), form.fields.count == 1, let field = form.fields.first,
            let kind = Form(rawValue: field.name)
        {
            return (try kind.evidence(field.value), nil)
        }
        return (.widgetQuery(text), nil)
    }

    /// The object that the widget hands to a page.
    private static func fields(of members: [JSON.Member]) throws -> [(name: String, value: String)] {
        try members.map { member in
            switch member.value {
            case .string(let text): (member.name, text)
            case .integer(let number): (member.name, String(number))
            default: throw malformed("The field \(String(member.name.unicodeScalars.prefix(64))) must be text or a whole number.")
            }
        }
    }

    /// The object in base64, as the pop-up of the widget hands it over.
    private static func fields(ofResult text: String) throws -> [(name: String, value: String)] {
        var url = text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
        while url.last == "=" { url.removeLast() }
        guard text.utf8.count <= 16384, let bytes = Base64URL.decode(String(url)), let json = try? JSON.parse(bytes),
            let members = json.members
        else { throw malformed("The field tgAuthResult is no object in base64.") }
        return try fields(of: members)
    }

    private static func malformed(_ what: String) -> AuthError { .telegramInvalid(.malformed(what)) }

    // MARK: As the document tells of it

    private static let widgetExample: JSON = [
        "id": 279058397, "first_name": "Vladislav", "username": "vdkfrost", "auth_date": 1662771648,
        "hash": "c303db2b5a06fe41d23a9b14f7c545cfc11dcc7473c07c9c5034ae60062461ce",
    ]

    static let kinds: [FileKind] = [
        FileKind(
            contentType: "application/json",
            schema: [
                "oneOf": [
                    [
                        "type": "object", "title": "Mini App", "required": ["init_data"],
                        "additionalProperties": false,
                        "properties": [
                            "init_data": ["type": "string", "description": "`Telegram.WebApp.initData`, as it is."],
                            "ref_code": ["type": "string", "minLength": 1, "maxLength": 64],
                        ],
                    ],
                    [
                        "type": "object", "title": "Log In With Telegram", "required": ["id_token"],
                        "additionalProperties": false,
                        "properties": [
                            "id_token": ["type": "string", "description": "With a nonce of `POST /auth/telegram/nonce`."],
                            "ref_code": ["type": "string", "minLength": 1, "maxLength": 64],
                        ],
                    ],
                    [
                        "type": "object", "title": "Login Widget, its query", "required": ["query"],
                        "additionalProperties": false, "properties": ["query": ["type": "string"]],
                    ],
                    [
                        "type": "object", "title": "Login Widget, tgAuthResult", "required": ["tgAuthResult"],
                        "additionalProperties": false, "properties": ["tgAuthResult": ["type": "string"]],
                    ],
                    [
                        "type": "object", "title": "Login Widget, its object",
                        "required": ["id", "first_name", "auth_date", "hash"],
                        "properties": [
                            "id": ["type": "integer"], "first_name": ["type": "string"], "auth_date": ["type": "integer"],
                            "hash": ["type": "string", "pattern": "^[0-9a-f]{64}$"],
                        ],
                    ],
                ]
            ], example: widgetExample),
        FileKind(
            contentType: "application/x-www-form-urlencoded",
            schema: [
                "type": "object", "required": ["id", "auth_date", "hash"],
                "properties": ["id": ["type": "integer"], "auth_date": ["type": "integer"], "hash": ["type": "string"]],
            ], example: widgetExample),
    ]
}
