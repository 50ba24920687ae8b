"""Our tokens in the hands of other libraries, and theirs in ours."""

import base64
import hashlib
import hmac
import json
import time
import uuid

import jwt
import pytest
from authlib.jose import JsonWebKey, JsonWebToken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk as joserfc_jwk, jws as joserfc_jws, jwt as joserfc_jwt

from gatehouse import Gatehouse, run

SECRET = "kJ8v-2pQzX_7wLmN4tRyB6sHdFgC9aEu"
ISSUER = "https://id.example.com"
ALGORITHMS = ["EdDSA", "ES256", "RS256", "HS256"]


@pytest.fixture(scope="module", params=ALGORITHMS)
def house(request, tmp_path_factory):
    algorithm = request.param
    settings = {"JWT_SECRET": SECRET} if algorithm == "HS256" else {"JWT_ALGORITHM": algorithm}
    server = Gatehouse(tmp_path_factory.mktemp("tokens") / "data", {"JWT_ISSUER": ISSUER, **settings})
    server.algorithm = algorithm
    server.tokens = server.register()
    server.jwks = server.call("GET", "/.well-known/jwks.json").json()
    yield server
    assert server.stop() == 0


def part(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts_of(token):
    return [json.loads(base64.urlsafe_b64decode(piece + "==")) for piece in token.split(".")[:2]]


def assert_refused(server, token, code="token_invalid"):
    answer = server.call("GET", "/auth/validate", token)
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] == code
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


# Ours, verified elsewhere

def check_claims(server, header, claims):
    assert header["typ"] == "at+jwt"
    assert header["alg"] == server.algorithm
    assert claims["iss"] == ISSUER
    assert claims["aud"] in ("gatehouse", ["gatehouse"])
    assert claims["sub"] == server.tokens["user"]["id"]
    assert claims["sid"] == server.tokens["session_id"]
    assert claims["cid"] == server.tokens["company"]["id"]
    assert claims["exp"] - claims["iat"] == server.tokens["expires_in"] == 900
    assert abs(claims["iat"] - time.time()) < 120


def test_pyjwt_verifies_our_token(house):
    token = house.tokens["access_token"]
    header = jwt.get_unverified_header(token)
    if house.algorithm == "HS256":
        key = SECRET
    else:
        key = jwt.PyJWKClient(house.url + "/.well-known/jwks.json").get_signing_key_from_jwt(token).key
    claims = jwt.decode(
        token, key, algorithms=[house.algorithm], audience="gatehouse", issuer=ISSUER,
        options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]})
    check_claims(house, header, claims)


def test_authlib_verifies_our_token(house):
    key = SECRET if house.algorithm == "HS256" else JsonWebKey.import_key_set(house.jwks)
    claims = JsonWebToken([house.algorithm]).decode(house.tokens["access_token"], key, claims_options={
        "iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": "gatehouse"},
        "exp": {"essential": True}})
    claims.validate()
    check_claims(house, claims.header, claims)


def test_joserfc_verifies_our_token(house):
    if house.algorithm == "HS256":
        key = joserfc_jwk.OctKey.import_key(SECRET)
    else:
        key = joserfc_jwk.KeySet.import_key_set(house.jwks)
    token = joserfc_jwt.decode(house.tokens["access_token"], key, algorithms=[house.algorithm])
    joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": "gatehouse"},
        exp={"essential": True}).validate(token.claims)
    check_claims(house, token.header, token.claims)


def test_the_key_set_holds_public_keys_only(house):
    if house.algorithm == "HS256":
        assert house.jwks == {"keys": []}
        return
    assert house.jwks["keys"]
    for key in house.jwks["keys"]:
        assert key["use"] == "sig" and key["alg"] == house.algorithm and key["kid"]
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()


# Theirs, or ours tampered with, shown to us

def test_our_token_is_taken(house):
    answer = house.call("GET", "/auth/validate", house.tokens["access_token"])
    assert answer.status_code == 200 and answer.json()["user"]["email"] == "ada@example.com"


@pytest.mark.parametrize("claim, value", [
    ("sub", str(uuid.uuid4())), ("sid", str(uuid.uuid4())), ("exp", 4102444800), ("cid", str(uuid.uuid4()))])
def test_a_changed_payload_is_refused(house, claim, value):
    header, claims = parts_of(house.tokens["access_token"])
    signature = house.tokens["access_token"].split(".")[2]
    assert_refused(house, ".".join([part(header), part({**claims, claim: value}), signature]))


