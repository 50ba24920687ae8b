"""Log In With Telegram against an issuer that is not of this project's making."""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "telegram"))
from issuer import Issuer

BOT = 110201543
TOKEN = f"{BOT}:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
SECRET = "vPzN/=+:%&k0b8"


@pytest.fixture
def issuer():
    issuer = Issuer(BOT, SECRET)
    yield issuer
    issuer.close()


on_both_stores = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def house(request, start, issuer):
    stores = {}
    if getattr(request, "param", "sqlite") == "postgresql":
        stores["DATABASE_URL"] = request.getfixturevalue("postgresql").create_database()
    return start(stores | {
        "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CLIENT_SECRET": SECRET, "TELEGRAM_OIDC_ISSUER": issuer.url,
        "TELEGRAM_UPDATES": "off", "RETURN_ORIGINS": "https://app.example.com", "ARGON2_MEMORY": "64",
        "ARGON2_PASSES": "1"})


class Browser:
    """Goes where it is sent, and keeps its cookies."""

    def __init__(self, house):
        self.house = house
        self.session = requests.Session()

    def get(self, url):
        return self.session.get(url, allow_redirects=False, timeout=30)

    def leave(self, **query):
        answer = self.session.get(
            self.house.url + "/auth/telegram/start", params=query, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def back(self, **query):
        """To Telegram, and back to the door of the server."""
        way = self.get(self.leave(**query)).headers["Location"]
        # PUBLIC_URL, not the address the browser has used; here the port is the system's choice.
        assert urlsplit(way).path == "/auth/telegram/oidc/callback"
        return self.house.url + "/auth/telegram/oidc/callback?" + urlsplit(way).query

    def sign_in(self, **query):
        answer = self.get(self.back(**query))
        assert answer.status_code == 302, answer.text
        return answer

    def tokens(self):
        answer = self.session.post(self.house.url + "/auth/refresh-token", timeout=30)
        return answer.json() if answer.ok else None


def error(answer):
    return parse_qs(urlsplit(answer.headers["Location"]).query).get("error", [None])[0]


@on_both_stores
def test_a_browser_signs_in_with_pkce_and_goes_back(house, issuer):
    browser = Browser(house)
    way = urlsplit(browser.leave(return_to="/welcome?x=1"))
    query = parse_qs(way.query)
    assert query["scope"] == ["openid profile"] and len(query["state"][0]) == 43
    cookie = next(cookie for cookie in browser.session.cookies if cookie.name == "gatehouse_telegram")
    assert cookie.get_nonstandard_attr("SameSite") == "Lax" and cookie.has_nonstandard_attr("HttpOnly")
    answer = browser.sign_in(return_to="/welcome?x=1")
    assert answer.headers["Location"].endswith("/welcome?x=1") and answer.headers["Cache-Control"] == "no-store"
    tokens = browser.tokens()
    assert tokens["user"]["name"] == "Ada King" and tokens["user"]["email"] is None
    me = house.call("GET", "/auth/telegram", tokens["access_token"]).json()
    assert me["telegram_id"] == 42 and me["username"] == "ada"


@on_both_stores
def test_the_id_is_the_id_and_sub_is_not(house, issuer):  # security case 67
    first = Browser(house)
    first.sign_in()
    again = Browser(house)
    issuer.claims = {"sub": "99999999999999999999"}
    again.sign_in()
    assert first.tokens()["user"]["id"] == again.tokens()["user"]["id"]
    issuer.claims = {"sub": "42"}
    issuer.person = {"id": 43, "name": "Eve"}
    other = Browser(house)
    other.sign_in()
    assert other.tokens()["user"]["id"] != first.tokens()["user"]["id"]
    issuer.person = {"name": "Nobody"}
    nobody = Browser(house)
    assert error(nobody.sign_in()) == "telegram_data_malformed" and nobody.tokens() is None


def test_a_verified_number_is_taken_where_there_is_none(house, issuer):
    issuer.person = {"id": 7, "name": "Ada"}
    browser = Browser(house)
    browser.sign_in()
    token = browser.tokens()["access_token"]
    assert house.call("GET", "/auth/profile", token).json()["user"]["phone"] is None
    issuer.person["phone_number"] = "442079460958"
    browser.sign_in()
    assert house.call("GET", "/auth/profile", token).json()["user"]["phone"] == "+442079460958"
    issuer.person["phone_number"] = "15550100"
    browser.sign_in()
    assert house.call("GET", "/auth/profile", token).json()["user"]["phone"] == "+442079460958"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_algorithms_that_are_spoken(house, issuer, algorithm):
    issuer.new_key(algorithm)
    browser = Browser(house)
    assert error(browser.sign_in()) is None and browser.tokens()


@pytest.mark.parametrize("algorithm", ["ES256K", "HS256"])
def test_algorithms_that_are_not(house, issuer, algorithm):
    issuer.published.clear()
    issuer.new_key(algorithm)
    browser = Browser(house)
    answer = browser.sign_in()
    assert error(answer) == "telegram_data_not_signed" and browser.tokens() is None


def unsigned(token, **header):
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return head + "." + token.split(".")[1] + "."


FORGERIES = {
    "another audience": (lambda issuer: issuer.token(aud="99"), "telegram_data_not_signed"),
    "an audience beside": (lambda issuer: issuer.token(aud=[str(BOT), "99"]), "telegram_data_not_signed"),
    "issued to another": (lambda issuer: issuer.token(azp="99"), "telegram_data_not_signed"),
    "another issuer": (lambda issuer: issuer.token(iss="https://oauth.telegram.org"), "telegram_data_not_signed"),
    "expired": (lambda issuer: issuer.token(exp=1700000000, iat=1699999000), "telegram_data_expired"),
    "from the future": (lambda issuer: issuer.token(iat=4000000000, exp=4000000300), "telegram_data_in_future"),
    "not yet": (lambda issuer: issuer.token(nbf=4000000000), "telegram_data_in_future"),
    "without an expiry": (lambda issuer: issuer.token(exp=None), "telegram_data_malformed"),
    "without iat": (lambda issuer: issuer.token(iat=None), "telegram_data_malformed"),
    "an expiry in text": (lambda issuer: issuer.token(exp="4000000000"), "telegram_data_malformed"),
    "no signature": (
        lambda issuer: unsigned(issuer.token(), alg="none", kid=issuer.signing), "telegram_data_not_signed"),
    "a cut signature": (lambda issuer: issuer.token().rsplit(".", 1)[0] + ".", "telegram_data_not_signed"),
    "another's claims": (
        lambda issuer: ".".join([issuer.token().split(".")[0], issuer.token(id=1).split(".")[1],
                                 issuer.token().split(".")[2]]), "telegram_data_not_signed"),
    "no token": (lambda issuer: "no token", "telegram_data_not_signed"),
}


def bring(house, issuer, make):
    """As Telegram's library hands a token to a page: with the nonce of this browser."""
    session = requests.Session()
    nonce = session.post(house.url + "/auth/telegram/nonce", timeout=30).json()["nonce"]
    issuer.claims = {"nonce": nonce}
    token = make(issuer)
    issuer.claims = {}
    return session.post(house.url + "/auth/telegram", json={"id_token": token}, timeout=30), token, session


@pytest.mark.parametrize("name", FORGERIES)
def test_a_token_that_proves_nothing_is_refused(house, issuer, name):  # security cases 19, 68
    make, code = FORGERIES[name]
    answer, _, _ = bring(house, issuer, make)
    assert answer.json()["code"] == code and answer.status_code in (400, 401), answer.text
    good, _, _ = bring(house, issuer, lambda issuer: issuer.token())
    assert good.status_code == 200, good.text


def test_the_same_goes_for_tokens_that_come_for_a_code(house, issuer):
    for claims, code in (({"aud": "99"}, "telegram_data_not_signed"), ({"exp": 1700000000}, "telegram_data_expired"),
                         ({"iss": "https://evil.example"}, "telegram_data_not_signed"),
                         ({"nonce": "another"}, "telegram_data_not_signed")):
        issuer.claims = claims
        browser = Browser(house)
        assert error(browser.sign_in(return_to="/x")) == code and browser.tokens() is None
    issuer.claims = {}
    issuer.echoes_nonce = False
    browser = Browser(house)
    assert error(browser.sign_in()) is None and browser.tokens()


def test_a_key_that_nobody_published_signs_nothing(house, issuer):
    known = issuer.signing
    issuer.new_key("RS256", publish=False)
    assert bring(house, issuer, lambda issuer: issuer.token())[0].json()["code"] == "telegram_data_not_signed"
    # Under the name of one that is.
    issuer.header = {"kid": known}
    assert bring(house, issuer, lambda issuer: issuer.token())[0].json()["code"] == "telegram_data_not_signed"


def test_a_key_set_of_shared_secrets_is_none(house, issuer):
    issuer.published.clear()
    issuer.new_key("HS256")
    assert bring(house, issuer, lambda issuer: issuer.token())[0].json()["code"] == "telegram_data_not_signed"


def test_keys_are_fetched_once_and_again_for_a_new_one(house, issuer):
    def fetched():
        return issuer.fetches.get("/.well-known/jwks.json", 0)

    for _ in range(3):
        assert bring(house, issuer, lambda issuer: issuer.token())[0].status_code == 200
    assert fetched() == 1 and issuer.fetches["/.well-known/openid-configuration"] == 1
    issuer.new_key("ES256")
    assert bring(house, issuer, lambda issuer: issuer.token())[0].status_code == 200
    assert fetched() == 2
    # Names of keys that somebody makes up cost the issuer nothing more.
    issuer.new_key("ES256", publish=False)
    for _ in range(5):
        assert bring(house, issuer, lambda issuer: issuer.token())[0].status_code == 401
    assert fetched() == 2


def test_keys_are_fetched_by_one_at_a_time(house, issuer):
    issuer.delay = 0.5
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: crowd(house, issuer, 100 + number), range(8)))
    assert answers == [200] * 8
    assert issuer.fetches["/.well-known/jwks.json"] == 1


