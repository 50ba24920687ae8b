"""Country lists, with databases that another library writes and another library reads."""

import ipaddress
import json
import random
from pathlib import Path

import maxminddb
import netaddr
import pytest
from mmdb_writer import MMDBWriter

from gatehouse import run

VECTORS = Path(__file__).parent / "vectors"
COUNTRIES = ["DE", "AT", "CH", "FR", "LI", "NO"]
PASSWORD = "seventeen quiet looms"
SUCCESS, CONFIGURATION = 0, 78


def country(reader, address):
    """The answer of MaxMind's own reader; an IPv4 address written as IPv6 is the IPv4 address."""
    address = ipaddress.ip_address(address)
    record = reader.get(getattr(address, "ipv4_mapped", None) or address)
    return record and record.get("country", {}).get("iso_code")


def test_the_file_of_the_other_tests_is_read_alike_by_another_reader():
    expected = json.loads((VECTORS / "countries.json").read_text())
    with maxminddb.open_database(VECTORS / "countries.mmdb") as reader:
        assert reader.metadata().database_type == "Test-Country"
        assert {address: country(reader, address) for address in expected} == expected


def networks(chance):
    """Networks that do not touch each other, in places that hold no special ones."""
    for first in chance.sample(range(20, 120), 40):
        length = chance.randint(9, 32)
        yield f"{ipaddress.ip_address((first << 24) | chance.getrandbits(24))}/{length}"
    for second in chance.sample(range(0x100, 0xfff), 40):
        length = chance.randint(33, 128)
        yield f"{ipaddress.ip_address((0x2a00 << 112) | (second << 96) | chance.getrandbits(96))}/{length}"


def questions(chance, network):
    """Addresses within a network, at its edges and beside it."""
    network = ipaddress.ip_network(network, strict=False)
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = type(network.network_address)
    return [kind(number) for number in (first, last, chance.randint(first, last), first - 1, last + 1)]


def test_a_file_of_another_writer_is_read_alike(start, tmp_path):
    chance = random.Random(20260731)
    path = tmp_path / "countries.mmdb"
    writer = MMDBWriter(6, "Another-Country", ipv4_compatible=True)
    asked = []
    for network in networks(chance):
        code = chance.choice(COUNTRIES)
        writer.insert_network(netaddr.IPSet([network]), {"country": {"iso_code": code, "names": {"en": "Somewhere"}}})
        asked += questions(chance, network)
    writer.to_db_file(str(path))
    settings = {"GEOIP_DATABASE": str(path), "TRUSTED_PROXIES": "127.0.0.0/8,::1"}
    made = run(
        "admin", "create", "--email", "root@example.com", "--name", "Root Person", "--password-stdin", "--data",
        tmp_path / "data", entered=PASSWORD + "\n", settings=settings)
    assert made.returncode == SUCCESS, made.stderr
    server = start(settings)
    root = server.login("root@example.com", PASSWORD).json()
    known = 0
    with maxminddb.open_database(path) as reader:
        for address in asked:
            code = country(reader, address)
            known += code is not None
            for listed in {code or "DE", chance.choice(COUNTRIES)}:
                answer = server.call(
                    "PATCH", f"/users/{root['user']['id']}/ip-whitelist", root["access_token"],
                    headers={"X-Forwarded-For": str(address)},
                    json={"ip_whitelist_enabled": True, "allowed_countries": [listed], "dry_run": True})
                assert answer.status_code == 200, answer.text
                assert answer.json()["your_address"] == str(address)
                assert answer.json()["your_address_allowed"] == (listed == code), (address, listed, code)
    assert known >= 240, "as many of the addresses are in a country as were drawn from one"


@pytest.mark.parametrize("content, said", [
    (None, "cannot be read: No such file or directory"), (b"", "is no database in MaxMind's format"),
    (b"country,DE\n", "is no database in MaxMind's format"),
    ((VECTORS / "countries.mmdb").read_bytes()[:-1], "is no database in MaxMind's format, or only a part of one")])
def test_a_database_that_cannot_be_used_stops_the_start(tmp_path, content, said):
    path = tmp_path / "countries.mmdb"
    if content is not None:
        path.write_bytes(content)
    settings = {"PORT": "0", "GEOIP_DATABASE": str(path)}
    for answer in (run("serve", "--data", tmp_path / "data", settings=settings), run("config", settings=settings)):
        assert answer.returncode == CONFIGURATION, answer
        assert f'GEOIP_DATABASE names "{path}", which {said}' in answer.stderr
    assert not (tmp_path / "data").exists(), "a refused start leaves nothing behind"
