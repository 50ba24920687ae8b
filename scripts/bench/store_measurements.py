"""What is measured of nodes that share PostgreSQL and Redis, and the bar for each.

The nodes have one core, and PostgreSQL, Redis and the load the other. Only where PostgreSQL itself is the measure, it
has its core for itself, and whoever asks it has the other: pgbench, or a node together with its load. So the database
has as much of the machine in both, and each pays for all that it does to bring it work.
"""

import http.client
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median, quantiles

from bench import load, machine, servers
from bench.load import Run
from bench.crowd import PostgreSQLCrowd
from bench.list_measurements import MANY, THOUSAND, Lists
from bench.measurements import FEW
from bench.report import ROUNDS, at_least, at_most, middle, say
from bench.rotation import Rotation
from bench.seed import PostgreSQLSeed, SQLiteSeed
from stores import SERVANT, PostgreSQL, Redis, tree_of

STORE_CORE = machine.LOAD_CORE
POOL = 16
CONNECTIONS = 64
REVOCATIONS = 300
# Shorter ones and more of them than elsewhere, as all but a few bars here are ratios of what is measured by turns.
TURNS = 2 * ROUNDS
# As PostgreSQL is by itself, where the tests have it fast.
DURABLE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "synchronous_commit": "on",
           "shared_buffers": "128MB", "max_wal_size": "1GB"}


UNRECORDED = """
    CREATE FUNCTION unrecorded() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER unrecorded BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION unrecorded();
"""