def crowd(house, issuer, number):
    session = requests.Session()
    nonce = session.post(house.url + "/auth/telegram/nonce", timeout=30).json()["nonce"]
    answer = session.post(house.url + "/auth/telegram", json={"id_token": issuer.token(nonce, id=number)}, timeout=30)
    return answer.json().get("code", answer.status_code)


@on_both_stores
def test_an_id_token_needs_the_nonce_of_its_browser_and_is_good_once(house, issuer):  # security case 66
    answer, token, session = bring(house, issuer, lambda issuer: issuer.token())
    assert answer.status_code == 200
    again = session.post(house.url + "/auth/telegram", json={"id_token": token}, timeout=30)
    assert again.status_code == 401 and again.json()["code"] == "telegram_data_replayed"
    # Another token for the same nonce.
    nonce = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["nonce"]
    other = session.post(house.url + "/auth/telegram", json={"id_token": issuer.token(nonce)}, timeout=30)
    assert other.json()["code"] == "telegram_data_replayed"
    # In a browser that has another nonce, or none.
    foreign = requests.Session()
    nobody = foreign.post(house.url + "/auth/telegram", json={"id_token": issuer.token("x")}, timeout=30)
    assert nobody.status_code == 401 and nobody.json()["code"] == "sign_in_not_begun"
    foreign.post(house.url + "/auth/telegram/nonce", timeout=30)
    for made in (issuer.token(nonce), issuer.token()):
        refused = foreign.post(house.url + "/auth/telegram", json={"id_token": made}, timeout=30)
        assert refused.status_code == 401 and refused.json()["code"] == "sign_in_not_begun"


