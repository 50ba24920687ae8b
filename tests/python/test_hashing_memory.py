"""The memory that password hashing takes: kept while there is much of it to do, and no longer."""

import os
import time
from pathlib import Path

import pytest

from gatehouse import PATIENCE

ONE_HASH = 19 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")


def faults_of(server):
    """Pages that the kernel has given the server, each cleared first."""
    return int(Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[7])


def resident(server):
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * PAGE


@pytest.fixture
def one_at_a_time(start):
    return start({"HASH_THREADS": "1"})


def sign_in(server, times):
    for _ in range(times):
        assert server.login().status_code == 200
        assert server.login(password="brass clattering mill").status_code == 401
        assert server.login().status_code == 200  # or the account would be locked


def test_hashes_that_follow_each_other_share_their_memory(one_at_a_time):
    server = one_at_a_time
    server.register()
    sign_in(server, 1)
    before = faults_of(server)
    sign_in(server, 5)
    # Fifteen hashes of 4,864 pages each, where every one has its own.
    assert faults_of(server) - before < 4 * ONE_HASH // PAGE


def test_what_hashing_took_is_given_back_when_there_is_no_more(one_at_a_time):
    server = one_at_a_time
    server.register()
    busy = []
    for _ in range(5):
        sign_in(server, 1)
        busy.append(resident(server))
    give_up_at = time.monotonic() + PATIENCE
    while resident(server) > max(busy) - ONE_HASH * 3 // 4:
        assert time.monotonic() < give_up_at, f"of {max(busy)} bytes {resident(server)} are still there"
        time.sleep(0.05)
