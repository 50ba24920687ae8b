"""Webhooks as a receiver meets them: verified by the library of Standard Webhooks, over TLS, and through kills."""

import datetime
import http.server
import ipaddress
import json
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gatehouse import PASSWORD, Gatehouse, run
from nodes import ENCRYPTION_KEY
from stores import eventually

HERE = {"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ANY_PORT": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}


class Receiver:
    """A server that keeps what it is sent."""

    def __init__(self, answer=lambda count: 204, certificate=None):
        self.heard = []
        self.let_go = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append((dict(self.headers), body))
                status = answer(len(receiver.heard))
                if status is None:
                    receiver.let_go.wait()
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def types(self):
        return [json.loads(body)["type"] for _, body in list(self.heard)]

    def wait_for(self, count):
        eventually(lambda: len(self.heard) >= count, what=f"{count} messages")
        return list(self.heard)


def webhook(server, token, url, events=("account.registered",)):
    answer = server.call("POST", "/webhooks", token, json={"url": url, "events": list(events)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def admin(server):
    """The token of a SuperAdmin."""
    made = run(
        "admin", "create", "--email", "grace@example.com", "--name", "Grace Hopper", "--password-stdin", "--data",
        server.data, entered=PASSWORD + "\n", settings=server.settings)
    assert made.returncode == 0, made.stderr
    return server.login("grace@example.com").json()["access_token"]


def test_the_library_of_the_standard_verifies_what_is_sent(start):
    with Receiver() as receiver:
        server = start(HERE)
        token = admin(server)
        made = webhook(server, token, f"http://127.0.0.1:{receiver.port}/hooks")
        server.register()
        headers, body = receiver.wait_for(1)[0]
        message = Webhook(made["secret"]).verify(body, headers)
        assert message["type"] == "account.registered"
        assert message["id"] == headers["webhook-id"]
        with pytest.raises(WebhookVerificationError):
            Webhook(made["secret"]).verify(body.replace(b"registered", b"Registered"), headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(made["secret"]).verify(body, {**headers, "webhook-id": "another"})

        rotated = server.call("POST", f"/webhooks/{made['id']}/rotate-secret", token).json()
        assert server.call("POST", f"/webhooks/{made['id']}/test", token).status_code == 202
        headers, body = receiver.wait_for(2)[1]
        for secret in (made["secret"], rotated["secret"]):
            assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request):
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": request.getfixturevalue("postgresql").create_database(), "ENCRYPTION_KEY": ENCRYPTION_KEY}


def test_a_kill_loses_nothing(tmp_path, store):
    """Killed while some messages are under way and others wait: all of them arrive after the next start."""
    settings = {
        **HERE, **store, "WEBHOOK_TIMEOUT": "2s", "LEASE_TIME": "1s", "ARGON2_MEMORY": "64", "ARGON2_PASSES": "1"}
    with Receiver(answer=lambda count: None if count <= 4 else 204) as receiver:
        server = Gatehouse(tmp_path / "data", settings)
        made = webhook(server, admin(server), f"http://127.0.0.1:{receiver.port}/")
        people = [server.register(f"person{number}")["user"]["id"] for number in range(12)]
        receiver.wait_for(4)
        server.kill()
        receiver.let_go.set()
        server.start()

        def told():
            bodies = [json.loads(body) for _, body in list(receiver.heard)[4:]]
            return {body["data"]["user_id"] for body in bodies}

        eventually(lambda: told() == set(people), within=40, what="all that happened before the kill")
        for headers, body in receiver.heard:
            Webhook(made["secret"]).verify(body, headers)
        ids = {headers["webhook-id"] for headers, _ in receiver.heard}
        assert len(ids) == len(people)
        assert server.stop() == 0


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate for 127.0.0.1 with its key, and the authority that made it."""
    folder = tmp_path_factory.mktemp("certificates")
    now = datetime.datetime.now(datetime.timezone.utc)

    def make(name, issuer_name, key, signing, is_authority):
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(issuer_name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True))
        if not is_authority:
            names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(signing, hashes.SHA256())

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in ("An authority", "A receiver")]
    authority = make(names[0], names[0], keys[0], keys[0], True)
    receiver = make(names[1], names[0], keys[1], keys[0], False)
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "receiver.pem").write_bytes(receiver.public_bytes(pem) + keys[1].private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder


@pytest.mark.parametrize("knows, host, error", [
    (True, "127.0.0.1", None), (False, "127.0.0.1", "tls_failed"), (True, "other.localhost", "tls_failed")])
def test_the_receiver_is_who_its_certificate_says(start, certificates, knows, host, error):
    with Receiver(certificate=certificates / "receiver.pem") as receiver:
        settings = {**HERE, "WEBHOOK_ALLOW_HTTP": "false"}
        if knows:
            settings["WEBHOOK_CA_FILE"] = str(certificates / "authority.pem")
        server = start(settings)
        token = admin(server)
        made = webhook(server, token, f"https://{host}:{receiver.port}/hooks")
        server.call("POST", f"/webhooks/{made['id']}/test", token)

        def delivery():
            return server.call("GET", f"/webhooks/{made['id']}/deliveries", token).json()["items"][0]

        eventually(lambda: delivery()["last_attempt_at"], what="an attempt")
        assert delivery()["error"] == error
        assert len(receiver.heard) == (0 if error else 1)


def test_proxies_of_the_environment_are_not_used(start):
    """A proxy would connect to addresses that the server may not."""
    with Receiver() as proxy, Receiver() as receiver:
        address = f"http://127.0.0.1:{proxy.port}"
        names = ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY")
        server = start({**HERE, **{name: address for name in names}})
        token = admin(server)
        made = webhook(server, token, f"http://127.0.0.1:{receiver.port}/hooks")
        server.call("POST", f"/webhooks/{made['id']}/test", token)
        receiver.wait_for(1)
        assert not proxy.heard


def test_the_command_line_sends_nothing_and_loses_nothing(start):
    """What a command does is told by the server that runs."""
    with Receiver() as receiver:
        server = start(HERE)
        token = admin(server)
        webhook(server, token, f"http://127.0.0.1:{receiver.port}/", ["super_admin.created"])
        made = run(
            "admin", "create", "--email", "ada@example.com", "--name", "Ada", "--password-stdin", "--data", server.data,
            entered=PASSWORD + "\n", settings=server.settings)
        assert made.returncode == 0, made.stderr
        receiver.wait_for(1)
        assert receiver.types == ["super_admin.created"]
