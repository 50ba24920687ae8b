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
import subprocess
import time
from pathlib import Path

from bench.servers import environment

PASSWORD = "clattering brass mill 7"
STARTED = int(time.time() * 1000)
EXPIRY = STARTED // 1000 + 6 * 86400


def uuid(kind, number):
    """Version 7, in the order of `number`, as the server's own are in the order of time."""
    moment = STARTED - 10_000_000 + number
    return ((moment << 80) | (7 << 76) | (kind << 64) | (2 << 62) | number).to_bytes(16, "big")


def email(number):
    return f"person{number:07}@example.com"


def secret(number):
    return hashlib.sha256(b"session %d" % number).digest()[:18]


class Seed:
    """One database of so many people, in a folder of its own."""

    def __init__(self, binary, folder, people):
        self.data = Path(folder, f"people-{people}")
        self.people = people
        # Listing the keys brings the schema up to date and makes the server's own secrets.
        subprocess.run([binary, "keys", "list", "--data", self.data], env=environment(), check=True,
                       stdout=subprocess.DEVNULL)
        self._database = sqlite3.connect(self.data / "gatehouse.db", isolation_level=None)
        self._key = self._refresh_key()

    def registered_hash(self):
        """The password hash of whoever registered first."""
        return self._database.execute("SELECT password_hash FROM users").fetchone()[0]

    def fill(self, password_hash):
        for statement in ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -262144", "BEGIN"):
            self._database.execute(statement)
        admin, = self._database.execute("SELECT id FROM roles WHERE name_key = 'admin'").fetchone()
        companies = (self.people + 9) // 10
        for table, rows in (
            ("companies (id, name, created_at, updated_at)", self._companies(companies)),
            ("users (id, email, email_key, name, password_hash, created_at, updated_at)", self._users(password_hash)),
            ("memberships (user_id, company_id, created_at)", self._memberships()),
            ("user_roles (id, user_id, role_id, company_id, granted_at)", self._grants(admin)),
            ("user_sessions (id, user_id, company_id, generation, secret_digest, rotated_at, created_at, last_used_at,"
             " expires_at, methods, ip, user_agent, device_type, device_name, os, browser)", self._sessions()),
        ):
            marks = ", ".join("?" * (table.count(",") + 1))
            self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        self._database.execute("COMMIT")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
        return self

    def refresh_tokens(self, path, count):
        """Writes the tokens of so many sessions, which lie at random over the whole table."""
        chosen = random.Random(7).sample(range(self.people), count)
        Path(path).write_text("".join(f"{self._refresh_token(number)}\n" for number in chosen))
        return path

    def _companies(self, count):
        return ((uuid(1, n), f"Company {n}", STARTED, STARTED) for n in range(count))

    def _users(self, password_hash):
        return ((uuid(2, n), email(n), email(n), f"Person {n}", password_hash, STARTED, STARTED)
                for n in range(self.people))

    def _memberships(self):
        return ((uuid(2, n), uuid(1, n // 10), STARTED) for n in range(self.people))

    def _grants(self, role):
        return ((uuid(3, n), uuid(2, n), role, uuid(1, n // 10), STARTED) for n in range(self.people))

    def _sessions(self):
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        return ((uuid(4, n), uuid(2, n), uuid(1, n // 10), 0, hashlib.sha256(secret(n)).digest(), STARTED, STARTED,
                 STARTED, EXPIRY * 1000, "pwd", "192.0.2.7", agent, "desktop", "Firefox on Linux", "Linux", "Firefox")
                for n in range(self.people))

    def _refresh_token(self, number):
        message = b"\x01" + uuid(4, number) + bytes(4) + EXPIRY.to_bytes(5, "big") + secret(number)
        code = hmac.digest(self._key, message, "sha256")[:16]
        return "ghr_" + base64.urlsafe_b64encode(message + code).decode()

    def _refresh_key(self):
        sealed, = self._database.execute("SELECT sealed FROM server_keys WHERE id = 'secret:refresh'").fetchone()
        vault_key = bytes.fromhex((self.data / "encryption.key").read_text())
        return unseal(vault_key, sealed, b"secret:refresh")


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