def test_a_changed_signature_is_refused(house):
    head, body, signature = house.tokens["access_token"].split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    for position in (0, len(raw) // 2, len(raw) - 1):
        changed = bytearray(raw)
        changed[position] ^= 1
        assert_refused(house, ".".join([head, body, part(bytes(changed))]))
    for other in ("", signature[:-4], signature + "AAAA", signature + "=", part(bytes(len(raw)))):
        assert_refused(house, ".".join([head, body, other]))


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_signature_is_refused(house, name):
    header, claims = parts_of(house.tokens["access_token"])
    assert_refused(house, part({**header, "alg": name}) + "." + part(claims) + ".")
    assert_refused(house, part({"alg": name, "typ": "at+jwt"}) + "." + part(claims) + ".")
    assert_refused(house, part({**header, "alg": name}) + "." + part(claims) + "."
                   + house.tokens["access_token"].split(".")[2])


def test_an_unsigned_token_of_pyjwt_is_refused(house):
    header, claims = parts_of(house.tokens["access_token"])
    assert_refused(house, jwt.encode(claims, None, algorithm="none", headers={"typ": "at+jwt"}))


def forms_of(key):
    """Every form in which a public key may have been taken for a secret."""
    public = jwt.PyJWK(key).key
    encoding, form = serialization.Encoding, serialization.PublicFormat
    forms = [
        public.public_bytes(encoding.PEM, form.SubjectPublicKeyInfo),
        public.public_bytes(encoding.PEM, form.SubjectPublicKeyInfo).rstrip(),
        public.public_bytes(encoding.DER, form.SubjectPublicKeyInfo),
        json.dumps(key).encode(), json.dumps(key, separators=(",", ":")).encode(),
        key.get("x", key.get("n", "")).encode()]
    if key["kty"] == "OKP":
        forms.append(public.public_bytes(encoding.Raw, form.Raw))
    return forms


def test_a_public_key_is_never_a_secret(house):
    _, claims = parts_of(house.tokens["access_token"])
    for key in house.jwks["keys"]:
        for secret in [*forms_of(key), b""]:
            for kid in ({"kid": key["kid"]}, {}):
                signed = part({"alg": "HS256", "typ": "at+jwt", **kid}) + "." + part(claims)
                mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
                assert_refused(house, signed + "." + part(mac))


STRANGERS = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
    "HS256": b"another secret, of 32 bytes or more",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_key_of_a_stranger_is_refused_under_our_key_id_too(house, algorithm):
    header, claims = parts_of(house.tokens["access_token"])
    key = STRANGERS[algorithm]
    for kid in (header.get("kid"), "unknown", "../../etc/passwd", "' or 1=1 --"):
        extra = {"typ": "at+jwt", **({"kid": kid} if kid else {})}
        assert_refused(house, jwt.encode(claims, key, algorithm=algorithm, headers=extra))
    if algorithm != "HS256":
        # A token that brings its own key along (CVE-2018-0114).
        public = JsonWebKey.import_key(key.public_key(), {"kty": {"EdDSA": "OKP", "ES256": "EC"}.get(algorithm, "RSA")})
        extra = {"typ": "at+jwt", "jwk": public.as_dict()}
        assert_refused(house, jwt.encode(claims, key, algorithm=algorithm, headers=extra))


def test_what_is_no_token_is_refused(house):
    token = house.tokens["access_token"]
    for text in ("x", "..", ".", "." * 5000, token[:-1], token + ".", "." + token, token.replace(".", " "),
                 token + "\u00ff", "a.b.c", "e30.e30.e30", house.tokens["refresh_token"]):
        assert_refused(house, text.encode())
    assert house.call("GET", "/auth/validate").json()["code"] == "token_missing"


# Signed with the right secret, and wrong all the same

@pytest.fixture(scope="module")
def secret_house(tmp_path_factory):
    server = Gatehouse(tmp_path_factory.mktemp("secret") / "data", {"JWT_SECRET": SECRET, "JWT_ISSUER": ISSUER})
    server.header, server.claims = parts_of(server.register()["access_token"])
    yield server
    assert server.stop() == 0


def signed(house, changes=None, without=(), header=None):
    claims = {name: value for name, value in {**house.claims, **(changes or {})}.items() if name not in without}
    text = part({**house.header, **(header or {})}) + "." + part(claims)
    return text + "." + part(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest())


def test_each_library_can_sign_for_us_with_the_secret(secret_house):
    claims = {**secret_house.claims, "jti": "from elsewhere"}
    header = secret_house.header
    tokens = [
        jwt.encode(claims, SECRET, algorithm="HS256", headers=header),
        JsonWebToken(["HS256"]).encode(header, claims, SECRET).decode(),
        joserfc_jwt.encode(header, claims, joserfc_jwk.OctKey.import_key(SECRET))]
    for token in tokens:
        answer = secret_house.call("GET", "/auth/validate", token)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("changes", [
    {"aud": "elsewhere"}, {"aud": []}, {"aud": ["elsewhere"]}, {"aud": "gatehouse "}, {"aud": None}, {"aud": 1},
    {"aud": {"gatehouse": 1}}, {"iss": "https://elsewhere.example"}, {"iss": ""}, {"iss": None}, {"iss": ["x"]},
    {"exp": "4102444800"}, {"exp": 4102444800.5}, {"exp": None}, {"exp": True}, {"exp": []}, {"exp": -1},
    {"exp": 10**30}, {"exp": 1e300}, {"exp": -(10**30)}, {"nbf": 4102444800}, {"nbf": "0"}, {"iat": 4102444800},
    {"iat": "now"}, {"sub": 7}, {"sub": None}, {"sub": ""}, {"sub": "ada@example.com"}, {"sid": 7}, {"sid": ""},
    {"sid": None}, {"sid": []}, {"cid": 7}, {"cid": "x"}, {"amr": "pwd"}, {"amr": [1]}, {"jti": 7},
], ids=json.dumps)
def test_a_wrong_claim_is_refused_whoever_signed(secret_house, changes):
    answer = secret_house.call("GET", "/auth/validate", signed(secret_house, changes))
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] in ("token_invalid", "token_expired")


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "sub", "sid"])
def test_a_missing_claim_is_refused_whoever_signed(secret_house, name):
    assert_refused(secret_house, signed(secret_house, without=[name]))


