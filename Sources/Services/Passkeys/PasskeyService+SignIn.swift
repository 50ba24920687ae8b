import Credentials
import Ground
import Store
import WebAuthn

/// Proving oneself with a passkey: by itself, behind another door, and once more.
extension PasskeyService {
    /// RFC 8176: a key that is held, and what the authenticator has asked the person for besides.
    static let method = "hwk"
    static let verification = "user"
    private static let verifiedMethod = "\(method) \(verification) \(ProvedMethods.severalFactors)"

    /// An assertion that is right, and has not been used up yet.
    private struct Shown: Sendable {
        let passkey: Passkey
        let challenge: PasskeyChallenges.Challenge
        let counter: Int64
        let isBackedUp: Bool
        /// Whether the authenticator has verified the person, as it did when the passkey was made: whoever steals a key that
        /// has no PIN could give it one.
        let isUserVerified: Bool
    }

    // MARK: By itself

    /// For whoever comes: the authenticator finds the passkey, and the passkey says whose it is.
    /// - Parameter device: by what the browser is known that asks. No other can use the challenge.
    public func beginSignIn(device: String) -> PasskeyRequestOptions {
        PasskeyRequestOptions(
            challenge: challenges.make(for: .signIn, to: Self.holder(device: device)), partyID: settings.party.id, allowed: [],
            verification: settings.verification, lifetime: PasskeyChallenges.lifetime)
    }

    /// Signs in with a passkey alone. Where the authenticator has verified the person, it counts as two factors.
    /// - Throws: `.passkeyMalformed`, `.passkeyRefused`, `.passkeyUnknown`, `.challengeInvalid`, and what every door throws.
    public func signIn(with assertion: PasskeyAssertion, to company: UUID?, from client: Client)
        async throws(AuthError) -> SignInOutcome
    {
        let now = clock.now
        let changes = sessions.subjects.changes
        let shown = try await recordingFailures(of: assertion, from: client) { () async throws(AuthError) -> Shown in
            let shown = try await check(
                assertion, for: .signIn, of: Self.holder(device: client.deviceToken ?? ""),
                requiringVerification: settings.verification == .required)
            // Who was not named beforehand says who they are, and the key must be theirs.
            guard shown.passkey.isDiscoverable, let handle = assertion.userHandle, handle == shown.passkey.userID.bytes else {
                throw .passkeyUnknown
            }
            return shown
        }
        let passage = try await recordingFailures(of: assertion, from: client) {
            () async throws(AuthError) -> SignInService.Passage in
            do {
                return try await store.transaction {
                    try await enter(shown, to: company, from: client, at: now, in: $0)
                }
            } catch { throw .from(error) }
        }
        return try await signIn.outcome(of: passage, unchangedSince: changes, at: now)
    }

    private func enter(
        _ shown: Shown, to wanted: UUID?, from client: Client, at now: Timestamp, in repositories: Repositories
    ) async throws -> SignInService.Passage {
        guard let user = try await repositories.users.find(shown.passkey.userID) else { throw AuthError.passkeyUnknown }
        guard user.status == .active else { throw AuthError.accountBlocked }
        try await use(shown, at: now, in: repositories)
        let company = try await signIn.company(of: user, wanted: wanted, in: repositories)
        return try await signIn.enter(
            user, in: company, method: shown.isUserVerified ? Self.verifiedMethod : Self.method,
            facts: Self.facts(of: shown.passkey), from: client, at: now, repositories)
    }

    // MARK: Behind another door

    /// The passkeys of whoever has begun to sign in.
    /// - Throws: `.tokenInvalid`, `.tokenExpired`, `.secondFactorUnavailable` where no passkey is asked for.
    public func beginSecondFactor(_ token: String, from client: Client) async throws(AuthError) -> PasskeyRequestOptions {
        let user = try await user(of: token, from: client)
        return try await options(for: .secondFactor, of: user, to: Self.holder(secondFactor: token))
    }

    private func user(of token: String, from client: Client) async throws(AuthError) -> UUID {
        do {
            let challenge = try await secondFactors.gate.challenge(of: token, from: client, at: clock.now, in: store.reading)
            guard challenge.offered.contains(.passkey) else { throw AuthError.secondFactorUnavailable }
            return challenge.userID
        } catch { throw .from(error) }
    }

    /// Completes a sign-in with a passkey.
    /// - Throws: `.passkeyMalformed`, `.challengeInvalid`, `.codeInvalid` for what proves nothing, and what completing a
    ///   sign-in throws.
    public func finishSecondFactor(
        _ token: String, with assertion: PasskeyAssertion, remembers: Bool, from client: Client
    ) async throws(AuthError) -> SignInOutcome {
        _ = try await user(of: token, from: client)
        let shown = try await attempt(assertion, for: .secondFactor, of: Self.holder(secondFactor: token), from: client)
        let now = clock.now
        return try await secondFactors.finish(token, with: .passkey, remembers: remembers, from: client) { user, repositories in
            guard let shown, shown.passkey.userID == user.id else { return false }
            try await use(shown, at: now, in: repositories)
            return true
        }
    }

    // MARK: Once more

    /// - Throws: `.notFound` where the caller has no passkey.
    public func beginStepUp(by token: AccessToken) async throws(AuthError) -> PasskeyRequestOptions {
        try await options(for: .stepUp, of: token.userID, to: Self.holder(token))
    }

