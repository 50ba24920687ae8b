import Ground
import Store

/// Where somebody may come from: every rule that is switched on must let them in.
///
/// What cannot be read lets nobody in, and so does a country that is not known.
struct AddressGate: Sendable {
    private struct Rule {
        let blocks: [AddressBlock]
        let countries: Set<String>
    }

    /// Finds the country of an address (ISO 3166-1 alpha-2); nil where it is not known.
    typealias Countries = @Sendable (IPAddress) -> String?

    private let rules: [Rule]
    private let country: Countries

    init(_ rules: [AddressRule], country: @escaping Countries) {
        self.rules = rules.filter(\.isEnabled).map { rule in
            Rule(blocks: rule.addresses.compactMap { AddressBlock($0) }, countries: Set(rule.countries))
        }
        self.country = country
    }

    /// That of a person: their own, and those of the roles they have there.
    init(user: User, grants: [Grant], in company: UUID?, country: @escaping Countries) {
        let roles = grants.filter { $0.company == nil || $0.company == company }.map(\.rule)
        self.init([user.rule] + roles, country: country)
    }

    func admits(_ address: IPAddress) -> Bool {
        guard !rules.isEmpty else { return true }
        return rules.allSatisfy { rule in
            if rule.blocks.contains(where: { $0.contains(address) }) { return true }
            return !rule.countries.isEmpty && country(address).map(rule.countries.contains) == true
        }
    }
}
