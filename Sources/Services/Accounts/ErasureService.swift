import Credentials
import Ground
import Store

/// What somebody may ask for about themselves (GDPR, articles 15 and 17): a copy of all that is kept, and its end.
public struct ErasureService: Sendable {
    private static let page = 100

    let store: DataStore
    let sessions: SessionService
    let reach: Reach
    let redactor: AuditRedactor
    let audit: Audit
    let clock: Clock

    /// All that is kept about a person but hashes and what the audit log tells of others, as one JSON object.
    /// - Throws: `.forbidden`, `.notFound`.
    public func export(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) -> JSON {
        do {
            return try await store.transaction { repositories in
                let isOwn = id == token.userID
                if !isOwn {
                    let authority = try await reach.authority(of: token, in: repositories)
                    try await reach.demand("users:export", over: id, by: authority, in: repositories)
                }
                var user = try await repositories.users.find(id)
                if user == nil { user = try await repositories.users.findDeleted(id) }
                guard let user else { throw AuthError.notFound }
                try await audit.record(.userExported, about: id, by: token, from: client, in: repositories)
                return [
                    "user": Self.json(of: user),
                    "companies": .array(
                        try await repositories.companies.all(ofUser: id).map { ["id": JSON($0.id), "name": .string($0.name)] }),
                    "roles": .array(try await repositories.grants.all(of: id, within: nil).map(Self.json)),
                    "invitations": .array(try await invitations(to: user, in: repositories)),
                    "access_requests": .array(try await repositories.accessRequests.all(ofUser: id).map(json)),
                    "sessions": .array(try await allSessions(of: id, in: repositories).map(Self.json)),
                    "telegram": try await telegram(of: id, in: repositories),
                    "second_factors": .array(try await secondFactors(of: user, in: repositories)),
                    "recovery_codes": try await recoveryCodes(of: id, in: repositories),
                    "passkeys": .array(try await repositories.passkeys.all(ofUser: id).map(Self.json)),
                    "remembered_devices": .array(try await repositories.rememberedDevices.all(of: id).map(Self.json)),
                    "referrals": try await referrals(of: id, in: repositories),
                    "exported_at": JSON(clock.now),
                ]
            }
        } catch { throw .from(error) }
    }

    /// Deletes a person for good, with sessions, devices, roles, memberships and invitations. The audit log keeps what
    /// happened, with the bare id. Whoever was deleted softly before can be erased too, and where an erasure was cut
    /// short before the audit log was through, it is gone on with.
    /// - Throws: `.forbidden`, `.notFound`, `.lastSuperAdmin`.
    public func erase(_ id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) {
        let ended: [UUID]?
        do {
            ended = try await store.transaction { repositories in
                let authority = try await reach.authority(of: token, in: repositories)
                try await reach.demand("users:erase", over: id, by: authority, in: repositories)
                try await reach.keepLastSuperAdmin(without: id, in: repositories)
                return try await erase(id, by: token, from: client, in: repositories)
            }
        } catch { throw .from(error) }
        if let ended { try await sessions.announce(ended: ended) }
        try await sessions.subjects.changed(user: id)
        let redacted = try await redactor.redact(user: id)
        guard ended != nil || redacted > 0 else { throw .notFound }
    }

    /// - Returns: the sessions that ended; nil where there is no such person.
    private func erase(_ id: UUID, by token: AccessToken, from client: Client, in repositories: Repositories)
        async throws -> [UUID]?
    {
        var user = try await repositories.users.find(id)
        if user == nil { user = try await repositories.users.findDeleted(id) }
        guard let user else { return nil }
        let ended = try await repositories.sessions.endAll(ofUser: id, except: nil, because: .deleted, at: clock.now)
        if let key = try user.email.map({ try EmailAddress($0).normalized }) {
            try await repositories.invitations.erase(emailKey: key)
        }
        if let identity = try await repositories.telegramIdentities.find(ofUser: id) {
            try await repositories.telegramChats.erase(identity.telegramID)
        }
        // Before the memberships are gone, which say whom it concerns.
        try await audit.record(.userErased, about: id, by: token, from: client, in: repositories)
        try await repositories.users.erase(id)
        return ended
    }

    private func invitations(to user: User, in repositories: Repositories) async throws -> [JSON] {
        let key = try user.email.map { try EmailAddress($0).normalized }
        var all: [JSON] = []
        for invitation in try await repositories.invitations.all(toKey: key, orAcceptedBy: user.id) {
            let roles = try await repositories.invitations.roles(of: invitation.id).map { JSON.string($0.name) }
            all.append([
                "id": JSON(invitation.id), "email": .string(invitation.email), "name": JSON(invitation.name),
                "company_id": JSON(invitation.company), "roles": .array(roles), "created_at": JSON(invitation.createdAt),
                "expires_at": JSON(invitation.expiresAt), "accepted_at": JSON(invitation.acceptedAt),
                "withdrawn_at": JSON(invitation.withdrawnAt),
            ])
        }
        return all
    }

