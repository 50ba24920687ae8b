"""Real PostgreSQL and Redis servers for tests: started, stopped, paused, killed and failed over.

Needs nothing but the standard library, so that `scripts/with-stores` can use it too.
"""

import glob
import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

# What a server may take to start or stop on a busy machine; nothing waits that long when all is well.
PATIENCE = 30
PASSWORD = "clattering-brass-mill"


class Missing(Exception):
    """A program is not installed."""


def eventually(question, within=PATIENCE, every=0.02, what="it"):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + within
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not happen within {within} s"
        time.sleep(every)


def free_port(spare=0):
    """A port that nothing uses, and `spare` above it neither.

    Below the range of outgoing connections: a server that is stopped must find its port free when it comes back.
    """
    while True:
        port = random.randrange(10_240, 32_000)
        try:
            for number in {port, port + spare}:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
            return port
        except OSError:
            continue


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def program(name, package, folders=()):
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"]))
    if not found:
        raise Missing(f"{name} is needed, and is not installed: apt-get install {package}")
    return found


def postgresql_program(name):
    folders = sorted(
        glob.glob("/usr/lib/postgresql/*/bin"), key=lambda folder: float(folder.split("/")[-2]), reverse=True)
    return program(name, "postgresql", folders)


class Servant:
    """The user that servers run as: PostgreSQL and PgBouncer refuse to be root."""

    def __init__(self):
        self.account = None
        if os.geteuid() == 0:
            for name in ("postgres", "nobody"):
                try:
                    self.account = pwd.getpwnam(name)
                    break
                except KeyError:
                    continue

    def command(self, words, on_death="KILL"):
        """The words that run a program as that user; it ends when whoever started it dies."""
        become = [] if self.account is None else [
            "--reuid", str(self.account.pw_uid), "--regid", str(self.account.pw_gid), "--clear-groups"]
        return ["setpriv", *become, "--pdeathsig", on_death, *map(str, words)]

    def own(self, path):
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def folder(self, name):
        path = tempfile.mkdtemp(prefix=f"gatehouse-{name}-")
        self.own(path)
        return Path(path)

    def run(self, words):
        done = subprocess.run(self.command(words), cwd="/", capture_output=True, text=True, timeout=4 * PATIENCE)
        assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}"
        return done.stdout


SERVANT = Servant()


