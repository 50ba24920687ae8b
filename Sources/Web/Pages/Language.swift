import HTTP

/// A language that the pages speak.
enum Language: String, CaseIterable, Sendable {
    case english = "en"
    case russian = "ru"

    /// What `?lang=` asks for or else the first of `Accept-Language` that is spoken here; English otherwise.
    init(of request: Request) {
        if let asked = Form(request.query ?? "")?["lang"], let language = Language(rawValue: asked) {
            self = language
            return
        }
        let wanted = (request.headers["accept-language"] ?? "").split(separator: ",").prefix(20)
        let spoken = wanted.lazy.compactMap { part -> Language? in
            Language(rawValue: String(part.drop { $0 == " " }.prefix(2)).lowercased())
        }
        self = spoken.first ?? .english
    }

    var name: String {
        switch self {
        case .english: "English"
        case .russian: "Русский"
        }
    }
}

/// A text in every language.
struct Phrase: Sendable {
    let english: String
    let russian: String

    init(_ english: String, _ russian: String) {
        self.english = english
        self.russian = russian
    }

    func `in`(_ language: Language) -> String {
        switch language {
        case .english: english
        case .russian: russian
        }
    }
}