class StoreBench:
    """Nodes on stores that they share: the processes of the run, a folder, the table."""

    def __init__(self, binary, folder, processes, seconds, table):
        self.binary = binary
        self.folder = folder / "stores"
        self.folder.mkdir()
        # PostgreSQL is another user than whoever runs this.
        for path in (folder, self.folder):
            path.chmod(0o711)
        self.processes = processes
        self.seconds = seconds // 2
        self.table = table
        self.refresh_load = load.refresh_load(self.folder)

    def run(self):
        say(f"the nodes have core {machine.SERVER_CORE}, the stores core {STORE_CORE}")
        with ExitStack() as stores, machine.on_core(STORE_CORE):
            self.place = self.folder / "postgresql"
            self.place.mkdir()
            SERVANT.own(self.place)
            self.postgresql = PostgreSQL(DURABLE, data=self.place / "data")
            stores.callback(self.postgresql.close)
            self.postgresql.start()
            self.redis = Redis()
            stores.callback(self.redis.close)
            self.redis.start()
            self.on_postgresql()
            self.on_redis()
            self.lists()

    # PostgreSQL alone

    def on_postgresql(self):
        say(f"making a database of {FEW:,} people and sessions in PostgreSQL")
        seed, settings = self.database()
        nodes = self.nodes(seed, settings)
        tokens = self.tokens(nodes[0], seed)
        self.refresh(nodes[0], tokens, Rotation(self.folder, self.postgresql, seed))
        self.audit_price(nodes[0], tokens)
        self.validate(nodes[0], tokens)
        parts = halves(tokens)
        self.two_nodes("PostgreSQL", nodes, parts)
        self.revoke("PostgreSQL", nodes, parts[0])
        for node in nodes:
            node.stop()

    def refresh(self, node, tokens, rotation):
        say("refreshing, with pgbench beside it")
        by_pgbench, ours, used_by_pgbench, used_by_us = [], [], [], []
        for _ in range(TURNS):
            before = self.postgresql_seconds()
            by_pgbench.append(rotation.run(self.seconds, POOL, machine.SERVER_CORE))
            between = self.postgresql_seconds()
            ours.append(self.refreshes(node, tokens, core=machine.SERVER_CORE))
            used_by_pgbench.append((between - before) / by_pgbench[-1].rate)
            used_by_us.append((self.postgresql_seconds() - between) / ours[-1].rate)
        ratio = median(mine.rate / its.rate for mine, its in zip(ours, by_pgbench))
        self.table.add(f"pgbench, rotation, {POOL} connections", by_pgbench)
        self.table.add(f"refresh, PostgreSQL, {POOL} connections", ours, machine.resident_mb(node.pid),
                       at_least(ratio, 0.7, "of pgbench"))
        for who, used in (("pgbench", used_by_pgbench), ("a node", used_by_us)):
            self.table.add(f"  PostgreSQL's CPU time, asked by {who}", [
                Run(cpu=median(used) * 1e6 / self.seconds)])

    def audit_price(self, node, tokens):
        """By turns with a node whose database drops every row of the audit log."""
        say("refreshing, beside it without a record of it")
        seed, settings = self.database()
        seed.query(UNRECORDED)
        without = servers.gatehouse(self.processes, self.binary, seed.data, settings)
        unrecorded = self.tokens(without, seed)
        prices = []
        for _ in range(2 * TURNS):
            recorded = self.cost_of_refresh(node, tokens)
            prices.append(recorded / self.cost_of_refresh(without, unrecorded))
        without.stop()
        self.table.add("  its CPU time, PostgreSQL's too, against a refresh that is not recorded",
                       bar=at_most(median(prices), 1.15, "times"))

    def cost_of_refresh(self, node, tokens):
        """CPU time of node and database, in microseconds."""
        before = self.postgresql_seconds()
        run = self.refreshes(node, tokens)
        return run.cpu + (self.postgresql_seconds() - before) * 1e6 / (run.rate * self.seconds)

    def postgresql_seconds(self):
        return machine.cpu_seconds_of_all(tree_of(self.postgresql.process.pid))

    def validate(self, node, tokens):
        say("validating, with a node on SQLite beside it")
        seed = SQLiteSeed(self.binary, self.folder, FEW).fill("none")
        other = servers.gatehouse(self.processes, self.binary, seed.data)
        load.refreshes(self.refresh_load, other, 0, seed.refresh_tokens(self.folder / "sqlite", FEW), CONNECTIONS)
        hot, hot_on_sqlite = self.hot(tokens), self.hot(self.folder / "sqlite")
        ours, on_sqlite = [], []
        for _ in range(TURNS):
            on_sqlite.append(load.requests(other, self.seconds, 32, "/auth/validate", tokens=hot_on_sqlite))
            ours.append(load.requests(node, self.seconds, 32, "/auth/validate", tokens=hot))
        self.table.add("validate, SQLite, one token", on_sqlite, machine.resident_mb(other.pid))
        self.table.add("validate, PostgreSQL, one token", ours, machine.resident_mb(node.pid), at_least(
            median(mine.rate / its.rate for mine, its in zip(ours, on_sqlite)), 0.9, "of SQLite"))
        other.stop()

    # With Redis

    def on_redis(self):
        say(f"making a database of {FEW:,} people and sessions in PostgreSQL and Redis")
        seed, settings = self.database()
        seed.fill_redis(self.redis)
        settings |= {"TOKEN_STORE": "redis", "REDIS_URL": f"redis://{self.redis.address}"}
        nodes = self.nodes(seed, settings)
        tokens = self.tokens(nodes[0], seed)
        runs = [self.refreshes(nodes[0], tokens) for _ in range(TURNS)]
        self.table.add(f"refresh, state in Redis, {FEW:,} sessions", runs, machine.resident_mb(nodes[0].pid))
        self.table.add("  its CPU time", bar=at_most(middle(runs, "cpu"), 70, "us"))
        parts = halves(tokens)
        self.two_nodes("Redis", nodes, parts)
        self.revoke("Redis", nodes, parts[0])
        for node in nodes:
            node.stop()

    # Two nodes

    def two_nodes(self, store, nodes, halves):
        """The same two loads, at one node or one at each. The halves change places, as behind a balancer."""
        say("asking one node and two, by turns")
        a, b = nodes
        self.refreshes_by_halves((b, b), halves, 0)
        hot = self.hot(halves[0])
        for what, round_of in (
            ("refresh", lambda pair: self.refreshes_by_halves(pair, halves, self.seconds)),
            ("validate", lambda pair: self.validations(pair, hot)),
        ):
            by_one, by_two = [], []
            for turn in range(TURNS):
                by_one.append(round_of((a, a)))
                by_two.append(round_of((a, b) if turn % 2 else (b, a)))
            self.table.add(f"{what}, {store}, one node", by_one)
            self.table.add(f"{what}, {store}, two nodes", by_two)
            self.table.add("  its CPU time against that of one", bar=at_most(
                median(two.cpu / one.cpu for one, two in zip(by_one, by_two)), 1.2, "times"))

    def refreshes_by_halves(self, pair, halves, seconds):
        commands = [load.refreshing(self.refresh_load, node, seconds, half, CONNECTIONS // 2)
                    for node, half in zip(pair, halves)]
        return load.measured(set(pair), commands, seconds or 60)

    def validations(self, pair, hot):
        rounds = [load.wrk(node.url("/auth/validate"), self.seconds, 16, tokens=hot) for node in pair]
        return load.measured(set(pair), [command for command, _ in rounds], self.seconds, rounds[0][1])

    # Revoking

    def revoke(self, store, nodes, tokens):
        """From A's answer to the logout until B refuses the token of the session."""
        say(f"revoking {REVOCATIONS} sessions on one node and asking the other")
        access = accesses(tokens)[:REVOCATIONS]
        with ExitStack() as stack:
            here, there = [
                stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)))
                for node in nodes]
            times = [until_refused(here, there, token) * 1e6 for token in access]
        percentiles = quantiles(times, n=100)
        self.table.add(f"revoked on another node, {store}", [Run(p50=percentiles[49], p99=percentiles[98])],
                       bar=at_most(percentiles[98] / 1000, 50, "ms"))

    # Lists

    def lists(self):
        """People as administrators look for them."""
        say(f"making databases of {THOUSAND:,} and {MANY:,} people of every kind in PostgreSQL")
        folder = self.folder / "crowds"
        folder.mkdir()
        pairs = [self.crowd(folder, people) for people in (THOUSAND, MANY)]
        Lists("PostgreSQL", folder, self.table, self.seconds).run(*pairs)
        for node, _ in pairs:
            node.stop()

    def crowd(self, folder, people):
        """A node, and the people in its database."""
        url = self.postgresql.create_database()
        settings = self.settings(url)
        crowd = PostgreSQLCrowd(self.binary, folder, people, self.postgresql, url).fill()
        return servers.gatehouse(self.processes, self.binary, crowd.data, settings), crowd

    # What all of them need

    def database(self):
        """A new database full of people, and the settings of its nodes."""
        url = self.postgresql.create_database()
        seed = PostgreSQLSeed(self.binary, self.folder, FEW, self.postgresql, url).fill()
        return seed, self.settings(url)

    def settings(self, url):
        return {"DATABASE_URL": url, "DATABASE_POOL": str(POOL), "PUBLIC_URL": "http://localhost"}

    def nodes(self, seed, settings):
        return [servers.gatehouse(self.processes, self.binary, seed.data, settings) for _ in range(2)]

    def tokens(self, node, seed):
        """A file of refresh tokens, each of which was used once, with access tokens beside it."""
        path = seed.refresh_tokens(self.folder / seed.name, FEW)
        self.refreshes(node, path, 0)
        return path

    def refreshes(self, node, tokens, seconds=None, core=machine.LOAD_CORE):
        seconds = self.seconds if seconds is None else seconds
        return load.refreshes(self.refresh_load, node, seconds, tokens, CONNECTIONS, core)

    def hot(self, tokens):
        """A file of one access token."""
        path = tokens.with_name(f"{tokens.name}.hot")
        path.write_text(accesses(tokens)[0])
        return path


def accesses(tokens):
    return Path(f"{tokens}.access").read_text().split()


def halves(path):
    """Two files of its lines."""
    lines = path.read_text().splitlines(keepends=True)
    files = [path.with_name(f"{path.name}-{number}") for number in range(2)]
    for number, file in enumerate(files):
        file.write_text("".join(lines[number::2]))
    return files


def until_refused(here, there, token):
    """Seconds from the answer of one node to the logout until the other refuses."""
    if ask(there, "GET", "/auth/validate", token) != 200:
        raise RuntimeError("a token of a session that lives was refused")
    if ask(here, "POST", "/auth/logout", token) not in (200, 204):
        raise RuntimeError("a logout was refused")
    answered = time.monotonic()
    while ask(there, "GET", "/auth/validate", token) != 401:
        if time.monotonic() - answered > 10:
            raise RuntimeError("a session that has ended lives on")
    return time.monotonic() - answered


def ask(connection, method, path, token):
    """The status of the answer."""
    connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status
