"""The load: what sends requests from the other core, and what it found."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import machine

HERE = Path(__file__).parent


@dataclass
class Run:
    """One round of requests to one server."""
    rate: float
    p50: float
    p99: float
    cpu: float
    """CPU time of the server, in microseconds a request."""
    failed: int


def wrk(url, seconds, connections, tokens=None, bodies=None):
    """The command and environment of one round of wrk."""
    files = {name: str(path) for name, path in (("TOKENS", tokens), ("BODIES", bodies)) if path}
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", HERE / "load.lua", url]
    return command, {**os.environ, **files}


def start_wrk(processes, *arguments, **files):
    """A round that goes on beside another."""
    command, environment = wrk(*arguments, **files)
    return processes.start(command, machine.LOAD_CORE, env=environment, stdout=subprocess.PIPE)


def requests(server, seconds, connections, path=None, **files):
    command, environment = wrk(server.url(path), seconds, connections, **files)
    return measured(server, command, seconds, environment)


def refreshes(program, server, seconds, tokens, connections=64):
    """With 0 seconds, each session is refreshed once."""
    return measured(server, [program, server.port, seconds, connections, tokens], seconds or 60)


def measured(server, command, seconds, environment=None):
    before = machine.cpu_seconds(server.pid)
    done = subprocess.run(
        machine.pinned(command, machine.LOAD_CORE), env=environment, stdout=subprocess.PIPE, check=True,
        timeout=seconds + 30)
    return found(done.stdout, machine.cpu_seconds(server.pid) - before)


def found(text, cpu_seconds=0.0):
    """What the last line of a load generator says."""
    figures = json.loads(text.decode().strip().splitlines()[-1])
    answered = figures["requests"]
    return Run(rate=answered / figures["seconds"], p50=figures["p50"], p99=figures["p99"],
               cpu=cpu_seconds * 1e6 / max(1, answered), failed=figures["failed"])
