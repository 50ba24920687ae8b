"""Mail as whoever gets it reads it, and a real server of mail that takes it."""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import re
import ssl
import threading
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stores import eventually, free_port

USER, SECRET = "ada@example.com", "p:ss wörd/@"
URL_USER, URL_SECRET = "ada%40example.com", "p%3Ass%20w%C3%B6rd%2F%40"


class Letter:
    """One message."""

    def __init__(self, content, sender=None, recipients=()):
        self.raw = content
        self.message = email.message_from_bytes(content, policy=email.policy.default)
        self.sender, self.recipients = sender, list(recipients)
        self.text = self.message.get_body(("plain",)).get_content()
        self.html = self.message.get_body(("html",)).get_content()

    @property
    def links(self):
        return re.findall(r"https?://\S+", self.text)

    @property
    def token(self):
        """What stands behind # in the first link."""
        return self.links[0].partition("#")[2]


def letters_in(folder, kind):
    """Those of a kind that a development server has written."""
    return [Letter(path.read_bytes()) for path in sorted(Path(folder).glob(f"*-{kind}-0*.eml"))]


def certificate(folder, names=("127.0.0.1",)):
    """A certificate that vouches for itself: its file, with the key in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address(name)) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256()))
    path = Path(folder) / f"{'-'.join(names)}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return path


class MailServer:
    """SMTP by aiosmtpd: with STARTTLS, with TLS from the start, or with neither. It may never answer to a command, or say no:
    `answer` to a recipient, `refusals` to the first of a command ("EHLO", "HELO", "MAIL", "DATA"), in order."""

    def __init__(self, tls=None, starts_tls=None, asks_password=False, answer=lambda recipient, count: None, silent=None,
                 refusals=None):
        self.letters = []
        self.refusals = {command: list(answers) for command, answers in (refusals or {}).items()}
        self.silent = silent
        self.greetings = []
        self.tried = []
        self.answer = answer
        self.lock = threading.Lock()
        self.port = free_port()
        options = {}
        if tls:
            options |= {"ssl_context": self.context(tls)}
        if starts_tls:
            options |= {"tls_context": self.context(starts_tls), "require_starttls": True}
        if asks_password:
            options |= {"authenticator": self.check, "auth_required": True, "auth_require_tls": bool(starts_tls)}
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    @staticmethod
    def context(path):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def check(self, server, session, envelope, mechanism, data):
        with self.lock:
            self.tried.append((mechanism, data.login, data.password))
        # Not handled: the server itself says 535.
        return AuthResult(success=data.login == USER.encode() and data.password == SECRET.encode(), handled=False)

    def refusal(self, command):
        with self.lock:
            left = self.refusals.get(command)
            return left.pop(0) if left else None

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        with self.lock:
            self.greetings.append((hostname, session.ssl is not None))
        refusal = self.refusal("EHLO")
        return [refusal] if refusal else responses

    async def handle_HELO(self, server, session, envelope, hostname):
        session.host_name = hostname
        return self.refusal("HELO") or f"250 {server.hostname}"

    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = self.refusal("MAIL")
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        with self.lock:
            refusal = self.answer(address, sum(1 for _ in self.letters))
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        refusal = self.refusal("DATA")
        if refusal:
            return refusal
        with self.lock:
            self.letters.append(Letter(envelope.content, envelope.mail_from, envelope.rcpt_tos))
        if self.silent == "DATA":
            await asyncio.Event().wait()
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        if self.silent == "QUIT":
            await asyncio.Event().wait()
        return "221 Bye"

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *reason):
        self.controller.stop()

    def wait_for(self, count=1, to=None):
        """The letters to somebody, once there are so many."""
        def found():
            return [letter for letter in list(self.letters) if to is None or letter.recipients == [to]]
        eventually(lambda: len(found()) >= count, what=f"{count} letters")
        return found()
