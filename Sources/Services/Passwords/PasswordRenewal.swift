import Credentials
import Ground
import Store

/// Why somebody has to choose another password before they get in.
public enum PasswordChangeReason: String, Sendable, CaseIterable {
    /// Somebody else chose it, or has asked for another.
    case required
    /// It has served as long as the server lets passwords serve.
    case expired
}

/// One password in the place of another: how long one serves, and which may not come again.
struct PasswordRenewal: Sendable {
    let store: DataStore
    let passwords: PasswordService
    let settings: PasswordSettings
    let random: RandomSource

    /// Why the person must choose another password before the one that they have lets them in; nil: they need not.
    func reason(for user: User, at now: Timestamp) -> PasswordChangeReason? {
        if user.requiresPasswordChange { return .required }
        guard let age = settings.maximumAge, user.passwordHash != nil else { return nil }
        return (user.passwordChangedAt ?? user.createdAt) + age <= now ? .expired : nil
    }

    /// Refuses the passwords that the person had before the one that they have. Only for who has shown that they are the
    /// person: it tells what the former passwords were.
    /// - Throws: `.invalid`, `.overloaded`, `.unavailable`.
    func demandUnused(_ new: String, by user: User, field: String) async throws(AuthError) {
        guard settings.history > 0 else { return }
        let former: [String]
        do {
            former = try await store.reading.passwordHistory.newest(of: user.id, atMost: settings.history)
        } catch { throw .from(error) }
        for hash in former where try await passwords.verify(new, against: hash).matches {
            throw .invalid([
                FieldFault(
                    field: field, code: "password_used_before", message: "This was your password before. Choose another.")
            ])
        }
    }

    /// Refuses the password that the person has too, which only its hash tells.
    /// - Throws: `.invalid`, `.overloaded`, `.unavailable`.
    func demandAnother(_ new: String, than user: User, field: String) async throws(AuthError) {
        if let current = user.passwordHash, try await passwords.verify(new, against: current).matches {
            throw .passwordUnchanged(field: field)
        }
        try await demandUnused(new, by: user, field: field)
    }

    /// Puts a new password in the place of the one that the person has, as this transaction sees it.
    func replace(of user: User, with hash: String, at now: Timestamp, in repositories: Repositories) async throws {
        try await repositories.users.setPassword(of: user.id, to: hash, at: now)
        try await keep(user.passwordHash, of: user, at: now, in: repositories)
    }

    /// Leaves the person, as this transaction sees them, without a password: nobody gets in with the one of before, whoever
    /// knows it, nor is it chosen again.
    func forget(of user: User, at now: Timestamp, in repositories: Repositories) async throws {
        try await repositories.users.forgetPassword(of: user.id, at: now)
        try await keep(user.passwordHash, of: user, at: now, in: repositories)
    }

    private func keep(_ former: String?, of user: User, at now: Timestamp, in repositories: Repositories) async throws {
        guard settings.history > 0, let former else { return }
        try await repositories.passwordHistory.keep(
            former, of: user.id, as: UUID(at: now, random: random), atMost: settings.history)
    }
}

extension AuthError {
    /// The new password is the one that there is.
    static func passwordUnchanged(field: String) -> AuthError {
        .invalid([
            FieldFault(
                field: field, code: "password_unchanged", message: "The new password must differ from the current one.")
        ])
    }
}
