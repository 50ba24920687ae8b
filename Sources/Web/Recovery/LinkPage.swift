import HTML
import HTTP
import Services

/// The pages that links in mails lead to. What stands behind `#` a browser keeps to itself, so a script hands it on; and it
/// does so only when a person asks: programs that look at links in mails use none up.
enum LinkPage: String, CaseIterable {
    case resetPassword = "/reset-password"
    case verifyEmail = "/verify-email"
    case changeEmail = "/change-email"
    case undoEmailChange = "/undo-email-change"
    case magicLink = "/magic-link"
    case notMe = "/not-me"

    var operation: Operation {
        Operation(page: operationID, "A page that a link in a mail leads to") { call in
            page(in: Language(of: call.request))
        }
    }

    private var operationID: String {
        "linkPage" + rawValue.split(separator: "-").map { $0.filter { $0 != "/" }.capitalized }.joined()
    }

    /// What the page hands the token to.
    private var call: String {
        switch self {
        case .resetPassword: "/auth/password-reset/confirm"
        case .verifyEmail: "/auth/email-verification/confirm"
        case .changeEmail: "/auth/email-change/confirm"
        case .undoEmailChange: "/auth/email-change/undo"
        case .magicLink: "/auth/magic-link/session"
        case .notMe: "/auth/not-me"
        }
    }

    private var title: Phrase {
        switch self {
        case .resetPassword: Phrase("Choose a new password", "Новый пароль")
        case .verifyEmail: Phrase("Confirm your e-mail address", "Подтверждение адреса")
        case .changeEmail: Phrase("Use this e-mail address", "Новый адрес электронной почты")
        case .undoEmailChange: Phrase("Take the change back", "Возврат прежнего адреса")
        case .magicLink: Phrase("Sign in", "Вход")
        case .notMe: Phrase("It was not me", "Это не я")
        }
    }

    private var explanation: Phrase {
        switch self {
        case .resetPassword:
            Phrase("All sessions of your account end when you do.", "После этого все сеансы вашей учётной записи завершатся.")
        case .verifyEmail: Phrase("Confirm that the address is yours.", "Подтвердите, что этот адрес ваш.")
        case .changeEmail:
            Phrase("Your account will have the address that this link was sent to.", "У вашей учётной записи будет адрес, на который пришла ссылка.")
        case .undoEmailChange:
            Phrase(
                "Your account gets its former address back, all its sessions end, and you choose a new password.",
                "Учётная запись получит прежний адрес, все её сеансы завершатся, и вы выберете новый пароль.")
        case .magicLink: Phrase("This link signs you in, in this browser.", "Эта ссылка выполнит вход в этом браузере.")
        case .notMe:
            Phrase(
                "All sessions of your account end, and you choose a new password.",
                "Все сеансы вашей учётной записи завершатся, и вы выберете новый пароль.")
        }
    }

    private var button: Phrase {
        switch self {
        case .resetPassword: Phrase("Set the password", "Сохранить пароль")
        case .verifyEmail, .changeEmail: Phrase("Confirm", "Подтвердить")
        case .undoEmailChange: Phrase("Take it back", "Вернуть адрес")
        case .magicLink: Phrase("Sign in", "Войти")
        case .notMe: Phrase("End all sessions", "Завершить все сеансы")
        }
    }

    private var done: Phrase {
        switch self {
        case .resetPassword: Phrase("The password is set. Sign in with it.", "Пароль сохранён. Войдите с ним.")
        case .verifyEmail: Phrase("The address is confirmed.", "Адрес подтверждён.")
        case .changeEmail: Phrase("Your account has the new address.", "У вашей учётной записи новый адрес.")
        case .undoEmailChange: Phrase("Your account has its former address.", "У вашей учётной записи снова прежний адрес.")
        case .magicLink: Phrase("You are signed in.", "Вход выполнен.")
        case .notMe: Phrase("All sessions have ended.", "Все сеансы завершены.")
        }
    }

    private func page(in language: Language) -> Response {
        let more = Phrase(
            "The link was good, but more is needed: sign in with your password.",
            "Ссылка верна, но этого мало: войдите с паролем.")
        let invalid = Phrase(
            "This link does not work: it was used, has expired, or was asked for in another browser. Ask for a new one.",
            "Ссылка не действует: она использована, истекла или запрошена в другом браузере. Запросите новую.")
        let failed = Phrase("It did not work. Try again in a while.", "Не получилось. Попробуйте немного позже.")
        let without = Phrase("This page needs JavaScript.", "Для этой страницы нужен JavaScript.")
        return Layout.page(
            title.in(language), language: language, script: "/assets/link.js",
            """
            \(Layout.languages(language, path: rawValue, query: ""))
            <h1>\(title.in(language))</h1>
            <p>\(explanation.in(language))</p>
            <noscript><p class="alert">\(without.in(language))</p></noscript>
            <p id="outcome" class="alert" role="alert" hidden></p>
            <form id="link" data-call="\(call)" data-reset="\(LinkPage.resetPassword.rawValue)" data-done="\(done.in(language))" \
            data-more="\(more.in(language))" data-invalid="\(invalid.in(language))" data-failed="\(failed.in(language))" hidden>
            \(self == .resetPassword ? Self.password(language) : nil)
            <button type="submit">\(button.in(language))</button>
            </form>
            """)
    }

    private static func password(_ language: Language) -> HTML {
        """
        <div class="field">
        <label for="password">\(Phrase("New password", "Новый пароль").in(language))</label>
        <input id="password" type="password" autocomplete="new-password" required autofocus>
        </div>
        """
    }
}

extension Sequence where Element == Character {
    /// With its first letter in upper case.
    fileprivate var capitalized: String {
        var rest = Array(self)[...]
        return (rest.popFirst()?.uppercased() ?? "") + String(rest)
    }
}
