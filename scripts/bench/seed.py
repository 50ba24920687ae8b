"""A database full of people, written straight into the schema: a million registrations would take hours.

Every person has a company of ten, a role in it and one live session. The secrets of the sessions are ours, so
their refresh tokens can be made here as the server makes them (Sources/Services/Sessions/RefreshToken.swift).
"""

import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import random
import sqlite3
import struct
import subprocess
import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from uuid import UUID

from bench.servers import environment
from stores import RedisLine

PASSWORD = "clattering brass mill 7"
STARTED = int(time.time() * 1000)
EXPIRY = STARTED // 1000 + 6 * 86400
SESSIONS = ("user_sessions (id, user_id, company_id, generation, secret_digest, rotated_at, created_at, last_used_at,"
            " expires_at, methods, ip, user_agent, device_type, device_name, os, browser)")


def uuid(kind, number):
    """Version 7, in the order of `number`, as the server's own are in the order of time."""
    moment = STARTED - 10_000_000 + number
    return ((moment << 80) | (7 << 76) | (kind << 64) | (2 << 62) | number).to_bytes(16, "big")


def email(number):
    return f"person{number:07}@example.com"


def secret(number):
    return hashlib.sha256(b"session %d" % number).digest()[:18]


def digest(number):
    return hashlib.sha256(secret(number)).digest()


