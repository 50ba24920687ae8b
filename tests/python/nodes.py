"""Several nodes of one installation, and a client that is fast enough for a storm."""

import http.client
import json
import signal
import time

from gatehouse import PASSWORD, PATIENCE, Gatehouse, run
from stores import free_port, tell

ENCRYPTION_KEY = "5f1a9c3e7b2d4860f1e2d3c4b5a69788796a5b4c3d2e1f0a9b8c7d6e5f4a3b2c"
ADMIN = "grace@example.com"
# What is waited for a store is short here, and a password costs little: neither is what these tests are about.
SETTINGS = {
    "ENCRYPTION_KEY": ENCRYPTION_KEY, "ARGON2_MEMORY": "8", "ARGON2_PASSES": "1", "MAX_SESSIONS_PER_USER": "1000",
    "MAX_LOGIN_ATTEMPTS": "100",
    "MAX_CONNECTIONS_PER_ADDRESS": "1000", "PUBLIC_URL": "http://localhost:8080",
    "DATABASE_CONNECT_TIMEOUT": "2s", "DATABASE_STATEMENT_TIMEOUT": "1s", "DATABASE_POOL_TIMEOUT": "1s",
    "DATABASE_POOL": "8", "LEASE_TIME": "2s"}
# The longest that a request may wait for a store with these settings, on a busy machine: for a connection of the
# pool, for the connection itself, and for the statement.
LONGEST = 6


class Node(Gatehouse):
    """One process of an installation, on a port that it keeps over restarts."""

    def __init__(self, data, settings=None):
        super().__init__(data, {**SETTINGS, **(settings or {})}, port=free_port())

    def pause(self):
        """As a machine that stands still: nothing runs, connections stay."""
        tell([self.process.pid], signal.SIGSTOP)

    def resume(self):
        tell([self.process.pid], signal.SIGCONT)

    @property
    def is_running(self):
        return self.process.poll() is None

    def restart(self):
        code = self.stop()
        self.start()
        return code

    @property
    def log(self):
        return "\n".join(self.logged)

    def events(self, name):
        """What the log tells of one kind of event."""
        lines = [json.loads(line) for line in list(self.logged) if f'"{name}"' in line]
        return [line for line in lines if line.get("event") == name]

    def client(self):
        return Client(self.port)

    def admin(self):
        """A client and the tokens of a SuperAdmin, whom this makes the first time."""
        made = run(
            "admin", "create", "--email", ADMIN, "--name", "Grace Hopper", "--password-stdin", "--data", self.data,
            entered=PASSWORD + "\n", settings=self.settings)
        assert made.returncode == 0 or "has an account" in made.stderr, made.stderr
        client = self.client()
        return client, client.login(ADMIN).expect(200).body


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def code(self):
        return self.body.get("code") if isinstance(self.body, dict) else None

    def expect(self, *statuses):
        assert self.status in statuses, self
        return self

    def __repr__(self):
        return f"{self.status} {json.dumps(self.body)[:300]}"


class Client:
    """One connection that is kept, and opened again when it is gone. For one thread."""

    def __init__(self, port, timeout=PATIENCE):
        self.port = port
        self.timeout = timeout
        self.connection = None
        self.used = time.monotonic()

    def call(self, method, path, body=None, token=None):
        """One request, sent once.

        Raises an OSError or HTTPException where no answer came: `ConnectionRefusedError` where nothing was sent.
        """
        # A server may close what nobody has used for so long.
        if time.monotonic() - self.used > 20:
            self.close()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if self.connection is None:
            self.used = time.monotonic()
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except BaseException:
            self.close()
            raise
        self.used = time.monotonic()
        if answer.will_close:
            self.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return Answer(answer.status, answer.headers, json.loads(text) if is_json else text)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def register(self, name="ada"):
        """A new company with its first user, signed in."""
        return self.call("POST", "/auth/register", {
            "name": f"{name} Lovelace", "email": f"{name}@example.com", "password": PASSWORD,
            "company_name": f"{name} Engines"})

    def login(self, email="ada@example.com", password=PASSWORD):
        return self.call("POST", "/auth/login", {"email": email, "password": password})

    def refresh(self, refresh_token):
        return self.call("POST", "/auth/refresh", {"refresh_token": refresh_token})

    def validate(self, access_token):
        return self.call("GET", "/auth/validate", token=access_token)

    def logout(self, refresh_token):
        return self.call("POST", "/auth/logout", {"refresh_token": refresh_token})

    def revoke(self, session, access_token):
        """Ends a session of whom the token stands for."""
        return self.call("POST", f"/auth/sessions/{session}/revoke", token=access_token)

    def revoke_all(self, access_token):
        return self.call("POST", "/auth/revoke-all", token=access_token)

    def set_status(self, user, status, access_token):
        return self.call("PATCH", f"/users/{user}", {"status": status}, access_token)

    def set_company_status(self, company, status, access_token):
        return self.call("PATCH", f"/companies/{company}", {"status": status}, access_token)

    def delete_user(self, user, access_token):
        return self.call("DELETE", f"/users/{user}", token=access_token)
