"""The machine: which core does what, and what a process has used."""

import os
import subprocess
import time
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[1 % len(CORES)]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Processes:
    """Everything that was started, so that nothing outlives the run."""

    def __init__(self):
        self._started = []

    def start(self, command, core, **options):
        process = subprocess.Popen(pinned(command, core), **options)
        self._started.append(process)
        return process

    def end(self, process):
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._started.remove(process)

    def end_all(self):
        for process in list(self._started):
            self.end(process)


def pinned(command, core):
    return ["taskset", "-c", str(core), *map(str, command)]


def compile_c(source, program, libraries=()):
    flags = [f"-l{name}" for name in libraries]
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", program, source, *flags], check=True)
    return program


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def busy_seconds(core):
    """How long a core has worked, for whatever program."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, interrupts, soft_interrupts = map(int, times[:7])
            return (user + nice + system + interrupts + soft_interrupts) / TICKS_PER_SECOND
    raise RuntimeError(f"the kernel knows no core {core}")


def resident_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has gone")


def eventually(attempt, seconds=10, pause=0.001):
    """The first answer of `attempt` that is not None."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = attempt()
        if result is not None:
            return result
        time.sleep(pause)
    raise TimeoutError(f"{attempt.__name__}: nothing within {seconds} s")
