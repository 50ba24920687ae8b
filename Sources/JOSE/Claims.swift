import Ground

/// The claims of a token (RFC 7519, section 4). The registered ones have the types the standard gives
/// them, or there is no value of this type.
public struct Claims: Hashable, Sendable {
    /// All claims, in the order of the token.
    public let members: [JSON.Member]
    public private(set) var issuer: String?
    public private(set) var subject: String?
    /// One or more names, whichever way the token wrote them; empty where the claim is missing.
    public private(set) var audience: [String] = []
    public private(set) var expiresAt: Timestamp?
    public private(set) var notBefore: Timestamp?
    public private(set) var issuedAt: Timestamp?
    /// `jti`.
    public private(set) var id: String?

    /// - Throws: `.malformed` for anything but an object; `.badClaims` with the name of a registered claim
    ///   of the wrong type.
    public init(_ json: JSON) throws(TokenError) {
        guard let members = json.members else { throw .malformed }
        self.members = members
        for member in members {
            switch member.name {
            case "iss": issuer = try Self.text(member)
            case "sub": subject = try Self.text(member)
            case "aud": audience = try Self.audience(member)
            case "exp": expiresAt = try Self.date(member)
            case "nbf": notBefore = try Self.date(member)
            case "iat": issuedAt = try Self.date(member)
            case "jti": id = try Self.text(member)
            default: break
            }
        }
    }

    public subscript(name: String) -> JSON? { members.first { $0.name == name }?.value }

    /// nil where the claim is missing.
    /// - Throws: `.badClaims` when it is anything but a string.
    public func string(_ name: String) throws(TokenError) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else { throw .badClaims(name) }
        return text
    }

    /// nil where the claim is missing.
    /// - Throws: `.badClaims` when it is anything but an array of strings.
    public func strings(_ name: String) throws(TokenError) -> [String]? {
        guard let value = self[name] else { return nil }
        guard let items = value.array else { throw .badClaims(name) }
        var texts: [String] = []
        for item in items {
            guard let text = item.string else { throw .badClaims(name) }
            texts.append(text)
        }
        return texts
    }

    private static func text(_ member: JSON.Member) throws(TokenError) -> String {
        guard let text = member.value.string, !text.isEmpty else { throw .badClaims(member.name) }
        return text
    }

    private static func audience(_ member: JSON.Member) throws(TokenError) -> [String] {
        guard let items = member.value.array else { return [try text(member)] }
        guard !items.isEmpty else { throw .badClaims(member.name) }
        var names: [String] = []
        for item in items { names.append(try text(JSON.Member(member.name, item))) }
        return names
    }

    /// A NumericDate, narrower than the standard's: a whole number of seconds, from 1970 to the end of
    /// year 9999. Strings, fractions, exponents and huge numbers have all been ways around a check.
    private static func date(_ member: JSON.Member) throws(TokenError) -> Timestamp {
        guard let seconds = member.value.integer, (0...253_402_300_799).contains(seconds) else {
            throw .badClaims(member.name)
        }
        return Timestamp(seconds: seconds)
    }
}