@on_both_stores
def test_an_id_token_binds_an_account(house, issuer):
    made = house.register()
    session = requests.Session()
    nonce = session.post(house.url + "/auth/telegram/nonce", timeout=30).json()["nonce"]
    bound = session.post(house.url + "/auth/telegram/link", json={"id_token": issuer.token(nonce)}, timeout=30,
                         headers={"Authorization": "Bearer " + made["access_token"]})
    assert bound.status_code == 200 and bound.json()["telegram_id"] == 42
    browser = Browser(house)
    browser.sign_in()
    assert browser.tokens()["user"]["id"] == made["user"]["id"]


class Binding(Browser):
    """Somebody with an account, who goes to Telegram to bind it."""

    def __init__(self, house, name="ada"):
        super().__init__(house)
        self.made = house.register(name)

    def leave(self, **body):
        answer = self.session.post(
            self.house.url + "/auth/telegram/link/start", json=body, timeout=30,
            headers={"Authorization": "Bearer " + self.made["access_token"]})
        assert answer.status_code == 201 and answer.json()["expires_in"] == 600, answer.text
        return answer.json()["url"]

    def bound(self):
        return self.house.call("GET", "/auth/telegram", self.made["access_token"])


@on_both_stores
def test_a_browser_binds_its_account_by_going_there(house, issuer):
    browser = Binding(house)
    answer = browser.sign_in(return_to="/settings")
    assert answer.headers["Location"].endswith("/settings")
    assert browser.bound().json()["telegram_id"] == 42
    # It was signed in before, and no other session was opened for it.
    assert browser.tokens() is None
    sessions = house.call("GET", "/auth/sessions", browser.made["access_token"]).json()["items"]
    assert [session["id"] for session in sessions] == [browser.made["session_id"]]
    stranger = Browser(house)
    stranger.sign_in()
    assert stranger.tokens()["user"]["id"] == browser.made["user"]["id"]


