import Ground

/// A cookie that an answer sets (RFC 6265). It is never readable by scripts.
public struct Cookie: Sendable {
    public enum SameSite: String, Sendable { case strict = "Strict", lax = "Lax" }

    public var name: String
    public var value: String
    public var path: String
    /// Zero or less deletes it.
    public var lifetime: Duration
    public var isSecure: Bool
    public var sameSite: SameSite

    public init(
        _ name: String, _ value: String, path: String, lifetime: Duration, isSecure: Bool, sameSite: SameSite = .strict
    ) {
        self.name = name
        self.value = value
        self.path = path
        self.lifetime = lifetime
        self.isSecure = isSecure
        self.sameSite = sameSite
    }

    public var headerValue: String {
        let age = max(0, lifetime.milliseconds / 1000)
        return "\(name)=\(value); Path=\(path); Max-Age=\(age); HttpOnly; SameSite=\(sameSite.rawValue)"
            + (isSecure ? "; Secure" : "")
    }
}

extension Response {
    public func setting(_ cookie: Cookie) -> Response { header("Set-Cookie", cookie.headerValue) }
}

extension Request {
    /// The value of the first cookie of that name.
    public func cookie(_ name: String) -> String? {
        for line in headers.values("cookie") {
            for part in line.utf8.split(separator: UInt8(ascii: ";")) {
                let pair = ProxyTrust.trim(Substring(part)).utf8
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), pair[..<equals].elementsEqual(name.utf8) else {
                    continue
                }
                return String(Substring(pair[equals...].dropFirst()))
            }
        }
        return nil
    }
}
