import Ground
import HTTP
import Services
import Store

/// From where a person, or whoever has a role, may come.
enum AddressListHandler {
    private static let detail = """
        Checked at sign-in, at refresh and at each request: the person's own list, and that of every role they have in the \
        place where they stand, must let them in. With `dry_run` nothing changes, and the answer tells whether the caller \
        could go on from where they are. Without it a list that would shut the caller out is refused, unless `force` is set.
        """

    static let ofUser = Operation(
        "updateUserAddressList", "Sets from where a person may come", detail: detail, takes: AddressListInput.self,
        answers: .json(AddressListAnswer.self, "What holds now, or would hold."), problems: [.notFound, .wouldShutYouOut]
    ) { input, call in
        let outcome = try await call.services.addressRules.set(
            input.change, ofUser: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(AddressListAnswer(outcome: outcome))
    }

    static let ofRole = Operation(
        "updateRoleAddressList", "Sets from where those who have a role may come", detail: detail,
        takes: AddressListInput.self, answers: .json(AddressListAnswer.self, "What holds now, or would hold."),
        problems: [.notFound, .wouldShutYouOut]
    ) { input, call in
        let outcome = try await call.services.addressRules.set(
            input.change, ofRole: try call.request.uuid(), by: try call.caller, from: call.client)
        return .answer(AddressListAnswer(outcome: outcome))
    }
}

struct AddressListInput: Input {
    static let isEnabled = Field<Bool>.flag("ip_whitelist_enabled", example: true, "Whether the list holds.")
    static let addresses = Field<[String]>.list(
        "allowed_ips", atMost: 200, of: block, "IPv4 and IPv6 addresses, and blocks of them (CIDR)."
    ).optional
    static let countries = Field<[String]>.list(
        "allowed_countries", atMost: 250, of: country, "Countries (ISO 3166-1 alpha-2); needs a database of countries."
    ).optional
    static let isDryRun = Field<Bool>.flag("dry_run", example: false, "Whether only to tell what would happen.").optional
    static let isForced = Field<Bool>.flag("force", example: false, "Whether one may shut oneself out.").optional
    static let fields: [any AnyField] = [isEnabled, addresses, countries, isDryRun, isForced]

    private static let block = Field<String>(
        "", schema: [.init("type", "string"), .init("maxLength", 49)], example: "192.0.2.0/24", ""
    ) { value in
        guard let text = value.string, let block = AddressBlock(text) else {
            return .failure(.init("not_an_address", "This must be an address, or a block such as 192.0.2.0/24."))
        }
        return .success(block.isSingleAddress ? text : block.description)
    }

    private static let country = Field<String>(
        "", schema: [.init("type", "string"), .init("pattern", "^[A-Z]{2}$")], example: "DE", ""
    ) { value in
        guard let text = value.string, text.utf8.count == 2, text.utf8.allSatisfy({ (65...90).contains($0) }) else {
            return .failure(.init("not_a_country", "This must be two capital letters, such as DE."))
        }
        return .success(text)
    }

    let change: AddressRuleService.Change

    init(_ values: InputValues) throws(AuthError) {
        let rule = AddressRule(
            isEnabled: try values[Self.isEnabled], addresses: try values[optional: Self.addresses] ?? [],
            countries: try values[optional: Self.countries] ?? [])
        change = AddressRuleService.Change(
            rule: rule, isDryRun: try values[optional: Self.isDryRun] ?? false,
            isForced: try values[optional: Self.isForced] ?? false)
    }
}

struct AddressListAnswer: ValueAnswer {
    let outcome: AddressRuleOutcome

    static let schemaName = "AddressList"
    static let schema: JSON = [
        "type": "object",
        "required": [
            "ip_whitelist_enabled", "allowed_ips", "allowed_countries", "dry_run", "your_address", "your_address_allowed",
        ],
        "properties": [
            "ip_whitelist_enabled": ["type": "boolean"],
            "allowed_ips": ["type": "array", "items": ["type": "string"]],
            "allowed_countries": ["type": "array", "items": ["type": "string"]],
            "dry_run": ["type": "boolean"], "your_address": ["type": "string"],
            "your_address_allowed": ["type": "boolean", "description": "Whether the caller can go on from there."],
        ],
    ]
    static let example: JSON = [
        "ip_whitelist_enabled": true, "allowed_ips": ["192.0.2.0/24"], "allowed_countries": [], "dry_run": false,
        "your_address": "192.0.2.7", "your_address_allowed": true,
    ]

    var json: JSON {
        [
            "ip_whitelist_enabled": .bool(outcome.rule.isEnabled), "allowed_ips": JSON(outcome.rule.addresses),
            "allowed_countries": JSON(outcome.rule.countries), "dry_run": .bool(outcome.isDryRun),
            "your_address": .string(outcome.address.description), "your_address_allowed": .bool(outcome.admitsCaller),
        ]
    }
}
