import Ground
import Store

/// Something that happened and is kept.
public struct AuditEvent: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case disowned = "account.disowned"
        case superAdminCreated = "super_admin.created"
        case registered = "account.registered"
        case signInSucceeded = "sign_in.succeeded"
        case signInFailed = "sign_in.failed"
        case accountLocked = "account.locked"
        case sessionRefreshed = "session.refreshed"
        case tokenReused = "session.token_reused"
        case sessionEnded = "session.ended"
        case sessionMoved = "session.company_changed"
        case loggedOut = "session.logged_out"
        case allSessionsRevoked = "session.all_revoked"
        case profileUpdated = "profile.updated"
        case passwordChanged = "password.changed"
        case passwordChangeFailed = "password.change_failed"
        case statusChanged = "user.status_changed"
        case userDeleted = "user.deleted"
        case companyStatusChanged = "company.status_changed"
        case keyRotated = "key.rotated"
        case addressListChanged = "address_list.changed"
        case addressRefused = "address.refused"
        case serviceAccountCreated = "service_account.created"
        case serviceAccountUpdated = "service_account.updated"
        case serviceAccountDeleted = "service_account.deleted"
        case apiKeyCreated = "api_key.created"
        case apiKeyRevoked = "api_key.revoked"
        case appDataWritten = "app_data.written"
        case userCreated = "user.created"
        case userRestored = "user.restored"
        case userErased = "user.erased"
        case userExported = "user.exported"
        case userInvited = "user.invited"
        case invitationAccepted = "invitation.accepted"
        case invitationWithdrawn = "invitation.withdrawn"
        case emailChanged = "email.changed"
        case passwordChangeRequired = "password.change_required"
        case companyCreated = "company.created"
        case companyUpdated = "company.updated"
        case companyDeleted = "company.deleted"
        case memberAdded = "company.member_added"
        case memberRemoved = "company.member_removed"
        case roleCreated = "role.created"
        case roleUpdated = "role.updated"
        case roleDeleted = "role.deleted"
        case roleGranted = "role.granted"
        case roleWithdrawn = "role.withdrawn"
        case usersImported = "users.imported"
        case usersExported = "users.exported"
        case auditExported = "audit.exported"
        case webhookCreated = "webhook.created"
        case webhookUpdated = "webhook.updated"
        case webhookDeleted = "webhook.deleted"
        case webhookSecretRotated = "webhook.secret_rotated"
        case webhookDisabled = "webhook.disabled"
        case telegramLinked = "telegram.linked"
        case telegramUnlinked = "telegram.unlinked"
        case botCreated = "telegram_bot.created"
        case botUpdated = "telegram_bot.updated"
        case botDeleted = "telegram_bot.deleted"
        case accessRequested = "access_request.created"
        case accessApproved = "access_request.approved"
        case accessRejected = "access_request.rejected"
        case accessRequestDeleted = "access_request.deleted"
        case accessDecisionRefused = "access_request.decision_refused"
        case accessEndChanged = "access.end_changed"
        case accessEnding = "access.ending"
        case accessConfirmed = "access.confirmed"
        case accessWithdrawn = "access.withdrawn"
        case secondFactorAsked = "second_factor.asked"
        case secondFactorSent = "second_factor.code_sent"
        case secondFactorFailed = "second_factor.failed"
        case secondFactorBegun = "second_factor.setup_begun"
        case secondFactorEnabled = "second_factor.enabled"
        case secondFactorDisabled = "second_factor.disabled"
        case secondFactorReset = "second_factor.reset"
        case recoveryCodesMade = "recovery_codes.made"
        case recoveryCodeUsed = "recovery_codes.used"
        case deviceRemembered = "device.remembered"
        case deviceForgotten = "device.forgotten"
        case steppedUp = "session.stepped_up"
        case passwordResetRequested = "password.reset_requested"
        case passwordReset = "password.reset"
        case emailVerified = "email.verified"
        case emailChangeRequested = "email.change_requested"
        case emailChangeUndone = "email.change_undone"
        case magicLinkRequested = "magic_link.requested"
        case passkeyRegistered = "passkey.registered"
        case passkeyRenamed = "passkey.renamed"
        case passkeyDeleted = "passkey.deleted"
        case passkeyCounterBehind = "passkey.counter_behind"

        /// Nothing that fails is of severity info: the index of what is grave has all of it.
        public var severity: String {
            switch self {
            case .tokenReused, .accountLocked, .disowned, .emailChangeUndone, .passkeyCounterBehind: "critical"
            case .signInFailed, .passwordChangeFailed, .statusChanged, .userDeleted, .companyStatusChanged,
                .superAdminCreated, .roleCreated, .roleUpdated, .roleDeleted, .roleGranted, .roleWithdrawn, .userErased,
                .addressListChanged, .addressRefused, .userExported, .serviceAccountCreated, .serviceAccountUpdated,
                .serviceAccountDeleted, .apiKeyCreated, .apiKeyRevoked, .emailChanged, .companyDeleted, .auditExported,
                .usersImported, .usersExported, .webhookDisabled, .telegramLinked, .telegramUnlinked, .botCreated, .botUpdated,
                .botDeleted, .accessApproved, .accessRejected, .accessRequestDeleted, .accessDecisionRefused,
                .accessEndChanged, .accessWithdrawn, .secondFactorFailed, .secondFactorDisabled, .secondFactorReset,
                .recoveryCodesMade, .recoveryCodeUsed, .passwordReset, .passkeyRegistered, .passkeyDeleted:
                "warning"
            default: "info"
            }
        }

        public var outcome: String {
            switch self {
            case .signInFailed, .passwordChangeFailed, .tokenReused, .addressRefused, .accessDecisionRefused,
                .secondFactorFailed, .passkeyCounterBehind:
                "failure"
            default: "success"
            }
        }
    }

    public var kind: Kind
    public var user: UUID?
    public var actor: UUID?
    public var company: UUID?
    public var session: UUID?
    /// Small facts, none of them secret.
    public var facts: [JSON.Member]

    public init(
        _ kind: Kind, user: UUID? = nil, actor: UUID? = nil, company: UUID? = nil, session: UUID? = nil,
        facts: [JSON.Member] = []
    ) {
        self.kind = kind
        self.user = user
        self.actor = actor ?? user
        self.company = company
        self.session = session
        self.facts = facts
    }
}

