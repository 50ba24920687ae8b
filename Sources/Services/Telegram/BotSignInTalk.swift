import Ground

/// Asks whoever has opened the link of a page whether they want to sign in there.
struct BotSignInTalk: BotStart, BotButton {
    let signIns: BotSignInService

    // MARK: The link

    /// Of links and buttons.
    var prefix: String { BotSignInService.prefix }

    func started(_ payload: Substring, in talk: BotTalk) async throws -> Reply? {
        guard let question = try await signIns.open(String(payload), by: talk.person, of: talk.bot) else {
            return Reply(Self.over(talk.language))
        }
        let data = "\(prefix):\(Base64URL.encode(question.id.bytes))"
        let numbers = question.numbers.map { Reply.Button("\($0)", "\(data).\($0)") }
        let no = Reply.Button(talk.language("No, it was not me", "Нет, это не я"), "\(data).no")
        return Reply(Self.text(question, talk.language), buttons: [numbers, [no]])
    }

    private static func text(_ question: BotSignInService.Question, _ language: Language) -> BotText {
        let place = question.address + (question.country.map { " (\($0))" } ?? "")
        return language(
            .lines([
                "<b>Do you want to sign in?</b>", "", "Device: \(question.device)", "Address: \(place)", "",
                "If it is you, press the number that the page shows. Nobody else may tell you the number: whoever sends "
                    + "you one wants to get into your account.",
            ]),
            .lines([
                "<b>Вы входите?</b>", "", "Устройство: \(question.device)", "Адрес: \(place)", "",
                "Если это вы, нажмите число, которое показано на странице. Если число прислал вам кто-то другой, он "
                    + "хочет войти в ваш аккаунт.",
            ]))
    }

    private static func over(_ language: Language) -> BotText {
        language(
            "This link is not valid any more. Begin again on the page.",
            "Эта ссылка больше не действует. Начните заново на странице.")
    }

    // MARK: The buttons

    func pressed(_ data: Substring, in talk: BotTalk, message: Int64) async throws -> Pressed {
        let parts = data.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let bytes = Base64URL.decode(parts[0]), let id = UUID(bytes: bytes),
            parts[1] == "no" || Int64(parts[1]) != nil
        else { return Pressed(replacement: Reply(Self.over(talk.language))) }
        let answered = try await signIns.answer(id, Int64(parts[1]), in: talk)
        return Pressed(replacement: Reply(Self.text(answered, talk.language)))
    }

    private static func text(_ answered: BotSignInService.Answered, _ language: Language) -> BotText {
        switch answered {
        case .confirmed: language("Confirmed. The page signs you in.", "Подтверждено. Страница выполнит вход.")
        case .refused: language("Refused. Nobody was signed in.", "Отклонено. Никто не вошёл.")
        case .wrongNumber:
            language(
                "The page shows another number. Nobody was signed in.", "На странице другое число. Никто не вошёл.")
        case .none: over(language)
        }
    }
}
