"""The audit log as its operator meets it: heads that others can verify, tampering, exports larger than memory allows."""

import base64
import csv
import io
import json
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gatehouse import PATIENCE, Gatehouse, run

SUCCESS, FAILURE, USAGE = 0, 1, 64


@pytest.fixture
def house(tmp_path):
    server = Gatehouse(tmp_path / "data", {
        "ARGON2_MEMORY": "64", "ARGON2_PASSES": "1", "MAX_LOGIN_ATTEMPTS": "100"})
    yield server
    if server.process.poll() is None:
        assert server.stop() == 0


def super_admin(house):
    made = run("admin", "create", "--email", "root@example.com", "--name", "Root Person", "--password-stdin",
               "--data", house.data, entered="seventeen quiet looms\n")
    assert made.returncode == SUCCESS, made.stderr
    return house.login("root@example.com", "seventeen quiet looms").json()["access_token"]


def sealed(house, token):
    """The newest head, once there is one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = house.call("GET", "/audit-logs/head", token)
        if answer.status_code == 200 or time.monotonic() > deadline:
            assert answer.status_code == 200, answer.text
            return answer.json()
        time.sleep(0.1)


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def database(house):
    return closing(sqlite3.connect(house.data / "gatehouse.db", isolation_level=None))


def verify(house, *more):
    return run("audit", "verify", "--data", house.data, *more)


def test_a_head_is_verified_by_others(house):
    token = super_admin(house)
    head = sealed(house, token)
    header, payload, signature = head["head"].split(".")
    key = Ed25519PublicKey.from_public_bytes(decoded(head["key"]["x"]))
    key.verify(decoded(signature), f"{header}.{payload}".encode())
    assert json.loads(decoded(header)) == {
        "alg": "EdDSA", "kid": json.loads(decoded(header))["kid"], "typ": "gatehouse-audit-head+jws"}
    claims = json.loads(decoded(payload))
    assert claims["sequence"] == head["sequence"] and claims["hash"] == head["hash"] and claims["at"] == head["at"]
    assert claims["iss"] == "http://localhost:0"


def test_verify_names_what_was_changed_and_a_kept_head_shows_what_was_cut_off(house, tmp_path):
    token = super_admin(house)
    early = sealed(house, token)
    kept = tmp_path / "early.json"
    kept.write_text(json.dumps(early))
    for index in range(5):
        assert house.login("root@example.com", f"wrong {index}").status_code == 401
    while sealed(house, token)["sequence"] < early["sequence"] + 5:
        time.sleep(0.1)
    printed = run("audit", "head", "--data", house.data)
    assert printed.returncode == SUCCESS and printed.stdout.count(".") == 2
    late = tmp_path / "late"
    late.write_text("2027-01-15 " + printed.stdout)
    for head in ([], ["--head", kept], ["--head", late]):
        checked = verify(house, *head)
        assert checked.returncode == SUCCESS and "is sound" in checked.stdout, checked
    assert house.stop() == SUCCESS

    with database(house) as log:
        row, sequence = log.execute(
            "SELECT row_id, sequence FROM audit_chain ORDER BY sequence DESC LIMIT 1 OFFSET 1").fetchone()
        before, = log.execute("SELECT metadata FROM audit_logs WHERE id = ?", (row,)).fetchone()
        log.execute("UPDATE audit_logs SET metadata = '{}' WHERE id = ?", (row,))
        found = verify(house)
        name = row.hex()
        assert found.returncode == FAILURE and "NOT sound" in found.stdout
        assert found.stderr.replace("-", "").startswith(f"altered row {name} at {sequence}:"), found.stderr
        log.execute("UPDATE audit_logs SET metadata = ? WHERE id = ?", (before, row))
        assert verify(house).returncode == SUCCESS

        log.execute("DELETE FROM audit_logs WHERE id IN (SELECT row_id FROM audit_chain WHERE sequence > ?)",
                    (early["sequence"],))
        log.execute("DELETE FROM audit_logs WHERE id NOT IN (SELECT row_id FROM audit_chain)")
        log.execute("DELETE FROM audit_chain WHERE sequence > ?", (early["sequence"],))
        log.execute("DELETE FROM audit_heads WHERE sequence > ?", (early["sequence"],))
        log.execute("UPDATE audit_marks SET token = ? WHERE name = 'head'", (early["head"],))
    assert verify(house, "--head", kept).returncode == SUCCESS
    cut = verify(house, "--head", late)
    assert cut.returncode == FAILURE and "cut off" in cut.stderr, cut


def test_wrong_usage_is_told(house, tmp_path):
    assert run("audit").returncode == USAGE
    assert verify(house, "--head", tmp_path / "nowhere").returncode == USAGE
    forged = tmp_path / "forged"
    forged.write_text("a.b.c")
    answer = verify(house, "--head", forged)
    assert answer.returncode == FAILURE and "none that this server signed" in answer.stderr


def test_a_server_that_is_killed_again_and_again_leaves_a_sound_log(house):
    token = house.register()["refresh_token"]
    for _ in range(3):
        deadline = time.monotonic() + 0.7
        while time.monotonic() < deadline:
            token = house.refresh(token).json()["refresh_token"]
        house.kill()
        checked = verify(house)
        assert checked.returncode == SUCCESS, checked.stderr
        house.start()


def filled(house, count):
    """A log of so many rows, as those of before the chain."""
    with database(house) as log:
        log.execute("BEGIN")
        now = int(time.time() * 1000) - 1_000_000
        log.executemany(
            "INSERT INTO audit_logs (id, at, event, severity, outcome, user_agent) VALUES (?, ?, 'profile.updated', 'info', 'success', ?)",
            ((((now + n) << 80 | 7 << 76 | 2 << 62 | n).to_bytes(16, "big"), now + n, f"agent {n} " + "x" * 100)
             for n in range(count)))
        log.execute("COMMIT")


def resident_mb(process):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


def test_an_export_waits_for_who_reads_it_and_needs_no_memory_for_the_rest(house):
    token = super_admin(house)
    filled(house, 150_000)
    before = resident_mb(house.process)
    with socket.create_connection(("localhost", house.port), timeout=PATIENCE) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /audit-logs/export?format=csv HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                     + token.encode() + b"\r\nConnection: close\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        # Nobody reads: were it not waited for, all of it would lie in the memory of the server by now.
        answered = 0
        while answered < 20:
            assert house.call("GET", "/health").status_code == 200
            answered += 1
        assert resident_mb(house.process) - before < 24
    whole = house.call("GET", "/audit-logs/export?format=csv", token).text
    rows = list(csv.DictReader(io.StringIO(whole, newline="")))
    numbers = [int(row["user_agent"].split()[1]) for row in rows if row["event"] == "profile.updated"]
    assert numbers == list(range(150_000))[::-1]
    assert resident_mb(house.process) - before < 48
    assert house.call("GET", "/auth/validate", token).status_code == 200
