/// The roles that come with the system.
public enum SystemRole: String, CaseIterable, Sendable {
    case superAdmin = "SuperAdmin"
    case admin = "Admin"
    case manager = "Manager"
    case operative = "Operator"
    case collector = "Collector"
    case technician = "Technician"
    case viewer = "Viewer"

    /// What two spellings of one name share.
    public var key: String { rawValue.lowercased() }

    public var permissions: [String] {
        switch self {
        case .superAdmin: ["*"]
        case .admin:
            [
                "users:*", "sessions:*", "access_requests:*", "roles:read", "roles:grant", "permissions:check", "companies:read",
                "companies:update", "audit:read", "audit:export", "webhooks:*", "service_accounts:*",
            ]
        case .manager: ["users:read", "sessions:read", "access_requests:read", "roles:read"]
        case .operative: ["users:read"]
        case .collector, .technician: ["profile:read"]
        case .viewer: ["users:read", "roles:read", "companies:read"]
        }
    }

    public var summary: String {
        switch self {
        case .superAdmin: "May do everything, everywhere."
        case .admin: "Administers people and their access."
        case .manager: "Oversees people."
        case .operative: "Works with the list of people."
        case .collector: "Collects."
        case .technician: "Repairs."
        case .viewer: "Sees, and changes nothing."
        }
    }
}
