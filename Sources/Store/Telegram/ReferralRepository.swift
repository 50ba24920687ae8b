import Ground
import SQL

/// Codes by which people bring others in, and who brought whom.
public struct ReferralRepository: Sendable {
    let sql: any StatementRunner

    private static let codeOf = Statement("SELECT code FROM referral_codes WHERE user_id = $1")

    public func code(of user: UUID) async throws(DatabaseError) -> String? {
        try await sql.run(Self.codeOf, [user.sqlValue]).value()
    }

    private static let insertCode = Statement(
        "INSERT INTO referral_codes (user_id, code) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING")

    /// Gives the person this code, unless they have one.
    /// - Throws: `.duplicate("referral_codes.code")` where somebody else has it.
    public func give(_ code: String, to user: UUID) async throws(DatabaseError) {
        try await sql.run(Self.insertCode, [user.sqlValue, code.sqlValue])
    }

    private static let ownerOf = Statement(
        """
        SELECT c.user_id FROM referral_codes c JOIN users u ON u.id = c.user_id
        WHERE c.code = $1 AND u.deleted_at IS NULL
        """)

    /// Whose code it is.
    public func owner(of code: String) async throws(DatabaseError) -> UUID? {
        try await sql.run(Self.ownerOf, [code.sqlValue]).value()
    }

    private static let insertReferral = Statement(
        """
        INSERT INTO referrals (user_id, inviter_id, created_at) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO NOTHING
        """)

    /// Notes who brought the person in; what is known of that already stays.
    public func note(_ user: UUID, broughtBy inviter: UUID, at now: Timestamp) async throws(DatabaseError) {
        try await sql.run(Self.insertReferral, [user.sqlValue, inviter.sqlValue, now.sqlValue])
    }

    private static let inviterOf = Statement("SELECT inviter_id FROM referrals WHERE user_id = $1")

    public func inviter(of user: UUID) async throws(DatabaseError) -> UUID? {
        try await sql.run(Self.inviterOf, [user.sqlValue]).value()
    }

    private static let countOf = Statement("SELECT count(*) FROM referrals WHERE inviter_id = $1")

    /// How many the person has brought in.
    public func count(broughtBy user: UUID) async throws(DatabaseError) -> Int {
        try await sql.run(Self.countOf, [user.sqlValue]).value() ?? 0
    }
}