@pytest.mark.parametrize("header", [
    {"typ": "JWT"}, {"typ": "rt+jwt"}, {"typ": "id+jwt"}, {"typ": ""}, {"typ": None}, {"typ": 1}, {"alg": "HS512"},
    {"alg": ["HS256"]}, {"alg": None}, {"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False, "crit": ["b64"]},
], ids=json.dumps)
def test_a_wrong_header_is_refused_whoever_signed(secret_house, header):
    assert_refused(secret_house, signed(secret_house, header=header))


def test_an_expired_token_is_refused_as_such(secret_house):
    now = int(time.time())
    assert_refused(secret_house, signed(secret_house, {"exp": now - 1, "iat": now - 901}), "token_expired")
    assert_refused(secret_house, signed(secret_house, {"exp": 0, "iat": 0}), "token_expired")


def test_a_session_that_never_was_is_refused(secret_house):
    answer = secret_house.call("GET", "/auth/validate", signed(secret_house, {"sid": str(uuid.uuid4())}))
    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize("payload", [b"null", b"[]", b"1", b'"x"', b"", b"{", b"\xff", b'{"exp":1,"exp":4102444800}'])
def test_a_payload_that_is_no_claims_is_refused_whoever_signed(secret_house, payload):
    text = part(secret_house.header) + "." + part(payload)
    assert_refused(
        secret_house, text + "." + part(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()))


def test_a_repeated_claim_is_refused_whoever_signed(secret_house):
    body = json.dumps(secret_house.claims)[:-1] + ', "aud": "gatehouse"}'
    token = joserfc_jws.serialize_compact(
        secret_house.header, body, joserfc_jwk.OctKey.import_key(SECRET), algorithms=["HS256"])
    assert_refused(secret_house, token)


# Keys that change

def test_after_a_rotation_tokens_of_the_former_key_stay_good(start):
    server = start({"JWT_ISSUER": ISSUER})
    tokens = server.register()
    first = {key["kid"] for key in server.call("GET", "/.well-known/jwks.json").json()["keys"]}

    rotated = run("keys", "rotate", "--now", "--data", server.data)
    assert rotated.returncode == 0, rotated.stderr
    assert server.stop() == 0
    server = start({"JWT_ISSUER": ISSUER})

    keys = server.call("GET", "/.well-known/jwks.json").json()
    assert first < {key["kid"] for key in keys["keys"]} and len(keys["keys"]) == 2
    assert server.call("GET", "/auth/validate", tokens["access_token"]).status_code == 200
    fresh = server.refresh(tokens["refresh_token"]).json()["access_token"]
    assert jwt.get_unverified_header(fresh)["kid"] not in first
    for token in (tokens["access_token"], fresh):
        joserfc_jwt.decode(token, joserfc_jwk.KeySet.import_key_set(keys), algorithms=["EdDSA"])
    listed = run("keys", "list", "--data", server.data).stdout
    assert all(key["kid"] in listed for key in keys["keys"])
