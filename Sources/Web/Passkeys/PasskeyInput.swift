import Ground
import Services

/// What a new passkey is to be for.
struct PasskeyUseInput: Input {
    static let use = Field<PasskeyService.Use>(
        "use",
        schema: [
            .init("type", "string"), .init("enum", .array(PasskeyService.Use.allCases.map { .string($0.rawValue) })),
        ], example: "sign_in",
        "`sign_in`: it signs in by itself. `second_factor`: every other door asks for a second factor from now on, and it is one."
    ) { value in
        value.string.flatMap { PasskeyService.Use(rawValue: $0) }.map { .success($0) }
            ?? .failure(.init("not_a_use", "This must be sign_in or second_factor."))
    }.standing(for: "sign_in")
    static let fields: [any AnyField] = [use]

    let use: PasskeyService.Use

    init(_ values: InputValues) throws(AuthError) { use = try values[optional: Self.use] ?? .signIn }
}

struct PasskeyNameInput: Input {
    static let name = Field<String>.text("name", 1...64, example: "Ada's laptop", "By what the person knows it.")
    static let fields: [any AnyField] = [name]

    let name: String

    init(_ values: InputValues) throws(AuthError) { name = try values[Self.name] }
}

/// A passkey that was made.
struct PasskeyInput: Input {
    static let name = PasskeyNameInput.name.optional
    static let credential = CredentialField.registration
    static let fields: [any AnyField] = [name, credential]

    let name: String?
    let credential: PasskeyRegistration

    init(_ values: InputValues) throws(AuthError) {
        name = try values[optional: Self.name]
        credential = try values[Self.credential]
    }
}

struct PasskeySignInInput: Input {
    static let fields: [any AnyField] = [CredentialField.assertion, LoginInput.company]

    let assertion: PasskeyAssertion
    let company: UUID?

    init(_ values: InputValues) throws(AuthError) {
        assertion = try values[CredentialField.assertion]
        company = try values[optional: LoginInput.company] ?? nil
    }
}

struct PasskeySecondFactorInput: Input {
    static let fields: [any AnyField] = [FactorFields.token, CredentialField.assertion, SecondFactorInput.remembers]

    let token: String?
    let assertion: PasskeyAssertion
    let remembers: Bool

    init(_ values: InputValues) throws(AuthError) {
        token = try values[optional: FactorFields.token]
        assertion = try values[CredentialField.assertion]
        remembers = try values[optional: SecondFactorInput.remembers] ?? false
    }
}

struct PasskeyStepUpInput: Input {
    static let fields: [any AnyField] = [CredentialField.assertion]

    let assertion: PasskeyAssertion

    init(_ values: InputValues) throws(AuthError) { assertion = try values[CredentialField.assertion] }
}

/// What browsers answer, as `PublicKeyCredential.toJSON` writes it. Names that browsers may add are taken.
enum CredentialField {
    static let registration = Field<PasskeyRegistration>(
        "credential", schema: schema(response: ["clientDataJSON", "attestationObject"]),
        example: example(response: [
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0", "attestationObject": "o2NmbXRkbm9uZQ",
            "transports": ["internal"],
        ]), "What `navigator.credentials.create` gave, as its `toJSON` writes it."
    ) { value in
        guard let id = id(of: value), let response = value["response"], let clientData = bytes(response, "clientDataJSON"),
            let object = bytes(response, "attestationObject"), let transports = transports(of: response)
        else { return .failure(.init("not_a_credential", refusal)) }
        return .success(
            PasskeyRegistration(
                credentialID: id, clientData: clientData, attestationObject: object, transports: transports,
                isDiscoverable: value["clientExtensionResults"]?["credProps"]?["rk"]?.bool))
    }

    static let assertion = Field<PasskeyAssertion>(
        "credential", schema: schema(response: ["clientDataJSON", "authenticatorData", "signature"]),
        example: example(response: [
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0", "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAA",
            "signature": "MEUCIQ", "userHandle": "AZijs1wde6uMPU5fYHGCkw",
        ]), "What `navigator.credentials.get` gave, as its `toJSON` writes it."
    ) { value in
        guard let id = id(of: value), let response = value["response"], let clientData = bytes(response, "clientDataJSON"),
            let data = bytes(response, "authenticatorData"), let signature = bytes(response, "signature")
        else { return .failure(.init("not_a_credential", refusal)) }
        var handle: [UInt8]?
        if let given = response["userHandle"], given != .null {
            guard let bytes = bytes(response, "userHandle") else { return .failure(.init("not_a_credential", refusal)) }
            handle = bytes
        }
        return .success(
            PasskeyAssertion(
                credentialID: id, clientData: clientData, authenticatorData: data, signature: signature, userHandle: handle))
    }

    private static let refusal = "This must be a public-key credential, its bytes in base64url."
    private static let longestID = 1023

    /// The id, which stands there twice.
    private static func id(of value: JSON) -> [UInt8]? {
        guard value["type"]?.string == "public-key", let id = bytes(value, "id"), let raw = bytes(value, "rawId"), id == raw,
            (1...longestID).contains(id.count)
        else { return nil }
        return id
    }

    private static func bytes(_ value: JSON, _ name: String) -> [UInt8]? {
        value[name]?.string.flatMap { Base64URL.decode($0) }
    }

    /// Words that the browser is given back when the passkey is asked for.
    private static func transports(of response: JSON) -> [String]? {
        guard let given = response["transports"], given != .null else { return [] }
        guard let items = given.array, items.count <= 8 else { return nil }
        let words = items.compactMap(\.string)
        let areWords = words.allSatisfy { word in
            (1...32).contains(word.utf8.count) && word.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 }
        }
        return words.count == items.count && areWords ? words : nil
    }

    private static let text: JSON = ["type": "string", "pattern": "^[A-Za-z0-9_-]+$"]

    private static func schema(response names: [String]) -> [JSON.Member] {
        let response: [JSON.Member] = names.map { .init($0, text) }
        return [
            .init("type", "object"), .init("required", ["id", "rawId", "type", "response"]),
            .init(
                "properties",
                [
                    "id": text, "rawId": text, "type": ["const": "public-key"],
                    "authenticatorAttachment": ["type": ["string", "null"]], "clientExtensionResults": ["type": "object"],
                    "response": [
                        "type": "object", "required": .array(names.map { .string($0) }), "properties": .object(response),
                    ],
                ]),
        ]
    }

    private static func example(response: JSON) -> JSON {
        [
            "id": "AZijs1wde6uMPU5fYHGCkw", "rawId": "AZijs1wde6uMPU5fYHGCkw", "type": "public-key",
            "clientExtensionResults": .object([]), "response": response,
        ]
    }
}
