"""The program as its operator meets it."""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess

import pytest
import requests

from gatehouse import BINARY, PASSWORD, PATIENCE, run

SUCCESS, FAILURE, USAGE, CONFIGURATION = 0, 1, 64, 78
KEY = "5f1a9c3e7b2d4860f1e2d3c4b5a69788796a5b4c3d2e1f0a9b8c7d6e5f4a3b2c"
OTHER_KEY = "a0b1c2d3e4f5061728394a5b6c7d8e9f0f1e2d3c4b5a69788796a5b4c3d2e1f0"
GOOD_SECRET = "kJ8v-2pQzX_7wLmN4tRyB6sHdFgC9aEu"
PRODUCTION = {
    "GATEHOUSE_ENV": "production", "ENCRYPTION_KEY": KEY, "PUBLIC_URL": "https://id.example.org"}


def serve(data, settings=None):
    """For a start that must fail: to its end."""
    return run("serve", "--data", data, settings={"PORT": "0", **(settings or {})})


def create_admin(data, password, email="grace@example.com", settings=None):
    return run(
        "admin", "create", "--email", email, "--name", "Grace Hopper", "--password-stdin", "--data", data,
        entered=password + "\n", settings=settings)


# Words

def test_version_and_help():
    for words in (["version"], ["--version"]):
        answer = run(*words)
        assert answer.returncode == SUCCESS and re.fullmatch(r"gatehouse \d+\.\d+\.\d+\n", answer.stdout)
    for words in (["help"], ["--help"], ["-h"], [], ["serve", "--help"]):
        answer = run(*words)
        assert answer.returncode == SUCCESS and "usage: gatehouse" in answer.stdout and answer.stderr == ""


@pytest.mark.parametrize("words, said", [
    (["srve"], "Did you mean 'serve'?"), (["confg"], "Did you mean 'config'?"), (["mial"], "Did you mean 'mail'?"),
    (["keys", "rotat"], "gatehouse help"),
    (["serve", "--prot", "1"], "Did you mean '--port'?"), (["serve", "--port"], "--port needs a value"),
    (["serve", "twice"], "no command"), (["admin"], "admin create"), (["keys"], "keys rotate"),
    (["nonsense"], "unknown command 'nonsense'"),
    (["admin", "create", "--email", "a@example.com", "--name", "Ada"], "--password-stdin"),
    (["admin", "create", "--email", "a@example.com", "--name", "Ada", "--password", "x"], "unknown option --password")])
def test_wrong_usage_is_told_with_what_may_have_been_meant(words, said):
    answer = run(*words)
    assert answer.returncode == USAGE, answer
    assert said in answer.stderr and answer.stdout == ""


# Settings

def test_config_names_origins_and_masks_secrets():
    secrets = {"JWT_SECRET": GOOD_SECRET, "ENCRYPTION_KEY": KEY, "ENCRYPTION_KEY_FORMER": OTHER_KEY,
               "METRICS_TOKEN": "metrics-token-of-the-operator"}
    answer = run("config", "--port", 9000, settings={**secrets, "JWT_AUDIENCE": "shop"})
    assert answer.returncode == SUCCESS
    for name, secret in secrets.items():
        assert secret not in answer.stdout + answer.stderr
        assert f"{name} = (set)  [environment]" in answer.stdout
    assert "PORT = 9000  [command line]" in answer.stdout
    assert "JWT_AUDIENCE = shop  [environment]" in answer.stdout
    assert "JWT_EXPIRES_IN = 15m  [default]" in answer.stdout


@pytest.mark.parametrize("name, value", [
    ("PORT", "http"), ("PORT", "65536"), ("JWT_EXPIRES_IN", "quarter of an hour"), ("JWT_EXPIRES_IN", "0s"),
    ("JWT_EXPIRES_IN", "-15m"), ("RATE_LIMIT_SIGN_IN", "five"), ("RATE_LIMIT_SIGN_IN", "0/60"),
    ("MAX_LOGIN_ATTEMPTS", "0"), ("MAX_SESSIONS_PER_USER", "5 "), ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("TRUSTED_PROXIES", "proxy"), ("CORS_ORIGINS", "*"), ("CORS_ORIGINS", "https://app.example.com/path"),
    ("REGISTRATION", "maybe"), ("JWT_ALGORITHM", "none"), ("JWT_ALGORITHM", "HS256"), ("GATEHOUSE_ENV", "prod"),
    ("PASSWORD_BLOCK_COMMON", "perhaps"), ("PASSWORD_MIN_LENGTH", "4"), ("ENCRYPTION_KEY", "short"),
    ("ENCRYPTION_KEY", "0" * 64), ("DATABASE_URL", "mysql://localhost"), ("PUBLIC_URL", "id.example.com"),
    ("PUBLIC_URL", "https://id.example.com/path"), ("PUBLIC_URL", "javascript:alert(1)"), ("JWT_SECRET", "short")])
