// swift-tools-version: 6.1
import PackageDescription

// An asynchronous function stays where its caller runs, instead of asking at each call whether to move. Swift 6.1
// does not know this: there the same code runs, and asks.
#if compiler(>=6.2)
    let cheapCalls: [SwiftSetting] = [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]
#else
    let cheapCalls: [SwiftSetting] = []
#endif

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .unsafeFlags(["-warnings-as-errors"]),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    .enableUpcomingFeature("ExistentialAny"),
    // Regular expressions are used nowhere, and their two libraries take a megabyte from the start.
    .unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"]),
] + cheapCalls

/// A library of the distribution, found through pkg-config where it ships a .pc file.
func system(_ name: String, pkgConfig: String?, apt: String, brew: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/CLibraries/\(name)", pkgConfig: pkgConfig,
        providers: [.apt([apt]), .brew([brew])])
}

/// One floor of the house. A target imports only what stands here (docs/architecture.md).
func floor(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "gatehouse",
    products: [.executable(name: "gatehouse", targets: ["gatehouse"])],
    targets: [
        system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev", brew: "sqlite"),
        system("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev", brew: "openssl@3"),
        system("CSSL", pkgConfig: "libssl", apt: "libssl-dev", brew: "openssl@3"),
        system("CSodium", pkgConfig: "libsodium", apt: "libsodium-dev", brew: "libsodium"),
        system("CCrypt", pkgConfig: "libcrypt", apt: "libcrypt-dev", brew: "libxcrypt"),
        system("CZxcvbn", pkgConfig: nil, apt: "libzxcvbn-dev", brew: "zxcvbn-c"),
        system("CIdn2", pkgConfig: "libidn2", apt: "libidn2-dev", brew: "libidn2"),
        system("CUnistring", pkgConfig: nil, apt: "libunistring-dev", brew: "libunistring"),
        .target(name: "CSystem", path: "Sources/CLibraries/CSystem"),
        .target(name: "CHashMemory", path: "Sources/CLibraries/CHashMemory"),
        .target(name: "CPostgreSQL", path: "Sources/CLibraries/CPostgreSQL"),
        .target(name: "CCurl", dependencies: ["CSystem"], path: "Sources/CLibraries/CCurl"),
        .target(name: "CMaxMind", dependencies: ["CSystem"], path: "Sources/CLibraries/CMaxMind"),
        .target(name: "CQRencode", dependencies: ["CSystem"], path: "Sources/CLibraries/CQRencode"),
        .target(
            name: "CCommonPasswords", path: "Sources/CLibraries/CCommonPasswords",
            exclude: ["common-passwords.txt", "LICENSE"]),

        floor("Ground", ["CSystem"]),
        floor("HTTP", ["Ground", "CSystem"]),
        floor("SQL", ["Ground", "CSQLite", "CPostgreSQL"]),
        floor("KeyValue", ["Ground", "CSystem", "CSSL"]),
        floor("JOSE", ["Ground", "COpenSSL", "CSodium"]),
        floor(
            "Credentials",
            [
                "Ground", "COpenSSL", "CSodium", "CHashMemory", "CCrypt", "CZxcvbn", "CIdn2", "CUnistring",
                "CCommonPasswords",
            ]),
        floor("WebAuthn", ["Ground", "Credentials", "COpenSSL"]),
        floor("HTML", []),
        floor("Outgoing", ["Ground", "CCurl"]),
        floor("Countries", ["Ground", "CMaxMind"]),
        floor("QRCode", ["CQRencode"]),
        floor(
            "Store", ["Ground", "SQL", "KeyValue"],
            resources: [.embedInCode("Migrations")]),
        floor(
            "Services", ["Ground", "Store", "SQL", "KeyValue", "JOSE", "Credentials", "WebAuthn", "Outgoing", "Countries"],
            resources: [.embedInCode("Mail/Templates")]),
        floor(
            "Web", ["Ground", "HTTP", "Services", "HTML", "QRCode"],
            resources: [.embedInCode("Assets")]),
        .executableTarget(
            name: "gatehouse",
            dependencies: ["Ground", "HTTP", "SQL", "KeyValue", "JOSE", "Credentials", "Store", "Services", "Web"],
            swiftSettings: strict),
        .testTarget(
            name: "GatehouseTests",
            dependencies: [
                "Ground", "HTTP", "SQL", "KeyValue", "JOSE", "Credentials", "WebAuthn", "HTML", "Outgoing", "Countries", "QRCode", "Store",
                "Services", "Web",
            ],
            // What tests do themselves takes no time; to optimise it takes minutes.
            swiftSettings: strict + [.unsafeFlags(["-Onone"])]),
    ]
)
