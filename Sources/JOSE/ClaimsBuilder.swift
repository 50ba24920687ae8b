import Ground

/// Gathers the claims of a new token. Nothing that was set can be set again.
public struct ClaimsBuilder: Sendable {
    /// Names whose claims others trust: those of RFC 7519, 7800, 8693 and 9068 and of OpenID Connect, and
    /// the session and company of this server. A custom claim cannot have them.
    public static let reservedNames: Set<String> = [
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
        "sid", "cid", "amr", "acr", "auth_time", "azp", "nonce", "client_id", "scope", "typ", "token_use",
        "cnf", "act", "may_act", "at_hash", "c_hash", "s_hash", "events", "sub_jwk", "sub_id",
        "roles", "groups", "entitlements", "permissions",
        "email", "email_verified", "phone_number", "phone_number_verified", "preferred_username", "name",
    ]

    private var members: [JSON.Member]

    /// Times are rounded down to seconds.
    public init(
        issuer: String, subject: String, audience: [String], id: String,
        issuedAt: Timestamp, expiresAt: Timestamp, notBefore: Timestamp? = nil
    ) {
        members = [
            .init("iss", .string(issuer)), .init("sub", .string(subject)),
            .init("aud", audience.count == 1 ? .string(audience[0]) : .array(audience.map { .string($0) })),
            .init("exp", .integer(expiresAt.seconds)), .init("iat", .integer(issuedAt.seconds)),
            .init("jti", .string(id)),
        ]
        if let notBefore { members.append(.init("nbf", .integer(notBefore.seconds))) }
    }

    /// Adds a claim of the server's own.
    /// - Throws: `.badClaims` when it is there already, or is a registered claim of RFC 7519.
    public mutating func add(_ name: String, _ value: JSON) throws(TokenError) {
        guard name != "nbf", !members.contains(where: { $0.name == name }) else { throw .badClaims(name) }
        members.append(.init(name, value))
    }

    /// Adds claims that someone configured; all of them or none.
    /// - Throws: `.badClaims` when a name is reserved, or is there already.
    public mutating func addCustom(_ claims: [JSON.Member]) throws(TokenError) {
        var copy = self
        for claim in claims {
            guard !Self.reservedNames.contains(claim.name) else { throw .badClaims(claim.name) }
            try copy.add(claim.name, claim.value)
        }
        self = copy
    }

    /// - Throws: `.badClaims` when issuer, subject, audience or id is empty, or a time is out of range.
    public func claims() throws(TokenError) -> Claims { try Claims(.object(members)) }
}