    /// Proves once more who the caller is. A passkey that has verified the person is enough for everybody.
    /// - Throws: `.passkeyMalformed`, `.challengeInvalid`, `.codeInvalid` for what proves nothing,
    ///   `.secondFactorRequired`, `.accountLocked`.
    public func finishStepUp(with assertion: PasskeyAssertion, by token: AccessToken, from client: Client)
        async throws(AuthError) -> MovedSession
    {
        let shown = try await attempt(assertion, for: .stepUp, of: Self.holder(token), from: client)
        let now = clock.now
        try await attempts.make(by: token, from: client) { user, repositories in
            guard let shown, shown.passkey.userID == user.id else { return ProofAttempts.Finding<Void>.wrong }
            try await use(shown, at: now, in: repositories)
            try await stepUps.note(in: token.sessionID, at: now, repositories) { first in
                if shown.isUserVerified { return first.addingVerifiedPasskey() }
                if user.factors.contains(.passkey), shown.passkey.isSecondFactor, first.areBeside(.passkey) {
                    return first.adding(.passkey)
                }
                guard user.factors.isEmpty else { throw AuthError.secondFactorRequired }
                return first
            }
            try await audit.record(
                .steppedUp, about: user.id, by: token, [.init("method", "passkey")], from: client, in: repositories)
            return .right(())
        }
        return try await stepUps.renewed(token)
    }

    /// What an assertion shows; nil for one that can be read, and proves nothing: that is an attempt, and counts.
    private func attempt(
        _ assertion: PasskeyAssertion, for purpose: PasskeyChallenges.Purpose, of holder: String, from client: Client
    ) async throws(AuthError) -> Shown? {
        do throws(AuthError) {
            return try await check(assertion, for: purpose, of: holder, requiringVerification: false)
        } catch {
            switch error {
            case .passkeyRefused(WebAuthnFault.counterBehind.name):
                // Whoever shows it has the key: that must be told of, whatever it was shown for.
                try await record(failure: WebAuthnFault.counterBehind.name, showing: assertion, from: client)
                return nil
            case .passkeyRefused, .passkeyUnknown: return nil
            default: throw error
            }
        }
    }

    private func options(for purpose: PasskeyChallenges.Purpose, of user: UUID, to holder: String)
        async throws(AuthError) -> PasskeyRequestOptions
    {
        let passkeys: [Passkey]
        do { passkeys = try await store.reading.passkeys.all(ofUser: user) } catch { throw .from(error) }
        guard !passkeys.isEmpty else { throw .notFound }
        return PasskeyRequestOptions(
            challenge: challenges.make(for: purpose, to: holder), partyID: settings.party.id, allowed: passkeys,
            verification: .preferred, lifetime: PasskeyChallenges.lifetime)
    }

    // MARK: What they share

    static func holder(device: String) -> String { "device:\(device)" }
    static func holder(secondFactor token: String) -> String { "second factor:\(token)" }

    private static func facts(of passkey: Passkey) -> [JSON.Member] {
        [.init("method", "passkey"), .init("passkey_id", JSON(passkey.id))]
    }

    private func check(
        _ assertion: PasskeyAssertion, for purpose: PasskeyChallenges.Purpose, of holder: String, requiringVerification: Bool
    ) async throws(AuthError) -> Shown {
        do {
            let answer = try Assertion(
                clientData: assertion.clientData, authenticatorData: assertion.authenticatorData,
                signature: assertion.signature)
            let challenge = try challenges.check(answer.clientData.challenge, for: [purpose], of: holder)
            guard let passkey = try await store.reading.passkeys.find(credential: assertion.credentialID) else {
                throw AuthError.passkeyUnknown
            }
            // What is sent once more has counted already, and is no copy.
            try await challenges.demandUnused(challenge, in: store.reading)
            let known = Assertion.Known(
                key: try CredentialKey(cose: passkey.publicKey), counter: UInt32(clamping: passkey.counter),
                isBackupEligible: passkey.isBackupEligible)
            try answer.verify(
                by: known, challenge: challenge.bytes, for: settings.party, requiringVerification: requiringVerification)
            return Shown(
                passkey: passkey, challenge: challenge, counter: Int64(answer.authenticatorData.counter),
                isBackedUp: answer.authenticatorData.isBackedUp,
                isUserVerified: answer.authenticatorData.isUserVerified && passkey.wasVerified)
        } catch let fault as WebAuthnFault { throw .passkey(fault) } catch { throw .from(error) }
    }

    /// Uses up the challenge, and notes what the authenticator has counted.
    private func use(_ shown: Shown, at now: Timestamp, in repositories: Repositories) async throws {
        try await challenges.use(shown.challenge, in: repositories)
        let isAhead = try await repositories.passkeys.noteUse(
            of: shown.passkey.id, counter: shown.counter, isBackedUp: shown.isBackedUp, at: now)
        guard isAhead else { throw AuthError.passkey(.counterBehind) }
    }

    /// Notes in the audit log what has the form of a proof and proves nothing.
    private func recordingFailures<T>(
        of assertion: PasskeyAssertion, from client: Client, _ body: () async throws(AuthError) -> T
    ) async throws(AuthError) -> T {
        do { return try await body() } catch {
            guard let reason = Self.reason(of: error) else { throw error }
            try await record(failure: reason, showing: assertion, from: client)
            throw error
        }
    }

    private static func reason(of error: AuthError) -> String? {
        switch error {
        case .passkeyRefused(let reason): reason
        case .passkeyUnknown: "unknown_passkey"
        default: SignInService.reason(of: error)
        }
    }

    private func record(failure reason: String, showing assertion: PasskeyAssertion, from client: Client)
        async throws(AuthError)
    {
        let passkey = (try? await store.reading.passkeys.find(credential: assertion.credentialID)) ?? nil
        let details: [JSON.Member] = [.init("method", "passkey")] + (passkey.map { [.init("passkey_id", JSON($0.id))] } ?? [])
        let isCopied = reason == WebAuthnFault.counterBehind.name
        try await signIn.record(
            failure: reason, of: passkey?.userID, details, and: isCopied ? .passkeyCounterBehind : nil, from: client)
    }
}
