import SQL

/// The steps of the schema, in `Migrations/`, built into the executable. SwiftPM names them with `_` for the first digit.
enum Schema {
    static let migrations = [
        Migration(number: 1, name: "sign_in", script: text(PackageResources._001_sign_in_sql)),
        Migration(number: 2, name: "nodes", oldestProgram: 1, script: text(PackageResources._002_nodes_sql)),
        Migration(
            number: 3, name: "administration", oldestProgram: 1,
            script: text(PackageResources._003_administration_sql)),
        Migration(
            number: 4, name: "audit_chain", oldestProgram: 1, script: text(PackageResources._004_audit_chain_sql)),
        Migration(number: 5, name: "webhooks", oldestProgram: 1, script: text(PackageResources._005_webhooks_sql)),
        Migration(number: 6, name: "imports", oldestProgram: 1, script: text(PackageResources._006_imports_sql)),
        Migration(
            number: 7, name: "service_accounts", oldestProgram: 1,
            script: text(PackageResources._007_service_accounts_sql)),
        Migration(number: 8, name: "lists", oldestProgram: 1, script: text(PackageResources._008_lists_sql)),
        Migration(number: 9, name: "telegram", oldestProgram: 1, script: text(PackageResources._009_telegram_sql)),
        Migration(number: 10, name: "bot_talks", oldestProgram: 1, script: text(PackageResources._010_bot_talks_sql)),
        Migration(
            number: 11, name: "access_requests", oldestProgram: 1,
            script: text(PackageResources._011_access_requests_sql)),
        Migration(number: 12, name: "doors", oldestProgram: 1, script: text(PackageResources._012_doors_sql)),
        // An older program would ask nobody for a second factor: it must not start again.
        Migration(number: 13, name: "second_factor", script: text(PackageResources._013_second_factor_sql)),
        Migration(number: 14, name: "passkeys", oldestProgram: 1, script: text(PackageResources._014_passkeys_sql)),
        Migration(number: 15, name: "mail", oldestProgram: 1, script: text(PackageResources._015_mail_sql)),
        Migration(number: 16, name: "passwords", oldestProgram: 1, script: text(PackageResources._016_passwords_sql)),
        Migration(
            number: 17, name: "recovery_hold", oldestProgram: 1,
            script: text(PackageResources._017_recovery_hold_sql)),
        Migration(
            number: 18, name: "bots_that_ask", oldestProgram: 1, script: text(PackageResources._018_bots_that_ask_sql)),
        Migration(
            number: 19, name: "audit_indexes", oldestProgram: 1, script: text(PackageResources._019_audit_indexes_sql)),
        Migration(
            number: 20, name: "proof_index", oldestProgram: 1, script: text(PackageResources._020_proof_index_sql)),
        Migration(
            number: 21, name: "passkey_verification", oldestProgram: 1,
            script: text(PackageResources._021_passkey_verification_sql)),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
