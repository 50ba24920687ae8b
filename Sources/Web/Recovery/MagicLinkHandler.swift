import Ground
import HTTP
import Services

/// Signing in by a link that is sent by mail.
enum MagicLinkHandler {
    static let request = Operation(
        "requestMagicLink", "Has a link sent that signs in",
        detail: """
            The answer is the same whether or not the address has an account. It sets a cookie: the link works in this browser \
            only, once, for fifteen minutes.
            """,
        takes: AddressInput.self, answers: .json(DoneAnswer.self, status: .accepted, "A link is sent where there is an account."),
        problems: [.doorClosed, .mailNotConfigured]
    ) { input, call in
        let browser = browser(of: call) ?? Base64URL.encode(RandomSource.system.bytes(32))
        try await call.services.magicLinks.request(input.email, browser: browser, from: call.client)
        return .answer(DoneAnswer(), status: .accepted)
            .setting(DoorCookie.magicLink.holding(browser, for: MagicLinkService.lifetime, call))
    }

    static let finish = Operation(
        "signInByMagicLink", "Signs in by such a link", takes: MagicLinkInput.self,
        
        answers: .json(
            TokenAnswer.self, or: PasswordChangeAnswer.self, or: SecondFactorAnswer.self,
            "Signed in, or a second factor or a new password is asked for."),
        problems: [.linkInvalid, .doorClosed, .accountBlocked, .accessEnded, .companySuspended, .addressNotAllowed]
    ) { input, call in
        let device = SignInHandler.deviceToken(of: call)
        let outcome = try await call.services.magicLinks.signIn(
            with: input.token, browser: browser(of: call), from: call.client(device: device))
        return SignInHandler.answer(outcome, device: device, for: call).setting(DoorCookie.magicLink.cleared(call))
    }

    /// nil for what has not the form of one.
    private static func browser(of call: Call) -> String? {
        guard let text = DoorCookie.magicLink.value(in: call), Base64URL.decode(text)?.count == 32 else { return nil }
        return text
    }
}

struct MagicLinkInput: Input {
    static let token = Field<String>.secret("token", 1...128, example: "ghml_AZijs1wefi…", "What stands behind # in the link.")
    static let fields: [any AnyField] = [token]

    let token: String

    init(_ values: InputValues) throws(AuthError) { token = try values[Self.token] }
}
