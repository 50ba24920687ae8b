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
    """One round of requests. What was not measured is None."""
    rate: float = None
    p50: float = None
    p99: float = None
    cpu: float = None
    """CPU time of the servers, in microseconds a request."""
    failed: int = 0
    others: float = None
    """Percent of the servers' core that other programs had: with more than a few, rates mean little."""


def refresh_load(folder):
    """The program that refreshes sessions, built."""
    return machine.compile_c(HERE / "refresh_load.c", folder / "refresh_load")


def wrk(url, seconds, connections, tokens=None, bodies=None, paths=None, cookies=None):
    """The command and environment of one round of wrk."""
    given = (("TOKENS", tokens), ("BODIES", bodies), ("PATHS", paths), ("COOKIES", cookies))
    files = {name: str(path) for name, path in given if path}
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", HERE / "load.lua", url]
    return command, {**os.environ, **files}


def start_wrk(processes, *arguments, **files):
    """A round that goes on beside another."""
    command, environment = wrk(*arguments, **files)
    return processes.start(command, machine.LOAD_CORE, env=environment, stdout=subprocess.PIPE)


def requests(server, seconds, connections, path=None, **files):
    command, environment = wrk(server.url(path), seconds, connections, **files)
    return measured([server], [command], seconds, environment)


def refreshes(program, server, seconds, tokens, connections=64, core=machine.LOAD_CORE):
    """With 0 seconds, each session is refreshed once."""
    return measured([server], [refreshing(program, server, seconds, tokens, connections)], seconds or 60, core=core)


def refreshing(program, server, seconds, tokens, connections):
    return [program, server.port, seconds, connections, tokens]


def loop(command, seconds):
    """A program that does one thing of the server's again and again, on its core; it is told for how many seconds, unless
    it is a whole command."""
    busy = machine.busy_seconds(machine.SERVER_CORE)
    command = command if isinstance(command, list) else [command, seconds]
    figures, = last_lines([command], machine.SERVER_CORE, seconds)
    return found(figures, figures["cpu"], machine.busy_seconds(machine.SERVER_CORE) - busy)


def measured(servers, commands, seconds, environment=None, core=machine.LOAD_CORE):
    """One round in which each command is the load of one server, all at once."""
    cpu, own = cpu_seconds(servers), machine.cpu_seconds_of_ended()
    busy = machine.busy_seconds(machine.SERVER_CORE)
    figures = together(last_lines(commands, core, seconds, environment))
    cpu, own = cpu_seconds(servers) - cpu, machine.cpu_seconds_of_ended() - own
    busy = machine.busy_seconds(machine.SERVER_CORE) - busy
    return found(figures, cpu, busy - own if core == machine.SERVER_CORE else busy)


def cpu_seconds(servers):
    return sum(machine.cpu_seconds(server.pid) for server in servers)


def found(figures, cpu, busy):
    requests, seconds = figures["requests"], figures["seconds"]
    return Run(
        rate=requests / seconds, p50=figures["p50"], p99=figures["p99"], cpu=cpu * 1e6 / max(1, requests),
        failed=figures["failed"], others=max(0.0, busy - cpu) / seconds * 100)


def together(figures):
    """Several loads as one: the latencies are the worse ones."""
    return {name: (sum if name in ("requests", "failed") else max)(each[name] for each in figures)
            for name in figures[0]}


def last_lines(commands, core, seconds, environment=None):
    """The figures in which load generators end; they may take half a minute longer than they were told."""
    started = []
    try:
        for command in commands:
            started.append(subprocess.Popen(machine.pinned(command, core), env=environment, stdout=subprocess.PIPE))
        return [figures_of(process, seconds + 30) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def figures_of(process, patience):
    printed, _ = process.communicate(timeout=patience)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return json.loads(printed.decode().strip().splitlines()[-1])