def test_a_person_of_telegram_is_bound_to_one_account(house, issuer):
    Binding(house).sign_in()
    other = Binding(house, "eve")
    assert error(other.sign_in(return_to="/settings")) == "telegram_taken" and other.bound().status_code == 404


@on_both_stores
def test_a_session_that_ended_meanwhile_binds_nothing(house, issuer):
    browser = Binding(house)
    way = browser.back()
    assert house.call("POST", "/auth/logout", json={"refresh_token": browser.made["refresh_token"]}).status_code == 200
    assert error(browser.get(way)) == "session_ended"
    browser.made = house.login().json()
    assert browser.bound().status_code == 404


def test_what_one_browser_began_to_bind_another_does_not_finish(house, issuer):  # security case 25
    ada, eve = Binding(house), Binding(house, "eve")
    eve.leave()
    assert eve.get(ada.back()).json()["code"] == "sign_in_not_begun"
    assert ada.bound().status_code == 404 and eve.bound().status_code == 404
    assert Browser(house).session.post(house.url + "/auth/telegram/link/start", json={}, timeout=30).status_code == 401


@on_both_stores
def test_what_comes_back_is_taken_from_the_browser_that_left_and_once(house, issuer):  # security case 25
    browser = Browser(house)
    back = browser.back(return_to="/x")
    stranger = requests.get(back, allow_redirects=False, timeout=30)
    assert stranger.status_code == 401 and stranger.json()["code"] == "sign_in_not_begun"
    other = Browser(house)
    other.leave()
    assert other.get(back).json()["code"] == "sign_in_not_begun"
    cookie = browser.session.cookies["gatehouse_telegram"]
    assert error(browser.get(back)) is None and browser.tokens()
    # Whoever has kept the cookie, and gets another code for the same state.
    browser.session.cookies.set("gatehouse_telegram", cookie, domain="localhost.local", path="/")
    again = requests.get(back, cookies={"gatehouse_telegram": cookie}, allow_redirects=False, timeout=30)
    assert again.status_code == 302 and error(again) == "sign_in_not_begun"
    changed = requests.get(back, cookies={"gatehouse_telegram": cookie[:-2] + "AA"}, allow_redirects=False, timeout=30)
    assert changed.status_code == 401


def test_a_code_of_somebody_else_is_of_no_use(house, issuer):
    """The issuer binds codes to the challenge: a code that is put into another browser's answer has another."""
    victim, thief = Browser(house), Browser(house)
    stolen = parse_qs(urlsplit(victim.back()).query)["code"][0]
    own = urlsplit(thief.back())
    state = parse_qs(own.query)["state"][0]
    answer = thief.get(f"{house.url}/auth/telegram/oidc/callback?code={stolen}&state={state}")
    assert error(answer) == "telegram_refused" and thief.tokens() is None


