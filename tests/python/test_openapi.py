"""The document of the interface against its standard, and the server against its document."""

import json
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit
from pathlib import Path

import hypothesis
import jsonschema
import pyotp
import pytest
import schemathesis
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as specs

from authenticators import Authenticator
from gatehouse import PASSWORD, PATIENCE, Gatehouse, run
from local_telegram import LocalBotAPI
from mail import Letter, letters_in
from signed_by_telegram import init_data
from stores import eventually

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "telegram"))
from issuer import Issuer

# Of each operation, in each mode: sound input, and input that is not.
EXAMPLES = 40
ROOT = "root@example.com"


@pytest.fixture(scope="module")
def telegram():
    with LocalBotAPI() as api:
        yield api


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer(110201543, "vPzN/=+:%&k0b8")
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory, telegram, issuer):
    bot = telegram.bot()
    # Each example that needs somebody signs up anew: the hash may be cheap here.
    server = Gatehouse(tmp_path_factory.mktemp("openapi") / "data", {
        "ARGON2_MEMORY": "64", "ARGON2_PASSES": "1", "MAX_SESSIONS_PER_USER": "1000", "MAX_LOGIN_ATTEMPTS": "100",
        "MAX_CONNECTIONS_PER_ADDRESS": "10000", "TELEGRAM_API_URL": telegram.url, "TELEGRAM_BOT_TOKEN": bot.token,
        "TELEGRAM_UPDATES": "off", "MAGIC_LINK": "true", "TELEGRAM_CLIENT_SECRET": issuer.secret, "TELEGRAM_OIDC_ISSUER": issuer.url})
    server.telegram, server.bot = telegram, bot
    made = run("admin", "create", "--data", server.data, "--email", ROOT, "--name", "Root", "--password-stdin",
               entered=PASSWORD + "\n")
    assert made.returncode == 0, made.stderr
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def document(house):
    answer = house.call("GET", "/api/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def test_the_document_is_valid(document):
    assert document["openapi"].startswith("3.1")
    validate(document, cls=OpenAPIV31SpecValidator)


def resolve(document, value):
    while "$ref" in value:
        found = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value


def contents(document):
    """Every body in the document, with where it stands."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            if "requestBody" in operation:
                yield f"{name} request", operation["requestBody"]["content"]
            for status, response in operation["responses"].items():
                yield f"{name} {status}", resolve(document, response).get("content", {})


def test_every_example_is_what_its_schema_says(document):
    count = 0
    for place, content in contents(document):
        for media, body in content.items():
            schema = {**body["schema"], "components": document["components"]}
            checker = jsonschema.Draft202012Validator(
                schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
            examples = [example["value"] for example in body.get("examples", {}).values()]
            examples += [body["example"]] if "example" in body else []
            assert examples or "json" not in media, f"{place} has no example"
            for example in examples:
                faults = [fault.message for fault in checker.iter_errors(example)]
                assert not faults, (place, faults)
                count += 1
    assert count > 100


def test_every_operation_is_told_in_full(document):
    names = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names.append(operation["operationId"])
            assert operation["summary"] and operation["tags"], (method, path)
            assert {tag["name"] for tag in document["tags"]} >= set(operation["tags"])
            for scheme in operation.get("security", []):
                assert scheme.keys() <= document["components"]["securitySchemes"].keys()
    assert len(names) == len(set(names))


# What schemathesis sends

SCHEMA = schemathesis.openapi.from_dict(json.loads(run("openapi").stdout))
OPERATIONS = {operation.ok().label: operation.ok() for operation in SCHEMA.get_all_operations()}
# They end the session that they are called with.
ENDING = {"POST /auth/logout", "POST /api/v2/auth/logout", "POST /auth/revoke-all", "POST /auth/change-password"}
# It has no writer for the files that this takes.
FILES = {"POST /users/import"}
CHECKS = [
    checks.not_a_server_error, specs.status_code_conformance, specs.content_type_conformance,
    specs.response_headers_conformance, specs.response_schema_conformance, specs.negative_data_rejection]

# Of which mail the link is that goes there.
BY_MAIL = {
    "/auth/password-reset/validate": "password-reset", "/auth/password-reset/confirm": "password-reset",
    "/auth/email-verification/confirm": "email-verification", "/auth/email-change/confirm": "email-change",
    "/auth/email-change/undo": "email-changed"}

# Only the bot gives a code, and only Telegram knows the secret of a webhook.
FROM_TELEGRAM = {"POST /auth/telegram/code", "POST /telegram/webhook/{bot}"}

# It works only in the browser that asked.
FROM_A_BROWSER = {"POST /auth/magic-link/session"}

# It answers success whatever it is given (TEL-3).
NEVER_REFUSES = {"POST /auth/logout", "POST /api/v2/auth/logout"}


def checks_for(label):
    return [check for check in CHECKS if check is not specs.negative_data_rejection or label not in NEVER_REFUSES]


# What a SuperAdmin is asked to do; everything else somebody does for themselves.
ADMINISTRATION = re.compile(
    r"/(users|invitations|roles|permissions|companies|service-accounts|webhooks|audit-logs|telegram/bots|access-requests"
    r"|access-reviews)(/|$)")


class Somebody:
    """Signed in, and new for each operation, so that none harms another. What belongs to administration, a SuperAdmin
    does, to people and things that are made for it."""

    count = 0

    def __init__(self, house, label="GET /auth/profile"):
        self.house = house
        self.path = label.split(" ")[1]
        self.made = {}
        self.is_program = "app-data" in self.path
        self.is_above = ADMINISTRATION.match(self.path) and not self.path.startswith(("/invitations/inspect", "/invitations/accept"))
        self.root = None
        self.renew()

    def renew(self):
        Somebody.count += 1
        self.password = PASSWORD
        for name in ("passkey", "factor"):
            self.made.pop(name, None)
        self.tokens = self.house.register(f"person{Somebody.count}")
        self.email = self.tokens["user"]["email"]

    def sign_in(self):
        answer = self.house.login(self.email, self.password)
        if "access_token" not in answer.json():
            return self.renew()
        self.tokens = answer.json()

    @property
    def token(self):
        if self.is_program:
            return self.thing("key")["api_key"]
        return self.above if self.is_above else self.tokens["access_token"]

    @property
    def above(self):
        """A SuperAdmin's access token."""
        if self.root is None:
            self.root = self.house.login(ROOT, PASSWORD).json()["access_token"]
        return self.root

    def post(self, path, **body):
        answer = self.house.call("POST", path, self.above, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def thing(self, name):
        """Something of that name: made when it is asked for, until it has been used up."""
        if name not in self.made:
            number = Somebody.count = Somebody.count + 1
            user = self.tokens["user"]["id"]
            make = {
                "role": lambda: self.post("/roles", name=f"Role {number}"),
                "company": lambda: self.post("/companies", name=f"Company {number}"),
                "invitation": lambda: self.post("/invitations", email=f"invited{number}@example.com"),
                "grant": lambda: self.post(f"/users/{user}/roles", role="Viewer"),
                "account": lambda: self.post("/service-accounts", name=f"Program {number}"),
                "key": lambda: self.post(
                    f"/service-accounts/{self.thing('account')['id']}/keys", name="Key", scopes=["app_data:*"]),
                "first login": lambda: self.first_login(number),
                "webhook": self.webhook,
                "request": self.request,
                "bot": self.bot,
                "challenge": self.challenge,
                "passkey": lambda: self.passkey("sign_in"),
                "factor": self.factor,
            }
            self.made[name] = make[name]()
        return self.made[name]

    def webhook(self):
        """One that sends nothing; there may be only a few."""
        for other in self.house.call("GET", "/webhooks?limit=100", self.above).json()["items"]:
            self.house.call("DELETE", f"/webhooks/{other['id']}", self.above)
        return self.post("/webhooks", url="https://receiver.invalid/", events=["*"], enabled=False)

    def bot(self):
        """There may be only a hundred."""
        for other in self.house.call("GET", "/telegram/bots", self.above).json()["items"]:
            self.house.call("DELETE", f"/telegram/bots/{other['id']}", self.above)
        return self.post("/telegram/bots", token=self.house.telegram.bot().token)

    def options(self, path, cookies=None, **body):
        answer = self.house.call("POST", path, self.tokens["access_token"], json=body, cookies=cookies)
        assert answer.status_code == 200, answer.text
        return answer.json()["public_key"], answer.cookies.get_dict()

    def passkey(self, use):
        """An authenticator with a passkey of this person, and the id of that."""
        # The server does not know which port the system has chosen.
        authenticator = Authenticator("http://localhost:0")
        credential = authenticator.create(self.options("/auth/passkeys/registration-options", use=use)[0])
        answer = self.house.call(
            "POST", "/auth/passkeys", self.tokens["access_token"], json={"credential": credential})
        assert answer.status_code == 201, answer.text
        return authenticator, answer.json()["passkey"]["id"]

    def factor(self):
        """The second factor of somebody new."""
        self.renew()
        return self.passkey("second_factor")[0]

    def fit_passkey(self, case, body):
        if case.path == "/auth/passkeys":
            body["credential"] = Authenticator("http://localhost:0").create(
                self.options("/auth/passkeys/registration-options")[0])
        elif case.path.endswith("/sign-in"):
            options, case.cookies = self.options("/auth/passkeys/sign-in-options")
            body |= {"credential": self.thing("passkey")[0].get(options), "company_id": None}
        elif case.path.endswith("/step-up"):
            authenticator, _ = self.thing("passkey")
            body["credential"] = authenticator.get(self.options("/auth/passkeys/step-up-options")[0])
        elif "/second-factor" in case.path:
            authenticator = self.thing("factor")
            asked = self.house.login(self.email, self.password)
            case.cookies = asked.cookies.get_dict()
            body["second_factor_token"] = asked.json()["second_factor_token"]
            if case.path.endswith("/second-factor"):
                options, _ = self.options(
                    "/auth/passkeys/second-factor-options", case.cookies, second_factor_token=body["second_factor_token"])
                body["credential"] = authenticator.get(options)

    def request(self):
        """Somebody new of Telegram who asks for access."""
        Somebody.count += 1
        answer = self.house.call("POST", "/access-requests", json={
            "init_data": init_data(self.house.bot.token, 10_000_000 + Somebody.count)})
        assert answer.status_code == 202, answer.text
        return self.house.call("GET", "/access-requests?status=PENDING", self.above).json()["items"][0]

    def first_login(self, number):
        email = f"created{number}@example.com"
        self.post("/users", name="Created", email=email, password=PASSWORD)
        return self.house.login(email).json()

    def told(self):
        """The token of a mail that tells somebody new, whose address is proved, of a change."""
        Somebody.count += 1
        tokens = self.house.register(f"told{Somebody.count}")
        address = tokens["user"]["email"]
        self.house.call("POST", "/auth/email-verification/confirm", json={"token": self.mailed("email-verification", address)})
        self.house.call("POST", "/auth/change-password", tokens["access_token"], json={
            "current_password": PASSWORD, "new_password": "seventeen quiet looms"})
        return self.mailed("password-changed", address)

    def mailed(self, kind, address):
        """What stands behind # in the first link of a mail, once it is there."""
        def found():
            newest = sorted((self.house.data / "mail").glob(f"*-{kind}-0*.eml"))[-20:]
            letters = (Letter(path.read_bytes()) for path in newest)
            return next((letter.token for letter in letters if letter.message["To"].addresses[0].addr_spec == address), None)
        return eventually(found)

    def fit(self, case):
        """Puts in what no generator can guess."""
        self.fit_path(case)
        if case.path.endswith(("/2fa/login", "/2fa/code", "/2fa/enrolment/setup", "/2fa/enrolment")):
            case.cookies = {"gatehouse_device": self.thing("challenge")["device"]}
        if case.path == "/auth/passkeys/step-up-options":
            self.thing("passkey")
        if case.path == "/auth/telegram/bot-sign-ins":
            case.query = {"bot_id": self.house.bot.id}
        body = case.body
        if not isinstance(body, dict):
            return
        if case.operation.label in ("POST /auth/login", "POST /auth/register", "POST /auth/change-password"):
            for name in ("password", "current_password"):
                if isinstance(body.get(name), str):
                    body[name] = self.password
            if isinstance(body.get("email"), str) and "register" not in case.path:
                body["email"] = self.email
            for name in ("name", "company_name"):
                if isinstance(body.get(name), str):
                    body[name] = "Ada " + "".join(sign for sign in body[name][:200] if sign.isprintable())
            if isinstance(body.get("new_password"), str):
                body["new_password"] = PASSWORD if self.password != PASSWORD else "seventeen quiet looms"
        sound = {"refresh_token": self.tokens["refresh_token"], "user_id": self.tokens["user"]["id"], "company_id": None}
        if case.path == "/access-requests" and case.media_type == "application/json":
            case.query = {"bot_id": self.house.bot.id}
            body.clear()
            Somebody.count += 1
            body["init_data"] = init_data(self.house.bot.token, 20_000_000 + Somebody.count)
        if case.path.endswith(("/approve", "/access")):
            sound |= {"roles": ["Viewer"], "expires_at": None, "name": "Grace Hopper"}
        if case.path.endswith("/reject"):
            sound |= {"reason": "Nobody knows you."}
        if case.path == "/auth/telegram/bot-sign-ins/session":
            sound["secret"] = self.house.call("POST", "/auth/telegram/bot-sign-ins").json()["secret"]
        elif case.path == "/auth/telegram/link/start":
            sound |= {"bot_id": self.house.bot.id, "return_to": "/welcome"}
        elif case.path.startswith("/auth/telegram") and case.operation.label not in FROM_TELEGRAM and case.media_type == "application/json":
            case.query = {"bot_id": self.house.bot.id}
            body.clear()
            body["init_data"] = init_data(self.house.bot.token, Somebody.count)
        if case.path.startswith("/api/v2"):
            sound |= self.sound_for_mini_app(case, body)
        if "/auth/passkeys" in case.path:
            self.fit_passkey(case, body)
        if "telegram/bots" in case.path:
            token = self.house.telegram.bot().token if case.method == "POST" else None
            sound |= {"token": token, "client_secret": None, "doors": ["widget"]}
            if token is None:
                body.pop("token", None)
        if "webhooks" in case.path:
            sound |= {"url": "https://receiver.invalid/", "events": ["*"], "enabled": False}
        if "invitations/" in case.path:
            sound |= {"token": self.thing("invitation")["token"], "name": "Grace Hopper", "password": PASSWORD}
        if "/2fa/" in case.path or "/step-up" in case.path:
            sound |= self.sound_for_second_factor(case)
        if case.path == "/auth/not-me":
            sound["token"] = self.told()
        if "first-login" in case.path:
            sound |= {"password_change_token": self.thing("first login")["password_change_token"],
                      "new_password": "seventeen quiet looms"}
        if case.path.endswith("/roles") and "users" in case.path:
            sound |= {"role": "Viewer", "expires_at": None}
        if "ip-whitelist" in case.path:
            sound |= {"allowed_ips": ["127.0.0.0/8", "::1"], "allowed_countries": [], "dry_run": True}
        if case.path in ("/users", "/invitations", "/roles"):
            sound |= {"roles": ["Viewer"], "includes": ["Viewer"], "permissions": ["machines:read"]}
        if "/keys" in case.path:
            sound |= {"scopes": ["users:read"], "expires_at": None}
        if "/members" in case.path:
            self.made.pop("company", None)
        if case.path in BY_MAIL and "token" in body:
            sound |= {"token": self.link(case.path), "new_password": "seventeen quiet looms"}
        body.update({name: value for name, value in sound.items() if name in body})

    def link(self, path):
        """What stands behind # in a mail to this person, who is new for each that is used up."""
        if path not in self.made:
            kind = BY_MAIL[path]
            if kind == "password-reset":
                self.house.call("POST", "/auth/password-reset/request", json={"email": self.email})
            if kind in ("email-change", "email-changed"):
                self.house.call("POST", "/auth/email-change/request", self.tokens["access_token"], json={
                    "new_email": "new-" + self.email})
            if kind == "email-changed":
                for proof, call in (("email-verification", "verification"), ("email-change", "change")):
                    self.house.call("POST", f"/auth/email-{call}/confirm", json={"token": self.letter(proof).token})
            self.made[path] = self.letter(kind).token
        return self.made[path]

    def letter(self, kind):
        to = "new-" + self.email if kind == "email-change" else self.email
        return eventually(lambda: next((
            letter for letter in letters_in(self.house.data / "mail", kind)
            if letter.message["To"].addresses[0].addr_spec == to), None), what=kind)

    def with_app(self):
        """Somebody who has an authenticator app."""
        Somebody.count += 1
        person = self.house.register(f"app{Somebody.count}")
        person["recovery_codes"] = self.set_app_up(person["access_token"])
        return person

    def set_app_up(self, token):
        made = self.house.call("POST", "/auth/2fa/setup", token, json={}).json()
        enabled = self.house.call(
            "POST", "/auth/2fa/enable", token, json={"code": pyotp.TOTP(made["secret"]).now()})
        assert enabled.status_code == 200, enabled.text
        return enabled.json()["recovery_codes"]

    def challenge(self):
        """A sign-in that waits for a second factor."""
        person = self.with_app()
        answer = self.house.login(person["user"]["email"])
        return {"token": answer.json()["second_factor_token"], "device": answer.cookies["gatehouse_device"],
                "codes": person["recovery_codes"]}

    def remembered(self):
        """Somebody whose browser is remembered."""
        challenge = self.challenge()
        answer = self.house.call(
            "POST", "/auth/2fa/login", cookies={"gatehouse_device": challenge["device"]}, json={
                "second_factor_token": challenge["token"], "method": "recovery_code", "code": challenge["codes"][0],
                "remember_device": True})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sound_for_second_factor(self, case):
        if case.path.endswith("/enable"):
            made = self.house.call("POST", "/auth/2fa/setup", self.token, json={}).json()
            code = pyotp.TOTP(made["secret"]).now() if "secret" in made else "123456"
            return {"method": "totp", "code": code}
        if case.path.endswith(("/login", "/code", "/enrolment", "/enrolment/setup")) and "/2fa/" in case.path:
            challenge = self.thing("challenge")
            sound = {"second_factor_token": challenge["token"], "code": "123456"}
            if case.path.endswith("/login"):
                sound |= {"method": "recovery_code", "code": challenge["codes"][0]}
            return sound
        return {"code": "123456", "password": self.password} | ({} if case.path.endswith("/setup") else {"method": "totp"})

    def sound_for_mini_app(self, case, body):
        if case.path.endswith("/telegram"):
            body.clear()
            body["init_data"] = init_data(self.house.bot.token, Somebody.count)
        elif case.path.endswith("/refresh"):
            body.clear()
            body["token"] = self.tokens["refresh_token"]
        return {"token": body.get("token") if case.path.endswith("/refresh") else self.tokens["access_token"]}

    def fit_path(self, case):
        if case.path == "/auth/telegram" and case.method != "POST":
            self.house.call("POST", "/auth/telegram/link", self.token, json={
                "init_data": init_data(self.house.bot.token, Somebody.count)})
        parameters = case.path_parameters
        if not isinstance(parameters, dict):
            return
        user = self.tokens["user"]["id"]
        ids = {
            "grant": lambda: self.thing("grant")["id"], "user": lambda: user, "key": lambda: self.thing("key")["key"]["id"],
            "name": lambda: "balance", "id": lambda: self.id(case.path)}
        for name in parameters.keys() & ids.keys():
            parameters[name] = ids[name]()
        if self.is_program:
            self.house.call("PUT", f"/users/{user}/app-data/balance", self.token, json={"data": {}})
        if case.path.startswith("/auth/2fa/devices/"):
            self.tokens = self.remembered()
            devices = self.house.call("GET", "/auth/2fa/devices", self.token).json()
            parameters["id"] = devices["items"][0]["id"]
        if case.path.endswith("/second-factors") and "app" not in self.made:
            self.made["app"] = self.set_app_up(self.tokens["access_token"])
        if "restore" in case.path:
            self.house.call("DELETE", f"/users/{user}", self.above)
        if "/members/" in case.path:
            self.house.call(
                "POST", f"/companies/{parameters['id']}/members", self.above, json={"user_id": user})

    def id(self, path):
        first = path.split("/")[1]
        if first == "telegram":
            return str(self.thing("bot")["id"])
        if path.startswith("/auth/passkeys"):
            return self.thing("passkey")[1]
        if first == "auth":
            return self.tokens["session_id"]
        if first == "audit-logs":
            return self.house.call("GET", "/audit-logs", self.above).json()["items"][0]["id"]
        if first in ("users", "access-reviews"):
            return self.tokens["user"]["id"]
        thing = self.thing({"roles": "role", "companies": "company", "invitations": "invitation",
                            "service-accounts": "account", "webhooks": "webhook", "access-requests": "request"}[first])
        return thing["invitation"]["id"] if first == "invitations" else thing["id"]

    def used(self, label, status):
        """What was done to somebody, or used up, is made anew for the next example."""
        if status >= 300:
            return
        method, path = label.split(" ")
        if method == "DELETE" or "2fa/login" in path or "invitations" in path or "first-login" in path or "access-requests" in path:
            self.made.clear()
        if path in BY_MAIL and not path.endswith("validate"):
            self.made.clear()
            self.renew()
        # A person has twenty at most.
        if label == "POST /auth/passkeys":
            self.renew()
        if path.startswith(("/users/{id}", "/access-reviews/{id}")) and method != "GET" and not self.is_program:
            self.renew()


def asks_for_a_page(operation, answer):
    """Whether all that arrived was sound: a parameter or token that was left out or empty is not sent at all."""
    given = parse_qs(urlsplit(answer.request.url).query, keep_blank_values=True)
    known = {parameter["name"]: parameter["schema"]
             for parameter in operation.definition.raw.get("parameters", []) if parameter["in"] == "query"}
    if operation.body or not given.keys() <= known.keys() or any(len(texts) > 1 for texts in given.values()):
        return False
    return all(is_sound(texts[0], known[name]) for name, texts in given.items())


def is_sound(text, schema):
    value = int(text) if schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]+", text) else text
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).is_valid(value)