    private func telegram(of user: UUID, in repositories: Repositories) async throws -> JSON {
        guard let identity = try await repositories.telegramIdentities.find(ofUser: user) else { return .null }
        let chats = try await repositories.telegramChats.all(of: identity.telegramID)
        return [
            "telegram_id": .integer(identity.telegramID), "first_name": .string(identity.firstName),
            "last_name": JSON(identity.lastName), "username": JSON(identity.username),
            "photo_url": JSON(identity.photoURL), "language": JSON(identity.language), "subject": JSON(identity.subject),
            "linked_at": JSON(identity.linkedAt), "updated_at": JSON(identity.updatedAt),
            "bots": .array(chats.map { .integer($0.botID) }),
        ]
    }

    /// Which there are, and of those that keep something of their own when they were set up and last used.
    private func secondFactors(of user: User, in repositories: Repositories) async throws -> [JSON] {
        let secret = try await repositories.secondFactors.secret(of: user.id)
        return user.factors.map { factor in
            let app = factor == .totp ? secret : nil
            return [
                "kind": .string(factor.rawValue), "created_at": JSON(app?.enabledAt),
                "last_used_at": JSON(app.map { TOTP.moment(of: $0.lastStep) }),
            ]
        }
    }

    private func recoveryCodes(of user: UUID, in repositories: Repositories) async throws -> JSON {
        let used = try await repositories.secondFactors.recoveryCodesUsed(by: user)
        return [
            "left": .integer(Int64(try await repositories.secondFactors.recoveryCodes(of: user))),
            "used_at": .array(used.map { JSON($0) }),
        ]
    }

    private func referrals(of user: UUID, in repositories: Repositories) async throws -> JSON {
        [
            "code": JSON(try await repositories.referrals.code(of: user)),
            "brought_by": JSON(try await repositories.referrals.inviter(of: user)),
            "brought": .integer(Int64(try await repositories.referrals.count(broughtBy: user))),
        ]
    }

    private func allSessions(of id: UUID, in repositories: Repositories) async throws -> [Session] {
        var all: [Session] = []
        var after: UUID?
        repeat {
            let page = try await repositories.sessions.page(
                ofUser: id, after: after, includesEnded: true, limit: Self.page, at: clock.now)
            all += page
            after = page.count == Self.page ? page.last?.id : nil
        } while after != nil
        return all
    }

    private static func json(of user: User) -> JSON {
        [
            "id": JSON(user.id), "email": JSON(user.email), "email_verified_at": JSON(user.emailVerifiedAt),
            "name": .string(user.name), "phone": JSON(user.phone), "status": .string(user.status.rawValue),
            "settings": object(user.settings), "app_data": object(user.appData), "created_at": JSON(user.createdAt),
            "updated_at": JSON(user.updatedAt), "last_login_at": JSON(user.lastLoginAt), "deleted_at": JSON(user.deletedAt),
            "access_ends_at": JSON(user.accessEndsAt),
            "ip_whitelist_enabled": .bool(user.rule.isEnabled),
            "allowed_ips": .array(user.rule.addresses.map { .string($0) }),
            "allowed_countries": .array(user.rule.countries.map { .string($0) }),
        ]
    }

    private static func json(of grant: GrantedRole) -> JSON {
        [
            "role": .string(grant.name), "company_id": JSON(grant.company), "granted_at": JSON(grant.grantedAt),
            "expires_at": JSON(grant.expiresAt),
        ]
    }

    private func json(of request: AccessRequest) -> JSON {
        [
            "id": JSON(request.id), "telegram_id": .integer(request.telegramID), "first_name": .string(request.firstName),
            "last_name": JSON(request.lastName), "username": JSON(request.username), "language": JSON(request.language),
            "company_id": JSON(request.company), "status": .string(request.status(at: clock.now).rawValue),
            "reason": JSON(request.reason), "created_at": JSON(request.createdAt), "expires_at": JSON(request.expiresAt),
            "decided_at": JSON(request.decidedAt),
        ]
    }

    private static func json(of session: Session) -> JSON {
        [
            "id": JSON(session.id), "created_at": JSON(session.createdAt), "last_used_at": JSON(session.lastUsedAt),
            "ended_at": JSON(session.endedAt), "ip": .string(session.ip), "user_agent": .string(session.userAgent),
            "device": .string(session.device.name),
        ]
    }

    private static func json(of passkey: Passkey) -> JSON {
        [
            "id": JSON(passkey.id), "credential_id": .string(Base64URL.encode(passkey.credentialID)),
            "name": .string(passkey.name), "model": JSON(AuthenticatorModels.name(of: passkey.aaguid)),
            "use": passkey.isSecondFactor ? "second_factor" : "sign_in", "backed_up": .bool(passkey.isBackedUp),
            "created_at": JSON(passkey.createdAt), "last_used_at": JSON(passkey.lastUsedAt),
        ]
    }

    private static func json(of device: RememberedDevice) -> JSON {
        [
            "id": JSON(device.id), "name": .string(device.name), "ip": .string(device.ip),
            "created_at": JSON(device.createdAt), "expires_at": JSON(device.expiresAt),
        ]
    }

    private static func object(_ text: String) -> JSON { (try? JSON.parse(Array(text.utf8))) ?? .null }
}
