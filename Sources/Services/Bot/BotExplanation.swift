/// What bots tell people about a refusal.
enum BotExplanation {
    static func of(_ error: AuthError, in language: Language) -> String {
        switch error {
        case .forbidden(let permission):
            language("You may not do this: the permission \(permission) is missing.", "Нельзя: нет права \(permission).")
        case .accountBlocked: language("Your account is blocked.", "Ваша учётная запись заблокирована.")
        case .secondFactorRequired, .insufficientUserAuthentication, .secondFactorUnavailable, .companyBotSession:
            language(
                "A second factor is asked for that cannot be shown here: please use the pages of the server.",
                "Нужен второй фактор, который здесь показать нельзя: пользуйтесь страницами сервера.")
        case .codeInvalid: language("That code is not right.", "Код не подходит.")
        case .accountLocked:
            language(
                "Too many wrong attempts: your account is locked for a while.",
                "Слишком много неверных попыток: ваша учётная запись временно закрыта.")
        case .accessEnded: language("The time for which you were let in is over.", "Срок вашего доступа истёк.")
        case .companySuspended: language("Your company is suspended.", "Ваша компания приостановлена.")
        case .addressNotAllowed:
            language(
                "Your account may be used from certain addresses only, and so not from here.",
                "Вашей учётной записью можно пользоваться только с определённых адресов, поэтому отсюда нельзя.")
        case .notFound: language("There is nothing like that.", "Такого здесь нет.")
        case .lastSuperAdmin: language("The last SuperAdmin stays.", "Последнего SuperAdmin оставляем.")
        case .rateLimited, .overloaded: language("Too fast. Please wait a little.", "Слишком быстро. Подождите немного.")
        case .sessionEnded: language("That is over. Please try again.", "Это уже завершено. Попробуйте ещё раз.")
        case .tooMany: language("There are too many of these.", "Их слишком много.")
        case .telegramTaken: language("Telegram belongs to another account.", "Telegram привязан к другой учётной записи.")
        case .invalid(let faults): faults.first?.message ?? language("That will not do.", "Так не получится.")
        default: language("This does not work.", "Не получилось.")
        }
    }
}