def sends_nothing_wrong(case):
    """A parameter that is an empty list or object is not sent at all."""
    return any(value in ([], {}) for value in (case.query or {}).values())


def modes(operation):
    """Input that is not sound only where there is any input."""
    takes = operation.body or list(operation.iter_parameters())
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes else [GenerationMode.POSITIVE]


@pytest.mark.parametrize("label, mode", [
    pytest.param(label, mode, id=f"{label} {mode.value}")
    for label, operation in OPERATIONS.items() for mode in modes(operation)])
def test_the_server_does_what_the_document_says(house, label, mode):
    operation = OPERATIONS[label]
    person = Somebody(house, label)
    seen = set()

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), fits=hypothesis.strategies.booleans())
    def holds(case, fits):
        if fits:
            person.fit(case)
        answer = case.call(
            base_url=house.url, headers={"Authorization": "Bearer " + person.token}, timeout=PATIENCE)
        person.used(label, answer.status_code)
        seen.add(answer.status_code)
        # What was fitted in may have mended what had been made wrong.
        is_mended = fits or sends_nothing_wrong(case) or asks_for_a_page(operation, answer)
        case.validate_response(answer, checks=CHECKS[:-1] if is_mended else checks_for(label))
        if answer.status_code == 200 and label == "POST /auth/change-password":
            person.password = case.body["new_password"]
        if label in ENDING or person.is_above is None and answer.status_code == 401 or "revoke" in label or "refresh" in label:
            person.sign_in()

    holds()
    if mode is GenerationMode.POSITIVE and label not in FROM_TELEGRAM | FROM_A_BROWSER:
        assert seen & {200, 201, 202, 403, 409}, f"no example got further than the check of the input: {seen}"


