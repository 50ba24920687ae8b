"""What is measured, and the bar for each."""

import csv
import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from bench import load, machine, servers
from bench.crowd import SQLiteCrowd
from bench.list_measurements import MANY, THOUSAND, Lists
from bench.passkey_measurements import passkeys
from bench.report import ROUNDS, at_least, at_most, middle, say
from bench.seed import PASSWORD, SQLiteSeed, email
from bench.telegram_measurements import TelegramBench

FEW = 10_000
IMPORTED = 100_000


class Bench:
    """One node on SQLite: the processes of the run, a folder, the table."""

    def __init__(self, binary, folder, processes, seconds, table):
        self.binary = binary
        self.folder = folder
        self.processes = processes
        self.seconds = seconds
        self.table = table
        self.refresh_load = load.refresh_load(folder)
        self.argon2_rate = machine.compile_c(
            load.HERE / "argon2_rate.c", self.folder / "argon2_rate", ["sodium"])

    def run(self, static_binary):
        say(f"the server has core {machine.SERVER_CORE}, the load core {machine.LOAD_CORE}")
        few, password_hash = self.seed_few()
        self.start_up(few)
        unrecorded = self.unrecorded(few)
        server = self.serve(few)
        self.idle_memory(f"at rest with {FEW:,} sessions", server, 20)
        self.refresh_few(server, few)
        self.audit_price(server, unrecorded, few)
        self.validate(server)
        self.permission()
        self.one_time_code()
        self.breached()
        self.sign_in(server)
        say(f"making a database of {MANY:,} people and sessions")
        self.refresh_many(SQLiteSeed(self.binary, self.folder, MANY).fill(password_hash), server)
        server.stop()
        TelegramBench(
            self.binary, self.folder, self.processes, self.seconds, self.table, self.refresh_load).run()
        passkeys(self.folder, self.seconds, self.table)
        self.bring_in()
        self.lists()
        self.weigh(static_binary)

    def serve(self, seed):
        return servers.gatehouse(self.processes, self.binary, seed.data)

    def seed_few(self):
        """10,000 people, who all have the password of the one who registers first."""
        say(f"making a database of {FEW:,} people and sessions")
        seed = SQLiteSeed(self.binary, self.folder, FEW)
        server = self.serve(seed)
        status, answer = server.request("POST", "/auth/register", {
            "name": "Ada", "email": "ada@example.com", "password": PASSWORD, "company_name": "Engines"})
        server.stop()
        if status != 201:
            raise RuntimeError(f"the registration was answered with {status}: {answer.decode()}")
        password_hash = seed.registered_hash()
        return seed.fill(password_hash), password_hash

    def start_up(self, seed):
        say("starting")
        times = []
        for _ in range(5):
            started = time.monotonic()
            server = self.serve(seed)
            times.append((time.monotonic() - started) * 1000)
            server.stop()
        self.table.add("from exec to the first answer", bar=at_most(median(times), 100, "ms"))

    def idle_memory(self, what, server, limit):
        memory = machine.settled_mb(server.pid)
        self.table.add(what, rss=memory, bar=at_most(memory, limit, "MB"))

    # Refreshing

    def refresh_few(self, server, seed):
        """Leaves an access token of each session in `tokens`, and the newest refresh tokens in `few`."""
        say(f"refreshing {FEW:,} sessions over 64 connections")
        few = seed.refresh_tokens(self.folder / "few", FEW)
        load.refreshes(self.refresh_load, server, 0, few)
        Path(f"{few}.access").rename(self.folder / "tokens")
        runs = [self.refreshes(server, few) for _ in range(ROUNDS)]
        self.table.add(f"refresh, durable, {FEW:,} sessions", runs, machine.resident_mb(server.pid),
                       at_least(middle(runs, "rate"), 5000, "/s"))
        self.table.add("  its CPU time", bar=at_most(middle(runs, "cpu"), 150, "us"))

    def unrecorded(self, seed):
        """A copy of the data in which no row comes into the audit log."""
        data = self.folder / "unrecorded"
        shutil.copytree(seed.data, data)
        with closing(sqlite3.connect(data / "gatehouse.db")) as database:
            database.execute("CREATE TRIGGER unrecorded BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(IGNORE); END")
        return data

    def audit_price(self, server, unrecorded, seed):
        """By turns with a server whose database drops every row of the audit log."""
        say("refreshing, beside it without a record of it")
        without = servers.gatehouse(self.processes, self.binary, unrecorded)
        tokens = seed.refresh_tokens(self.folder / "unrecorded-tokens", FEW)
        load.refreshes(self.refresh_load, without, 0, tokens)
        prices = []
        for _ in range(2 * ROUNDS):
            recorded = self.refreshes(server, self.folder / "few")
            prices.append(recorded.cpu / self.refreshes(without, tokens).cpu)
        without.stop()
        self.table.add("  its CPU time against a refresh that is not recorded", bar=at_most(median(prices), 1.15, "times"))

    def refresh_many(self, seed, server_of_few):
        """By turns with few, and no session twice, so that no cache helps."""
        server = self.serve(seed)
        self.idle_memory(f"at rest with {MANY:,} sessions", server, 64)
        say(f"refreshing some of {MANY:,} sessions, by turns with {FEW:,}")
        tokens = seed.refresh_tokens(self.folder / "many", FEW * 30)
        many, few = [], []
        for turn in range(ROUNDS):
            many.append(self.refreshes(server, part(tokens, turn, ROUNDS)))
            few.append(self.refreshes(server_of_few, self.folder / "few"))
        memory = machine.resident_mb(server.pid)
        self.table.add(f"refresh, durable, {MANY:,} sessions", many, memory, at_most(memory, 64, "MB"))
        self.table.add(f"  beside it, {FEW:,} sessions", few)
        for what, times in (("CPU time", [a.cpu / b.cpu for a, b in zip(many, few)]),
                            ("time", [b.rate / a.rate for a, b in zip(many, few)])):
            self.table.add(f"  its {what} against that of few", bar=at_most(median(times), 1.5, "times"))
        server.stop()

    def refreshes(self, server, tokens):
        return load.refreshes(self.refresh_load, server, self.seconds, tokens)

    # Validating

    def validate(self, server):
        """nginx and ours by turns, so that whatever else the machine does hits both."""
        say("validating, with nginx beside it")
        many = self.folder / "tokens"
        hot = self.folder / "hot"
        token, _, _ = many.read_text().partition("\n")
        hot.write_text(token)
        status, body = server.request("GET", "/auth/validate", token=token)
        if status != 200:
            raise RuntimeError(f"a fresh token was answered with {status}: {body.decode()}")
        nginx = servers.nginx(self.processes, self.folder, len(body))
        load.requests(server, self.seconds, 32, "/auth/validate", tokens=many)
        by_nginx, by_hot, by_many = [], [], []
        for _ in range(ROUNDS):
            by_nginx.append(load.requests(nginx, self.seconds, 32, tokens=hot))
            by_hot.append(load.requests(server, self.seconds, 32, "/auth/validate", tokens=hot))
            by_many.append(load.requests(server, self.seconds, 32, "/auth/validate", tokens=many))
        self.table.add(f"nginx, return 200, {len(body)} bytes", by_nginx, machine.resident_mb(nginx.pid))
        nginx.stop()
        memory = machine.resident_mb(server.pid)
        for what, runs, bar in (("one token", by_hot, 0.5), (f"{FEW:,} tokens", by_many, 0.15)):
            ratio = median(ours.rate / theirs.rate for ours, theirs in zip(runs, by_nginx))
            self.table.add(f"validate, {what}", runs, memory, at_least(ratio, bar, "of nginx"))

    def permission(self):
        """What a guard and its service ask, without a server: a request is far more than the check, and varies more."""
        say("checking permissions")
        root = load.HERE.parent.parent
        program = machine.compile_swift(
            [load.HERE / "permission_rate.swift", root / "Sources/Services/Roles/Permission.swift"],
            self.folder / "permission_rate", root / ".build/release")
        runs = [load.loop(program, self.seconds // 2) for _ in range(ROUNDS)]
        self.table.add("check of a permission, by guard and service", runs, bar=at_most(middle(runs, "cpu"), 2, "us"))

    def one_time_code(self):
        """What a second factor adds to a sign-in beside its questions to the store."""
        say("checking one-time codes")
        root = load.HERE.parent.parent
        program = machine.compile_swift(
            [load.HERE / "totp_rate.swift"], self.folder / "totp_rate", root / ".build/release",
            ["Ground", "CSystem", "Credentials", "CCommonPasswords", "CHashMemory"],
            ["crypto", "zxcvbn", "unistring", "crypt", "sodium", "idn2"])
        runs = [load.loop(program, self.seconds // 2) for _ in range(ROUNDS)]
        self.table.add("check of a one-time code, sealed secret included", runs, bar=at_most(middle(runs, "cpu"), 5, "us"))

    def breached(self):
        """Looking a password up among ten million, without a server, and making the filter of them."""
        say("making a filter of ten million breached passwords, and looking others up in it")
        build = load.HERE.parent.parent / ".build/release"
        program = machine.compile_swift(
            [load.HERE / "breached_rate.swift"], self.folder / "breached_rate", build,
            ["Ground", "CSystem", "Credentials", "CHashMemory", "CCommonPasswords"],
            ["crypto", "zxcvbn", "unistring", "crypt", "sodium", "idn2"])
        filter_file = self.folder / "breached.filter"
        made = load.loop([program, filter_file], 60)
        self.table.add("a breached password, compiled", [made])
        runs = [load.loop([program, filter_file, self.seconds // 2], self.seconds // 2) for _ in range(ROUNDS)]
        self.table.add("look-up among 10,000,000 breached passwords", runs, bar=at_most(middle(runs, "cpu"), 2, "us"))
        filter_file.unlink()

    # Signing in

    def sign_in(self, server):
        say("signing in, with the bare hash beside it")
        bodies = self.folder / "logins"
        bodies.write_text("".join(
            json.dumps({"email": email(number), "password": PASSWORD}) + "\n" for number in range(2000)))
        bare, logins = [], []
        for _ in range(ROUNDS):
            # Sign-ins whose client has hung up are still hashed, and would be counted to the next turn.
            machine.wait_until_idle(server.pid)
            bare.append(load.loop(self.argon2_rate, self.seconds))
            logins.append(load.requests(server, self.seconds, 32, "/auth/login", bodies=bodies))
        ratio = median(ours.rate / theirs.rate for ours, theirs in zip(logins, bare))
        self.table.add("bare Argon2id, 19 MiB, 2 passes", bare)
        self.table.add("sign-in, 32 at a time", logins, machine.resident_mb(server.pid),
                       at_least(ratio, 0.9, "of the hash"))
        self.validate_while_signing_in(server, bodies)

    def validate_while_signing_in(self, server, bodies):
        say("validating while 32 sign in")
        hot = self.folder / "hot"
        machine.wait_until_idle(server.pid)
        idle = [load.requests(server, self.seconds // 2, 1, "/auth/validate", tokens=hot) for _ in range(ROUNDS)]
        logins = load.start_wrk(
            self.processes, server.url("/auth/login"), self.seconds * 2 + 2, 32, bodies=bodies)
        time.sleep(1)
        busy = [load.requests(server, self.seconds // 2, 1, "/auth/validate", tokens=hot) for _ in range(ROUNDS)]
        logins.wait()
        self.table.add("validate, one connection", idle)
        self.table.add("validate, while 32 sign in", busy,
                       bar=at_most(middle(busy, "p99") / middle(idle, "p99"), 10, "times its p99"))

    # Bringing people in

    def bring_in(self):
        """From exec to the end of the process: reading, checking and one transaction."""
        say(f"importing {IMPORTED:,} people")
        file = people_file(self.folder / "people.csv", IMPORTED)
        rates = []
        for turn in range(ROUNDS):
            data = self.folder / f"import-{turn}"
            started = time.monotonic()
            self.processes.run(
                [self.binary, "users", "import", file, "--data", data], machine.SERVER_CORE, env=servers.environment())
            rates.append(IMPORTED / (time.monotonic() - started))
        self.table.add(f"import of {IMPORTED:,} people with hashes", bar=at_least(median(rates), 10_000, "/s"))

    def lists(self):
        """People as administrators look for them."""
        say(f"making databases of {THOUSAND:,} and {MANY:,} people of every kind")
        folder = self.folder / "crowds"
        folder.mkdir()
        crowds = [SQLiteCrowd(self.binary, folder, people).fill("none") for people in (THOUSAND, MANY)]
        nodes = [self.serve(crowd) for crowd in crowds]
        Lists("SQLite", folder, self.table, self.seconds).run(*zip(nodes, crowds))
        for node in nodes:
            node.stop()

    # The binary

    def weigh(self, static_binary):
        if not static_binary.exists():
            self.table.add("static binary, stripped: not built (--release)")
            return
        self.table.add("static binary, stripped", bar=at_most(static_binary.stat().st_size / 1e6, 25, "MB"))


def people_file(path, count):
    """Everybody with a hash, half of them of another system, a role and an id of before."""
    hashes = (
        "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlIHNhbA$tKk2gUqm8SsZxIwKwNdax8uSrFpRRq75bla2/W94+oA",
        "$2b$12$NCXX5PBqhwHkBpMS1fHjAuE7bRQrz7vGATmJfhfjcQT3DUqpQQdzi")
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "name", "password_hash", "email_verified", "external_id", "created_at", "roles"])
        rows.writerows(
            [email(number), f"Person {number}", hashes[number % 2], "true", f"before-{number}", "2024-01-01T00:00:00Z", "Viewer"]
            for number in range(count))
    return path


def part(path, turn, count):
    """A file of its own for one of so many equal parts of the lines of a file."""
    lines = path.read_text().splitlines(keepends=True)
    share = path.with_name(f"{path.name}-{turn}")
    share.write_text("".join(lines[turn::count]))
    return share
