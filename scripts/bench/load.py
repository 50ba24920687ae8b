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
    others: float
    """Percent of the server's core that other programs had: with more than a few, rates mean little."""


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


def hashes(program, seconds):
    """The bare hash function, on the server's core."""
    busy = machine.busy_seconds(machine.SERVER_CORE)
    figures = last_line([program, seconds], machine.SERVER_CORE, seconds)
    return found(figures, figures["cpu"], machine.busy_seconds(machine.SERVER_CORE) - busy)


def measured(server, command, seconds, environment=None):
    cpu, busy = machine.cpu_seconds(server.pid), machine.busy_seconds(machine.SERVER_CORE)
    figures = last_line(command, machine.LOAD_CORE, seconds, environment)
    return found(figures, machine.cpu_seconds(server.pid) - cpu, machine.busy_seconds(machine.SERVER_CORE) - busy)


def found(figures, cpu, busy):
    requests, seconds = figures["requests"], figures["seconds"]
    return Run(
        rate=requests / seconds, p50=figures["p50"], p99=figures["p99"], cpu=cpu * 1e6 / max(1, requests),
        failed=figures["failed"], others=max(0.0, busy - cpu) / seconds * 100)


def last_line(command, core, seconds, environment=None):
    """The figures in which a load generator ends; it may take half a minute longer than it was told."""
    done = subprocess.run(
        machine.pinned(command, core), env=environment, stdout=subprocess.PIPE, check=True, timeout=seconds + 30)
    return json.loads(done.stdout.decode().strip().splitlines()[-1])
