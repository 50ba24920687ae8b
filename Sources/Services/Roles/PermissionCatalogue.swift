extension Permission {
    /// A permission that the server itself asks for.
    public struct Entry: Sendable {
        public let permission: Permission
        public let summary: String
    }

    /// Every permission that a route or a rule of the server asks for. Roles may hold others, which mean something to
    /// other services.
    public static let catalogue: [Entry] = [
        Entry(permission: "users:read", summary: "See people."),
        Entry(permission: "users:create", summary: "Create and invite people."),
        Entry(permission: "users:update", summary: "Change, block and unblock people, and force a new password."),
        Entry(permission: "users:delete", summary: "Delete people, and restore them."),
        Entry(permission: "users:erase", summary: "Erase people for good."),
        Entry(permission: "users:import", summary: "Bring people in from a file."),
        Entry(permission: "users:export", summary: "Take people out into a file, and all that is kept about one."),
        Entry(permission: "roles:read", summary: "See roles and what they permit."),
        Entry(permission: "roles:manage", summary: "Make, change and delete roles."),
        Entry(permission: "roles:grant", summary: "Grant and withdraw roles whose permissions one has."),
        Entry(permission: "permissions:check", summary: "Ask what others may do."),
        Entry(permission: "companies:read", summary: "See companies and their members."),
        Entry(permission: "companies:create", summary: "Make companies."),
        Entry(permission: "companies:update", summary: "Change a company and its members."),
        Entry(permission: "companies:suspend", summary: "Suspend companies, and let them go on."),
        Entry(permission: "companies:delete", summary: "Delete companies."),
        Entry(permission: "audit:read", summary: "Read the audit log."),
        Entry(permission: "audit:export", summary: "Take the audit log out into a file."),
        Entry(permission: "webhooks:read", summary: "See webhooks and their deliveries."),
        Entry(permission: "webhooks:manage", summary: "Make, change, test and delete webhooks."),
        Entry(permission: "service_accounts:read", summary: "See service accounts and their keys."),
        Entry(permission: "service_accounts:manage", summary: "Make, change and delete service accounts and their keys."),
        Entry(permission: "access_requests:read", summary: "See who asks for access, and whose access is to be reviewed."),
        Entry(permission: "access_requests:manage", summary: "Decide who gets access, for how long, and who keeps it."),
        Entry(permission: "telegram:manage", summary: "Make, change and delete bots. Whoever has a bot's token can sign in as anybody of Telegram through it, so it counts only where it is had everywhere."),
        Entry(permission: "app_data:*", summary: "Read and write what other services keep about people; app_data:NAME for one name."),
    ]
}
