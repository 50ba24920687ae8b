import Ground
import Store

/// Whether a person, and the company they stand in, may go on.
enum Standing {
    /// - Throws: `.sessionEnded`, `.accountBlocked`, `.accessEnded`, `.companySuspended`.
    static func check(_ session: Session, at now: Timestamp, in repositories: Repositories) async throws {
        guard let user = try await repositories.users.find(session.userID) else { throw AuthError.sessionEnded }
        guard user.status == .active else { throw AuthError.accountBlocked }
        guard !user.hasEnded(at: now) else { throw AuthError.accessEnded }
        guard let company = session.companyID else { return }
        guard try await repositories.companies.find(company)?.status == .active else {
            throw AuthError.companySuspended
        }
    }

    /// The company among those of a person that a session may stand in. Whether others are there at all is not told.
    /// - Throws: `.notMember`, `.companySuspended`.
    static func company(_ id: UUID, among companies: [Company]) throws(AuthError) -> Company {
        guard let company = companies.first(where: { $0.id == id }) else { throw .notMember }
        guard company.status == .active else { throw .companySuspended }
        return company
    }

    /// Whether a subject may go on that was loaded, and of whose changes one would have heard.
    /// - Throws: `.accountBlocked`, `.companySuspended`.
    static func check(_ subject: Subject) throws(AuthError) {
        guard subject.person.status == .active else { throw .accountBlocked }
        guard subject.session.companyID == nil || subject.company?.status == .active else { throw .companySuspended }
    }
}