def tree_of(pid):
    """The process and everything below it, the parent first."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            text = Path(stat).read_text()
        except OSError:
            continue
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(stat.split("/")[2]))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found


def tell(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Server:
    """A server that is a child of this process, in a folder of its own."""

    name = "server"
    port = None
    # How it is asked to stop, and what it gets when this process dies.
    polite, on_death = signal.SIGTERM, "KILL"

    def __init__(self):
        self.folder = SERVANT.folder(self.name)
        self.process = None

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        return answers(self.port)

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                SERVANT.command(self.command(), self.on_death), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        try:
            eventually(self._has_started, what=f"the start of {self.name}")
        except BaseException:
            self.kill()
            raise
        return self

    def _has_started(self):
        assert self.process.poll() is None, f"{self.name} ended: {self.log()[-2000:]}"
        return self.is_ready()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, number=None):
        if not self.is_running:
            return
        self.resume()
        self.process.send_signal(number or self.polite)
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def restart(self):
        self.stop()
        return self.start()

    def kill(self):
        """As a failing machine would: everything at once, nothing said."""
        if self.process is None:
            return
        pids = tree_of(self.process.pid) if self.is_running else []
        tell(pids, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)
        # The port and the shared memory are free only when the last of them is gone.
        eventually(lambda: not any(map(is_alive, pids)), what=f"the end of {self.name}")

    def pause(self):
        """Stops every process of it where it is: connections stay, and nobody answers."""
        tell(tree_of(self.process.pid), signal.SIGSTOP)
        # Whatever the parent started while the list was made.
        tell(tree_of(self.process.pid), signal.SIGSTOP)

    def resume(self):
        if self.is_running:
            tell(reversed(tree_of(self.process.pid)), signal.SIGCONT)

    def close(self):
        """Ends it for good."""
        try:
            self.kill()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self if self.is_running else self.start()

    def __exit__(self, *_):
        self.close()


class PostgreSQL(Server):
    """A cluster with the superuser `gatehouse`; databases belong to `service`, who may do no more than it must.

    Commits are written before they are answered, as a kill of the server must not lose them; only the machine may not
    fail. `settings` override what stands in `postgresql.conf`.
    """

    name = "postgresql"
    polite, on_death = signal.SIGINT, "INT"
    SUPERUSER, SERVICE = "gatehouse", "service"
    FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "300", "shared_buffers": "32MB",
            "wal_level": "replica", "max_wal_senders": "4", "listen_addresses": "127.0.0.1", "autovacuum": "off",
            "max_wal_size": "256MB", "timezone": "UTC", "log_min_messages": "warning"}
    MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
    _numbers = itertools.count(1)

    def __init__(self, settings=None, origin=None, data=None):
        """With `origin`, a streaming replica of that server. `data` is a folder that is not there yet; without it the
        data lie where temporary files do, which may be memory."""
        super().__init__()
        self.settings = {**self.FAST, **(settings or {})}
        self.port = free_port()
        self.data = self.folder / "data" if data is None else Path(data)
        self.origin = origin
        try:
            self._initialise() if origin is None else self._copy(origin)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _copy(self, origin):
        SERVANT.run([
            postgresql_program("pg_basebackup"), "-D", self.data, "-h", origin.folder, "-p", origin.port,
            "-U", self.SUPERUSER, "-X", "stream", "-c", "fast", "-R", "--no-sync"])

    def _initialise(self):
        self.data.mkdir()
        SERVANT.own(self.data)
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        SERVANT.own(secret)
        SERVANT.run([
            postgresql_program("initdb"), "-D", self.data, "-U", self.SUPERUSER, f"--pwfile={secret}",
            "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
            "--no-instructions"])

    def command(self):
        settings = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        return [postgresql_program("postgres"), "-D", self.data, "-k", self.folder, "-p", self.port, *settings]

    def is_ready(self):
        return subprocess.run(
            [postgresql_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"],
            timeout=PATIENCE).returncode == 0

    def stop(self, mode="fast"):
        super().stop(self.MODES[mode])

    def query(self, text, database="postgres"):
        """The rows of an answer, as text, asked as the superuser past every line in between."""
        return [line.split("|") for line in self._psql(text, database).splitlines()]

    def copy(self, table, lines, database="postgres"):
        """Adds rows in the text format of COPY to a table, which may be named with its columns."""
        self._psql(f"COPY {table} FROM STDIN", database, lines)

    def _psql(self, text, database, given=""):
        done = subprocess.run(
            [postgresql_program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder),
             "-p", str(self.port), "-U", self.SUPERUSER, "-d", database, "-c", text],
            input=given, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def holding(self, text, database="postgres"):
        """Keeps a session open that has run something, such as the taking of a lock, until the block ends."""
        with subprocess.Popen(
                [postgresql_program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder),
                 "-p", str(self.port), "-U", self.SUPERUSER, "-d", database],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            session.stdin.write(f"{text};\n\\echo held\n")
            session.stdin.flush()
            assert any(line == "held\n" for line in session.stdout), "the session ended"
            yield
            session.stdin.close()

    def url(self, database="postgres", user=SUPERUSER, port=None):
        return f"postgres://{user}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def create_database(self, port=None):
        """A new database of the user `service`: its URL, through `port` where a line or a pooler stands between."""
        if not self.query(f"SELECT 1 FROM pg_roles WHERE rolname = '{self.SERVICE}'"):
            self.query(f"CREATE ROLE {self.SERVICE} LOGIN PASSWORD '{PASSWORD}'")
        name = f"gatehouse_{os.getpid()}_{next(self._numbers)}"
        self.query(f"CREATE DATABASE {name} OWNER {self.SERVICE} STRATEGY file_copy")
        return self.url(name, self.SERVICE, port)

    def replica(self, synchronous=True):
        """A streaming replica, started. A synchronous one has every commit before it is answered."""
        standby = PostgreSQL({**self.settings}, origin=self).start()
        eventually(lambda: self.query("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"),
                   what="streaming to the replica")
        if synchronous:
            self.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.query("SELECT pg_reload_conf()")
            eventually(lambda: self.query("SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"),
                       what="synchronous replication")
        return standby

    def promote(self):
        """Makes a replica the primary. Whatever was one before must be dead."""
        # What it took over from its origin would have it wait for a replica that it has not.
        self.query("ALTER SYSTEM RESET synchronous_standby_names")
        assert self.query("SELECT pg_promote(true, 20)") == [["t"]]

    def occupy(self, user, database):
        """Takes every connection that this user can have: a list of sockets to close."""
        taken = []
        while True:
            line = socket.socket(socket.AF_UNIX)
            line.settimeout(PATIENCE)
            line.connect(str(self.folder / f".s.PGSQL.{self.port}"))
            body = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database)) + b"\0"
            line.sendall(struct.pack("!ii", len(body) + 8, 196_608) + body)
            if not self._lets_in(line.makefile("rb")):
                line.close()
                return taken
            taken.append(line)

    @staticmethod
    def _lets_in(answers):
        while True:
            kind, size = struct.unpack("!ci", answers.read(5))
            answers.read(size - 4)
            if kind in (b"Z", b"E"):
                return kind == b"Z"


class Redis(Server):
    """A Redis server. With `durable` it keeps every answered write over a kill; else it forgets all."""

    name = "redis"

    def __init__(self, password=None, user=None, durable=False, origin=None, settings=(), port=None):
        """With `user`, an ACL user besides the default one, who then may not enter."""
        super().__init__()
        self.port = port or free_port()
        self.password, self.user, self.origin = password, user, origin
        self.lines = [
            f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", 'save ""', "daemonize no", "repl-diskless-sync-delay 0",
            *(["appendonly yes", "appendfsync always"] if durable else ["appendonly no"]), *settings]
        if user:
            self.lines += ["user default off", f"user {user} on >{password} ~* &* +@all"]
        elif password:
            self.lines += [f"requirepass {password}", f"masterauth {password}"]
        if origin:
            self.lines += [f"replicaof 127.0.0.1 {origin.port}"]

    def command(self):
        file = self.folder / "redis.conf"
        if not file.exists():
            file.write_text("\n".join(self.lines) + "\n")
            SERVANT.own(file)
        return [program("redis-server", "redis-server"), file]

    def is_ready(self):
        try:
            return self.query("PING") == "PONG"
        except (OSError, RedisError):
            return False

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def query(self, *words):
        """One command, past every line in between."""
        with RedisLine(self.port, self.password, self.user) as line:
            return line.query(*words)

    def replica(self):
        standby = Redis(self.password, self.user, origin=self).start()
        eventually(lambda: "master_link_status:up" in standby.query("INFO", "replication"), what="replication")
        return standby

    def promote(self):
        assert self.query("REPLICAOF", "NO", "ONE") == "OK"


class RedisError(Exception):
    """Redis refused a command."""


class RedisLine:
    """A connection that speaks RESP2."""

    def __init__(self, port, password=None, user=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.file = self.socket.makefile("rb")
        if password:
            self.query("AUTH", *([user] if user else []), password)

    def query(self, *words):
        self.socket.sendall(self.command(words))
        return self.answer()

    def query_all(self, commands):
        """Their answers, with one way to the server and back."""
        commands = [self.command(words) for words in commands]
        self.socket.sendall(b"".join(commands))
        return [self.answer() for _ in commands]

    @staticmethod
    def command(words):
        parts = [str(word).encode() if not isinstance(word, bytes) else word for word in words]
        return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)

    def answer(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("the connection ended")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise RedisError(rest)
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        size = int(rest)
        if kind == b"$":
            return None if size < 0 else self.file.read(size + 2)[:-2].decode(errors="surrogateescape")
        return None if size < 0 else [self.answer() for _ in range(size)]

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class RedisCluster:
    """Three masters and a replica of each."""

    MASTERS = 3
    SLOTS = 16_384

    def __init__(self, password=None):
        self.password = password
        settings = ["cluster-enabled yes", "cluster-node-timeout 1000",
                    "cluster-replica-validity-factor 0", "repl-ping-replica-period 1"]
        self.nodes = [
            Redis(password, settings=settings, port=free_port(spare=10_000)) for _ in range(2 * self.MASTERS)]

    def start(self):
        for node in self.nodes:
            node.start()
        masters, replicas = self.nodes[:self.MASTERS], self.nodes[self.MASTERS:]
        for number, node in enumerate(masters):
            bounds = [self.SLOTS * (number + step) // self.MASTERS for step in (0, 1)]
            node.query("CLUSTER", "ADDSLOTSRANGE", bounds[0], bounds[1] - 1)
            node.query("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            node.query("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        for node in self.nodes:
            eventually(lambda: len(node.query("CLUSTER", "NODES").splitlines()) == len(self.nodes), what="the meeting")
        for master, replica in zip(masters, replicas):
            name = master.query("CLUSTER", "MYID")
            eventually(lambda: self._replicates(replica, name), what="the replica's knowledge of its master")
        eventually(self.is_whole, what="the state ok")
        return self

    @staticmethod
    def _replicates(replica, master):
        try:
            return replica.query("CLUSTER", "REPLICATE", master) == "OK"
        except RedisError:
            return False

    def is_whole(self):
        """Whether all slots are served, and every replica that lives follows its master."""
        for node in self.nodes:
            if not node.is_running:
                continue
            if "cluster_state:ok" not in node.query("CLUSTER", "INFO"):
                return False
            replication = node.query("INFO", "replication")
            if "role:slave" in replication and "master_link_status:up" not in replication:
                return False
        return True

    def master_of(self, key):
        slot = next(node for node in self.nodes if node.is_running).query("CLUSTER", "KEYSLOT", key)
        for node in self.nodes:
            if not node.is_running:
                continue
            for low, high, master, *_ in node.query("CLUSTER", "SLOTS"):
                if low <= slot <= high:
                    return next(node for node in self.nodes if node.port == master[1])
        raise AssertionError("no master has that slot")

    def query(self, *words):
        """One command of each master, as a list."""
        return [
            node.query(*words) for node in self.nodes
            if node.is_running and "role:master" in node.query("INFO", "replication")]

    @property
    def addresses(self):
        return ",".join(node.address for node in self.nodes)

    def close(self):
        for node in self.nodes:
            node.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


class Sentinel(Server):
    """One watcher of a Redis master. Start three of them, with `quorum` 2, as an operator would."""

    name = "sentinel"
    MASTER = "gatehouse"

    def __init__(self, master, quorum=2):
        super().__init__()
        self.port = free_port()
        self.lines = [
            f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", "daemonize no",
            f"sentinel monitor {self.MASTER} 127.0.0.1 {master.port} {quorum}",
            f"sentinel down-after-milliseconds {self.MASTER} 1000", f"sentinel failover-timeout {self.MASTER} 3000"]
        if master.password:
            self.lines.append(f"sentinel auth-pass {self.MASTER} {master.password}")

    def command(self):
        file = self.folder / "sentinel.conf"
        if not file.exists():
            file.write_text("\n".join(self.lines) + "\n")
            SERVANT.own(file)
        return [program("redis-sentinel", "redis-sentinel"), file]

    def query(self, *words):
        with RedisLine(self.port) as line:
            return line.query(*words)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def master_port(self):
        return int(self.query("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.MASTER)[1])

    def knows(self, replicas, sentinels):
        facts = self.query("SENTINEL", "MASTER", self.MASTER)
        facts = dict(zip(facts[::2], facts[1::2]))
        return int(facts["num-slaves"]) >= replicas and int(facts["num-other-sentinels"]) + 1 >= sentinels


class PgBouncer(Server):
    """A pooler in transaction mode, with the settings that it has by itself."""

    name = "pgbouncer"

    def __init__(self, database, pool_size=8):
        super().__init__()
        self.port = free_port()
        users = self.folder / "users"
        users.write_text("".join(f'"{user}" "{PASSWORD}"\n' for user in (database.SUPERUSER, database.SERVICE)))
        self.file = self.folder / "pgbouncer.ini"
        self.file.write_text(f"""[databases]
