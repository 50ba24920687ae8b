import Store

/// Whether a person, and the company they stand in, may go on.
enum Standing {
    /// - Throws: `.sessionEnded`, `.accountBlocked`, `.companySuspended`.
    static func check(_ session: Session, in repositories: Repositories) async throws {
        guard let user = try await repositories.users.find(session.userID) else { throw AuthError.sessionEnded }
        guard user.status == .active else { throw AuthError.accountBlocked }
        guard let company = session.companyID else { return }
        guard try await repositories.companies.find(company)?.status == .active else {
            throw AuthError.companySuspended
        }
    }

    /// The same for a subject that was loaded, and of whose changes one would have heard.
    /// - Throws: `.accountBlocked`, `.companySuspended`.
    static func check(_ subject: Subject) throws(AuthError) {
        guard subject.person.status == .active else { throw .accountBlocked }
        guard subject.session.companyID == nil || subject.company?.status == .active else { throw .companySuspended }
    }
}
