import Credentials
import Ground
import KeyValue
import Store

/// The state of refresh tokens in a key-value store, with a TTL (`TOKEN_STORE=redis`): a refresh changes nothing in
/// the database. The row of the session stays the truth about who it is for and whether it has ended.
struct KeyValueRotations: Rotations {
    /// The row is written again when its times are older than this part of a refresh token's life.
    private static let partOfLife: Int64 = 16
    private static let attempts = 8

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
            generation: 0, secretDigest: session.secretDigest, rotatedAt: session.rotatedAt,
            expiresAt: expiresAt, rowWrittenAt: session.rotatedAt)
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
            guard let state = try await state(of: current[index].id)?.state else { continue }
            current[index].lastUsedAt = state.rotatedAt
            current[index].expiresAt = state.expiresAt
        }
        return current
    }

    func advance(_ token: RefreshToken, to next: RefreshToken, from client: Client, at now: Timestamp) async throws
        -> Rotation
    {
        for _ in 0..<Self.attempts {
            try await revocations.check(token.sessionID)
            guard let (state, bytes) = try await state(of: token.sessionID) else { throw AuthError.sessionEnded }
            guard state.expiresAt > now else { throw AuthError.tokenExpired }
            let subject = try await subjects.subject(ofSession: token.sessionID)
            let generation = Int64(token.generation)
            if generation < state.generation {
                let isPredecessor =
                    generation + 1 == state.generation && Digest.equal(next.digest, state.secretDigest)
                guard isPredecessor, now - state.rotatedAt <= settings.refreshGrace else {
                    return try await reused(subject.session, from: client)
                }
                try Standing.check(subject)
                return .repeated(state.applied(to: subject.session), subject)
            }
            try Standing.check(subject)
            guard generation == state.generation, Digest.equal(token.digest, state.secretDigest) else {
                throw AuthError.tokenInvalid
            }
            if let moved = try await move(state, bytes, to: next, of: subject, from: client, at: now) { return moved }
        }
        throw AuthError.unavailable(because: "token store: too many at once")
    }

    /// nil when somebody else was faster.
    private func move(
        _ state: RotationState, _ bytes: [UInt8], to next: RefreshToken, of subject: Subject, from client: Client,
        at now: Timestamp
    ) async throws -> Rotation? {
        let writesRow = now - state.rowWrittenAt >= writesRowEvery
        let moved = RotationState(
            generation: state.generation + 1, secretDigest: next.digest, rotatedAt: now, expiresAt: next.expiresAt,
            rowWrittenAt: writesRow ? now : state.rowWrittenAt)
        let session = moved.applied(to: subject.session, ip: client.address.description)
        // All that may fail comes first: once the state has moved, the token is used up.
        if writesRow {
            try await store.writing.sessions.touch(session, expiresAt: rowExpiry(for: next.expiresAt), at: now)
        }
        try backlog.demandRoom()
        do {
            guard
                try await keyValue.replace(
                    key(session.id), bytes, with: moved.bytes, for: settings.refreshLifetime)
            else { return nil }
        } catch { throw AuthError.unavailable(because: "token store: \(error)") }
        let event = AuditEvent(
            .sessionRefreshed, user: session.userID, company: session.companyID, session: session.id)
        backlog.add(audit.row(event, from: client))
        return .advanced(session, subject)
    }

    private func reused(_ session: Session, from client: Client) async throws -> Rotation {
        try await store.transaction { repositories in
            try await ending.end(session, because: .reuse, with: .tokenReused, from: client, in: repositories)
        }
        return .reused(session)
    }

    private func state(of session: UUID) async throws -> (state: RotationState, bytes: [UInt8])? {
        let bytes: [UInt8]?
        do { bytes = try await keyValue.get(key(session)) } catch {
            throw AuthError.unavailable(because: "token store: \(error)")
        }
        guard let bytes else { return nil }
        guard let state = RotationState(bytes: bytes) else {
            throw AuthError.unexpected(because: "token store: a state that cannot be read")
        }
        return (state, bytes)
    }
}

/// What rotation needs to know of a session, in 64 bytes: generation, three moments in milliseconds, and the SHA-256
/// of the current secret.
struct RotationState: Hashable {
    private static let size = 64

    let generation: Int64
    let secretDigest: [UInt8]
    let rotatedAt: Timestamp
    let expiresAt: Timestamp
    /// When the row of the session was last brought up to date.
    let rowWrittenAt: Timestamp

    init(
        generation: Int64, secretDigest: [UInt8], rotatedAt: Timestamp, expiresAt: Timestamp, rowWrittenAt: Timestamp
    ) {
        self.generation = generation
        self.secretDigest = secretDigest
        self.rotatedAt = rotatedAt
        self.expiresAt = expiresAt
        self.rowWrittenAt = rowWrittenAt
    }

    init?(bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        func number(at start: Int) -> Int64 { bytes[start..<start + 8].reduce(0) { $0 << 8 | Int64($1) } }
        generation = number(at: 0)
        rotatedAt = Timestamp(milliseconds: number(at: 8))
        expiresAt = Timestamp(milliseconds: number(at: 16))
        rowWrittenAt = Timestamp(milliseconds: number(at: 24))
        secretDigest = Array(bytes[32...])
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.size)
        for number in [generation, rotatedAt.milliseconds, expiresAt.milliseconds, rowWrittenAt.milliseconds] {
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes + secretDigest
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
