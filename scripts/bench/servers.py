"""The two servers that are measured: Gatehouse, and nginx beside it."""

import http.client
import json
import os
import socket
import subprocess
from pathlib import Path

from bench import machine

LIMITS = ("SIGN_IN", "PASSKEY_OPTIONS", "REGISTER", "REFRESH", "CHECK", "DEFAULT")


def environment(settings=None):
    """Only what the measurements need: whoever runs them may have settings of their own."""
    limits = {f"RATE_LIMIT_{name}": "off" for name in LIMITS}
    return {"PATH": os.environ["PATH"], "HASH_THREADS": "1", **limits, **(settings or {})}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on a port of this machine, alone on its core."""

    def __init__(self, processes, command, port, path, env=None):
        self.port = port
        self.path = path
        self._processes = processes
        self._process = processes.start(
            command, machine.SERVER_CORE, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        machine.eventually(self.answers)

    @property
    def pid(self):
        return self._process.pid

    def url(self, path=None):
        return f"http://127.0.0.1:{self.port}{path or self.path}"

    def answers(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"the server on port {self.port} has ended: {self._process.args}")
        try:
            return self.request("GET", self.path)
        except (ConnectionError, http.client.HTTPException):
            return None

    def request(self, method, path, body=None, token=None):
        """Status and body of one answer."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self):
        self._processes.end(self._process)


def gatehouse(processes, binary, data, settings=None):
    port = free_port()
    command = [binary, "serve", "--port", port, "--data", data]
    return Server(processes, command, port, "/health/live", environment(settings))


def nginx(processes, folder, body):
    """One worker that answers `return 200` with a body as long as ours, and logs nothing."""
    port = free_port()
    configuration = Path(folder, "nginx.conf")
    configuration.write_text(f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; keepalive_requests 1000000000; default_type application/json;
            server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{"x" * body}'; }} }}
        }}""")
    return Server(processes, ["nginx", "-p", folder, "-c", configuration], port, "/")
