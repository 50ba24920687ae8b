"""The ways in which Telegram says no."""


class Refusal(Exception):
    def __init__(self, code, description, parameters=None):
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def json(self):
        answer = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            answer["parameters"] = self.parameters
        return answer


def bad(words):
    return Refusal(400, f"Bad Request: {words}")


def forbidden(words):
    return Refusal(403, f"Forbidden: {words}")


def conflict(words):
    return Refusal(409, f"Conflict: {words}")
