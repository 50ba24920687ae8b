/// What is asked of each person on a list. `id` is where a text has the person's id.
enum UserListConditions {
    /// What can be told of the id alone stands first.
    /// - Parameter filter: whose people are all that come. Whether they are members of a company is not asked again; an entry
    ///   of another filter says less than what is asked here.
    static func filters(of id: String, leftBy filter: UserList.Filter?) -> String {
        // The casts tell PostgreSQL a type before the first use does.
        let member = """
            CAST($5 AS uuid) IS NULL
                OR (SELECT 1 FROM memberships m WHERE m.user_id = \(id) AND m.company_id = $5) = 1
            """
        let holder = """
            CAST($6 AS uuid) IS NULL OR (SELECT 1 FROM user_roles g WHERE g.user_id = \(id) AND g.role_id = $6
                AND (g.company_id = $5 OR $5 IS NULL) AND \(hasNotEnded("g")) LIMIT 1) = 1
            """
        return (filter == .company ? "" : that(member)) + that(holder)
            + that("(u.status = $4 OR $4 IS NULL) AND ((u.deleted_at IS NULL) = ($9 = 0))")
            + that("COALESCE(u.last_login_at, 0) >= $7 AND COALESCE(u.last_login_at, 0) < $8")
    }

    /// A role that has ended counts for nothing.
    static func hasNotEnded(_ grant: String) -> String { "(\(grant).expires_at > $10 OR \(grant).expires_at IS NULL)" }

    /// The first word of the person `u` that begins as the first that is looked for.
    static let firstWord = "(SELECT min(o.word) FROM user_words o WHERE o.user_id = u.id AND o.word >= $11 AND o.word < $12)"

    /// Whoever has several words that fit is shown at the first of them.
    static func isFirst(_ word: String, of id: String) -> String {
        that("(SELECT 1 FROM user_words o WHERE o.user_id = \(id) AND o.word >= $11 AND o.word < \(word) LIMIT 1) IS NULL")
    }

    /// Every word that is looked for must be there.
    static func words(of id: String) -> String {
        (0..<UserListRepository.mostWords).map { number in
            let (from, to) = ("$\(11 + number * 2)", "$\(12 + number * 2)")
            return that(
                """
                \(from) = '' OR (SELECT 1 FROM user_words o WHERE o.user_id = \(id)
                    AND o.word >= \(from) AND o.word < \(to) LIMIT 1) = 1
                """)
        }.joined()
    }

    /// The same condition, and no planner can tell what it looks at. PostgreSQL believes that nearly everybody meets one
    /// of this form, and so walks along the order until the page is full; of the plain ones it believes that hardly
    /// anybody does, and would sort all instead. SQLite takes no index for it that has another order.
    private static func that(_ condition: String) -> String { " AND (CASE WHEN \(condition) THEN 1 END) IS NOT NULL" }
}
