import Credentials
import Ground
import Store

/// Counts failed sign-ins and locks accounts.
///
/// An attempt is counted *before* its password is checked, so that a hundred at once get no more guesses than
/// five in a row. A device or address from which the person has signed in before has a count of its own: a
/// stranger can lock the account for strangers, never for its owner.
struct Lockout: Sendable {
    /// Clients without cookies are a new device each time.
    private static let devicesPerUser = 50
    /// A device may be forgotten earlier by this part of the time that it is remembered for.
    private static let partOfMemory = 256

    let settings: SignInSettings

    /// Whose attempt it is.
    enum Account: Sendable {
        case user(UUID)
        /// An address that no account has, under a digest of it.
        case unknown([UInt8])
    }

    /// What an attempt is held against, and what it will have used up when it fails.
    struct Attempt: Sendable {
        let account: Account
        /// The key of the known device or address that makes it; nil for a stranger.
        let device: [UInt8]?
        /// It was the last that the device, or the stranger, had.
        let locks: Bool
        let onAccount: Mark

        /// What the attempt did to the count of the account itself.
        enum Mark: Sendable {
            /// The account was locked already, for others than the known device that tries.
            case none
            case counted
            case locked
        }

        /// Whether the account is locked for anybody should it fail.
        var locksAnything: Bool { locks || onAccount == .locked }
    }

    /// Keys under which the account may know where the attempt comes from, the surest first.
    static func deviceKeys(of client: Client) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        if let token = client.deviceToken { keys.append(Digest.sha256(Array("device:\(token)".utf8))) }
        keys.append(Digest.sha256(Array("address:\(client.address.subscriber)".utf8)))
        return keys
    }

    /// The first of the keys that the account knows.
    func knownDevice(of user: UUID, among keys: [[UInt8]], at now: Timestamp, in repositories: Repositories)
        async throws -> [UInt8]?
    {
        for key in keys {
            let count = try await repositories.attempts.count(
                ofDevice: key, user: user, seenSince: now - settings.deviceMemory)
            if count != nil { return key }
        }
        return nil
    }

    /// Whether the account knows others, and none of the keys. The first device of an account is no news.
    private func isNew(_ keys: [[UInt8]], to user: UUID, at now: Timestamp, in repositories: Repositories) async throws -> Bool {
        guard let first = keys.first, let last = keys.last else { return false }
        return try await repositories.attempts.knows(first, or: last, user: user, seenSince: now - settings.deviceMemory) == false
    }

    /// Counts an attempt before it is made.
    /// - Throws: `.accountLocked`.
    func begin(_ account: Account, from device: [UInt8]?, at now: Timestamp, in repositories: Repositories)
        async throws -> Attempt
    {
        let attempts = repositories.attempts
        switch account {
        case .unknown(let key):
            let (failed, until) = try next(try await attempts.count(ofUnknown: key), at: now)
            try await attempts.write(ofUnknown: key, failed: failed, lockedUntil: until, at: now)
            return Attempt(account: account, device: nil, locks: until != nil, onAccount: Self.mark(until))
        case .user(let user):
            let held = try await attempts.count(ofUser: user)
            guard let device else {
                let (failed, until) = try next(held, at: now)
                try await attempts.write(ofUser: user, failed: failed, lockedUntil: until, at: now)
                return Attempt(account: account, device: nil, locks: until != nil, onAccount: Self.mark(until))
            }
            let known = try await attempts.count(
                ofDevice: device, user: user, seenSince: now - settings.deviceMemory)
            let (failed, until) = try next(known, at: now)
            // The account's own count goes on too: strangers and owner share what is left of it. It is written first,
            // here as everywhere, or two sign-ins would wait for each other.
            var mark = Attempt.Mark.none
            if let (failed, until) = try? next(held, at: now) {
                try await attempts.write(ofUser: user, failed: failed, lockedUntil: until, at: now)
                mark = Self.mark(until)
            }
            try await attempts.write(ofDevice: device, user: user, failed: failed, lockedUntil: until)
            return Attempt(account: account, device: device, locks: until != nil, onAccount: mark)
        }
    }

    private static func mark(_ lockedUntil: Timestamp?) -> Attempt.Mark { lockedUntil == nil ? .counted : .locked }

    /// Gives an attempt back that was never made, because nobody could check it.
    func withdraw(_ attempt: Attempt, at now: Timestamp, in repositories: Repositories) async throws {
        let attempts = repositories.attempts
        func before(_ count: AttemptCount?, locked: Bool) -> (Int, Timestamp?) {
            (max(0, (count?.failed ?? 0) - 1), locked ? nil : count?.lockedUntil)
        }
        switch attempt.account {
        case .unknown(let key):
            let (failed, until) = before(try await attempts.count(ofUnknown: key), locked: attempt.locks)
            try await attempts.write(ofUnknown: key, failed: failed, lockedUntil: until, at: now)
        case .user(let user):
            if attempt.onAccount != .none {
                let held = try await attempts.count(ofUser: user)
                let (failed, until) = before(held, locked: attempt.onAccount == .locked)
                try await attempts.write(ofUser: user, failed: failed, lockedUntil: until, at: now)
            }
            guard let device = attempt.device else { return }
            let known = try await attempts.count(
                ofDevice: device, user: user, seenSince: now - settings.deviceMemory)
            let (knownFailed, knownUntil) = before(known, locked: attempt.locks)
            try await attempts.write(ofDevice: device, user: user, failed: knownFailed, lockedUntil: knownUntil)
        }
    }

    /// Forgets the failures after a success. A lock that strangers caused stays for strangers.
    /// - Returns: as ``remember(_:of:at:in:)``.
    @discardableResult
    func succeeded(_ attempt: Attempt, keys: [[UInt8]], at now: Timestamp, in repositories: Repositories) async throws -> Bool {
        guard case .user(let user) = attempt.account else { return false }
        let held = try await repositories.attempts.count(ofUser: user)
        try await repositories.attempts.succeeded(user: user, at: now)
        if attempt.onAccount == .none, let held, let until = held.lockedUntil, until > now {
            try await repositories.attempts.write(ofUser: user, failed: held.failed, lockedUntil: until, at: now)
        }
        return try await remember(keys, of: user, at: now, in: repositories)
    }

    /// Keeps where somebody has signed in from.
    /// - Returns: whether it is news: the account knows others, and none of it.
    func remember(_ keys: [[UInt8]], of user: UUID, at now: Timestamp, in repositories: Repositories) async throws -> Bool {
        // When it was, need not be known to the hour: a row is not written for who comes again and again.
        let since = now - settings.deviceMemory / Self.partOfMemory
        guard try await !repositories.attempts.areFresh(devices: keys, user: user, seenSince: since) else { return false }
        let isNew = try await isNew(keys, to: user, at: now, in: repositories)
        for key in keys {
            try await repositories.attempts.remember(device: key, user: user, at: now)
        }
        try await repositories.attempts.forgetOldest(ofUser: user, keeping: Self.devicesPerUser)
        return isNew
    }

    /// The count with one more attempt, and the lock that stands if it fails.
    private func next(_ count: AttemptCount?, at now: Timestamp) throws -> (Int, Timestamp?) {
        var failed = count?.failed ?? 0
        if let until = count?.lockedUntil {
            guard until <= now else { throw AuthError.accountLocked(retryAfter: until - now) }
            failed = 0
        }
        failed += 1
        return (failed, failed >= settings.maximumAttempts ? now + settings.lockout : nil)
    }
}
