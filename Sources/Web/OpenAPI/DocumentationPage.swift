import Ground
import HTML
import HTTP
import Services

/// The document of the interface as a page: readable without scripts, and with them each request can be tried.
enum DocumentationPage {
    static func page(_ application: Application) -> Response {
        let endpoints = application.endpoints.filter(\.operation.isPartOfInterface)
        var tags: [String] = []
        for endpoint in endpoints where !tags.contains(endpoint.tag) { tags.append(endpoint.tag) }
        let sections: [HTML] = tags.map { tag in
            """
            <section aria-labelledby="\(anchor(tag))">
            <h2 id="\(anchor(tag))">\(tag)</h2>
            \(endpoints.filter { $0.tag == tag }.map(operation))
            </section>
            """
        }
        let contents: [HTML] = tags.map { "<li><a href=\"#\(anchor($0))\">\($0)</a></li>" }
        return Layout.page(
            "API", language: .english, wide: true, scripts: ["/assets/docs.js"],
            """
            <h1>Gatehouse API <small>\(application.version)</small></h1>
            <p>Bodies are JSON with <code>snake_case</code> names. Errors are
            <a href="https://www.rfc-editor.org/rfc/rfc9457">problem details</a> with a stable <code>code</code>.
            The same as a document for machines: <a href="/api/openapi.json">openapi.json</a>.</p>
            <div class="field token" hidden>
            <label for="token">Access token for requests made from this page</label>
            <input id="token" type="text" autocomplete="off" spellcheck="false">
            </div>
            <nav aria-label="Contents"><ul class="contents">\(contents)<li><a href="#errors">Errors</a></li></ul></nav>
            \(sections)
            \(errors)
            """)
    }

    private static func anchor(_ tag: String) -> String {
        String(tag.lowercased().map { $0 == " " ? "-" : $0 })
    }

    private static func operation(_ endpoint: Endpoint) -> HTML {
        let operation = endpoint.operation
        let detail: HTML? = operation.detail.isEmpty ? nil : "<p>\(operation.detail)</p>"
        let codes: [HTML] = endpoint.problems.map { code in
            "<li><a href=\"#\(code.rawValue)\"><code>\(code.rawValue)</code></a> <span class=\"quiet\">\(code.status.code)</span></li>"
        }
        let example: HTML? = operation.answer.example == .null ? nil : """
            <pre><code>\(JSONLayout.text(operation.answer.example))</code></pre>
            """
        return """
            <details class="operation" id="\(operation.id)">
            <summary><span class="method">\(endpoint.method.description)</span>
            <code>\(OpenAPI.path(endpoint))</code> <span>\(operation.summary)</span></summary>
            \(detail)
            <p class="quiet">\(access(endpoint.access))</p>
            \(query(operation))
            \(fields(operation))
            <h3>Answer \(operation.answer.status.code)</h3>
            <p>\(operation.answer.summary)</p>
            \(example)
            <h3>Errors</h3>
            <ul class="codes">\(codes)</ul>
            \(trial(endpoint))
            </details>
            """
    }

    private static func access(_ access: Guard) -> String {
        switch access {
        case .anyone: "For anybody."
        case .refreshToken, .renewal: "For whoever holds a refresh token, in the body or in the refreshToken cookie."
        case .signedIn: "For whoever is signed in: Authorization: Bearer, with an access token."
        case .tokenInBody: "For whoever has an access token, which comes in the body."
        case .may(let permission): "For whoever is signed in and has the permission \(permission)."
        case .service: "For service accounts with a key that has the scope."
        case .signedInOrService: "For whoever is signed in, and for service accounts."
        case .machine: "For programs with METRICS_TOKEN; without one, for programs on the same machine."
        }
    }

    private static func query(_ operation: Operation) -> HTML? {
        guard !operation.query.isEmpty else { return nil }
        let rows: [HTML] = operation.query.map { field in
            "<tr><th scope=\"row\"><code>\(field.name)</code></th><td>\(field.summary)</td></tr>"
        }
        return """
            <h3>Query</h3>
            <div class="scroll"><table><thead><tr><th scope="col">Name</th>
            <th scope="col">What it is</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private static func fields(_ operation: Operation) -> HTML? {
        guard !operation.fields.isEmpty else { return nil }
        let rows: [HTML] = operation.fields.map { field in
            """
            <tr><th scope="row"><code>\(field.name)</code></th>
            <td>\(field.isRequired ? "required" : "optional")</td><td>\(field.summary)</td></tr>
            """
        }
        return """
            <h3>Body</h3>
            <div class="scroll"><table><thead><tr><th scope="col">Field</th><th scope="col">Needed</th>
            <th scope="col">What it is</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private static func trial(_ endpoint: Endpoint) -> HTML {
        let operation = endpoint.operation
        let example = JSON.object(operation.fields.filter(\.isRequired).map { .init($0.name, $0.example) })
        let body: HTML? = operation.fields.isEmpty ? nil : """
            <div class="field"><label for="\(operation.id)-body">Body</label>
            <textarea id="\(operation.id)-body" name="body" rows="6" spellcheck="false">\(JSONLayout.text(example))</textarea></div>
            """
        let ids: [HTML] = OpenAPI.ids(in: endpoint).map { name in
            """
            <div class="field"><label for="\(operation.id)-\(name)">\(name)</label>
            <input id="\(operation.id)-\(name)" name="\(name)" type="text" autocomplete="off" spellcheck="false"></div>
            """
        }
        let query: HTML? = operation.query.isEmpty ? nil : """
            <div class="field"><label for="\(operation.id)-query">Query</label>
            <input id="\(operation.id)-query" name="query" type="text" autocomplete="off" spellcheck="false"></div>
            """
        return """
            <form class="trial" data-method="\(endpoint.method.description)" data-path="\(OpenAPI.path(endpoint))" hidden>
            \(ids)
            \(query)
            \(body)
            <button type="submit">Try it</button>
            <pre class="result" role="status" aria-live="polite" hidden></pre>
            </form>
            """
    }

    private static var errors: HTML {
        let rows: [HTML] = ProblemCode.allCases.map { code in
            """
            <tr id="\(code.rawValue)"><th scope="row"><code>\(code.rawValue)</code></th>
            <td>\(code.status.code)</td><td>\(code.title)</td></tr>
            """
        }
        return """
            <section aria-labelledby="errors">
            <h2 id="errors">Errors</h2>
            <div class="scroll"><table><thead><tr><th scope="col">Code</th><th scope="col">Status</th>
            <th scope="col">What it says</th></tr></thead><tbody>\(rows)</tbody></table></div>
            </section>
            """
    }
}

/// JSON laid out for people.
enum JSONLayout {
    static func text(_ value: JSON) -> String { text(value, indent: "") }

    private static func text(_ value: JSON, indent: String) -> String {
        let inner = indent + "  "
        switch value {
        case .object(let members) where !members.isEmpty:
            let lines = members.map { "\(inner)\(JSON.string($0.name).text): \(text($0.value, indent: inner))" }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        case .array(let items) where items.contains { $0.members != nil }:
            let lines = items.map { inner + text($0, indent: inner) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(indent)]"
        default: return value.text
        }
    }
}
