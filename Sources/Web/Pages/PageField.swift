import HTML
import Services

/// A field of a form, with its label, what helps with it and what is wrong with it.
struct PageField: Sendable {
    enum Kind: String, Sendable {
        case text, email, password
    }

    /// In the form, and of the element: what faults are told of.
    let name: String
    let label: Phrase
    var value = ""
    var type = Kind.text
    /// As HTML names what the browser may fill in.
    let autocomplete: String
    var hint: Phrase?

    /// - Parameter focus: the name of the field that the page begins with.
    func html(_ faults: [FieldFault] = [], focus: String? = nil, in language: Language) -> HTML {
        let own = faults.filter { $0.field == name }
        let described = (own.isEmpty ? [] : ["\(name)-error"]) + (hint == nil ? [] : ["\(name)-hint"])
        let description: HTML? = described.isEmpty ? nil : " aria-describedby=\"\(described.joined(separator: " "))\""
        let state: HTML? = own.isEmpty ? nil : " aria-invalid=\"true\""
        let focused: HTML? = focus == name ? " autofocus" : nil
        let note: HTML? = hint.map { "<p class=\"hint\" id=\"\(name)-hint\">\($0.in(language))</p>" }
        let hidden: HTML? = own.isEmpty ? " hidden" : nil
        return """
            <div class="\(type == .password ? "field revealing" : "field")">
            <label id="\(name)-label" for="\(name)">\(label.in(language))</label>
            <input id="\(name)" name="\(name)" type="\(type.rawValue)" value="\(value)" autocomplete="\(autocomplete)" \
            required\(description)\(state)\(focused)>
            \(type == .password ? revealing(in: language) : nil)
            <p class="error" id="\(name)-error"\(hidden)>\(own.map { FaultText.text(of: $0, in: language) }.joined(separator: " "))</p>
            \(note)
            </div>
            """
    }

    /// Without a script, a button that does nothing stays away.
    private func revealing(in language: Language) -> HTML {
        """
        <button type="button" class="quiet" data-reveals="\(name)" data-hide="\(Phrase("Hide", "Скрыть").in(language))" \
        aria-describedby="\(name)-label" hidden>\(Phrase("Show", "Показать").in(language))</button>
        """
    }
}