def test_the_edges_of_every_schema_are_answered_as_documented(house, tmp_path):
    """Each limit, type, media type and method in turn, rather than by chance."""
    token = Somebody(house, "GET /users").token
    names = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "ignored_auth",
             "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
             "unsupported_method"]
    left_out = [name for label in ENDING | FILES for name in ("--exclude-operation-id", operation_id(label))]
    ended = subprocess.run(
        [Path(sys.executable).parent / "schemathesis", "run", house.url + "/api/openapi.json", "--url", house.url,
         "--phases", "examples,coverage", "--checks", ",".join(names), "--seed", "1", "--no-color",
         "-H", f"Authorization: Bearer {token}", *left_out],
        cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def operation_id(label):
    return OPERATIONS[label].definition.raw["operationId"]


@pytest.mark.parametrize("path", SCHEMA.raw_schema["paths"])
def test_a_method_that_is_not_in_the_document_is_refused(house, path):
    known = {method.upper() for method in SCHEMA.raw_schema["paths"][path]}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - known:
        answer = house.call(method, re.sub(r"\{\w+\}", "0198a3f4-5c1e-7a2b-8c3d-4e5f60718293", path))
        assert answer.status_code == 405, (method, path, answer.status_code)
        assert known <= set(answer.headers["Allow"].split(", "))
        assert answer.json()["code"] == "method_not_allowed"
