"""The built program, run as its operator runs it."""

import os
import queue
import re
import signal
import subprocess
import threading
from pathlib import Path

import requests

PACKAGE = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("GATEHOUSE_BINARY") or str(PACKAGE / ".build/release/gatehouse")
NO_LIMITS = {f"RATE_LIMIT_{name}": "off" for name in ("SIGN_IN", "PASSKEY_OPTIONS", "REGISTER", "REFRESH", "CHECK", "DEFAULT")}
PASSWORD = "clattering brass mill"
# What a start or a stop may take on a busy machine; nothing waits that long when all is well.
PATIENCE = 30


def environment(settings=None):
    """Only what is given: settings of whoever runs the tests must not change what they find."""
    return {"PATH": os.environ["PATH"], **(settings or {})}


def run(*arguments, settings=None, entered=None, cwd=None):
    """Runs a command to its end."""
    return subprocess.run(
        [BINARY, *map(str, arguments)], env=environment(settings), input=entered, cwd=cwd,
        capture_output=True, text=True, timeout=PATIENCE)


class Gatehouse:
    """A running server, on a port of its own."""

    def __init__(self, data, settings=None, port=0, limits=False):
        self.data = Path(data)
        self.settings = {**({} if limits else NO_LIMITS), "LOG_ACCESS": "false", **(settings or {})}
        self.port = port
        self.start()

    def start(self):
        """Starts the program: the first time, or again after it has ended."""
        self.printed = []
        self.logged = []
        self._lines = queue.Queue()
        self.process = subprocess.Popen(
            [BINARY, "serve", "--port", str(self.port), "--data", str(self.data)], env=environment(self.settings),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.printed), (self.process.stderr, self.logged))]
        for reader in self._readers:
            reader.start()
        try:
            line = self.wait_for(r"listens on \S+ port \d+")
        except BaseException:
            self.process.kill()
            raise
        self.port = int(re.search(r"port (\d+)", line)[1])
        self.url = f"http://localhost:{self.port}"

    def _read(self, stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))
            if lines is self.printed:
                self._lines.put(line.rstrip("\n"))
        if lines is self.printed:
            self._lines.put(None)

    def wait_for(self, pattern):
        """The next printed line that matches."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            assert line is not None, "the server ended: " + " | ".join(self.logged)
            if re.search(pattern, line):
                return line

    def setup_link(self):
        return self.wait_for(r"/setup\?token=").strip()

    def call(self, method, path, token=None, **options):
        headers = options.pop("headers", {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(method, self.url + path, headers=headers, timeout=PATIENCE, **options)

    def register(self, name="ada"):
        """A new company with its first user, signed in."""
        answer = self.call("POST", "/auth/register", json={
            "name": f"{name} Lovelace", "email": f"{name}@example.com", "password": PASSWORD,
            "company_name": f"{name} Engines"})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def login(self, email="ada@example.com", password=PASSWORD):
        return self.call("POST", "/auth/login", json={"email": email, "password": password})

    def refresh(self, token):
        return self.call("POST", "/auth/refresh", json={"refresh_token": token})

    def stop(self):
        """Asks it to stop, as an init system does, and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def kill(self):
        self.process.kill()
        self.ended()

    def ended(self):
        code = self.process.wait(timeout=PATIENCE)
        for reader in self._readers:
            reader.join(timeout=PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        return code