def test_case_61_a_setting_that_cannot_be_read_stops_the_start(tmp_path, name, value):
    for answer in (serve(tmp_path / "data", {name: value}), run("config", settings={name: value})):
        assert answer.returncode == CONFIGURATION, answer
        assert name in answer.stderr
    if name in ("ENCRYPTION_KEY", "JWT_SECRET"):
        assert f'"{value}"' not in answer.stderr
    assert not (tmp_path / "data").exists(), "a refused start leaves nothing behind"


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    answer = serve(tmp_path, {"PORT": "x", "THREADS": "0", "LOG_LEVEL": "loud"})
    assert answer.returncode == CONFIGURATION
    assert all(name in answer.stderr for name in ("THREADS", "LOG_LEVEL"))


@pytest.mark.parametrize("missing", ["ENCRYPTION_KEY", "PUBLIC_URL"])
def test_production_does_not_start_without(tmp_path, missing):
    settings = {name: value for name, value in PRODUCTION.items() if name != missing}
    answer = serve(tmp_path / "data", settings)
    assert answer.returncode == CONFIGURATION
    assert f"{missing} must be set in production" in answer.stderr
    assert len(re.findall(r"must be set", answer.stderr)) == 1
    assert not (tmp_path / "data").exists()


def test_production_starts_with_them_and_makes_no_key_of_its_own(start, tmp_path):
    server = start({**PRODUCTION, "JWT_SECRET": GOOD_SECRET})
    assert not (tmp_path / "data" / "encryption.key").exists()
    assert KEY not in "".join(server.printed + server.logged)
    assert server.setup_link().startswith("https://id.example.org/setup?token=")


@pytest.mark.parametrize("secret", [
    "your-secret-key-change-me-in-production", "changeme" * 5, "a" * 64, "0123456789" * 4,
    "my-super-secret-jwt-key-for-gatehouse", "passwordpasswordpasswordpassword", "31-bytes-are-not-quite-enough-!"])
def test_production_refuses_a_weak_or_example_secret(tmp_path, secret):
    answer = serve(tmp_path, {**PRODUCTION, "JWT_SECRET": secret})
    assert answer.returncode == CONFIGURATION
    assert "JWT_SECRET" in answer.stderr and secret not in answer.stderr


# The database and the keys

def test_migrate_twice(tmp_path):
    first = run("migrate", "--data", tmp_path / "data")
    second = run("migrate", "--data", tmp_path / "data")
    assert first.returncode == second.returncode == SUCCESS
    assert "Ran migrations 1" in first.stdout and "up to date" in second.stdout


def test_a_database_of_a_newer_program_is_refused(tmp_path):
    assert run("migrate", "--data", tmp_path).returncode == SUCCESS
    with sqlite3.connect(tmp_path / "gatehouse.db") as database:
        database.execute("INSERT INTO schema_migrations VALUES (999, 'later', 'x', 0)")
    database.close()
    for answer in (serve(tmp_path), run("migrate", "--data", tmp_path)):
        assert answer.returncode == FAILURE
        assert "use the newer program" in answer.stderr


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "gatehouse.db").write_bytes(b"this is no database, and was never one" * 100)
    answer = serve(tmp_path)
    assert answer.returncode == FAILURE and answer.stderr.strip()
    assert (tmp_path / "gatehouse.db").read_bytes().startswith(b"this is no database")


def test_nobody_else_may_read_what_the_server_writes(start, tmp_path):
    (tmp_path / "data").mkdir(mode=0o755)
    server = start()
    server.register()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes.pop("encryption.key") == 0o600
    assert modes and all(mode & 0o077 == 0 for mode in modes.values()), modes


def test_the_folder_that_it_makes_is_its_own(start, tmp_path):
    start()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_wrong_encryption_key_is_refused(start, tmp_path):
    server = start({"ENCRYPTION_KEY": KEY})
    tokens = server.register()
    assert server.stop() == SUCCESS
    answer = serve(tmp_path / "data", {"ENCRYPTION_KEY": OTHER_KEY})
    assert answer.returncode == FAILURE
    assert "ENCRYPTION_KEY" in answer.stderr, answer.stderr
    server = start({"ENCRYPTION_KEY": OTHER_KEY, "ENCRYPTION_KEY_FORMER": KEY})
    assert server.refresh(tokens["refresh_token"]).status_code == 200


def test_a_broken_key_file_is_refused(start, tmp_path):
    assert start().stop() == SUCCESS
    (tmp_path / "data" / "encryption.key").write_text("\n")
    answer = serve(tmp_path / "data")
    assert answer.returncode == FAILURE and "encryption.key" in answer.stderr


# The first administrator

