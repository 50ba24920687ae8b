import Credentials
import Ground
import Store

/// The first SuperAdmin: made through a link that the first start prints, or by a command on the machine.
/// There is no default password.
public struct FirstStartService: Sendable {
    private static let lifetime = Duration.seconds(86400)

    let store: DataStore
    let passwords: PasswordService
    let key: HMACKey
    let audit: Audit
    let clock: Clock
    let random: RandomSource

    /// Whether no SuperAdmin exists yet.
    public func isOpen() async throws(AuthError) -> Bool {
        do { return try await store.reading.grants.lastingHolders(of: SystemRole.superAdmin.key) == 0 } catch {
            throw .from(error)
        }
    }

    /// A token for the link: good for a day, and until the first SuperAdmin exists.
    public func token() -> String {
        let expiry = (clock.now + Self.lifetime).seconds
        let message = (0..<5).map { UInt8(truncatingIfNeeded: expiry >> Int64(32 - 8 * $0)) }
        return Base64URL.encode(message + key.sign(message).prefix(20))
    }

    /// - Throws: `.setupClosed` for a token that is not ours or has expired, or when a SuperAdmin exists.
    public func check(_ token: String) async throws(AuthError) {
        guard let bytes = Base64URL.decode(token), bytes.count == 25 else { throw .setupClosed }
        let message = Array(bytes.prefix(5))
        guard Digest.equal(Array(key.sign(message).prefix(20)), Array(bytes.suffix(20))),
            message.reduce(Int64(0), { $0 << 8 | Int64($1) }) > clock.now.seconds, try await isOpen()
        else { throw .setupClosed }
    }

    /// Makes the first SuperAdmin through the link.
    /// - Throws: `.setupClosed`, `.invalid`, `.emailTaken`, `.overloaded`, `.unavailable`.
    public func createFirst(
        token: String, name: String, email: EmailAddress, password: String, from client: Client
    ) async throws(AuthError) {
        try await check(token)
        try await create(name: name, email: email, password: password, onlyAsFirst: true, from: client)
    }

    /// Makes a SuperAdmin from the command line, where whoever may run it holds the machine.
    /// - Throws: `.invalid`, `.emailTaken`, `.unavailable`.
    public func create(name: String, email: EmailAddress, password: String) async throws(AuthError) {
        try await create(name: name, email: email, password: password, onlyAsFirst: false, from: nil)
    }

    private func create(name: String, email: EmailAddress, password: String, onlyAsFirst: Bool, from client: Client?)
        async throws(AuthError)
    {
        try await passwords.check(password, field: "password", against: [name, email.address])
        let hash = try await passwords.hash(password)
        let now = clock.now
        let user = User(
            id: UUID(at: now, random: random), email: email.address, emailKey: email.normalized, name: name,
            passwordHash: hash, at: now)
        do {
            try await store.transaction { repositories in
                if onlyAsFirst {
                    guard try await repositories.grants.lastingHolders(of: SystemRole.superAdmin.key) == 0 else {
                        throw AuthError.setupClosed
                    }
                }
                try await repositories.users.insert(user)
                guard let role = try await repositories.roles.find(named: SystemRole.superAdmin.rawValue) else {
                    throw AuthError.unexpected(because: "the role \(SystemRole.superAdmin.rawValue) is missing")
                }
                try await repositories.grants.grant(
                    id: UUID(at: now, random: random), role: role.id, to: user.id, in: nil, by: nil, at: now)
                try await audit.record(AuditEvent(.superAdminCreated, user: user.id), from: client, in: repositories)
            }
        } catch { throw AccountService.taken(error) }
    }
}
