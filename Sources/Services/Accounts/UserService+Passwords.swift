import Credentials
import Ground
import Store

/// Passwords that administrators choose for others. Each is good for one sign-in, which leads to the choice of another.
extension UserService {
    /// Random, with a character of every kind that a policy may ask for.
    func madePassword() -> String { Base64URL.encode(random.bytes(15)) + "-aB7" }

    /// Makes the person choose a new password at the next sign-in. Every session ends.
    /// - Throws: `.forbidden`, `.notFound`.
    public func requirePasswordChange(of id: UUID, by token: AccessToken, from client: Client) async throws(AuthError) -> Person {
        let now = clock.now
        return try await changing(id, by: token) { repositories in
            let authority = try await reach.authority(of: token, in: repositories)
            try await reach.demand("users:update", over: id, by: authority, in: repositories)
            guard try await repositories.users.requirePasswordChange(of: id, at: now) else { throw AuthError.notFound }
            let ended = try await repositories.sessions.endAll(
                ofUser: id, except: nil, because: .passwordChange, at: now)
            try await audit.record(
                .passwordChangeRequired, about: id, by: token, [Self.count(ended)], from: client, in: repositories)
            return ended
        }
    }

    /// Gives a person who cannot get in another password. Every session ends, and so does a lock. The devices and browsers that
    /// were known are of no use any more, nor are links in mails, but for those that take a change of the address back. The
    /// person is told, and a second factor is asked for as ever.
    /// - Parameter chosen: nil: one is made.
    /// - Returns: the person, and the password where one was made.
    /// - Throws: `.insufficientUserAuthentication`, `.companyBotSession`, `.forbidden` for oneself too, `.notFound`, `.invalid`,
    ///   `.overloaded`.
    public func givePassword(_ chosen: String?, to id: UUID, by token: AccessToken, from client: Client)
        async throws(AuthError) -> (person: Person, password: String?)
    {
        try await sessions.demandRecent(of: token)
        let now = clock.now
        let user: User
        do { user = try await receiver(id, by: token, in: store.reading) } catch { throw .from(error) }
        if let chosen { try await passwords.check(chosen, field: "password", against: [user.name, user.email ?? ""]) }
        let password = chosen ?? madePassword()
        let hash = try await passwords.hash(password)
        let person = try await changing(id, by: token) { repositories in
            let user = try await receiver(id, by: token, in: repositories)
            try await accounts.signIn.renewal.replace(of: user, with: hash, at: now, in: repositories)
            _ = try await repositories.users.requirePasswordChange(of: id, at: now)
            try await repositories.attempts.forgetFailures(ofUser: id)
            try await repositories.attempts.forgetDevices(ofUser: id)
            try await repositories.forgetShownFactors(of: id)
            try await addresses.links.endOthers(of: id, butUndoing: now, in: repositories)
            let ended = try await repositories.sessions.endAll(ofUser: id, except: nil, because: .passwordChange, at: now)
            try await audit.record(.passwordReset, about: id, by: token, [Self.count(ended)], from: client, in: repositories)
            return ended
        }
        return (person, chosen == nil ? password : nil)
    }

    /// The person to whom the caller may give a password.
    private func receiver(_ id: UUID, by token: AccessToken, in repositories: Repositories) async throws -> User {
        let managing: Permission = "users:update"
        let authority = try await reach.authority(of: token, in: repositories)
        try await reach.demand(managing, over: id, by: authority, in: repositories)
        // One's own is changed with the one that there is.
        guard id != token.userID else { throw AuthError.forbidden(permission: managing.description) }
        guard let user = try await repositories.users.find(id) else { throw AuthError.notFound }
        guard user.email != nil else {
            throw AuthError.invalid([
                FieldFault(
                    field: "password", code: "no_email", message: "This person has no e-mail address to sign in with.")
            ])
        }
        return user
    }
}
