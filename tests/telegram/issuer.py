"""Telegram as an issuer of OpenID Connect, for tests: joserfc signs, and no line of this project's own checks PKCE.

An `Issuer` is given people; a browser that comes to `/auth` is sent back at once as the one who is at the telephone.
"""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

MAKERS = {
    "RS256": lambda kid: RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}),
    "ES256": lambda kid: ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"}),
    "EdDSA": lambda kid: OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig", "alg": "EdDSA"}),
    "ES256K": lambda kid: ECKey.generate_key("secp256k1", {"kid": kid, "use": "sig", "alg": "ES256K"}),
    "HS256": lambda kid: OctKey.generate_key(256, {"kid": kid, "use": "sig", "alg": "HS256"}),
}


class Issuer:
    def __init__(self, client, secret):
        self.client, self.secret = str(client), secret
        self.keys, self.published, self.made = {}, [], 0
        self.codes, self.fetches, self.refusal = {}, {}, None
        # What the next tokens have that is not as usual.
        self.claims, self.header, self.signs_with = {}, {}, None
        self.cache_control = "max-age=3600"
        self.document = {}
        self.delay = 0
        self.person = {"id": 42, "name": "Ada King", "preferred_username": "ada"}
        self.echoes_nonce = True
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                issuer.get(self)

            def do_POST(self):
                issuer.post(self)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.new_key("RS256")

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def new_key(self, algorithm, publish=True):
        """Signs with a new key from now on."""
        self.made += 1
        kid = f"key-{self.made}"
        self.keys[kid] = (algorithm, MAKERS[algorithm](kid))
        if publish:
            self.published.append(kid)
        self.signing = kid
        return kid

    def sub(self):
        """Up to 20 digits, and not the id."""
        return str(int(hashlib.sha256(f"sub {self.person.get('id')}".encode()).hexdigest(), 16))[:20]

    def token(self, nonce=None, **changes):
        now = int(time.time())
        claims = {"iss": self.url, "aud": self.client, "sub": self.sub(), "iat": now, "exp": now + 300, **self.person}
        if nonce:
            claims["nonce"] = nonce
        claims.update({**self.claims, **changes})
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithm, key = self.keys[self.signs_with or self.signing]
        header = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **self.header}
        return jwt.encode(header, claims, key, algorithms=[algorithm])

    def get(self, request):
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        self.fetches[path] = self.fetches.get(path, 0) + 1
        if path == "/.well-known/openid-configuration":
            return answer(request, 200, {
                "issuer": self.url, "authorization_endpoint": self.url + "/auth", "token_endpoint": self.url + "/token",
                "jwks_uri": self.url + "/.well-known/jwks.json", "code_challenge_methods_supported": ["S256"],
                **self.document}, self.cache_control)
        if path == "/.well-known/jwks.json":
            time.sleep(self.delay)
            keys = [self.keys[kid][1].as_dict(private=self.keys[kid][0] == "HS256") for kid in self.published]
            return answer(request, 200, {"keys": keys}, self.cache_control)
        if path == "/auth":
            return self.authorize(request, {name: values[0] for name, values in query.items()})
        answer(request, 404, {})

    def authorize(self, request, query):
        assert query["response_type"] == "code" and query["client_id"] == self.client
        assert query["code_challenge_method"] == "S256" and len(query["code_challenge"]) == 43
        assert {"openid", "profile"} <= set(query["scope"].split())
        if self.refusal:
            back = {"error": self.refusal, "state": query["state"]}
        else:
            code = hashlib.sha256(str(len(self.codes)).encode() + self.url.encode()).hexdigest()
            self.codes[code] = query
            back = {"code": code, "state": query["state"]}
        request.send_response(302)
        request.send_header("Location", query["redirect_uri"] + "?" + urlencode(back))
        request.send_header("Content-Length", "0")
        request.end_headers()

    def post(self, request):
        form = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode())
        form = {name: values[0] for name, values in form.items()}
        self.fetches["/token"] = self.fetches.get("/token", 0) + 1
        kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
        name, _, secret = base64.b64decode(credentials).decode().partition(":")
        if kind != "Basic" or (name, unquote(secret)) != (self.client, self.secret):
            return answer(request, 401, {"error": "invalid_client"})
        asked = self.codes.pop(form.get("code"), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if (asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]
                or form["grant_type"] != "authorization_code" or form["client_id"] != self.client):
            return answer(request, 400, {"error": "invalid_grant"})
        nonce = asked.get("nonce") if self.echoes_nonce else None
        answer(request, 200, {"access_token": "none", "token_type": "Bearer", "id_token": self.token(nonce)})


def answer(request, status, value, cache_control="no-store"):
    body = json.dumps(value).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    if cache_control:
        request.send_header("Cache-Control", cache_control)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
