"""Passkeys: a software authenticator of Yubico's library, the verdicts of another server's library, and a browser."""

import copy
import json
import shutil

import pytest
import requests
import webauthn
from fido2.utils import websafe_decode, websafe_encode
from selenium import webdriver
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from webauthn.helpers.cose import COSEAlgorithmIdentifier

from authenticators import ALGORITHMS, FLAG, Authenticator
from gatehouse import PASSWORD, PATIENCE, Gatehouse
from stores import free_port


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """On a port that is known beforehand: the origin of its pages is made of it."""
    port = free_port()
    server = Gatehouse(tmp_path_factory.mktemp("passkeys") / "data", {
        "PUBLIC_URL": f"http://localhost:{port}", "ARGON2_MEMORY": "64", "ARGON2_PASSES": "1",
        "PASSKEY_USER_VERIFICATION": "preferred"}, port=port)
    yield server
    assert server.stop() == 0


class Browser(requests.Session):
    """Keeps cookies, and says where its pages are from."""

    def __init__(self, house, token=None):
        super().__init__()
        self.house = house
        self.headers["Origin"] = house.url
        self.token = token

    def call(self, path, body=None, method="POST"):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.request(method, self.house.url + path, json=body or {}, headers=headers, timeout=PATIENCE)

    def options(self, path, **body):
        answer = self.call(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()["public_key"]


PEOPLE = iter(range(1000))


@pytest.fixture
def person(house):
    return house.register(f"passkey{next(PEOPLE)}")


def enrol(house, person, authenticator, **use):
    browser = Browser(house, person["access_token"])
    options = browser.options("/auth/passkeys/registration-options", **use)
    credential = authenticator.create(options)
    return options, credential, browser.call("/auth/passkeys", {"credential": credential})


def their_registration(house, options, credential):
    """What the other library makes of it."""
    return webauthn.verify_registration_response(
        credential=credential, expected_challenge=websafe_decode(options["challenge"]), expected_rp_id="localhost",
        expected_origin=house.url, supported_pub_key_algs=list(COSEAlgorithmIdentifier))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_enrols_and_signs_in(house, person, name):
    authenticator = Authenticator(house.url, ALGORITHMS[name])
    options, credential, answer = enrol(house, person, authenticator)
    assert answer.status_code == 201, answer.text
    # The other library does not know every algorithm.
    is_known = authenticator.algorithm in list(COSEAlgorithmIdentifier)
    assert is_known or name == "ES384"
    verified = their_registration(house, options, credential) if is_known else None
    assert websafe_encode(authenticator.id) == answer.json()["passkey"]["credential_id"]
    browser = Browser(house)
    for count in (1, 2):
        asked = browser.options("/auth/passkeys/sign-in-options")
        assertion = authenticator.get(asked)
        if is_known:
            theirs = webauthn.verify_authentication_response(
                credential=assertion, expected_challenge=websafe_decode(asked["challenge"]), expected_rp_id="localhost",
                expected_origin=house.url, credential_public_key=verified.credential_public_key,
                credential_current_sign_count=count - 1)
            assert theirs.new_sign_count == count and verified.credential_id == authenticator.id
        ours = browser.call("/auth/passkeys/sign-in", {"credential": assertion})
        assert ours.status_code == 200 and ours.json()["user"]["id"] == person["user"]["id"], ours.text


def spoiled(credential):
    """The same answer with one thing wrong, each in turn."""
    for part in credential["response"]:
        if part in ("transports", "userHandle"):
            continue
        sound = websafe_decode(credential["response"][part])
        for place in sorted({0, 1, len(sound) // 3, len(sound) // 2, len(sound) - 1}):
            for change in (0x01, 0x80):
                other = copy.deepcopy(credential)
                altered = bytearray(sound)
                altered[place] ^= change
                other["response"][part] = websafe_encode(bytes(altered))
                yield part, place, other


def test_an_assertion_with_anything_wrong_is_refused_by_both(house, person):
    authenticator = Authenticator(house.url)
    options, credential, answer = enrol(house, person, authenticator)
    assert answer.status_code == 201, answer.text
    key = their_registration(house, options, credential).credential_public_key
    browser = Browser(house)
    asked = browser.options("/auth/passkeys/sign-in-options")
    sound = authenticator.get(asked)
    for part, place, altered in spoiled(sound):
        with pytest.raises(Exception):
            webauthn.verify_authentication_response(
                credential=altered, expected_challenge=websafe_decode(asked["challenge"]), expected_rp_id="localhost",
                expected_origin=house.url, credential_public_key=key, credential_current_sign_count=0)
        ours = browser.call("/auth/passkeys/sign-in", {"credential": altered})
        assert ours.status_code in (400, 401), (part, place, ours.text)
    assert browser.call("/auth/passkeys/sign-in", {"credential": sound}).status_code == 200


def test_a_registration_that_the_other_library_refuses_is_refused_here(house, person):
    for flags, origin in ((FLAG.UV, house.url), (FLAG.UP, "https://evil.example"), (FLAG.UP | FLAG.BS, house.url)):
        authenticator = Authenticator(origin, flags=flags)
        options, credential, answer = enrol(house, person, authenticator)
        with pytest.raises(Exception):
            their_registration(house, options, credential)
        assert answer.status_code == 401 and answer.json()["code"] == "passkey_refused", answer.text


def test_a_security_key_is_asked_for_behind_the_password(house, person):
    key = Authenticator(house.url, flags=FLAG.UP)
    options, _, answer = enrol(house, person, key, use="second_factor")
    assert options["authenticatorSelection"]["residentKey"] == "discouraged"
    assert len(answer.json()["recovery_codes"]) == 10, answer.text
    browser = Browser(house)
    asked = browser.call("/auth/login", {"email": person["user"]["email"], "password": PASSWORD}).json()
    assert "access_token" not in asked and asked["methods"][0] == "passkey"
    token = asked["second_factor_token"]
    options = browser.options("/auth/passkeys/second-factor-options", second_factor_token=token)
    assert [found["id"] for found in options["allowCredentials"]] == [websafe_encode(key.id)]
    answer = browser.call(
        "/auth/passkeys/second-factor", {"second_factor_token": token, "credential": key.get(options)})
    assert answer.status_code == 200 and answer.json()["access_token"], answer.text


# In a browser

CALL = """
const [path, body, token, done] = arguments;
const headers = {"Content-Type": "application/json"};
if (token) headers.Authorization = "Bearer " + token;
fetch(path, {method: "POST", headers, body: JSON.stringify(body)})
  .then(async (answer) => done({status: answer.status, body: await answer.json()}), (error) => done({error: `${error}`}));
"""
CREATE = """
const [options, done] = arguments;
navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})
  .then((made) => done(made.toJSON()), (error) => done({error: `${error}`}));
"""
GET = """
const [options, done] = arguments;
navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})
  .then((found) => done(found.toJSON()), (error) => done({error: `${error}`}));
"""


@pytest.fixture
def chromium():
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("there is no chromium with its driver here")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


def add_authenticator(chromium, **options):
    kind = VirtualAuthenticatorOptions(protocol="ctap2", transport="internal", **options)
    chromium.add_virtual_authenticator(kind)


def call(chromium, path, body=None, token=None):
    answer = chromium.execute_async_script(CALL, path, body or {}, token)
    assert answer.get("status") in (200, 201), json.dumps(answer)
    return answer["body"]


def test_a_browser_enrols_a_passkey_and_signs_in_with_it_alone(house, person, chromium):
    add_authenticator(chromium, has_resident_key=True, has_user_verification=True, is_user_verified=True)
    chromium.get(house.url + "/")
    token = person["access_token"]
    options = call(chromium, "/auth/passkeys/registration-options", token=token)["public_key"]
    made = chromium.execute_async_script(CREATE, options)
    kept = call(chromium, "/auth/passkeys", {"credential": made}, token)
    assert kept["passkey"]["use"] == "sign_in" and kept["passkey"]["transports"] == ["internal"]
    # The same authenticator makes no second one.
    again = call(chromium, "/auth/passkeys/registration-options", token=token)["public_key"]
    assert "InvalidStateError" in chromium.execute_async_script(CREATE, again)["error"]

    for _ in range(2):
        options = call(chromium, "/auth/passkeys/sign-in-options")["public_key"]
        found = chromium.execute_async_script(GET, options)
        signed_in = call(chromium, "/auth/passkeys/sign-in", {"credential": found})
        assert signed_in["user"]["id"] == person["user"]["id"]
    checked = house.call("GET", "/auth/validate", signed_in["access_token"])
    assert checked.status_code == 200, checked.text


def test_a_browser_shows_a_security_key_behind_the_password(house, person, chromium):
    add_authenticator(chromium, has_resident_key=False, has_user_verification=False)
    chromium.get(house.url + "/")
    token = person["access_token"]
    options = call(chromium, "/auth/passkeys/registration-options", {"use": "second_factor"}, token)["public_key"]
    kept = call(chromium, "/auth/passkeys", {"credential": chromium.execute_async_script(CREATE, options)}, token)
    assert len(kept["recovery_codes"]) == 10
    asked = call(chromium, "/auth/login", {"email": person["user"]["email"], "password": PASSWORD})
    challenge = {"second_factor_token": asked["second_factor_token"]}
    options = call(chromium, "/auth/passkeys/second-factor-options", challenge)["public_key"]
    found = chromium.execute_async_script(GET, options)
    signed_in = call(chromium, "/auth/passkeys/second-factor", {**challenge, "credential": found})
    assert signed_in["user"]["id"] == person["user"]["id"]