def test_an_administrator_is_made_on_a_fresh_installation(start, tmp_path):
    answer = create_admin(tmp_path / "data", PASSWORD)
    assert answer.returncode == SUCCESS, answer.stderr
    assert PASSWORD not in answer.stdout + answer.stderr
    server = start()
    assert server.login("grace@example.com").json()["user"]["roles"] == ["SuperAdmin"]
    assert server.call("GET", "/setup?token=x").status_code == 404
    assert server.stop() == SUCCESS
    assert not [line for line in server.printed if "/setup" in line], "the first start is over"


def test_an_administrator_is_made_beside_a_running_server(server):
    link = server.setup_link()
    assert create_admin(server.data, PASSWORD).returncode == SUCCESS
    assert server.login("grace@example.com").status_code == 200
    assert requests.get(link, timeout=PATIENCE).status_code == 404, "the printed link is dead then"


@pytest.mark.parametrize("password", ["password", "grace@example.com", "short", "hunter2hunter2"[:8], "qwertyuiop"])
def test_an_administrator_with_a_weak_password_is_refused(tmp_path, password):
    answer = create_admin(tmp_path / "data", password)
    assert answer.returncode == FAILURE and "password:" in answer.stderr
    with sqlite3.connect(tmp_path / "data" / "gatehouse.db") as database:
        assert database.execute("SELECT count(*) FROM users").fetchone() == (0,)
    database.close()


def test_an_administrator_is_not_made_twice(tmp_path):
    assert create_admin(tmp_path / "data", PASSWORD).returncode == SUCCESS
    answer = create_admin(tmp_path / "data", PASSWORD, email=" GRACE@example.com ")
    assert answer.returncode == FAILURE and "has an account" in answer.stderr


@pytest.mark.parametrize("words, said", [
    (["--email", "nobody@example.com"], "nobody has the e-mail address nobody@example.com"),
    (["--role", "Astronaut"], "there is no role of the name Astronaut")])
def test_an_address_list_of_nobody_is_not_switched_off(tmp_path, words, said):
    answer = run("admin", "allow-address", *words, "--data", tmp_path / "data")
    assert answer.returncode == FAILURE and answer.stderr == f"gatehouse: {said}\n"


@pytest.mark.parametrize("email, password", [("nobody", PASSWORD), ("a@b@example.com", PASSWORD), ("a@example.com", "")])
def test_an_administrator_needs_an_address_and_a_password(tmp_path, email, password):
    assert create_admin(tmp_path / "data", password, email=email).returncode == USAGE


# Starting and stopping

@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_with_0(start, asked):
    server = start()
    server.process.send_signal(asked)
    assert server.ended() == SUCCESS
    assert any(json.loads(line)["event"] == "server.stopping" for line in server.logged)


def test_a_stop_waits_for_requests_under_way(start):
    server = start()
    body = json.dumps({"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD,
                       "company_name": "Engines"}).encode()
    connection = http.client.HTTPConnection("localhost", server.port, timeout=PATIENCE)
    connection.putrequest("POST", "/auth/register")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    # The interim answer shows that the request is being read; then the stop comes.
    assert connection.sock.recv(25).startswith(b"HTTP/1.1 100")
    server.process.send_signal(signal.SIGTERM)
    connection.send(body)
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    assert json.loads(answer.read())["access_token"]
    assert server.ended() == SUCCESS


def test_an_idle_connection_does_not_hold_up_a_stop(start):
    server = start({"DRAIN_TIMEOUT": "300s"})
    with socket.create_connection(("localhost", server.port), timeout=PATIENCE):
        assert server.stop() == SUCCESS


def test_a_port_in_use_is_told(server, tmp_path):
    answer = run("serve", "--port", server.port, "--data", tmp_path / "other")
    assert answer.returncode == FAILURE
    assert str(server.port) in answer.stderr and "another program listens there" in answer.stderr, answer.stderr


def test_it_listens_on_this_machine_only_until_told(server):
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split()[1] for row in table if row.split()[3] == "0A"]
    assert f"0100007F:{server.port:04X}" in rows
    assert f"00000000:{server.port:04X}" not in rows
    if os.path.exists("/proc/net/tcp6"):
        with open("/proc/net/tcp6", encoding="ascii") as table:
            assert not [row for row in table if f":{server.port:04X} " in row and row.split()[3] == "0A"]


def test_every_line_of_the_log_is_an_object(start):
    server = start({"LOG_ACCESS": "true"})
    server.call("GET", "/health", headers={"User-Agent": "a\tb\u00e9\u001b[31m".encode("latin-1", "ignore")})
    server.login("nobody@example.com")
    assert server.stop() == SUCCESS
    for line in server.logged:
        assert {"time", "level", "event"} <= json.loads(line).keys()
    assert PASSWORD not in "".join(server.logged)


def test_the_program_needs_no_foundation():
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"Foundation|ICU|icu", linked), linked


def test_the_document_is_printed_as_it_is_served(server):
    printed = run("openapi", settings={"PUBLIC_URL": "http://localhost:0"})
    assert json.loads(printed.stdout) == server.call("GET", "/api/openapi.json").json()
