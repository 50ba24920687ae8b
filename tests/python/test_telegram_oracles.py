"""What Telegram is said to have signed, as others judge it: init-data-py, aiogram and telegram-webapp-auth against a server
of ours, over thousands of generated cases. Where they differ, the tables below say why."""

import hmac
import http.client
import json
import random
import time
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlencode

import pytest
from aiogram.utils.auth_widget import check_integrity
from aiogram.utils.web_app import check_webapp_signature
from init_data_py import is_valid_by_hash, sign
from telegram_webapp_auth.auth import TelegramAuthenticator, generate_secret_key

from gatehouse import PATIENCE, Gatehouse

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
OTHER = "110201544:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
DAY = 86400
OF_EACH = 90
BREAKS = "\n\r"
AUTHENTICATOR = TelegramAuthenticator(generate_secret_key(TOKEN))
NAMES = ["Ada", "Ада", "Ада Лавлейс", "O'Brien", "a+b", "100%", "%41da", "x=y&z", "路人", "👩‍👩‍👧‍👦 🚀", "ﷺ", "  blank  ", "a/b\\c",
         "\"quoted\"", "e\u0301", "\u202eright", "Zoë", "ñ" * 60, "0", "null", "-", "<b>"]

# Where an oracle says yes and we say no, or the other way round.
AGES = "It knows no age: whoever calls it must look at auth_date."
FUTURE = "It takes any date that is to come; ours takes 30 seconds, the difference of clocks."
REPLAYED = "It remembers nothing. Ours is good for one sign-in."
TWICE = "It keeps the last of two fields of a name, which is what was signed; another reader may keep the first."
BLANK = "It drops blank values before it hashes, and so refuses what Telegram has signed."
UPPER = "It writes the digits of the hash small first. Telegram writes them small, and one text has one spelling here."
UNKNOWN = "It knows the fields of a user by heart, and refuses the day Telegram adds one."
CONTROL = "It takes line breaks, with which one field is forged out of another under the same hash."
NOBODY = "It checks the code alone: who is to sign in is not its business, and ours lets in nobody without a user."
LETTERS = "It does not ask what start_param may be made of. Telegram says what: A-Z a-z 0-9 _ -."
NUMBER = "It reads auth_date as Python reads numbers, or not at all. Telegram writes no leading zeros."
STRAY = "It takes any name for a field. Telegram's are made of letters, digits, - and _."
BOT = "It does not look into the user. Telegram gives no Mini App to a bot."

