import Credentials
import Ground
import Store

/// What authenticators are given to sign: for what, until when, something random, and a code over all of it and over
/// whom it was given to. So nothing is kept of it until it is used, and nobody can fill the database by asking.
struct PasskeyChallenges: Sendable {
    static let lifetime = Duration.seconds(300)
    private static let size = 1 + 5 + 16 + 32

    /// What a challenge is good for. One that was made for something else is refused.
    enum Purpose: UInt8, Sendable {
        /// A new passkey that signs in by itself.
        case registration = 1
        /// A new passkey that other doors ask for.
        case factorRegistration = 2
        case signIn = 3
        case secondFactor = 4
        case stepUp = 5
    }

    struct Challenge: Sendable {
        let bytes: [UInt8]
        let purpose: Purpose
        let expiresAt: Timestamp
    }

    let key: HMACKey
    let clock: Clock
    let random: RandomSource

    /// - Parameter holder: whom it is given to, by something that only they show.
    func make(for purpose: Purpose, to holder: String) -> [UInt8] {
        let expiry = (clock.now + Self.lifetime).seconds
        let message =
            [purpose.rawValue] + (0..<5).map { UInt8(truncatingIfNeeded: expiry >> Int64(32 - 8 * $0)) } + random.bytes(16)
        return message + code(over: message, for: holder)
    }

    /// - Throws: `.challengeInvalid` for what is none of ours, has expired, or was given to somebody else or for
    ///   something else.
    func check(_ bytes: [UInt8], for purposes: [Purpose], of holder: String) throws(AuthError) -> Challenge {
        guard bytes.count == Self.size, let purpose = Purpose(rawValue: bytes[0]), purposes.contains(purpose) else {
            throw .challengeInvalid
        }
        let message = Array(bytes.prefix(22))
        guard Digest.equal(Array(bytes.suffix(32)), code(over: message, for: holder)) else { throw .challengeInvalid }
        let expiry = Timestamp(seconds: message[1..<6].reduce(Int64(0)) { $0 << 8 | Int64($1) })
        guard expiry > clock.now else { throw .challengeInvalid }
        return Challenge(bytes: bytes, purpose: purpose, expiresAt: expiry)
    }

    /// - Throws: `.challengeInvalid` where somebody has used it.
    func demandUnused(_ challenge: Challenge, in repositories: Repositories) async throws {
        guard try await !repositories.passkeyChallenges.contains(Digest.sha256(challenge.bytes)) else {
            throw AuthError.challengeInvalid
        }
    }

    /// Uses it up; what the transaction throws later takes that back.
    /// - Throws: `.challengeInvalid` where somebody has.
    func use(_ challenge: Challenge, in repositories: Repositories) async throws {
        let isFirst = try await repositories.passkeyChallenges.use(Digest.sha256(challenge.bytes), until: challenge.expiresAt)
        guard isFirst else { throw AuthError.challengeInvalid }
    }

    private func code(over message: [UInt8], for holder: String) -> [UInt8] { key.sign(message + Array(holder.utf8)) }
}