/// Writes events into the audit log, in the transaction of what they tell of: an event is kept exactly when
/// it has happened.
public struct Audit: Sendable {
    private let clock: Clock
    private let random: RandomSource
    private let code: AuditCode
    private let subscriptions: Subscriptions
    private let notices: BotNotices
    private let mailNotices: MailNotices

    init(
        subscriptions: Subscriptions, notices: BotNotices, mailNotices: MailNotices, clock: Clock, random: RandomSource,
        code: AuditCode
    ) {
        self.subscriptions = subscriptions
        self.notices = notices
        self.mailNotices = mailNotices
        self.clock = clock
        self.random = random
        self.code = code
    }

    func record(_ event: AuditEvent, from client: Client?, in repositories: Repositories) async throws {
        let row = row(event, from: client)
        try await repositories.audit.append(row)
        try await announce(row, in: repositories)
        try await notices.tell(of: event, from: client, in: repositories)
        try await mailNotices.tell(of: event, from: client, in: repositories)
    }

    /// Tells webhooks of a row that was written otherwise, in the same transaction.
    func announce(_ row: AuditRow, in repositories: Repositories) async throws {
        try await subscriptions.announce(row, in: repositories)
    }

    /// Whether a webhook may want to hear of this.
    func mayAnnounce(_ kind: AuditEvent.Kind) -> Bool { subscriptions.mayWant(kind) }

    /// The row of an event, for who writes it together with something else.
    /// - Parameter cover: what of the row is known before it is written.
    func row(_ event: AuditEvent, from client: Client?, covering cover: AuditCode.Cover = .row) -> AuditRow {
        let now = clock.now
        var row = AuditRow(
            id: UUID(at: now, random: random), at: now, event: event.kind.rawValue, severity: event.kind.severity,
            outcome: event.kind.outcome, userID: event.user, actorID: event.actor, companyID: event.company,
            sessionID: event.session, ip: client?.address.description, userAgent: client?.userAgent,
            requestID: client?.requestID, metadata: event.facts.isEmpty ? "{}" : JSON.object(event.facts).text)
        row.mac = code.seal(row, covering: cover)
        return row
    }
}