DIFFERENCES = {
    ("aiogram", "stale"): AGES,
    **{(oracle, kind): reason
       for oracle in ("init-data-py", "aiogram", "telegram-webapp-auth")
       for kind, reason in (("future", FUTURE), ("replayed", REPLAYED), ("line break", CONTROL), ("bad start_param", LETTERS),
                            ("no user", NOBODY), ("stray name", STRAY))},
    ("init-data-py", "leading zero"): NUMBER, ("telegram-webapp-auth", "leading zero"): NUMBER,
    ("aiogram", "leading zero"): NUMBER,
    ("aiogram", "given twice"): TWICE,
    ("aiogram", "blank"): BLANK,
    ("init-data-py", "hash in capitals"): UPPER,
    ("telegram-webapp-auth", "new field of the user"): UNKNOWN,
    ("aiogram", "user is no JSON"): NOBODY,
    ("init-data-py", "a bot"): BOT, ("aiogram", "a bot"): BOT, ("telegram-webapp-auth", "a bot"): BOT,
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    server = Gatehouse(tmp_path_factory.mktemp("oracles") / "data", {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_UPDATES": "off"})
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def signs_in(house):
    """Whether the server lets somebody in, over one connection."""
    connection = http.client.HTTPConnection("localhost", house.port, timeout=PATIENCE)

    def signs_in(body):
        connection.request("POST", "/auth/telegram", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 400, 401), text
        return answer.status == 200

    yield signs_in
    connection.close()


def by_aiogram(data):
    return check_webapp_signature(TOKEN, data)


def by_init_data_py(data):
    return is_valid_by_hash(data, TOKEN, expires_in=DAY)


def by_telegram_webapp_auth(data):
    try:
        AUTHENTICATOR.validate(data, expr_in=timedelta(seconds=DAY))
    except Exception:
        return False
    return True


ORACLES = {"aiogram": by_aiogram, "init-data-py": by_init_data_py, "telegram-webapp-auth": by_telegram_webapp_auth}


class Maker:
    """What opens a Mini App, sound and not. Values are as Telegram writes them."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.count = 0

    def user(self, **more):
        user = {"id": self.chance.randrange(1, 200), "first_name": self.chance.choice(NAMES)}
        for name, value in (("last_name", self.chance.choice(NAMES)), ("username", "ada_1"), ("language_code", "ru"),
                            ("is_premium", True), ("allows_write_to_pm", True),
                            ("photo_url", "https://t.me/i/userpic/320/x.svg")):
            if self.chance.random() < 0.5:
                user[name] = value
        text = json.dumps({**user, **more}, ensure_ascii=self.chance.random() < 0.3, separators=(",", ":"))
        return text.replace("/", "\\/")

    def pairs(self, **changes):
        self.count += 1
        pairs = {"query_id": f"AAHdF6IQAAAA{self.count:012}", "user": self.user()}
        if self.chance.random() < 0.5:
            pairs["start_param"] = self.chance.choice(["ref_ABC", "a-b_c", "0"])
        if self.chance.random() < 0.3:
            pairs |= {"chat_type": "sender", "chat_instance": "-3788475317572404878"}
        if self.chance.random() < 0.3:
            pairs["signature"] = "zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6MLIlADQ"
        return {name: value for name, value in (pairs | changes).items() if value is not None}

    def signed(self, token=TOKEN, age=0, order=True, **changes):
        text = sign(self.pairs(**changes), token, auth_date=time.time() - age)
        parts = text.split("&")
        if order:
            self.chance.shuffle(parts)
        if self.chance.random() < 0.5:
            parts = [part.replace("+", "%20") for part in parts]
        return "&".join(parts)

    def kinds(self):
        chance = self.chance
        yield "sound", lambda: self.signed()
        yield "sound, almost too old", lambda: self.signed(age=DAY - 600)
        yield "sound, a little ahead", lambda: self.signed(age=-5)
        yield "sound, new field", lambda: self.signed(**{chance.choice(["added_later", "x-1", "Z9"]): chance.choice(NAMES)})
        yield "blank", lambda: self.signed(added_later="")
        yield "new field of the user", lambda: self.signed(user=self.user(added_later=1))
        yield "truncated", self.truncated
        yield "a bit flipped", self.flipped
        yield "of another bot", lambda: self.signed(token=OTHER)
        yield "stale", lambda: self.signed(age=DAY + chance.randrange(60, 10 * DAY))
        yield "future", lambda: self.signed(age=-chance.randrange(120, 10 * DAY))
        yield "given twice", lambda: self.twice()
        yield "hash in capitals", self.capitals
        yield "without hash", lambda: "&".join(part for part in self.signed().split("&") if not part.startswith("hash="))
        yield "no user", lambda: self.signed(user=None)
        yield "user is no JSON", lambda: self.signed(user=chance.choice(["{", "nobody", "[]", "1"]))
        yield "a bot", lambda: self.signed(user=self.user(is_bot=True))
        yield "line break", lambda: self.signed(added_later=f"x{chance.choice(BREAKS)}user=1")
        yield "stray name", lambda: self.signed(**{chance.choice(["a b", "имя", "a.b"]): "x"})
        yield "bad start_param", lambda: self.signed(start_param=chance.choice(["a b", "ref/1", "имя", "a" * 513]))
        yield "leading zero", self.leading_zero
        yield "no query", lambda: chance.choice(["", "x", "&", "=", "hash", "%zz=1", "a=1&&b=2", "hash=" + "0" * 64])
        yield "noise", lambda: "".join(chance.choice("aé=&%+1 ") for _ in range(chance.randrange(1, 80)))

    def truncated(self):
        text = self.signed()
        return text[:self.chance.randrange(len(text) - 1)]

    def flipped(self):
        """One bit of a value that is signed, or of the hash."""
        text = self.signed()
        name, value = self.chance.choice([part.split("=", 1) for part in text.split("&")])
        place = self.chance.randrange(len(value))
        other = chr(ord(value[place]) ^ (1 << self.chance.randrange(3)))
        changed = value[:place] + other + value[place + 1:]
        return "&".join(f"{name}={changed}" if part.startswith(f"{name}=") else part for part in text.split("&"))

    def twice(self):
        """The first is forged, the last is what was signed."""
        text = self.signed()
        first = "user=" + "%7B%22id%22%3A1%2C%22first_name%22%3A%22Eve%22%7D"
        return f"{first}&{text}"

    def capitals(self):
        return "&".join(part.upper().replace("HASH=", "hash=") if part.startswith("hash=") else part
                        for part in self.signed().split("&"))

    def leading_zero(self):
        """Signed with it, by what is not Telegram."""
        pairs = {**self.pairs(), "auth_date": f"0{int(time.time())}"}
        lines = "\n".join(f"{name}={value}" for name, value in sorted(pairs.items()))
        key = hmac.digest(b"WebAppData", TOKEN.encode(), "sha256")
        return urlencode({**pairs, "hash": hmac.new(key, lines.encode(), sha256).hexdigest()})


def test_others_agree_on_what_opens_a_mini_app(signs_in):
    maker = Maker(7)
    seen, accepted, cases = {}, {}, 0
    for kind, make in maker.kinds():
        for _ in range(OF_EACH):
            data = make()
            cases += 1
            ours = signs_in({"init_data": data})
            accepted.setdefault(kind, set()).add(ours)
            judged = [(kind, ours)]
            if ours:
                judged.append(("replayed", signs_in({"init_data": data})))
            for name, verdict in judged:
                for oracle, judge in ORACLES.items():
                    if judge(data) != verdict:
                        seen.setdefault((oracle, name), (data, verdict))
    assert cases > 2000
    # The kinds themselves are what they are called: nothing agrees by refusing everything.
    for kind, verdicts in accepted.items():
        assert verdicts == {kind.startswith("sound") or kind in ("blank", "new field of the user")}, kind
    assert {place: why for place, why in seen.items() if place not in DIFFERENCES} == {}
    assert DIFFERENCES.keys() - seen.keys() == set(), "these differ no more"


# The Login Widget, by aiogram alone: the others do not know it.
WIDGET_DIFFERENCES = {"stale": AGES, "future": FUTURE, "replayed": REPLAYED, "line break": CONTROL, "id is no number": NOBODY}


def widget(chance, token=TOKEN, age=0, **changes):
    """As the widget hands it to a page; signed by the rule of its documentation."""
    fields = {"id": chance.randrange(300, 400), "first_name": chance.choice(NAMES), "auth_date": int(time.time()) - age,
              "last_name": f"{chance.random()}", **changes}
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    return {**fields, "hash": hmac.new(sha256(token.encode()).digest(), lines.encode(), sha256).hexdigest()}


def test_aiogram_agrees_on_the_login_widget(signs_in):
    chance = random.Random(8)
    kinds = {
        "sound": lambda: widget(chance), "new field": lambda: widget(chance, added_later=chance.choice(NAMES)),
        "of another bot": lambda: widget(chance, OTHER), "stale": lambda: widget(chance, age=chance.randrange(400, DAY)),
        "future": lambda: widget(chance, age=-chance.randrange(120, DAY)),
        "changed": lambda: {**widget(chance), "first_name": "Eve"}, "more": lambda: {**widget(chance), "username": "eve"},
        "line break": lambda: widget(chance, username="x\nid=1"), "id is no number": lambda: widget(chance, id="1e3"),
    }
    seen = {}
    for kind, make in kinds.items():
        for _ in range(OF_EACH):
            data = make()
            ours = signs_in(data)
            assert ours == (kind in ("sound", "new field")), (kind, data)
            judged = [(kind, ours)] + ([("replayed", signs_in(data))] if ours else [])
            for name, verdict in judged:
                if check_integrity(TOKEN, dict(data)) != verdict:
                    seen.setdefault(name, data)
    assert seen.keys() == WIDGET_DIFFERENCES.keys(), seen
