import Credentials
import Ground
import SQL
import Store
import WebAuthn

/// Passkeys of people: made, named, deleted.
public struct PasskeyService: Sendable {
    static let maximumCount = 20

    let store: DataStore
    let signIn: SignInService
    let secondFactors: SecondFactors
    let enrolment: SecondFactorEnrolment
    let stepUps: StepUpService
    let attempts: ProofAttempts
    let challenges: PasskeyChallenges
    let settings: PasskeySettings
    let audit: Audit
    let log: Log
    let clock: Clock
    let random: RandomSource

    var sessions: SessionService { signIn.sessions }

    // MARK: Making one

    /// What a passkey is to be for.
    public enum Use: String, Sendable, CaseIterable {
        /// It signs in by itself.
        case signIn = "sign_in"
        /// Other doors ask for it, once there is one.
        case secondFactor = "second_factor"
    }

    /// - Throws: `.tooMany`, `.insufficientUserAuthentication`, `.companyBotSession`.
    public func beginRegistration(for use: Use, by token: AccessToken) async throws(AuthError) -> PasskeyCreationOptions {
        try await sessions.demandRecent(of: token)
        let user: User?
        let existing: [Passkey]
        do {
            user = try await store.reading.users.find(token.userID)
            existing = try await store.reading.passkeys.all(ofUser: token.userID)
        } catch { throw .from(error) }
        guard let user else { throw .sessionEnded }
        guard existing.count < Self.maximumCount else { throw .tooMany }
        let isDiscoverable = use == .signIn
        return PasskeyCreationOptions(
            challenge: challenges.make(for: isDiscoverable ? .registration : .factorRegistration, to: Self.holder(token)),
            partyID: settings.party.id, partyName: settings.partyName, user: user, existing: existing,
            isDiscoverable: isDiscoverable,
            // One that can verify the person shall, so that it may count as two factors later.
            verification: isDiscoverable ? settings.verification : .preferred, lifetime: PasskeyChallenges.lifetime,
            algorithms: COSEAlgorithm.offered.map(\.rawValue))
    }

    /// What came of making one.
    public struct Registered: Sendable {
        public let passkey: Passkey
        /// Shown once, where it is the person's first second factor.
        public let recoveryCodes: [String]?
    }

    /// Keeps a passkey that was made.
    /// - Parameter name: nil: that of the authenticator's model.
    /// - Throws: `.passkeyMalformed`, `.passkeyRefused`, `.challengeInvalid`, `.passkeyTaken`, `.tooMany`,
    ///   `.insufficientUserAuthentication`, `.companyBotSession`.
    public func finishRegistration(
        _ registration: PasskeyRegistration, name: String?, by token: AccessToken, from client: Client
    ) async throws(AuthError) -> Registered {
        try await sessions.demandRecent(of: token)
        let (challenge, made) = try check(registration, for: token)
        let now = clock.now
        let isDiscoverable = challenge.purpose == .registration
        guard !isDiscoverable || registration.isDiscoverable != false else {
            throw .passkeyRefused(because: "not_discoverable")
        }
        let passkey = Passkey(
            id: UUID(at: now, random: random), userID: token.userID, credentialID: made.id, publicKey: made.cose,
            counter: Int64(made.counter), name: name ?? AuthenticatorModels.name(of: made.aaguid) ?? "Passkey",
            aaguid: made.aaguid, transports: registration.transports, isDiscoverable: isDiscoverable,
            isSecondFactor: challenge.purpose == .factorRegistration, isBackupEligible: made.isBackupEligible,
            isBackedUp: made.isBackedUp, wasVerified: made.isUserVerified, at: now)
        let codes = secondFactors.codes.makeRecoveryCodes(of: token.userID)
        let isFirstFactor: Bool
        do {
            isFirstFactor = try await store.transaction { repositories in
                try await keep(passkey, codes.digests, usingUp: challenge, by: token, from: client, at: now, in: repositories)
            }
        } catch DatabaseError.duplicate("passkeys.credential_id") { throw .passkeyTaken } catch { throw .from(error) }
        if passkey.isSecondFactor { try await sessions.subjects.changed(user: passkey.userID) }
        return Registered(passkey: passkey, recoveryCodes: isFirstFactor ? codes.shown : nil)
    }

    private func check(_ registration: PasskeyRegistration, for token: AccessToken)
        throws(AuthError) -> (PasskeyChallenges.Challenge, WebAuthn.Registration.Made)
    {
        do {
            let answer = try WebAuthn.Registration(
                clientData: registration.clientData, attestationObject: registration.attestationObject)
            let challenge = try challenges.check(
                answer.clientData.challenge, for: [.registration, .factorRegistration], of: Self.holder(token))
            let made = try answer.verify(
                challenge: challenge.bytes, for: settings.party,
                requiringVerification: challenge.purpose == .registration && settings.verification == .required,
                at: clock.now)
            guard made.id == registration.credentialID else { throw AuthError.passkeyMalformed(part: "id") }
            return (challenge, made)
        } catch let fault as WebAuthnFault { throw .passkey(fault) } catch { throw .from(error) }
    }

