"""The document of the interface against its standard, and the server against its document."""

import json
import re
import subprocess
import sys
import uuid
from urllib.parse import parse_qs, urlsplit
from pathlib import Path

import hypothesis
import jsonschema
import pytest
import schemathesis
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as specs

from gatehouse import PASSWORD, PATIENCE, Gatehouse, run

# Of each operation, in each mode: sound input, and input that is not.
EXAMPLES = 60


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    # Each example that needs somebody signs up anew: the hash may be cheap here.
    server = Gatehouse(tmp_path_factory.mktemp("openapi") / "data", {
        "ARGON2_MEMORY": "64", "ARGON2_PASSES": "1", "MAX_SESSIONS_PER_USER": "1000", "MAX_LOGIN_ATTEMPTS": "100"})
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
ENDING = {"POST /auth/logout", "POST /auth/revoke-all", "POST /auth/change-password"}
# It has no writer for the files that this takes.
FILES = {"POST /users/import"}
CHECKS = [
    checks.not_a_server_error, specs.status_code_conformance, specs.content_type_conformance,
    specs.response_headers_conformance, specs.response_schema_conformance, specs.negative_data_rejection]

# It answers success whatever it is given (TEL-3).
NEVER_REFUSES = {"POST /auth/logout"}


def checks_for(label):
    return [check for check in CHECKS if check is not specs.negative_data_rejection or label not in NEVER_REFUSES]


class Somebody:
    """Signed in, and new for each operation, so that none harms another."""

    count = 0

    def __init__(self, house):
        Somebody.count += 1
        self.house = house
        self.tokens = house.register(f"person{Somebody.count}")
        self.email = self.tokens["user"]["email"]
        self.made = None
        self.password = PASSWORD

    def sign_in(self):
        answer = self.house.login(self.email, self.password)
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()

    def fit(self, case):
        """Puts in what no generator can guess."""
        body = case.body
        if isinstance(body, dict) and case.operation.label in (
                "POST /auth/login", "POST /auth/register", "POST /auth/change-password"):
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
        if isinstance(body, dict) and isinstance(body.get("refresh_token"), str):
            body["refresh_token"] = self.tokens["refresh_token"]
        if isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
            if "session" in case.path:
                case.path_parameters["id"] = self.tokens["session_id"]
            elif "audit-logs" in case.path:
                case.path_parameters["id"] = self.house.call(
                    "GET", "/audit-logs", self.tokens["access_token"]).json()["items"][0]["id"]
            elif "users" in case.path:
                case.path_parameters["id"] = self.tokens["user"]["id"]
            elif "webhooks" in case.path:
                case.path_parameters["id"] = self.webhook()
        if isinstance(body, dict) and "webhooks" in case.path:
            sound = {"url": "https://receiver.invalid/", "events": ["*"], "enabled": False, "company_id": None}
            body.update({name: value for name, value in sound.items() if name in body})

    def webhook(self):
        """One that sends nothing."""
        if self.made is None:
            answer = self.house.call("POST", "/webhooks", self.tokens["access_token"], json={
                "url": "https://receiver.invalid/", "events": ["*"], "enabled": False})
            assert answer.status_code == 201, answer.text
            self.made = answer.json()["id"]
        return self.made


def asks_for_a_page(operation, answer):
    """Whether all that arrived was sound: the token that was left out is sent all the same."""
    given = parse_qs(urlsplit(answer.request.url).query, keep_blank_values=True)
    if operation.body or not given.keys() <= {"limit", "after"} or any(len(texts) > 1 for texts in given.values()):
        return False
    try:
        uuid.UUID(given.get("after", [str(uuid.uuid4())])[0])
        return 1 <= int(given.get("limit", ["1"])[0]) <= 100
    except ValueError:
        return False


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
    person = Somebody(house)
    seen = set()

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), fits=hypothesis.strategies.booleans())
    def holds(case, fits):
        if fits:
            person.fit(case)
        answer = case.call(
            base_url=house.url, headers={"Authorization": "Bearer " + person.tokens["access_token"]}, timeout=PATIENCE)
        seen.add(answer.status_code)
        # What was fitted in may have mended what had been made wrong.
        is_mended = fits or sends_nothing_wrong(case) or asks_for_a_page(operation, answer)
        case.validate_response(answer, checks=CHECKS[:-1] if is_mended else checks_for(label))
        if answer.status_code == 200 and label == "POST /auth/change-password":
            person.password = case.body["new_password"]
        if label in ENDING or answer.status_code == 401 or "revoke" in label or "refresh" in label:
            person.sign_in()

    holds()
    if mode is GenerationMode.POSITIVE:
        assert seen & {200, 201, 403, 409}, f"no example got further than the check of the input: {seen}"


def test_the_edges_of_every_schema_are_answered_as_documented(house, tmp_path):
    """Each limit, type, media type and method in turn, rather than by chance."""
    token = Somebody(house).tokens["access_token"]
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
