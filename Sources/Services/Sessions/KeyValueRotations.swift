import Credentials
import Ground
import KeyValue
import Store

/// The state of refresh tokens in a key-value store, with a TTL (`TOKEN_STORE=redis`): a refresh changes nothing in
/// the database. The row of the session stays the truth about who it is for and whether it has ended.
struct KeyValueRotations: Rotations {
    /// The row is written again when its times are older than this part of a refresh token's life.
    private static let partOfLife: Int64 = 16

    let keyValue: any KeyValue
    let store: DataStore
    let subjects: Subjects
    let revocations: Revocations
    let ending: SessionEnding
    let audit: Audit
    let backlog: AuditBacklog
    let settings: TokenSettings

    private func key(_ session: UUID) -> String { "session:\(session)" }

    private var writesRowEvery: Duration { settings.refreshLifetime / Int(Self.partOfLife) }

    // Ahead of time, so that by its row a session never seems over that is not.
    func rowExpiry(for expiry: Timestamp) -> Timestamp { expiry + writesRowEvery }

    func begin(_ session: Session, expiresAt: Timestamp) async throws(AuthError) {
        let state = RotationState(
            generation: 0, secretDigest: session.secretDigest, rotatedAt: session.rotatedAt, expiresAt: expiresAt)
        do {
            try await keyValue.set(
                key(session.id), state.bytes, for: settings.refreshLifetime, onlyIfAbsent: false)
        } catch { throw.unavailable(because: "token store: \(error)") }
    }

    func forget(_ sessions: [UUID]) async throws(AuthError) {
        for session in sessions {
            do { try await keyValue.remove(key(session)) } catch {
                throw .unavailable(because: "token store: \(error)")
            }
        }
    }

    func current(_ sessions: [Session]) async throws -> [Session] {
        var current = sessions
        for index in current.indices where current[index].endedAt == nil {
            let held: [UInt8]?
            do { held = try await keyValue.get(key(current[index].id)) } catch {
                throw AuthError.unavailable(because: "token store: \(error)")
            }
            guard let state = try held.map(read) else { continue }
            current[index].lastUsedAt = state.rotatedAt
            current[index].expiresAt = state.expiresAt
        }
        return current
    }

    func advance(_ token: RefreshToken, to next: RefreshToken, from client: Client, at now: Timestamp) async throws
        -> Rotation
    {
        try await revocations.check(token.sessionID)
        let subject = try await subjects.subject(ofSession: token.sessionID)
        try Standing.check(subject)
        guard subject.gate.admits(client.address) else { throw AuthError.addressNotAllowed }
        let moved = RotationState(
            generation: Int64(token.generation) + 1, secretDigest: next.digest, rotatedAt: now,
            expiresAt: next.expiresAt)
        let session = moved.applied(to: subject.session, ip: client.address.description)
        // All that may fail comes first: once the state has moved, the token is used up.
        if now - subject.session.lastUsedAt >= writesRowEvery {
            try await store.writing.sessions.touch(session, expiresAt: rowExpiry(for: next.expiresAt), at: now)
        }
        try backlog.demandRoom()
        let start = RotationState.start(generation: Int64(token.generation), secretDigest: token.digest)
        let outcome: Exchange
        do {
            outcome = try await keyValue.exchange(
                key(session.id), startingWith: start, for: moved.bytes, lasting: settings.refreshLifetime)
        } catch { throw AuthError.unavailable(because: "token store: \(error)") }
        guard case .held(let held) = outcome else {
            let event = AuditEvent(
                .sessionRefreshed, user: session.userID, company: session.companyID, session: session.id)
            backlog.add(audit.row(event, from: client))
            return .advanced(session, subject)
        }
        return try await decide(token, next, held, subject, from: client, at: now)
    }

    /// What a token means that is not the current one.
    private func decide(
        _ token: RefreshToken, _ next: RefreshToken, _ held: [UInt8]?, _ subject: Subject, from client: Client,
        at now: Timestamp
    ) async throws -> Rotation {
        guard let held else { throw AuthError.sessionEnded }
        let state = try read(held)
        guard Int64(token.generation) < state.generation else { throw AuthError.tokenInvalid }
        let isPredecessor =
            Int64(token.generation) + 1 == state.generation && Digest.equal(next.digest, state.secretDigest)
        guard isPredecessor, now - state.rotatedAt <= settings.refreshGrace else {
            return try await reused(subject.session, from: client)
        }
        return .repeated(state.applied(to: subject.session), subject)
    }

    private func reused(_ session: Session, from client: Client) async throws -> Rotation {
        try await store.transaction { repositories in
            try await ending.end(session, because: .reuse, with: .tokenReused, from: client, in: repositories)
        }
        return .reused(session)
    }

    private func read(_ bytes: [UInt8]) throws(AuthError) -> RotationState {
        guard let state = RotationState(bytes: bytes) else {
            throw .unexpected(because: "token store: a state that cannot be read")
        }
        return state
    }
}

/// What rotation needs to know of a session, in 56 bytes. What its current token says of it comes first: generation
/// and SHA-256 of the secret; then when it was rotated and when it expires, in milliseconds.
struct RotationState: Hashable {
    private static let size = 56

    let generation: Int64
    let secretDigest: [UInt8]
    let rotatedAt: Timestamp
    let expiresAt: Timestamp

    init(generation: Int64, secretDigest: [UInt8], rotatedAt: Timestamp, expiresAt: Timestamp) {
        self.generation = generation
        self.secretDigest = secretDigest
        self.rotatedAt = rotatedAt
        self.expiresAt = expiresAt
    }

    init?(bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        func number(at start: Int) -> Int64 { bytes[start..<start + 8].reduce(0) { $0 << 8 | Int64($1) } }
        generation = number(at: 0)
        secretDigest = Array(bytes[8..<40])
        rotatedAt = Timestamp(milliseconds: number(at: 40))
        expiresAt = Timestamp(milliseconds: number(at: 48))
    }

    var bytes: [UInt8] {
        var bytes = Self.start(generation: generation, secretDigest: secretDigest)
        for moment in [rotatedAt, expiresAt] { Self.append(moment.milliseconds, to: &bytes) }
        return bytes
    }

    /// What a state starts with whose current token is of that generation and has that secret.
    static func start(generation: Int64, secretDigest: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        append(generation, to: &bytes)
        return bytes + secretDigest
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    func applied(to session: Session, ip: String? = nil) -> Session {
        var session = session
        session.generation = generation
        session.secretDigest = secretDigest
        session.rotatedAt = rotatedAt
        session.lastUsedAt = rotatedAt
        session.expiresAt = expiresAt
        if let ip { session.ip = ip }
        return session
    }
}
