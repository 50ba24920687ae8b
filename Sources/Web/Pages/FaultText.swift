import Ground
import Services

/// What is wrong with a field, in the language of the page. A fault without a translation is told in English.
enum FaultText {
    static func text(of fault: FieldFault, in language: Language) -> String {
        guard language == .russian, let text = russian[fault.code] else { return fault.message }
        return text
    }

    /// The texts by their codes, for a script that hears of faults; it tells others as it hears them.
    static func texts(in language: Language) -> JSON {
        .object(language == .russian ? russian.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) } : [])
    }

    private static let russian = [
        "required": "Заполните это поле.",
        "too_short": "Слишком короткое значение.",
        "too_long": "Слишком длинное значение.",
        "forbidden_character": "Управляющие символы недопустимы.",
        "email_empty": "Укажите адрес электронной почты.",
        "email_too_long": "Адрес электронной почты слишком длинный.",
        "email_invalid": "Это не похоже на адрес электронной почты.",
        "email_taken": "На этот адрес уже есть учётная запись.",
        "password_too_short": "Пароль слишком короткий.",
        "password_too_long": "Пароль слишком длинный.",
        "password_needs_uppercase": "Добавьте в пароль заглавную букву.",
        "password_needs_lowercase": "Добавьте в пароль строчную букву.",
        "password_needs_digit": "Добавьте в пароль цифру.",
        "password_needs_special_character": "Добавьте в пароль символ, не являющийся буквой или цифрой.",
        "password_contains_control_character": "Управляющие символы в пароле недопустимы.",
        "password_contains_personal_data": "Пароль почти совпадает с вашим именем или адресом.",
        "password_common": "Этот пароль входит в число самых распространённых.",
        "password_too_weak": "Этот пароль слишком легко угадать.",
        "password_breached": "Этот пароль есть в списках украденных.",
        "password_unchanged": "Новый пароль должен отличаться от прежнего.",
        "password_used_before": "Этот пароль у вас уже был. Выберите другой.",
    ]
}