* = host=127.0.0.1 port={database.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
""")
        for path in (users, self.file):
            SERVANT.own(path)

    def command(self):
        return [program("pgbouncer", "pgbouncer"), self.file]


class Line:
    """A TCP line between a node and a store, which can be slow, cut or silent."""

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self._delay = 0.0
        self._last_word = None
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = None
        self._listen()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def is_used(self):
        with self._lock:
            return bool(self._pairs)

    # What can happen to it

    def delay(self, seconds):
        """Everything that is sent to the store arrives so much later."""
        self._delay = seconds

    def cut(self):
        """Resets every connection, and refuses new ones."""
        self._stop_listening()
        self.drop()

    def drop(self):
        """Resets every connection, and takes new ones."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for side in pair:
                self._reset(side)

    @property
    def is_silent(self):
        return not self._open.is_set()

    def silence(self):
        """Takes connections and bytes, and lets none of them on: a black hole."""
        self._open.clear()

    def silence_after(self, word):
        """The same once the store has said this."""
        self._last_word = word

    def heal(self):
        """All is well again. What was on its way into the black hole arrives, as it would by TCP's repetitions."""
        self._delay = 0.0
        self._last_word = None
        self._open.set()
        if self._listener is None:
            self._listen()

    def close(self):
        self.cut()
        self._open.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # How it works

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        eventually(lambda: self._bind(listener), what="a free port for the line")
        listener.listen(512)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _bind(self, listener):
        try:
            listener.bind(("127.0.0.1", self.port))
            return True
        except OSError:
            return False

    def _stop_listening(self):
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # A thread that waits in accept() keeps the socket open, so it must be woken first.
        try:
            listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        listener.close()

    def _accept(self, listener):
        while self._listener is listener:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near):
        far = socket.socket()
        pair = (near, far)
        with self._lock:
            if self._listener is None:
                self._reset(near)
                return
            self._pairs.add(pair)
        self._open.wait()
        port = self.target() if callable(self.target) else self.target
        try:
            far.connect(("127.0.0.1", port if isinstance(port, int) else port.port))
        except OSError:
            self._part(pair)
            return
        for side in pair:
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._carry, args=(pair, far, near, False), daemon=True)
        back.start()
        self._carry(pair, near, far, True)
        back.join()
        self._part(pair)

    def _carry(self, pair, source, sink, is_delayed):
        try:
            while True:
                data = source.recv(65_536)
                if is_delayed and self._delay:
                    time.sleep(self._delay)
                self._open.wait()
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if not is_delayed and self._last_word and self._last_word in data:
                    self.silence()
                sink.sendall(data)
        except OSError:
            self._part(pair)

    def _part(self, pair):
        with self._lock:
            self._pairs.discard(pair)
        for side in pair:
            self._reset(side)

    @staticmethod
    def _reset(side):
        try:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # The other threads that wait on it must be woken, or it stays open.
            side.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        side.close()