class Seed:
    """One database of so many people, with a data folder of its own."""

    def __init__(self, binary, data, people, settings=None):
        self.data = Path(data)
        self.people = people
        # Listing the keys brings the schema up to date and makes the server's own secrets.
        subprocess.run([binary, "keys", "list", "--data", self.data], env=environment(settings), check=True,
                       stdout=subprocess.DEVNULL)
        self._key = self._refresh_key()

    def _sealed_key(self):
        raise NotImplementedError

    def refresh_tokens(self, path, count):
        """Writes the tokens of so many sessions, which lie at random over the whole table."""
        chosen = random.Random(7).sample(range(self.people), count)
        Path(path).write_text("".join(f"{self._refresh_token(number)}\n" for number in chosen))
        return path

    def _tables(self, password_hash, roles):
        """Tables with their columns, and their rows."""
        companies = (self.people + 9) // 10
        return (
            ("companies (id, name, created_at, updated_at)", self._companies(companies)),
            ("users (id, email, email_key, name, password_hash, created_at, updated_at, is_searchable)", self._users(password_hash)),
            ("memberships (user_id, company_id, created_at)", self._memberships()),
            ("user_roles (id, user_id, role_id, company_id, granted_at)", self._grants(roles)),
            (SESSIONS, self._sessions()))

    def _companies(self, count):
        return ((uuid(1, n), f"Company {n}", STARTED, STARTED) for n in range(count))

    def _users(self, password_hash):
        return ((uuid(2, n), email(n), email(n), f"Person {n}", password_hash, STARTED, STARTED, 1)
                for n in range(self.people))

    def _memberships(self):
        return ((uuid(2, n), uuid(1, n // 10), STARTED) for n in range(self.people))

    def _grants(self, roles):
        return ((uuid(3, n), uuid(2, n), roles["admin"], uuid(1, n // 10), STARTED) for n in range(self.people))

    def _sessions(self):
        return (session(uuid(4, n), n, digest(n)) for n in range(self.people))

    def _refresh_token(self, number):
        message = b"\x01" + uuid(4, number) + bytes(4) + EXPIRY.to_bytes(5, "big") + secret(number)
        code = hmac.digest(self._key, message, "sha256")[:16]
        return "ghr_" + base64.urlsafe_b64encode(message + code).decode()

    def _refresh_key(self):
        vault_key = bytes.fromhex((self.data / "encryption.key").read_text())
        return unseal(vault_key, self._sealed_key(), b"secret:refresh")


class SQLiteSeed(Seed):
    """In the data folder."""

    def __init__(self, binary, folder, people):
        data = Path(folder, f"people-{people}")
        self._file = data / "gatehouse.db"
        super().__init__(binary, data, people)
        self._database = sqlite3.connect(self._file, isolation_level=None)

    def _sealed_key(self):
        with closing(sqlite3.connect(self._file)) as database:
            return database.execute("SELECT sealed FROM server_keys WHERE id = 'secret:refresh'").fetchone()[0]

    def registered_hash(self):
        """The password hash of whoever registered first."""
        return self._database.execute("SELECT password_hash FROM users").fetchone()[0]

    def fill(self, password_hash):
        for statement in ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -262144", "BEGIN"):
            self._database.execute(statement)
        roles = dict(self._database.execute("SELECT name_key, id FROM roles"))
        for table, rows in self._tables(password_hash, roles):
            marks = ", ".join("?" * (table.count(",") + 1))
            self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        self._database.execute("COMMIT")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
        return self


class PostgreSQLSeed(Seed):
    """In a database of that server, and the state of refresh tokens in Redis where it is wanted."""

    def __init__(self, binary, folder, people, server, url):
        self._server = server
        self.name = url.rpartition("/")[2]
        super().__init__(binary, Path(folder, f"people-{people}-{self.name}"), people, {"DATABASE_URL": url})

    def _sealed_key(self):
        (sealed,), = self.query("SELECT encode(sealed, 'hex') FROM server_keys WHERE id = 'secret:refresh'")
        return bytes.fromhex(sealed)

    def query(self, text):
        return self._server.query(text, self.name)

    def fill(self):
        roles = dict(self.query("SELECT name_key, id FROM roles"))
        for table, rows in self._tables("none", roles):
            rows = iter(rows)
            while some := list(islice(rows, 100_000)):
                self.copy(table, some)
            self.query(f"VACUUM (ANALYZE) {table.partition(' ')[0]}")
        return self

    def copy(self, table, rows):
        self._server.copy(table, "".join("\t".join(map(copied, row)) + "\n" for row in rows), self.name)

    def fill_redis(self, redis):
        """What Sources/Services/Sessions/KeyValueRotations.swift keeps of each session."""
        commands = (
            ("SET", f"gatehouse:session:{UUID(bytes=uuid(4, n))}", b"=" + state(n), "PX", 6 * 86_400_000)
            for n in range(self.people))
        with RedisLine(redis.port) as line:
            line.query_all(commands)
        return self


def session(number, owner, secret_digest):
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    return (number, uuid(2, owner), uuid(1, owner // 10), 0, secret_digest, STARTED, STARTED, STARTED, EXPIRY * 1000,
            "pwd", "192.0.2.7", agent, "desktop", "Firefox on Linux", "Linux", "Firefox")


def state(number):
    """Generation 0, when it was rotated, when it expires, when its row was written, and the digest."""
    return struct.pack("!q", 0) + digest(number) + struct.pack("!qq", STARTED, EXPIRY * 1000)


def copied(value):
    """A value in the text format of COPY."""
    if isinstance(value, bytes):
        return value.hex() if len(value) == 16 else "\\\\x" + value.hex()
    return r"\N" if value is None else str(value)


def unseal(key, sealed, purpose):
    """Opens a value of the vault: version and key id (5) | nonce (12) | ciphertext | tag (16), AES-256-GCM."""
    head, nonce, ciphertext, tag = sealed[:5], sealed[5:17], sealed[17:-16], sealed[-16:]
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
        getattr(crypto, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    plain, size = ctypes.create_string_buffer(len(ciphertext) + 16), ctypes.c_int()
    associated = head + purpose
    set_tag = 0x11
    opened = (
        crypto.EVP_DecryptInit_ex(context, ctypes.c_void_p(crypto.EVP_aes_256_gcm()), None, key, nonce) == 1
        and crypto.EVP_DecryptUpdate(context, None, ctypes.byref(size), associated, len(associated)) == 1
        and crypto.EVP_DecryptUpdate(context, plain, ctypes.byref(size), ciphertext, len(ciphertext)) == 1
        and crypto.EVP_CIPHER_CTX_ctrl(context, set_tag, len(tag), tag) == 1
        and crypto.EVP_DecryptFinal_ex(context, plain, ctypes.byref(size)) == 1)
    crypto.EVP_CIPHER_CTX_free(context)
    if not opened:
        raise RuntimeError("encryption.key does not open the server's keys")
    return plain.raw[:len(ciphertext)]
