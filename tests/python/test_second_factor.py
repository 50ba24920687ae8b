"""The second factor, with somebody else's authenticator app and somebody else's reader of QR codes."""

import base64
import io
import time
import zlib
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import requests
import zxingcpp

from gatehouse import PASSWORD, PATIENCE


def gray(uri):
    """The pixels of a PNG of one bit, in rows of grey values. Python's zlib and its checksums are not ours."""
    data = io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True))
    assert data.read(8) == b"\x89PNG\r\n\x1a\n"
    chunks = {}
    while head := data.read(8):
        length, name = int.from_bytes(head[:4]), head[4:]
        body = data.read(length)
        assert int.from_bytes(data.read(4)) == zlib.crc32(name + body)
        chunks[name] = body
    width, height = (int.from_bytes(chunks[b"IHDR"][start:start + 4]) for start in (0, 4))
    assert width == height and chunks[b"IHDR"][8:] == bytes([1, 0, 0, 0, 0]) and chunks[b"IEND"] == b""
    lines = zlib.decompress(chunks[b"IDAT"])
    stride = 1 + (width + 7) // 8
    assert len(lines) == stride * height
    rows = []
    for start in range(0, len(lines), stride):
        assert lines[start] == 0
        bits = "".join(f"{byte:08b}" for byte in lines[start + 1:start + stride])[:width]
        rows.append(bytes(255 if bit == "1" else 0 for bit in bits))
    return memoryview(b"".join(rows)).cast("B", (height, width))


def setup(server, token):
    answer = server.call("POST", "/auth/2fa/setup", token, json={"method": "totp"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def enabled(server, token):
    """An app that is set up, and the recovery codes."""
    app = pyotp.parse_uri(setup(server, token)["otpauth_uri"])
    answer = server.call("POST", "/auth/2fa/enable", token, json={"code": app.now()})
    assert answer.status_code == 200, answer.text
    return app, answer.json()["recovery_codes"]


@pytest.mark.parametrize("name", ["ada", "o'brien+tag", "x" * 60])
def test_an_app_reads_what_it_is_shown(server, name):
    token = server.register(name)["access_token"]
    made = setup(server, token)
    # The picture, the address and the text say the same.
    [found] = zxingcpp.read_barcodes(gray(made["qr_png"]))
    assert found.text == made["otpauth_uri"]
    app = pyotp.parse_uri(made["otpauth_uri"])
    assert (app.secret, app.digits, app.interval, app.name, app.issuer) == (
        made["secret"], 6, 30, f"{name}@example.com", "localhost")
    assert len(base64.b32decode(made["secret"])) == 20
    assert parse_qs(urlsplit(made["otpauth_uri"]).query)["algorithm"] == ["SHA1"]
    answer = server.call("POST", "/auth/2fa/enable", token, json={"code": app.now()})
    assert answer.status_code == 200, answer.text


def test_signing_in_takes_the_app(server):
    token = server.register()["access_token"]
    app, recovery = enabled(server, token)
    browser = requests.Session()
    asked = browser.post(server.url + "/auth/login", timeout=PATIENCE, json={
        "email": "ada@example.com", "password": PASSWORD}).json()
    assert asked["second_factor_required"] and "access_token" not in asked

    def finish(code, method="totp", by=browser):
        return by.post(server.url + "/auth/2fa/login", timeout=PATIENCE, json={
            "second_factor_token": asked["second_factor_token"], "method": method, "code": code})

    # The code that has set it up is used; the next one is good for the step beside this one, too.
    used = app.at(int(time.time()) // 30 * 30)
    assert finish(used).json()["code"] == "code_invalid"
    code = app.at(int(time.time()) + 30)
    assert finish(code, by=requests.Session()).json()["code"] == "token_invalid"
    done = finish(code)
    assert done.status_code == 200, done.text
    session = server.call("GET", "/auth/validate", done.json()["access_token"]).json()["session"]
    assert session["methods"] == ["pwd", "otp", "mfa"] and session["acr"] == "aal2"
    # On paper.
    asked = browser.post(server.url + "/auth/login", timeout=PATIENCE, json={
        "email": "ada@example.com", "password": PASSWORD}).json()
    assert finish(recovery[0], "recovery_code").status_code == 200
    assert len(recovery) == len(set(recovery)) == 10


def test_a_code_works_once_however_many_show_it(server):
    app, _ = enabled(server, server.register()["access_token"])
    code = app.at(int(time.time()) + 30)
    outcomes = []
    for _ in range(3):
        browser = requests.Session()
        asked = browser.post(server.url + "/auth/login", timeout=PATIENCE, json={
            "email": "ada@example.com", "password": PASSWORD}).json()
        outcomes.append(browser.post(server.url + "/auth/2fa/login", timeout=PATIENCE, json={
            "second_factor_token": asked["second_factor_token"], "code": code}).status_code)
    assert outcomes == [200, 401, 401]
