"""People and their passwords from other systems: hashed by the software of those systems, signed in here."""

import base64
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import unicodedata

import argon2
import bcrypt
import django
import pytest
import requests
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
from django.contrib.auth import hashers
from passlib import hash as passlib

from gatehouse import BINARY, PACKAGE, PASSWORD, PATIENCE, environment, run

settings.configure()
django.setup()

ODD = "ﬁancé Ⅷ ｐａｓｓword ﷺ"
FIREBASE = {
    "base64_signer_key": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    "base64_salt_separator": "Bw==", "rounds": 8, "mem_cost": 14}
CONSOLE = "hash_config {\n  algorithm: SCRYPT,\n" + "".join(f"  {name}: {value},\n" for name, value in FIREBASE.items()) + "}\n"


def text(data):
    return base64.b64encode(data).decode()


def django_hash(kind, password, **options):
    hasher = getattr(hashers, kind)()
    for name, value in options.items():
        setattr(hasher, name, value)
    return hasher.encode(password, hasher.salt())


def better_auth_hash(password):
    salt = os.urandom(16).hex()
    key = hashlib.scrypt(
        unicodedata.normalize("NFKC", password).encode(), salt=salt.encode(), n=16384, r=16, p=1, dklen=64,
        maxmem=1 << 26)
    return f"{salt}:{key.hex()}"


def firebase_hash(password, salt):
    key = hashlib.scrypt(
        password.encode(), salt=salt + base64.b64decode(FIREBASE["base64_salt_separator"]), n=1 << FIREBASE["mem_cost"],
        r=FIREBASE["rounds"], p=1, dklen=32, maxmem=1 << 26)
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    return cipher.update(base64.b64decode(FIREBASE["base64_signer_key"])) + cipher.finalize()


def keycloak_credential(algorithm, password, size=64, iterations=2000):
    salt = os.urandom(16)
    extra = {}
    if algorithm == "argon2":
        iterations = 5
        extra = {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
        key = argon2.low_level.hash_secret_raw(
            password.encode(), salt, iterations, 7168, 1, 32, argon2.low_level.Type.ID)
    else:
        digest = algorithm.removeprefix("pbkdf2").removeprefix("-") or "sha1"
        key = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations, size)
    return {
        "type": "password", "createdDate": 1700000000000,
        "secretData": json.dumps({"value": text(key), "salt": text(salt), "additionalParameters": {}}),
        "credentialData": json.dumps({"hashIterations": iterations, "algorithm": algorithm, "additionalParameters": extra})}


