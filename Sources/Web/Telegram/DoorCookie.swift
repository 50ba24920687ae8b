import HTTP
import Services

/// What a browser keeps while somebody is at Telegram, reads their mail, or looks for a code: for minutes, and for this host alone.
enum DoorCookie: String {
    /// Of a sign-in that goes by way of Telegram's page. That page sends the browser back, which is another site's doing:
    /// so it is `Lax`.
    case attempt = "gatehouse_telegram"
    /// Of the nonce of an ID token.
    case nonce = "gatehouse_nonce"
    /// Of a sign-in that waits for a second factor.
    case secondFactor = "gatehouse_2fa"
    /// Of a sign-in by a link that was sent by mail. The page that the link leads to asks by itself, so it is `Strict`.
    case magicLink = "gatehouse_magic_link"

    /// A browser takes a cookie of this name only over TLS, for every path, and from no other host.
    private static let hostPrefix = "__Host-"

    private func name(isSecure: Bool) -> String { (isSecure ? Self.hostPrefix : "") + rawValue }

    private func cookie(_ value: String, lifetime: Duration, for call: Call) -> Cookie {
        Cookie(
            name(isSecure: call.isSecure), value, path: "/", lifetime: lifetime, isSecure: call.isSecure,
            sameSite: self == .attempt ? .lax : .strict)
    }

    func holding(_ value: String, for lifetime: Duration, _ call: Call) -> Cookie {
        cookie(value, lifetime: lifetime, for: call)
    }

    func cleared(_ call: Call) -> Cookie { cookie("", lifetime: .zero, for: call) }

    /// Over TLS only what no other host, and no page over plain HTTP, can have set.
    func value(in call: Call) -> String? { call.request.cookie(name(isSecure: call.isSecure)) }
}
