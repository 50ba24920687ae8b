import Ground
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
    case invitation = "/invitation"

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
        case .invitation: "/invitations/accept"
        }
    }

    /// What tells more of the token, whose answer fills the page in.
    private var inquiry: String? { self == .invitation ? "/invitations/inspect" : nil }

    private var fields: [PageField] {
        switch self {
        case .resetPassword:
            [
                PageField(
                    name: "new_password", label: Phrase("New password", "Новый пароль"), type: .password,
                    autocomplete: "new-password")
            ]
        case .invitation:
            [
                PageField(name: "name", label: Phrase("Name", "Имя"), autocomplete: "name"),
                PageField(name: "password", label: Phrase("Password", "Пароль"), type: .password, autocomplete: "new-password"),
            ]
        case .verifyEmail, .changeEmail, .undoEmailChange, .magicLink, .notMe: []
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
        case .invitation: Phrase("Your invitation", "Приглашение")
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
        case .invitation: Phrase("Make your account, and sign in.", "Создайте учётную запись и войдите.")
        }
    }

    private var button: Phrase {
        switch self {
        case .resetPassword: Phrase("Set the password", "Сохранить пароль")
        case .verifyEmail, .changeEmail: Phrase("Confirm", "Подтвердить")
        case .undoEmailChange: Phrase("Take it back", "Вернуть адрес")
        case .magicLink: Phrase("Sign in", "Войти")
        case .notMe: Phrase("End all sessions", "Завершить все сеансы")
        case .invitation: Phrase("Make the account", "Создать учётную запись")
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
        case .invitation: Phrase("Your account is there, and you are signed in.", "Учётная запись создана, вход выполнен.")
        }
    }

    private static let more = Phrase(
        "The link was good, but more is needed: sign in with your password.",
        "Ссылка верна, но этого мало: войдите с паролем.")
    private static let refused = Phrase(
        "This is not possible. Ask your administrator.", "Это невозможно. Обратитесь к администратору.")

    private var invalid: Phrase {
        self == .invitation
            ? Phrase(
                "This link does not work: it was used, has expired, or was withdrawn. Ask whoever invited you.",
                "Ссылка не действует: она использована, истекла или отозвана. Обратитесь к тому, кто вас пригласил.")
            : Phrase(
                "This link does not work: it was used, has expired, or was asked for in another browser. Ask for a new one.",
                "Ссылка не действует: она использована, истекла или запрошена в другом браузере. Запросите новую.")
    }

    private var taken: Phrase {
        self == .invitation
            ? Phrase("The address has an account already. Sign in with it.", "На этот адрес уже есть учётная запись. Войдите с ней.")
            : Phrase(
                "The address has another account by now. Ask your administrator.",
                "У этого адреса теперь другая учётная запись. Обратитесь к администратору.")
    }

    private static let failed = Phrase("It did not work. Try again in a while.", "Не получилось. Попробуйте немного позже.")

    private func page(in language: Language) -> Response {
        let without = Phrase("This page needs JavaScript.", "Для этой страницы нужен JavaScript.")
        let about: HTML? = inquiry == nil ? nil : "<p id=\"about\" hidden></p>"
        let form = fields.map { $0.html(focus: fields.first?.name, in: language) }
        return Layout.page(
            title.in(language), language: language, scripts: ["/assets/fields.js", "/assets/link.js"],
            """
            \(Layout.languages(language, path: rawValue, query: ""))
            <h1>\(title.in(language))</h1>
            <p>\(explanation.in(language))</p>
            \(about)
            <noscript><p class="alert">\(without.in(language))</p></noscript>
            <p id="outcome" role="status" tabindex="-1" hidden></p>
            <form id="link"\(data(in: language)) novalidate hidden>
            \(form)
            <button type="submit">\(button.in(language))</button>
            </form>
            """)
    }

    /// What the script of the page goes by.
    private func data(in language: Language) -> HTML {
        let texts: [(String, String)] = [
            ("call", call), ("inquiry", inquiry ?? ""), ("reset", LinkPage.resetPassword.rawValue),
            ("done", done.in(language)), ("more", Self.more.in(language)), ("invalid", invalid.in(language)),
            ("taken", taken.in(language)), ("refused", Self.refused.in(language)), ("failed", Self.failed.in(language)),
            ("faults", FaultText.texts(in: language).text),
        ]
        return texts.reduce("") { "\($0) data-\($1.0)=\"\($1.1)\"" }
    }
}

extension Sequence where Element == Character {
    /// With its first letter in upper case.
    fileprivate var capitalized: String {
        var rest = Array(self)[...]
        return (rest.popFirst()?.uppercased() ?? "") + String(rest)
    }
}
