import Store

/// What a user agent string tells of the device, for people to recognise their sessions by. It is never
/// trusted for anything.
enum DeviceParser {
    static func device(of userAgent: String) -> Session.Device {
        let os = firstMatch(in: userAgent, systems) ?? "Unknown"
        let browser = firstMatch(in: userAgent, browsers) ?? "Unknown"
        let type = type(of: userAgent, os: os, browser: browser)
        let name = browser == "Unknown" && os == "Unknown" ? "Unknown device" : os == "Unknown" ? browser : "\(browser) on \(os)"
        return Session.Device(type: type, name: name, os: os, browser: browser)
    }

    // Order matters: most browsers claim to be several others as well.
    private static let browsers = [
        (BotTalk.userAgent, BotTalk.userAgent), ("Telegram", "Telegram"), ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"),
        ("YaBrowser/", "Yandex Browser"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
        ("curl/", "curl"), ("Wget/", "Wget"), ("python-", "Python"), ("Python/", "Python"), ("aiohttp/", "Python"),
        ("Go-http-client", "Go"), ("okhttp/", "OkHttp"), ("PostmanRuntime/", "Postman"), ("node", "Node.js"),
    ]
    private static let systems = [
        ("Windows NT", "Windows"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Android", "Android"),
        ("CrOS", "ChromeOS"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
    ]

    private static func type(of userAgent: String, os: String, browser: String) -> String {
        if userAgent.contains("iPad") || userAgent.contains("Tablet") { return "tablet" }
        if os == "Android" { return userAgent.contains("Mobile") ? "mobile" : "tablet" }
        if os == "iOS" || userAgent.contains("Mobile") { return "mobile" }
        if userAgent.isEmpty { return "unknown" }
        return os == "Unknown" ? "program" : "desktop"
    }

    private static func firstMatch(in text: String, _ table: [(String, String)]) -> String? {
        table.first { text.contains($0.0) }?.1
    }
}
