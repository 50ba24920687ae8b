import Ground
import Store

/// Telling administrators whose access is to be looked at.
extension AccessService {
    /// So many fall due at once that each is asked about by itself; of more the list is told.
    private static let mostCards = 10

    /// Tells those who may decide whose access falls due for a review, once for each time. For every minute.
    public func tellOfReviews() async throws(AuthError) {
        guard let every = settings.reviewEvery else { return }
        let end = clock.now - every
        do {
            let start = try await store.reading.access.toldOfReviewsUntil()
            // Nobody falls due while the setting has just been lengthened.
            guard start < end, try await leases.take("access-reviews") != nil else { return }
            let bots = try await bots.all()
            try await store.transaction { repositories in
                guard try await repositories.access.noteToldOfReviews(from: start, until: end) else { return }
                let due = try await repositories.access.given(after: start, until: end, limit: Self.mostCards + 1)
                guard !due.isEmpty else { return }
                guard due.count <= Self.mostCards else {
                    let companies = try await repositories.access.companiesOfGiven(after: start, until: end)
                    try await mail.tell(ofReviewsIn: companies, through: bots, in: repositories)
                    return try await write(ofReviewsIn: companies, in: repositories)
                }
                for user in due { try await mail.ask(about: user, through: bots, in: repositories) }
                try await write(about: due, in: repositories)
            }
        } catch { throw .from(error) }
    }

    /// Writes on the cards of all who were asked about the person.
    func closeReview(of id: UUID, confirmed: Bool, by token: AccessToken, in repositories: Repositories) async throws {
        guard let user = try await repositories.users.find(id) else { return }
        let decider = try await repositories.users.find(token.userID)?.name ?? "?"
        try await mail.close(reviewOf: user, confirmed: confirmed, by: decider, in: repositories)
    }

    // MARK: By mail

    /// One mail for each who may decide, with all whom they may decide about.
    private func write(about due: [User], in repositories: Repositories) async throws {
        guard mailBox.isOpen else { return }
        var letters: [UUID: (reader: User, names: [String])] = [:]
        for user in due {
            for reader in try await mailReaders(of: user, in: repositories) where reader.id != user.id {
                letters[reader.id, default: (reader, [])].names.append(user.name)
            }
        }
        for (reader, names) in letters.values {
            try await post([.people: names.joined(separator: ", ")], to: reader, in: repositories)
        }
    }

    private func mailReaders(of user: User, in repositories: Repositories) async throws -> [User] {
        var readers: [User] = []
        for company in try await repositories.companies.memberships(of: user.id).map(Optional.some) + [nil] {
            let more = try await mailReaders(in: company, repositories)
            readers += more.filter { reader in !readers.contains { $0.id == reader.id } }
        }
        return readers
    }

    private func write(ofReviewsIn companies: [UUID?], in repositories: Repositories) async throws {
        guard mailBox.isOpen else { return }
        var told: Set<UUID> = []
        for company in companies {
            for reader in try await mailReaders(in: company, repositories) where told.insert(reader.id).inserted {
                try await post([:], to: reader, in: repositories)
            }
        }
    }

    private func mailReaders(in company: UUID?, _ repositories: Repositories) async throws -> [User] {
        try await repositories.access.mailReaders(
            of: AccessRequestService.managing.description, AccessMail.managingAll, in: company,
            limit: AccessMail.mostReaders, at: clock.now)
    }

    private func post(_ facts: [MailMessage.Fact: String], to reader: User, in repositories: Repositories) async throws {
        try await mailBox.post(
            MailMessage(.accessReview, facts, in: mailBox.language(of: reader)), to: reader, in: repositories)
    }
}
