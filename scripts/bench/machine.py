"""The machine: which core does what, and what a process has used."""

import os
import resource
import subprocess
import time
from contextlib import contextmanager
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

    def run(self, command, core, **options):
        """To its end, which must be a good one."""
        subprocess.run(pinned(command, core), check=True, capture_output=True, **options)

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


@contextmanager
def on_core(core):
    """What is started within runs there, and so does this process."""
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def compile_c(source, program, libraries=()):
    flags = [f"-l{name}" for name in libraries]
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", program, source, *flags], check=True)
    return program


def compile_swift(sources, program, build, floors=("Ground", "CSystem"), libraries=()):
    """A program with parts of the server: some of its sources, over floors as they were built."""
    objects = [file for floor in floors for file in build.glob(f"{floor}.build/*.o")]
    c_libraries = Path(__file__).resolve().parents[2] / "Sources/CLibraries"
    maps = [*(build / f"{floor}.build/module.modulemap" for floor in floors if floor.startswith("C")),
            *c_libraries.glob("*/module.modulemap")]
    subprocess.run(
        [os.environ.get("SWIFT", "swift") + "c", "-O", "-swift-version", "6", "-parse-as-library", "-module-name",
         program.name, "-I", build / "Modules",
         *(word for file in maps if file.exists() for word in ("-Xcc", f"-fmodule-map-file={file}")),
         *sources, *objects, *(f"-l{name}" for name in libraries), "-o", program], check=True)
    return program


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    return sum(map(int, times(pid)[:2])) / TICKS_PER_SECOND


def cpu_seconds_of_all(pids):
    """That of processes, parents first, and of those below them that have ended."""
    total = 0
    # Who ends meanwhile is counted by the parent, which comes later.
    for pid in reversed(pids):
        try:
            total += sum(map(int, times(pid)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / TICKS_PER_SECOND


def times(pid):
    """User and system time of a process, then of its children that have ended, in ticks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]


def cpu_seconds_of_ended():
    """User and system time of what this process has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy_seconds(core):
    """How long a core has worked, for whatever program."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, interrupts, soft_interrupts = map(int, times[:7])
            return (user + nice + system + interrupts + soft_interrupts) / TICKS_PER_SECOND
    raise RuntimeError(f"the kernel knows no core {core}")


def wait_until_idle(pid):
    """Until the process has done nothing for a fifth of a second."""
    used = cpu_seconds(pid)
    for _ in range(100):
        time.sleep(0.2)
        before, used = used, cpu_seconds(pid)
        if used - before < 0.005:
            return
    raise RuntimeError("the server does not come to rest")


def resident_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has gone")


def settled_mb(pid):
    """The memory of a server at rest: after the first rounds of what it does by itself, and twice the same."""
    time.sleep(6)
    memory = resident_mb(pid)
    for _ in range(10):
        time.sleep(1)
        former, memory = memory, resident_mb(pid)
        if abs(memory - former) < 0.1:
            break
    return memory


def eventually(attempt, seconds=10, pause=0.001):
    """The first answer of `attempt` that is not None."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = attempt()
        if result is not None:
            return result
        time.sleep(pause)
    raise TimeoutError(f"{attempt.__name__}: nothing within {seconds} s")
