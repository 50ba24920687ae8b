import Ground
import Services

/// What proves a second factor.
enum FactorFields {
    static let token = Field<String>.secret(
        "second_factor_token", 1...128, example: "gh2_AZijs1wefi…",
        "The token of the sign-in, where it comes in no cookie."
    ).optional
    static let method = Field<SecondFactor>.factor(
        "method", [.totp, .recoveryCode, .email, .telegram], "Which factor the code is of; totp where it is left out."
    ).standing(for: "totp")
    static let code = Field<String>.secret(
        "code", 1...64, example: "492 039", "As it is shown; spaces and dashes do not count.")
}

extension Field where Value == SecondFactor {
    /// One of some factors.
    static func factor(_ name: String, _ factors: [SecondFactor], _ summary: String) -> Field {
        let names = factors.map(\.rawValue)
        return Field(
            name, schema: [.init("type", "string"), .init("enum", JSON(names))], example: .string(names[0]), summary
        ) { value in
            guard let factor = value.string.flatMap(SecondFactor.init(rawValue:)), factors.contains(factor) else {
                return .failure(Refusal("not_a_choice", "This must be one of \(names.joined(separator: ", "))."))
            }
            return .success(factor)
        }
    }
}

/// The second half of signing in.
struct SecondFactorInput: Input {
    static let remembers = Field<Bool>.flag(
        "remember_device", example: false, "Whether no second factor shall be asked for in this browser for a while."
    ).optional
    static let fields: [any AnyField] = [FactorFields.token, FactorFields.method, FactorFields.code, remembers]

    let token: String?
    let method: SecondFactor
    let code: String
    let remembers: Bool

    init(_ values: InputValues) throws(AuthError) {
        token = try values[optional: FactorFields.token]
        method = try values[optional: FactorFields.method] ?? .totp
        code = try values[FactorFields.code]
        remembers = try values[optional: Self.remembers] ?? false
    }
}

struct ChallengeInput: Input {
    static let fields: [any AnyField] = [FactorFields.token]

    let token: String?

    init(_ values: InputValues) throws(AuthError) { token = try values[optional: FactorFields.token] }
}

struct SentCodeInput: Input {
    static let method = Field<SecondFactor>.factor("method", [.email, .telegram], "The way it goes.")
    static let fields: [any AnyField] = [FactorFields.token, method]

    let token: String?
    let method: SecondFactor

    init(_ values: InputValues) throws(AuthError) {
        token = try values[optional: FactorFields.token]
        method = try values[Self.method]
    }
}

struct EnrolmentInput: Input {
    static let fields: [any AnyField] = [FactorFields.token, FactorFields.code]

    let token: String?
    let code: String

    init(_ values: InputValues) throws(AuthError) {
        token = try values[optional: FactorFields.token]
        code = try values[FactorFields.code]
    }
}

struct FactorInput: Input {
    static let method = Field<SecondFactor>.factor(
        "method", [.totp, .email, .telegram], "Which factor; totp where it is left out."
    ).standing(for: "totp")
    static let fields: [any AnyField] = [method]

    let method: SecondFactor

    init(_ values: InputValues) throws(AuthError) { method = try values[optional: Self.method] ?? .totp }
}

struct EnableInput: Input {
    static let fields: [any AnyField] = [FactorInput.method, FactorFields.code]

    let method: SecondFactor
    let code: String

    init(_ values: InputValues) throws(AuthError) {
        method = try values[optional: FactorInput.method] ?? .totp
        code = try values[FactorFields.code]
    }
}

struct VerifyInput: Input {
    static let fields: [any AnyField] = [FactorFields.method, FactorFields.code]

    let method: SecondFactor
    let code: String

    init(_ values: InputValues) throws(AuthError) {
        method = try values[optional: FactorFields.method] ?? .totp
        code = try values[FactorFields.code]
    }
}

struct DisableInput: Input {
    static let factor = Field<SecondFactor>.factor(
        "factor", [.totp, .email, .telegram], "Which factor shall go; totp where it is left out."
    ).standing(for: "totp")
    static let password = Field<String>.secret(
        "password", 1...512, example: "clattering brass mill", "The password of the account, where it has one."
    ).optional
    static let fields: [any AnyField] = [factor, password, FactorFields.method, FactorFields.code]

    let factor: SecondFactor
    let evidence: SecondFactorEnrolment.Evidence

    init(_ values: InputValues) throws(AuthError) {
        factor = try values[optional: Self.factor] ?? .totp
        evidence = SecondFactorEnrolment.Evidence(
            password: try values[optional: Self.password],
            factor: try values[optional: FactorFields.method] ?? .totp, code: try values[FactorFields.code])
    }
}

struct StepUpInput: Input {
    enum Evidence: Sendable {
        case password(String)
        case code(String, SecondFactor)
    }

    static let fields: [any AnyField] = [DisableInput.password, FactorFields.method, FactorFields.code.optional]

    let evidence: Evidence

    init(_ values: InputValues) throws(AuthError) {
        let password = try values[optional: DisableInput.password]
        let method = try values[optional: FactorFields.method] ?? .totp
        if let code = try values[optional: FactorFields.code] {
            evidence = .code(code, method)
        } else if let password {
            evidence = .password(password)
        } else {
            throw .invalid([FieldFault(field: "code", code: "required", message: "This, or the password, is needed.")])
        }
    }
}
