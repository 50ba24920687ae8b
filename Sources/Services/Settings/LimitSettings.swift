import KeyValue

/// How much of what one client may ask for.
public struct LimitSettings: Sendable {
    public let signIn: Allowance?
    public let passkeyOptions: Allowance?
    public let register: Allowance?
    public let refresh: Allowance?
    public let check: Allowance?
    public let standard: Allowance?

    init(reading reader: inout SettingReader) {
        signIn = reader.allowance("RATE_LIMIT_SIGN_IN", default: "5/60", "Sign-ins, for each address and each account.")
        passkeyOptions = reader.allowance(
            "RATE_LIMIT_PASSKEY_OPTIONS", default: "60/60", "Options for showing a passkey, for each session or address.")
        register = reader.allowance("RATE_LIMIT_REGISTER", default: "3/60", "Registrations, for each address.")
        refresh = reader.allowance("RATE_LIMIT_REFRESH", default: "300/60", "Refreshes, for each session or address.")
        check = reader.allowance("RATE_LIMIT_CHECK", default: "1200/60", "Checks of a token, for each session or address.")
        standard = reader.allowance("RATE_LIMIT_DEFAULT", default: "300/60", "Everything else, for each session or address.")
    }
}
