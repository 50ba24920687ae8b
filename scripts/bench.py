#!/usr/bin/env python3
"""Measures the release build beside nginx and pgbench, and holds it against the bars that it must clear.

The server has one core and the load another, and what is compared is measured by turns: on a shared machine
trust the ratios and the CPU times more than the rates. `make bench` installs what is needed, builds, and runs this.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/python"))

from bench.machine import Processes
from bench.measurements import Bench
from bench.report import Table
from bench.store_measurements import StoreBench

STATIC_BINARY = ROOT / ".build/gatehouse"


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="halves the time of every round")
    parser.add_argument("--release", action="store_true", help="builds the static binary, to weigh it")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--sqlite", action="store_true", help="only one node, on SQLite")
    part.add_argument("--stores", action="store_true", help="only PostgreSQL, Redis and several nodes")
    return parser.parse_args()


def main():
    options = parsed_options()
    binary = Path(os.environ.get("GATEHOUSE_BINARY", ROOT / ".build/release/gatehouse"))
    if not binary.exists():
        sys.exit(f"there is no {binary}: run `make build` first")
    if options.release:
        subprocess.run(["make", "release"], cwd=ROOT, check=True)
    # SIGTERM must run the `finally` below, or servers would stay behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    processes, table, seconds = Processes(), Table(), 2 if options.quick else 4
    # Beside the build: /tmp may be memory, where nothing is durable.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / ".build") as folder:
        try:
            if not options.stores:
                Bench(binary, Path(folder), processes, seconds, table).run(STATIC_BINARY)
            if not options.sqlite:
                StoreBench(binary, Path(folder), processes, seconds, table).run()
        finally:
            processes.end_all()
    print()
    table.print()


if __name__ == "__main__":
    main()
