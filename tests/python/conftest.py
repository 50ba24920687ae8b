import itertools
from contextlib import ExitStack

import pytest

from gatehouse import Gatehouse
from nodes import Node
from stores import PostgreSQL, Redis


@pytest.fixture
def start(tmp_path):
    """Starts servers; each must stop cleanly when the test is over."""
    running = []

    def starting(settings=None, data=None, **options):
        server = Gatehouse(data or tmp_path / "data", settings, **options)
        running.append(server)
        return server

    yield starting
    codes = [server.stop() for server in running if server.process.poll() is None]
    assert all(code == 0 for code in codes), f"SIGTERM must end the server with 0, and ended it with {codes}"


@pytest.fixture
def server(start):
    return start()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One server for all the tests of a file."""
    server = Gatehouse(tmp_path_factory.mktemp("shared") / "data")
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL for tests that leave it alone; each makes its own database."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def redis():
    """A Redis for tests that leave it alone."""
    with Redis() as server:
        yield server


@pytest.fixture
def own():
    """Keeps stores and lines of the test's own until it is over: `own.enter_context(PostgreSQL())`."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def node(own, tmp_path):
    """Starts nodes with settings of their own; each must stop cleanly, in whatever state its stores are."""
    running = []
    numbers = itertools.count()

    def starting(settings):
        started = Node(tmp_path / f"node-{next(numbers)}", settings)
        running.append(started)
        return started

    yield starting
    for started in running:
        started.resume()
    codes = [started.stop() for started in running if started.is_running]
    lines = [line for started in running for line in started.logged if not line.startswith("{")]
    assert not lines, f"the log is not JSON: {lines[:3]}"
    assert all(code == 0 for code in codes), f"SIGTERM must end a node with 0, and ended it with {codes}"
