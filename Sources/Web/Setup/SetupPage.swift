import Ground
import HTML
import HTTP
import Services

/// The first-start pages.
enum SetupPage {
    /// What was entered, kept when something must be mended; never the password.
    struct Entries: Sendable {
        var token = ""
        var name = ""
        var email = ""
    }

    private static let title = Phrase("Set up Gatehouse", "Настройка Gatehouse")

    static func form(_ entries: Entries, faults: [FieldFault] = [], language: Language) -> Response {
        let hint = Phrase(
            "At least 8 characters. A few unrelated words make a good password.",
            "Не менее 8 символов. Хороший пароль — несколько не связанных между собой слов.")
        let fields = [
            PageField(name: "name", label: Phrase("Name", "Имя"), value: entries.name, autocomplete: "name"),
            PageField(
                name: "email", label: Phrase("E-mail", "Электронная почта"), value: entries.email, type: .email,
                autocomplete: "username"),
            PageField(
                name: "password", label: Phrase("Password", "Пароль"), type: .password, autocomplete: "new-password", hint: hint),
        ]
        let summary: HTML? = faults.isEmpty ? nil : """
            <p class="alert" role="alert">\(Phrase("Please check the fields below.", "Проверьте поля ниже.").in(language))</p>
            """
        let content: HTML = """
            \(Layout.languages(language, path: "/setup", query: "token=\(PercentCoding.encode(entries.token))&"))
            <h1>\(title.in(language))</h1>
            <p>\(Phrase(
                "Create the first administrator. This link works once, for a day.",
                "Создайте первого администратора. Ссылка действует один раз, в течение суток.").in(language))</p>
            \(summary)
            <form method="post" action="/setup?lang=\(language.rawValue)" novalidate>
            <input type="hidden" name="token" value="\(entries.token)">
            \(fields.map { $0.html(faults, focus: faults.first?.field ?? "name", in: language) })
            <button type="submit">\(Phrase("Create administrator", "Создать администратора").in(language))</button>
            </form>
            """
        // Those who hear the page hear its title first (WCAG 2.2, technique G199).
        let mark = faults.isEmpty ? "" : Phrase("Error: ", "Ошибка: ").in(language)
        var response = Layout.page(mark + title.in(language), language: language, scripts: ["/assets/fields.js"], content)
        if !faults.isEmpty { response.status = .badRequest }
        return response
    }

    static func closed(_ language: Language) -> Response {
        let heading = Phrase("This link is not valid", "Ссылка недействительна")
        var response = Layout.page(
            heading.in(language), language: language,
            """
            \(Layout.languages(language, path: "/setup", query: ""))
            <h1>\(heading.in(language))</h1>
            <p>\(Phrase(
                "It has been used, has expired, or is incomplete. While there is no administrator, each start of the server prints a new link; the command below works at any time.",
                "Она уже использована, истекла или скопирована не полностью. Пока администратора нет, сервер при каждом запуске печатает новую ссылку; команда ниже работает всегда.").in(language))</p>
            <pre><code>gatehouse admin create --email you@example.com --name "You" --password-stdin</code></pre>
            """)
        response.status = .notFound
        return response
    }

    static func done(email: String, publicURL: String, _ language: Language) -> Response {
        let heading = Phrase("Gatehouse is ready", "Gatehouse готов к работе")
        return Layout.page(
            heading.in(language), language: language,
            """
            \(Layout.languages(language, path: "/setup", query: ""))
            <h1>\(heading.in(language))</h1>
            <p>\(Phrase(
                "The administrator has been created. Sign in with it:",
                "Администратор создан. Войдите под его именем:").in(language))</p>
            <pre><code>curl \(publicURL)/auth/login --json '{"email": "\(email)", "password": "…"}'</code></pre>
            <p><a href="/api/docs">\(Phrase("Read the documentation", "Читать документацию").in(language))</a></p>
            """)
    }
}
