import HTML
import HTTP

/// What every page shares.
enum Layout {
    static func page(_ title: String, language: Language, wide: Bool = false, scripts: [String] = [], _ content: HTML) -> Response {
        let scripts: [HTML] = scripts.map { "<script src=\"\($0)\" defer></script>" }
        let page: HTML = """
            <!doctype html>
            <html lang="\(language.rawValue)">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title) · Gatehouse</title>
            <link rel="icon" href="data:,">
            <link rel="stylesheet" href="/assets/gatehouse.css">
            \(scripts)
            </head>
            <body>
            <main class="\(wide ? "wide" : "narrow")">
            \(content)
            </main>
            </body>
            </html>

            """
        return Response(contentType: "text/html; charset=utf-8", body: Array(page.text.utf8))
            .header("Cache-Control", "no-store")
    }

    /// Links to the same page in the other languages.
    static func languages(_ current: Language, path: String, query: String) -> HTML {
        let links: [HTML] = Language.allCases.filter { $0 != current }.map { language in
            "<a href=\"\(path)?\(query)lang=\(language.rawValue)\" lang=\"\(language.rawValue)\" hreflang=\"\(language.rawValue)\">\(language.name)</a>"
        }
        return "<nav class=\"languages\" aria-label=\"\(Phrase("Language", "Язык").in(current))\">\(links)</nav>"
    }
}
