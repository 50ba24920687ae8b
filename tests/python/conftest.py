import pytest

from gatehouse import Gatehouse


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