@pytest.mark.parametrize("query", ["state={s}&state={s}&code=x", "code=x", "state=&code=x", "state=x&code=x", ""])
def test_answers_that_cannot_be_read_lead_nowhere(house, issuer, query):
    browser = Browser(house)
    state = parse_qs(urlsplit(browser.leave()).query)["state"][0]
    answer = browser.get(f"{house.url}/auth/telegram/oidc/callback?" + query.format(s=state))
    assert answer.status_code in (400, 401) and "Location" not in answer.headers


def test_who_changes_their_mind_is_sent_back_with_a_reason(house, issuer):
    issuer.refusal = "access_denied"
    browser = Browser(house)
    answer = browser.sign_in(return_to="https://app.example.com/in?from=telegram")
    assert answer.headers["Location"] == "https://app.example.com/in?from=telegram&error=telegram_refused"
    assert browser.tokens() is None


def test_an_answer_of_another_issuer_is_none(house, issuer):  # RFC 9207
    browser = Browser(house)
    answer = browser.get(browser.back() + "&iss=https%3A%2F%2Fevil.example")
    assert error(answer) == "telegram_data_not_signed"


@pytest.mark.parametrize("address", [
    "//evil.example", "/\\evil.example", "https://evil.example", "https://app.example.com.evil.example/",
    "https://app.example.com@evil.example/", "javascript:alert(1)", "http://app.example.com/", "/\tx", "/x\r\nSet-Cookie: a=b",
    "\\\\evil.example", "https:/evil.example", "HTTPS://app.example.com/", "https://app.example.com:443/", " /x", "x", "",
    "/a#b", "https://app.example.com\\@evil.example"])
def test_nobody_is_sent_elsewhere(house, issuer, address):  # security cases 23, 24
    answer = requests.get(house.url + "/auth/telegram/start", params={"return_to": address}, allow_redirects=False,
                          timeout=30)
    assert answer.status_code == 400 and answer.json()["code"] == "validation_failed"


def test_the_address_of_the_request_is_nobodys_word(house, issuer):
    answer = requests.get(house.url + "/auth/telegram/start", headers={"Host": "evil.example"}, allow_redirects=False,
                          timeout=30)
    assert "evil" not in answer.headers["Location"]


def test_an_issuer_that_is_away_or_another_is_not_spoken_to(house, issuer):
    issuer.document = {"issuer": "https://evil.example"}
    answer = requests.get(house.url + "/auth/telegram/start", allow_redirects=False, timeout=30)
    assert answer.status_code == 503 and answer.json()["code"] == "telegram_unreachable"


def test_a_bot_without_a_secret_has_no_such_door(start, issuer):
    house = start({"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_OIDC_ISSUER": issuer.url, "TELEGRAM_UPDATES": "off"})
    answer = requests.get(house.url + "/auth/telegram/start", allow_redirects=False, timeout=30)
    assert answer.status_code == 503 and answer.json()["code"] == "telegram_not_configured"


def test_over_tls_the_cookies_are_of_this_host_alone(start, issuer):
    house = start({
        "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CLIENT_SECRET": SECRET, "TELEGRAM_OIDC_ISSUER": issuer.url,
        "TELEGRAM_UPDATES": "off", "PUBLIC_URL": "https://id.example.com"})
    answer = requests.get(house.url + "/auth/telegram/start", allow_redirects=False, timeout=30)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-gatehouse_telegram=") and "; Path=/;" in cookie and cookie.endswith("; Secure")
    assert "SameSite=Lax" in cookie and "HttpOnly" in cookie and "Domain" not in cookie
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["redirect_uri"] == ["https://id.example.com/auth/telegram/oidc/callback"]


def test_no_secret_stands_in_the_log(house, issuer):
    browser = Browser(house)
    back = browser.back()
    browser.get(back)
    query = parse_qs(urlsplit(back).query)
    text = "\n".join(house.logged)
    assert SECRET not in text and query["code"][0] not in text and query["state"][0] not in text
