import Credentials
import Ground
import Store

/// A person, with all that an administrator sees of them.
public struct PersonDetail: Sendable {
    public let person: Person
    public let user: User
    public let companies: [Company]
    public let grants: [GrantedRole]
    /// Who they are to Telegram; nil where that is not known.
    public let telegram: TelegramIdentity?
}

/// A person whom an administrator creates.
public struct NewUser: Sendable {
    public let name: String
    public let email: EmailAddress
    public let phone: String?
    /// nil: one is made.
    public let password: String?
    /// Names of roles, granted for the company, or everywhere where there is none.
    public let roles: [String]
    public let company: UUID?

    public init(name: String, email: EmailAddress, phone: String?, password: String?, roles: [String], company: UUID?) {
        self.name = name
        self.email = email
        self.phone = phone
        self.password = password
        self.roles = roles
        self.company = company
    }
}

/// What is changed of a person; nil leaves it as it is.
public struct UserChange: Sendable {
    public var profile: ProfileChange
    public var email: EmailAddress?
    public var status: User.Status?

    public init(profile: ProfileChange, email: EmailAddress? = nil, status: User.Status? = nil) {
        self.profile = profile
        self.email = email
        self.status = status
    }
}
