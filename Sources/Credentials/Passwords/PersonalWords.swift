/// The words of what is known about a person.
struct PersonalWords {
    /// Lower case, three letters or more, longest first.
    let words: [String]

    /// Splits at everything that is neither letter nor digit. Bounded, so that long names cost little.
    init(_ texts: [String]) {
        let pieces = texts.prefix(8).flatMap { text in
            String(text.prefix(255)).lowercased().unicodeScalars.split {
                !$0.properties.isAlphabetic && $0.properties.generalCategory != .decimalNumber
            }
        }
        words = Set(pieces.lazy.map { String($0) }.filter { $0.unicodeScalars.count >= 3 })
            .sorted { ($1.unicodeScalars.count, $0) < ($0.unicodeScalars.count, $1) }.prefix(32).map { $0 }
    }

    /// How many characters are left of the password when every word is taken out of it; nil where none occurs.
    func rest(of password: String) -> Int? {
        let whole = Array(password.lowercased().unicodeScalars)
        var rest = whole
        for word in words { Self.remove(Array(word.unicodeScalars), from: &rest) }
        return rest.count < whole.count ? rest.count : nil
    }

    private static func remove(_ word: [Unicode.Scalar], from text: inout [Unicode.Scalar]) {
        var start = 0
        while start + word.count <= text.count {
            if text[start..<start + word.count].elementsEqual(word) {
                text.removeSubrange(start..<start + word.count)
            } else {
                start += 1
            }
        }
    }
}
