import Ground
import HTTP
import Services

/// The cookie that carries the refresh token of a browser.
enum RefreshCookie {
    static let name = "refreshToken"
    private static let path = "/auth"

    static func token(in request: Request) -> String? {
        request.cookie(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    static func holding(_ token: String, until expiry: Timestamp, at path: String = path, for call: Call) -> Cookie {
        Cookie(name, token, path: path, lifetime: expiry - call.services.clock.now, isSecure: call.isSecure)
    }

    static func cleared(at path: String = path, for call: Call) -> Cookie {
        Cookie(name, "", path: path, lifetime: .zero, isSecure: call.isSecure)
    }
}

/// The cookie by which a browser that signed in here is known again, so that a lockout leaves it a way in.
enum DeviceCookie {
    private static let name = "gatehouse_device"
    private static let lifetime = Duration.seconds(365 * 86400)

    /// nil for what has not the form of one.
    static func token(in request: Request) -> String? {
        guard let token = request.cookie(name), Base64URL.decode(token)?.count == 24 else { return nil }
        return token
    }

    static func holding(_ token: String, at path: String = "/auth", for call: Call) -> Cookie {
        Cookie(name, token, path: path, lifetime: lifetime, isSecure: call.isSecure)
    }
}
