import Ground
import HTML
import HTTP
import Services

/// Pages that need nobody signed in, and the files that belong to pages.
enum PageHandler {
    static let home = Operation(page: "home", "The first page") { call in
        let language = Language(of: call.request)
        let isNew = try await call.services.firstStart.isOpen()
        let waiting: HTML? = isNew ? """
            <p class="alert">\(Phrase(
                "There is no administrator yet. Open the link that the server printed when it started.",
                "Администратора ещё нет. Откройте ссылку, которую сервер напечатал при запуске.").in(language))</p>
            """ : nil
        return Layout.page(
            Phrase("Sign-in server", "Сервер входа").in(language), language: language,
            """
            \(Layout.languages(language, path: "/", query: ""))
            <h1>Gatehouse</h1>
            <p>\(Phrase(
                "This server signs people in for the programs that trust it.",
                "Этот сервер проверяет личность людей для программ, которые ему доверяют.").in(language))</p>
            \(waiting)
            <p><a href="/api/docs">\(Phrase("Documentation of the interface", "Документация интерфейса").in(language))</a></p>
            """)
    }

    static let openAPI = Operation(
        "openapi", "This document",
        answers: AnswerDescription(
            status: .ok, contentType: "application/json", summary: "OpenAPI 3.1.", schemaName: nil,
            schema: ["type": "object"], example: ["openapi": "3.1.0"])
    ) { call in
        Response.json(OpenAPI(call.application).document.utf8).header("Cache-Control", "public, max-age=300")
    }

    static let docs = Operation(page: "docs", "The documentation of the interface") { call in
        DocumentationPage.page(call.application)
    }

    static let styles = file("styles", PackageResources.gatehouse_css, "text/css; charset=utf-8")
    static let docsScript = file("docsScript", PackageResources.docs_js, "text/javascript; charset=utf-8")
    static let linkScript = file("linkScript", PackageResources.link_js, "text/javascript; charset=utf-8")
    static let fieldsScript = file("fieldsScript", PackageResources.fields_js, "text/javascript; charset=utf-8")

    private static func file(_ id: String, _ bytes: [UInt8], _ contentType: String) -> Operation {
        Operation(id, "A file of the pages", answers: .asset(contentType)) { _ in
            Response(contentType: contentType, body: bytes).header("Cache-Control", "public, max-age=3600")
        }
    }
}
