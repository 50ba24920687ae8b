import Credentials
import Ground
import SQL
import Store

/// Stands behind every door: whoever has a second factor, or must have one, gets no further by the first proof.
struct SecondFactorGate: Sendable {
    static let lifetime = Duration.seconds(300)

    let settings: SecondFactorSettings
    let tokens: SecondFactorTokens
    let audit: Audit
    let random: RandomSource

    /// Somebody who has given the first proof.
    struct Arrival: Sendable {
        let user: User
        /// Since when they must have a second factor, who have none.
        let dueSince: Timestamp?
        let company: Company?
        let methods: ProvedMethods
        /// What the audit log tells of the sign-in.
        let facts: [JSON.Member]
        let client: Client
    }

    /// What is asked for besides.
    /// - Returns: nil where the first proof is enough.
    func demand(of arrival: Arrival, at now: Timestamp, in repositories: Repositories) async throws -> SecondFactorChallenge? {
        let (user, client) = (arrival.user, arrival.client)
        let factors = user.factors
        // A passkey that has verified the person is two factors, whatever else they have set up.
        guard !arrival.methods.hasSecondFactor else { return nil }
        if factors.isEmpty {
            guard let since = arrival.dueSince, since + settings.grace <= now else { return nil }
            return try await challenge(arrival, offering: [], at: now, in: repositories)
        }
        if let device = client.deviceToken, settings.deviceMemory > .zero,
            try await repositories.rememberedDevices.contains(Self.hash(ofDevice: device), of: user.id, at: now)
        {
            return nil
        }
        return try await challenge(
            arrival, offering: Self.offered(of: factors, after: arrival.methods), at: now, in: repositories)
    }

    /// What was the first proof is no second one.
    static func offered(of factors: [SecondFactor], after first: ProvedMethods) -> [SecondFactor] {
        factors.filter { first.areBeside($0) } + [.recoveryCode]
    }

    private func challenge(
        _ arrival: Arrival, offering factors: [SecondFactor], at now: Timestamp, in repositories: Repositories
    ) async throws -> SecondFactorChallenge {
        // Without it the challenge would be anybody's who has the token.
        guard let device = arrival.client.deviceToken else {
            throw AuthError.unexpected(because: "a door knows no device")
        }
        let id = UUID(at: now, random: random)
        let (text, hash) = tokens.make(for: id)
        try await repositories.challenges.insert(
            StoredChallenge(
                id: id, userID: arrival.user.id, companyID: arrival.company?.id, tokenHash: hash,
                deviceHash: Self.hash(ofDevice: device), methods: arrival.methods.text,
                facts: JSON.object(arrival.facts).text, factors: factors.map(\.rawValue).joined(separator: " "),
                expiresAt: now + Self.lifetime))
        let facts = arrival.facts + [.init("enrolment", .bool(factors.isEmpty))]
        try await audit.record(
            AuditEvent(.secondFactorAsked, user: arrival.user.id, company: arrival.company?.id, facts: facts),
            from: arrival.client, in: repositories)
        return SecondFactorChallenge(token: text, methods: factors, expiresIn: Self.lifetime)
    }

    static func hash(ofDevice token: String) -> [UInt8] { Digest.sha256(Array("second-factor:\(token)".utf8)) }

    // MARK: Coming back

    /// The sign-in that the token is for.
    /// - Throws: `.tokenInvalid` for what is forged, was used, or belongs to another browser; `.tokenExpired`.
    func challenge(of text: String, from client: Client, at now: Timestamp, in repositories: Repositories) async throws
        -> StoredChallenge
    {
        let token = try tokens.read(text)
        guard let challenge = try await repositories.challenges.find(token.id),
            Digest.equal(challenge.tokenHash, token.hash), let device = client.deviceToken,
            Digest.equal(challenge.deviceHash, Self.hash(ofDevice: device))
        else { throw AuthError.tokenInvalid }
        guard challenge.expiresAt > now else { throw AuthError.tokenExpired }
        return challenge
    }
}

extension StoredChallenge {
    /// What may be shown.
    var offered: [SecondFactor] { factors.spaceSeparated.compactMap(SecondFactor.init) }

    /// What the audit log tells of the sign-in.
    var auditFacts: [JSON.Member] { (try? JSON.parse(Array(facts.utf8)))?.members ?? [] }
}

extension Repositories {
    /// Forgets the browsers that are asked for no second factor, and the sign-ins that wait for one.
    func forgetShownFactors(of user: UUID) async throws(DatabaseError) {
        _ = try await rememberedDevices.deleteAll(of: user)
        try await challenges.deleteAll(ofUser: user)
    }
}
