"""Lists of breached passwords, compiled by the program and asked by clients."""

import hashlib
import random
import re
import subprocess
import time
from pathlib import Path

import pytest
import requests

from gatehouse import BINARY, run

SUCCESS, FAILURE, USAGE, CONFIGURATION = 0, 1, 64, 78
STOLEN = ["violet anchors hum softly", "пятьдесят лиловых якорей", "nine copper gramophones"]
FREE = "sixteen brazen kettles"


def sha1(password):
    return hashlib.sha1(password.encode()).hexdigest().upper()


def lines(passwords, count=3):
    return "".join(f"{sha1(password)}:{count}\r\n" for password in passwords)


def imported(source, output, *more):
    return run("breached", "import", source, "--output", output, *more)


def test_a_list_is_compiled_and_verified(tmp_path):
    source, output = tmp_path / "list.txt", tmp_path / "breached.filter"
    source.write_text(lines(f"made up {number}" for number in range(50_000)))
    answer = imported(source, output)
    assert answer.returncode == SUCCESS, answer
    assert "50000 passwords" in answer.stdout and "one in 65536" in answer.stdout
    assert f"BREACHED_PASSWORDS={output}" in answer.stdout
    # Two and a half bytes for each.
    assert 100_000 < output.stat().st_size < 140_000
    assert run("breached", "verify", output).returncode == SUCCESS
    smaller = tmp_path / "small.filter"
    assert imported(source, smaller, "--bits", "8").returncode == SUCCESS
    assert smaller.stat().st_size < 0.55 * output.stat().st_size
    assert sorted(tmp_path.iterdir()) == sorted([source, output, smaller])


def test_a_file_that_was_changed_is_told(tmp_path):
    source, output = tmp_path / "list.txt", tmp_path / "breached.filter"
    source.write_text(lines(f"made up {number}" for number in range(50_000)))
    assert imported(source, output).returncode == SUCCESS
    content = bytearray(output.read_bytes())
    content[-1] ^= 1
    output.write_bytes(content)
    answer = run("breached", "verify", output)
    assert answer.returncode == FAILURE and "damaged" in answer.stderr
    output.write_bytes(content[:-5])
    answer = run("breached", "verify", output)
    assert answer.returncode == FAILURE and "only a part" in answer.stderr


def test_ranges_of_a_folder(tmp_path):
    folder, output = tmp_path / "ranges", tmp_path / "breached.filter"
    folder.mkdir()
    for password in STOLEN:
        digits = sha1(password)
        (folder / f"{digits[:5]}.txt").write_text(f"{digits[5:]}:7\r\n{'0' * 35}:0\r\n")
    (folder / ".hidden").write_text("not a list")
    answer = imported(folder, output)
    assert answer.returncode == SUCCESS, answer
    assert "3 passwords" in answer.stdout
    assert f"{2 ** 20 - 3} of 1048576 ranges are missing" in answer.stdout


@pytest.mark.parametrize("text, said", [
    ("hello\n", "no SHA-1 in line 1"), (lines(STOLEN) + "x", "no SHA-1 in line 4"),
    ("8846F7EAEE8FB117AD06BDD830B7586C:5\n", "NTLM"), ("", "no password that is to be refused"),
    (lines(STOLEN, count=0), "no password that is to be refused")])
def test_what_is_no_list_is_refused_and_nothing_is_left(tmp_path, text, said):
    source, output = tmp_path / "list.txt", tmp_path / "breached.filter"
    source.write_text(text)
    answer = imported(source, output)
    assert answer.returncode == FAILURE and said in answer.stderr, answer
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("words, said", [
    (["breached"], "breached import"), (["breached", "import"], "needs a file"),
    (["breached", "import", "list.txt", "--bits", "12"], "--bits is 8 or 16"),
    (["breached", "import", "list.txt", "--at-least", "0"], "--at-least"),
    (["breached", "verify"], "BREACHED_PASSWORDS")])
def test_wrong_usage(words, said):
    answer = run(*words)
    assert answer.returncode == USAGE and said in answer.stderr, answer


def test_what_cannot_be_read_or_written_is_told(tmp_path):
    answer = imported(tmp_path / "nothing.txt", tmp_path / "breached.filter")
    assert answer.returncode == FAILURE and "cannot be read" in answer.stderr
    source = tmp_path / "list.txt"
    source.write_text(lines(STOLEN))
    answer = imported(source, tmp_path / "no such folder" / "breached.filter")
    assert answer.returncode == FAILURE and "cannot be written" in answer.stderr


def test_rare_ones_are_left_out(tmp_path):
    source, output = tmp_path / "list.txt", tmp_path / "breached.filter"
    source.write_text(lines(STOLEN[:1], 9) + lines(STOLEN[1:], 10))
    answer = imported(source, output, "--at-least", "10")
    assert "2 passwords, each seen 10 times or more" in answer.stdout, answer


def test_a_list_takes_little_memory(tmp_path):
    """Whatever there is of it waits in a file."""
    source, output = tmp_path / "list.txt", tmp_path / "breached.filter"
    generator = random.Random(1)
    with open(source, "w") as file:
        for _ in range(4_000_000):
            file.write(f"{generator.getrandbits(160):040X}:1\n")
    process = subprocess.Popen([BINARY, "breached", "import", source, "--output", output], stdout=subprocess.DEVNULL)
    most = []
    while process.poll() is None:
        # What wait4 tells counts what this process had when the other began.
        most += re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        time.sleep(0.005)
    assert process.returncode == SUCCESS
    assert 0 < int(most[-1]) < 64 * 1024


def test_a_server_refuses_them(start, tmp_path):
    source, output = tmp_path / "list.txt", tmp_path / "breached.filter"
    source.write_text(lines(STOLEN))
    assert imported(source, output).returncode == SUCCESS
    server = start({"BREACHED_PASSWORDS": str(output)})
    for number, password in enumerate([*STOLEN, FREE]):
        answer = requests.post(f"{server.url}/auth/register", json={
            "name": "Ada Lovelace", "email": f"ada{number}@example.com", "password": password,
            "company_name": "Analytical Engines"}, timeout=20)
        if password == FREE:
            assert answer.status_code == 201, answer.text
        else:
            assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == "password_breached"


def test_a_server_does_not_start_without_the_filter_that_it_was_given(tmp_path):
    for settings in ({"BREACHED_PASSWORDS": str(tmp_path / "nothing")}, {"BREACHED_PASSWORDS": "/etc/passwd"}):
        answer = run("serve", "--data", tmp_path / "data", settings={"PORT": "0", **settings})
        assert answer.returncode == CONFIGURATION and "BREACHED_PASSWORDS" in answer.stderr
