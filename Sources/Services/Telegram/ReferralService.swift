import Ground
import Store

/// Who brought whom. A code tells who made a link, and is never a right.
public struct ReferralService: Sendable {
    /// Crockford's, which has no letters that look like digits.
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let length = 10
    private static let attempts = 3

    let store: DataStore
    let random: RandomSource

    /// The person's code; made when it is first asked for.
    public func code(of user: UUID) async throws(AuthError) -> String {
        do {
            for _ in 0..<Self.attempts {
                if let code = try await store.reading.referrals.code(of: user) { return code }
                let code = String(decoding: random.bytes(Self.length).map { Self.alphabet[Int($0 & 31)] }, as: UTF8.self)
                try await store.writing.referrals.give(code, to: user)
            }
            guard let code = try await store.reading.referrals.code(of: user) else {
                throw AuthError.unavailable(because: "no code for a referral was free")
            }
            return code
        } catch { throw .from(error) }
    }

    /// How many people the person has brought in.
    public func count(broughtBy user: UUID) async throws(AuthError) -> Int {
        do { return try await store.reading.referrals.count(broughtBy: user) } catch { throw .from(error) }
    }

    /// Notes who brought a new person in, if the code is somebody else's.
    func note(_ user: UUID, broughtBy code: String, at now: Timestamp, in repositories: Repositories) async throws {
        guard let owner = try await repositories.referrals.owner(of: Self.plain(code)), owner != user else { return }
        try await repositories.referrals.note(user, broughtBy: owner, at: now)
    }

    /// Links may carry it as `ref_CODE`, and people write it in small letters.
    private static func plain(_ code: String) -> String {
        let upper = code.uppercased()
        return upper.hasPrefix("REF_") ? String(upper.dropFirst(4)) : upper
    }
}