    /// - Returns: whether it is the person's first second factor.
    private func keep(
        _ passkey: Passkey, _ recoveryCodes: [[UInt8]], usingUp challenge: PasskeyChallenges.Challenge, by token: AccessToken,
        from client: Client, at now: Timestamp, in repositories: Repositories
    ) async throws -> Bool {
        guard let user = try await repositories.users.find(passkey.userID) else { throw AuthError.sessionEnded }
        try await challenges.use(challenge, in: repositories)
        let existing = try await repositories.passkeys.all(ofUser: user.id)
        guard existing.count < Self.maximumCount else { throw AuthError.tooMany }
        try await repositories.passkeys.insert(passkey)
        try await record(.passkeyRegistered, passkey, by: token, from: client, in: repositories)
        guard passkey.isSecondFactor else { return false }
        // The session that made it has shown it, which is a second factor where it was not opened by a passkey.
        try await stepUps.note(in: token.sessionID, at: now, repositories) { first in
            first.areBeside(.passkey) ? first.adding(.passkey) : first
        }
        guard !user.factors.contains(.passkey) else { return false }
        let isFirst = try await enrolment.add(.passkey, to: user, recoveryCodes, at: now, in: repositories)
        try await audit.record(
            .secondFactorEnabled, about: user.id, by: token, [.init("factor", "passkey")], from: client, in: repositories)
        return isFirst
    }

    // MARK: Those that there are

    /// The caller's, the oldest first.
    public func list(by token: AccessToken) async throws(AuthError) -> [Passkey] {
        do { return try await store.reading.passkeys.all(ofUser: token.userID) } catch { throw .from(error) }
    }

    /// - Throws: `.notFound`.
    public func rename(_ id: UUID, to name: String, by token: AccessToken, from client: Client)
        async throws(AuthError) -> Passkey
    {
        do {
            return try await store.transaction { repositories in
                guard let passkey = try await repositories.passkeys.rename(id, ofUser: token.userID, to: name) else {
                    throw AuthError.notFound
                }
                try await record(.passkeyRenamed, passkey, by: token, from: client, in: repositories)
                return passkey
            }
        } catch { throw .from(error) }
    }

    /// Deletes one of the caller's passkeys.
    /// - Throws: `.notFound`, `.lastWayIn`, `.lastSecondFactor`, `.insufficientUserAuthentication`, `.companyBotSession`.
    public func delete(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        try await sessions.demandRecent(of: token)
        let now = clock.now
        let wasFactor: Bool
        do {
            wasFactor = try await store.transaction { repositories in
                guard let user = try await repositories.users.find(token.userID) else { throw AuthError.sessionEnded }
                let all = try await repositories.passkeys.all(ofUser: user.id)
                guard let passkey = all.first(where: { $0.id == id }) else { throw AuthError.notFound }
                try await repositories.passkeys.delete(id, ofUser: user.id)
                guard try await WaysIn.exist(for: user, in: repositories) else { throw AuthError.lastWayIn }
                let isLastFactor = passkey.isSecondFactor && !all.contains { $0.isSecondFactor && $0.id != id }
                if isLastFactor {
                    try await enrolment.remove(.passkey, from: user, at: now, in: repositories)
                    try await audit.record(
                        .secondFactorDisabled, about: user.id, by: token, [.init("factor", "passkey")], from: client,
                        in: repositories)
                }
                try await record(.passkeyDeleted, passkey, by: token, from: client, in: repositories)
                return isLastFactor
            }
        } catch { throw .from(error) }
        if wasFactor { try await sessions.subjects.changed(user: token.userID) }
    }

    /// Whom a challenge of a session is given to.
    static func holder(_ token: AccessToken) -> String { "session:\(token.sessionID)" }

    func record(
        _ kind: AuditEvent.Kind, _ passkey: Passkey, by token: AccessToken, from client: Client, in repositories: Repositories
    ) async throws {
        let facts: [JSON.Member] = [
            .init("passkey_id", JSON(passkey.id)), .init("name", .string(passkey.name)),
            .init("model", JSON(AuthenticatorModels.name(of: passkey.aaguid))),
            .init("second_factor", .bool(passkey.isSecondFactor)),
        ]
        try await audit.record(kind, about: token.userID, by: token, facts, from: client, in: repositories)
    }
}

/// By what somebody can sign in without anybody's help.
enum WaysIn {
    static func exist(for user: User, in repositories: Repositories) async throws -> Bool {
        if user.passwordHash != nil, user.emailKey != nil { return true }
        if try await repositories.telegramIdentities.find(ofUser: user.id) != nil { return true }
        return try await repositories.passkeys.all(ofUser: user.id).contains { $0.isDiscoverable }
    }
}

extension AuthError {
    /// What is wrong with what an authenticator said.
    static func passkey(_ fault: WebAuthnFault) -> AuthError {
        if case .malformed(let part) = fault { return .passkeyMalformed(part: part.rawValue) }
        return .passkeyRefused(because: fault.name)
    }
}
