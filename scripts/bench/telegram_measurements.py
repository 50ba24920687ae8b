"""Signing in by a Mini App, beside a refresh on the same server."""

import base64
import hashlib
import hmac
import json
import time
from statistics import median
from urllib.parse import quote

from bench import load, machine, servers
from bench.report import ROUNDS, at_most, middle, say
from bench.seed import SESSIONS, STARTED, SQLiteSeed, digest, session, uuid

PEOPLE = 30_000
"""So many that nobody has more than a handful of sessions at the end."""
REFRESHED = 10_000
CONNECTIONS = 64
FASTEST = 16_000
"""More sign-ins a second than the server can take: each needs a signature of its own."""
TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
KEY = hmac.digest(b"WebAppData", TOKEN.encode(), "sha256")
CHECKED = ["Telegram/TelegramFault", "Telegram/TelegramFields", "Telegram/TelegramProof", "Client"]
"""The sources that check what opened a Mini App."""
FLOORS = ["Ground", "CSystem", "Credentials", "CHashMemory", "CCommonPasswords", "SQL", "CPostgreSQL", "KeyValue", "Store"]
LIBRARIES = ["crypto", "ssl", "zxcvbn", "unistring", "crypt", "sodium", "idn2", "sqlite3"]


class TelegramBench:
    def __init__(self, binary, folder, processes, seconds, table, refresh_load):
        self.binary = binary
        self.folder = folder / "telegram"
        self.folder.mkdir()
        self.processes = processes
        self.seconds = seconds
        self.table = table
        self.refresh_load = refresh_load
        self.signed = 0

    def run(self):
        self.verification()
        say(f"making a database of {PEOPLE:,} people of Telegram")
        seed = TelegramSeed(self.binary, self.folder, PEOPLE).fill(None)
        # How many sessions a person has stays out of it: ending the oldest is measured by itself.
        server = self.serve(seed, 1000)
        tokens = seed.refresh_tokens(self.folder / "tokens", REFRESHED)
        load.refreshes(self.refresh_load, server, 0, tokens)
        say("signing in by a Mini App, refreshing beside it")
        # The first time leaves the devices that people are known by.
        self.sign_ins(server, 6)
        entered, refreshed = [], []
        for _ in range(2 * ROUNDS):
            refreshed.append(load.refreshes(self.refresh_load, server, self.seconds // 2, tokens, CONNECTIONS))
            entered.append(self.sign_ins(server, self.seconds // 2))
        self.table.add("refresh, beside it", refreshed)
        self.table.add("Mini App sign-in, durable, of who is known", entered, machine.resident_mb(server.pid))
        self.bar("  its CPU time against that of a refresh", entered, refreshed)
        server.stop()
        server = self.serve(seed, 5)
        full = [self.sign_ins(server, self.seconds // 2) for _ in range(ROUNDS)]
        self.table.add("  the same, each ends the oldest session", full)
        server.stop()

    def bar(self, what, ours, theirs):
        ratio = median(a.cpu / b.cpu for a, b in zip(ours, theirs))
        self.table.add(what, bar=at_most(ratio, 1.3, "times"))

    def verification(self):
        say("checking what opens a Mini App")
        root = load.HERE.parent.parent
        sources = [load.HERE / "telegram_rate.swift", *(root / f"Sources/Services/{name}.swift" for name in CHECKED)]
        program = machine.compile_swift(
            sources, self.folder / "telegram_rate", root / ".build/release", FLOORS, LIBRARIES)
        runs = [load.loop(program, self.seconds // 2) for _ in range(ROUNDS)]
        self.table.add("check of what opens a Mini App", runs, bar=at_most(middle(runs, "cpu"), 10, "us"))

    def serve(self, seed, sessions):
        return servers.gatehouse(self.processes, self.binary, seed.data, {
            "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_UPDATES": "off", "MAX_SESSIONS_PER_USER": str(sessions)})

    def sign_ins(self, server, seconds):
        """One round, each with what Telegram has signed once, from the browser of the person."""
        bodies, cookies = self.folder / "bodies", self.folder / "cookies"
        with open(bodies, "w") as file, open(cookies, "w") as beside:
            for _ in range(FASTEST * seconds):
                # Everybody once in the first round, and by turns afterwards.
                number = self.signed % PEOPLE
                file.write(json.dumps({"init_data": init_data(number, self.signed)}) + "\n")
                beside.write(f"gatehouse_device={device(number)}\n")
                self.signed += 1
        run = load.requests(server, seconds, CONNECTIONS, "/auth/telegram", bodies=bodies, cookies=cookies)
        if run.failed:
            raise RuntimeError(f"{run.failed} sign-ins were refused")
        return run


class TelegramSeed(SQLiteSeed):
    """People as this door makes them: without an address, a company or a role."""

    def _tables(self, password_hash, roles):
        numbers = range(self.people)
        sessions = (session(uuid(4, n), n, digest(n)) for n in numbers)
        return (
            ("users (id, name, created_at, updated_at, is_searchable)",
             ((uuid(2, n), f"Person {n}", STARTED, STARTED, 1) for n in numbers)),
            ("telegram_identities (telegram_id, user_id, first_name, username, language, linked_at, updated_at)",
             ((1_000_000 + n, uuid(2, n), f"Person {n}", f"person_{n}", "en", STARTED, STARTED) for n in numbers)),
            (SESSIONS, ((*row[:2], None, *row[3:]) for row in sessions)))


def init_data(number, turn):
    user = json.dumps({"id": 1_000_000 + number, "first_name": f"Person {number}", "username": f"person_{number}",
                       "language_code": "en", "allows_write_to_pm": True}, separators=(",", ":"))
    fields = {"auth_date": str(int(time.time())), "query_id": f"AAHdF6IQAAAA{turn:012}", "user": user}
    lines = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    fields["hash"] = hmac.digest(KEY, lines.encode(), "sha256").hex()
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def device(number):
    return base64.urlsafe_b64encode(hashlib.sha256(b"device %d" % number).digest()[:24]).decode()