PLAIN = {
    "bcrypt": lambda p: bcrypt.hashpw(p.encode(), bcrypt.gensalt(4)).decode(),
    "bcrypt of PHP": lambda p: bcrypt.hashpw(p.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    "argon2id": lambda p: argon2.PasswordHasher(2, 1024, 2).hash(p),
    "argon2i": lambda p: argon2.PasswordHasher(3, 1024, 1, type=argon2.Type.I).hash(p),
    "django pbkdf2_sha256": lambda p: django_hash("PBKDF2PasswordHasher", p, iterations=2000),
    "django pbkdf2_sha1": lambda p: django_hash("PBKDF2SHA1PasswordHasher", p, iterations=2000),
    "django argon2": lambda p: django_hash("Argon2PasswordHasher", p, memory_cost=1024),
    "django bcrypt": lambda p: django_hash("BCryptPasswordHasher", p, rounds=4),
    "django bcrypt_sha256": lambda p: django_hash("BCryptSHA256PasswordHasher", p, rounds=4),
    "django scrypt": lambda p: django_hash("ScryptPasswordHasher", p),
    "passlib pbkdf2_sha256": passlib.pbkdf2_sha256.using(rounds=2000).hash,
    "passlib pbkdf2_sha512": passlib.pbkdf2_sha512.using(rounds=2000).hash,
    "passlib scrypt": passlib.scrypt.using(rounds=8).hash,
    "better auth": better_auth_hash,
}


@pytest.fixture
def bring(tmp_path):
    """Imports a file on the machine, where a server may be running."""
    def bringing(name, content, *options):
        file = tmp_path / name
        file.write_text(content, encoding="utf-8", newline="")
        return run("users", "import", file, "--data", tmp_path / "data", *options)
    return bringing


def sheet(rows):
    """CSV as Python writes it."""
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return output.getvalue()


def all_sign_in(server, people):
    """Twice: by the hash that came, and by the one that took its place."""
    for email, password in people:
        for _ in range(2):
            answer = server.login(email, password)
            assert answer.status_code == 200, (email, answer.text)
        assert server.login(email, password + "x").json()["code"] == "credentials_invalid"


def test_every_kind_of_hash_signs_in(start, bring):
    people = [(f"person{number}{where}@example.com", password, make) for number, make in enumerate(PLAIN.values())
              for where, password in (("a", PASSWORD), ("b", ODD))]
    ended = bring("people.csv", sheet([{"email": email, "password_hash": make(password)} for email, password, make in people]))
    assert ended.returncode == 0, ended.stderr
    assert f"{len(people)} imported, 0 refused" in ended.stdout
    all_sign_in(start(), [(email, password) for email, password, _ in people])


def keycloak_realm():
    kinds = ["pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512", "argon2"]
    users = [{
        "id": f"0000-{number}", "username": f"k{number}", "email": f"k{number}@example.com", "firstName": "Kay", "lastName": "Cloak",
        "emailVerified": True, "enabled": True, "createdTimestamp": 1700000000000, "totp": False, "requiredActions": [],
        "credentials": [{"type": "otp"}, keycloak_credential(kind, PASSWORD)], "realmRoles": ["default-roles-x"],
        "notBefore": 0, "groups": []} for number, kind in enumerate(kinds)]
    users.append({**users[0], "id": "off", "email": "off@example.com", "username": "off", "enabled": False})
    return {"id": "x", "realm": "x", "roles": {"realm": [{"name": "users"}]}, "users": users, "clients": [{"users": []}]}


def firebase_users():
    salts = [os.urandom(10) for _ in range(3)]
    users = [{
        "localId": f"f{number}", "email": f"f{number}@example.com", "emailVerified": False, "displayName": "Fire Base",
        "passwordHash": text(firebase_hash(PASSWORD, salt)), "salt": text(salt), "lastSignedInAt": "1700000000001",
        "createdAt": "1700000000000", "phoneNumber": "+15551234567", "providerUserInfo": []}
        for number, salt in enumerate(salts)]
    users.append({"localId": "g", "email": "g@example.com", "createdAt": "1700000000000", "providerUserInfo": [{"providerId": "google.com"}]})
    return {"users": users}


def django_dump():
    return [{"model": "auth.user", "pk": number, "fields": {
        "password": password, "last_login": None, "is_superuser": False, "username": f"d{number}", "first_name": "Dj",
        "last_name": "Ango", "email": f"d{number}@example.com", "is_staff": False, "is_active": True,
        "date_joined": "2024-02-29T08:00:00.123Z", "groups": [], "user_permissions": []}}
        for number, password in enumerate([PLAIN["django pbkdf2_sha256"](PASSWORD), hashers.make_password(None)])]


def better_auth_row():
    return {"id": "b1", "name": "Bette", "email": "b1@example.com", "emailVerified": True,
            "createdAt": "2024-05-05T05:05:05+00:00", "image": None, "password": better_auth_hash(ODD)}


def test_people_of_keycloak(start, bring):
    ended = bring("realm.json", json.dumps(keycloak_realm(), indent=2), "--source", "keycloak")
    assert ended.returncode == 0 and "5 imported" in ended.stdout, ended
    server = start()
    all_sign_in(server, [(f"k{number}@example.com", PASSWORD) for number in range(4)])
    assert server.login("k0@example.com").json()["user"]["name"] == "Kay Cloak"
    assert server.login("off@example.com").json()["code"] == "account_blocked"


@pytest.mark.parametrize("parameters", [CONSOLE, json.dumps(FIREBASE)])
def test_people_of_firebase(start, bring, tmp_path, parameters):
    users = json.dumps(firebase_users())
    (tmp_path / "parameters").write_text(parameters, encoding="utf-8")
    told = bring("users.json", users, "--source", "firebase")
    assert told.returncode == 64 and "--hash-parameters" in told.stderr
    ended = bring("users.json", users, "--source", "firebase", "--hash-parameters", tmp_path / "parameters")
    assert ended.returncode == 0 and "4 imported" in ended.stdout, ended
    server = start()
    all_sign_in(server, [(f"f{number}@example.com", PASSWORD) for number in range(3)])
    assert server.login("f0@example.com").json()["user"]["phone"] == "+15551234567"
    assert server.login("g@example.com").json()["code"] == "credentials_invalid"


def test_people_of_django_and_better_auth(start, bring):
    ended = bring("users.json", json.dumps(django_dump()), "--source", "django")
    assert ended.returncode == 0 and "2 imported" in ended.stdout, ended
    ended = bring("users.jsonl", json.dumps(better_auth_row()) + "\n", "--source", "better-auth")
    assert ended.returncode == 0, ended
    server = start()
    all_sign_in(server, [("d0@example.com", PASSWORD), ("b1@example.com", ODD)])
    assert server.login("d1@example.com").json()["code"] == "credentials_invalid"


def test_refused_lines_are_told_and_nothing_else_is_written(start, bring):
    content = sheet([{"email": "good@example.com", "password_hash": PLAIN["bcrypt"](PASSWORD)},
                     {"email": "bad@example.com", "password_hash": "secret-that-is-no-hash"}])
    ended = bring("people.csv", content)
    assert ended.returncode == 1
    assert "line 3: password_hash: hash_unknown:" in ended.stderr and "Nothing was written" in ended.stderr
    assert "secret-that" not in ended.stderr + ended.stdout and "0 imported, 1 refused" in ended.stdout
    dry = bring("people.csv", content, "--dry-run")
    assert dry.returncode == 1 and "1 could be imported, 1 refused" in dry.stdout
    server = start()
    assert server.login("good@example.com").json()["code"] == "credentials_invalid"
    skipping = bring("people.csv", content, "--on-error", "skip")
    assert skipping.returncode == 1 and "1 imported, 1 refused" in skipping.stdout
    assert server.login("good@example.com").status_code == 200, "also beside a running server"


@pytest.mark.parametrize("words, said", [
    (["users"], "users import"), (["users", "import"], "needs a file"), (["users", "import", "x"], "--format"),
    (["users", "import", "x.csv", "--source", "keycloak"], "JSON"), (["users", "import", "x.csv", "--format", "xml"], "csv, json, jsonl"),
    (["users", "import", "/nowhere/x.csv"], "cannot read /nowhere/x.csv"),
    (["users", "import", "x.json", "--source", "auth9"], "keycloak"), (["users", "import", "x.csv", "--on-error", "stop"], "skip")])
def test_wrong_usage_is_told(tmp_path, words, said):
    ended = run(*words, "--data", tmp_path / "data")
    assert ended.returncode == 64 and said in ended.stderr, ended


def test_an_export_of_one_server_is_the_import_of_another(start, tmp_path, bring):
    old = start(data=tmp_path / "old")
    assert run("admin", "create", "--email", "root@example.com", "--name", "Root", "--password-stdin",
               "--data", tmp_path / "old", entered=PASSWORD + "\n").returncode == 0
    root = old.login("root@example.com").json()["access_token"]
    for name in ("ada", "eve"):
        old.register(name)
    exported = old.call("GET", "/users/export?include_hashes=true", token=root)
    assert exported.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert [row["email"] for row in csv.DictReader(io.StringIO(exported.text, newline=""))] == [
        "root@example.com", "ada@example.com", "eve@example.com"]
    ended = bring("people.csv", exported.text, "--create-companies")
    assert ended.returncode == 0 and "3 imported" in ended.stdout, ended
    new = start()
    for name in ("root", "ada", "eve"):
        before, after = (server.login(f"{name}@example.com").json() for server in (old, new))
        assert after["user"]["id"] == before["user"]["id"] and after["user"]["roles"] == before["user"]["roles"]
        assert (after["company"] or {}).get("id") == (before["company"] or {}).get("id")


def test_the_commands_of_the_page_work(start, tmp_path):
    blocks = re.findall(r"<!-- tested: (\S+) -->\s*```sh\n(.*?)^```", (PACKAGE / "docs/migrating.md").read_text(encoding="utf-8"), re.M | re.S)
    assert [name for name, _ in blocks] == ["csv", "keycloak", "firebase", "django", "better-auth", "supabase", "gatehouse"]
    work = tmp_path / "work"
    (work / "export").mkdir(parents=True)
    supabase = {"external_id": "6b4c", "email": "s@example.com", "name": "Su", "password_hash": PLAIN["bcrypt"](PASSWORD),
                "email_verified": "t", "created_at": "1700000000000"}
    exported = {"email": "x@example.com", "companies": [{"id": "0198a3f4-5c1d-7c4d-8e5f-607182930415", "name": "Engines", "roles": ["Admin"]}]}
    files = {
        "export/shop-users-0.json": json.dumps(keycloak_realm()), "users.json": json.dumps(firebase_users()),
        "hash_config.txt": CONSOLE, "django.json": json.dumps(django_dump()), "people.jsonl": json.dumps(better_auth_row()),
        "supabase.csv": sheet([supabase]), "gatehouse.jsonl": json.dumps(exported)}
    for name, content in files.items():
        (work / name).write_text(content, encoding="utf-8", newline="")
    settings_there = {"DATA_DIR": str(tmp_path / "data"), "PATH": os.path.dirname(BINARY) + ":" + os.environ["PATH"]}
    for name, block in blocks:
        ended = subprocess.run(
            ["bash", "-euo", "pipefail"], input=block, cwd=work, env=environment(settings_there), capture_output=True,
            text=True, timeout=PATIENCE, check=False)
        assert ended.returncode == 0 and " 0 refused" in ended.stdout, (name, ended.stdout, ended.stderr)
    server = start()
    for email, password in (("k0", PASSWORD), ("f0", PASSWORD), ("d0", PASSWORD), ("b1", ODD), ("s", PASSWORD)):
        assert server.login(f"{email}@example.com", password).status_code == 200, email


def test_a_file_that_never_ends_is_refused_and_takes_no_memory(start, tmp_path):
    server = start()
    assert run("admin", "create", "--email", "root@example.com", "--name", "Root", "--password-stdin",
               "--data", tmp_path / "data", entered=PASSWORD + "\n").returncode == 0
    token = server.login("root@example.com").json()["access_token"]

    def pieces():
        yield b'email,name\n"'
        for _ in range(70):
            yield b"x" * (1 << 20)

    try:
        answer = server.call("POST", "/users/import", token=token, data=pieces(), headers={"Content-Type": "text/csv"})
        assert answer.status_code == 413 and answer.json()["code"] == "body_too_large", answer.text
    except requests.ConnectionError:
        pass  # The server has answered and gone while the rest was being sent.
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])
    # Signing in takes 19 MiB for its hash.
    assert peak < 100 * 1024, f"{peak} kB"
    assert server.call("GET", "/users/export", token=token).text.count("\n") == 2
