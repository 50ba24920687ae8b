"""Pages of the list of people among a million, each beside the same page among a thousand."""

import base64
import json
import random
from datetime import UTC, datetime
from statistics import median
from urllib.parse import quote

from bench import load
from bench.crowd import DAY, DOMAIN, LARGE, MIDDLE, SMALL
from bench.report import ROUNDS, at_most, say
from bench.seed import STARTED, email, uuid

THOUSAND, MANY = 1_000, 1_000_000
PATHS = 200
SORTS = ("name", "email", "last_login_at")
AS_FAST = at_most, 5, "times"
"""The p99 of a page among a million, in times of that among a thousand."""
BOUND = at_most, 50, "ms"
"""That p99 by itself, where a page is found by passing many by (docs/decisions/0020)."""


class Lists:
    """Two nodes on stores of the same kind, with their crowds, asked by turns."""

    def __init__(self, store, folder, table, seconds):
        self._store, self._folder, self._table = store, folder, table
        # A bar for each shape, so each has only short rounds.
        self._seconds = max(1, seconds // 4)

    def run(self, few, many):
        """Both are pairs of node and crowd."""
        self._table.add(f"a page of people, {self._store}, p99 of {MANY:,} against {THOUSAND:,}:")
        tokens = [self._token(*each) for each in (few, many)]
        for what, shape, (sign, limit, unit) in shapes():
            say(f"listing people, {self._store}: {what}")
            pairs = list(zip((few, many), tokens))
            paths = [self._paths(crowd, shape) for (_, crowd), _ in pairs]
            runs = ([], [])
            for _ in range(ROUNDS):
                for ((node, _), token), file, found in zip(pairs, paths, runs):
                    found.append(load.requests(node, self._seconds, 1, "/users", tokens=token, paths=file))
            times = median(slow.p99 / fast.p99 for fast, slow in zip(*runs))
            measured = times if unit == "times" else median(slow.p99 for slow in runs[1]) / 1000
            self._table.add(f"  {what}", runs[1], bar=sign(measured, limit, unit))

    def _token(self, node, crowd):
        """A file of the access token of whoever may do anything."""
        file = self._folder / f"root-{crowd.people}"
        status, answer = node.request("POST", "/auth/refresh", {"refresh_token": crowd.root_token()})
        if status != 200:
            raise RuntimeError(f"the refresh was answered with {status}: {answer.decode()}")
        file.write_text(json.loads(answer)["access_token"])
        return file

    def _paths(self, crowd, shape):
        file = self._folder / f"paths-{crowd.people}"
        chance = random.Random(11)
        file.write_text("".join(f"/users?{shape(crowd, chance.randrange(1, crowd.people))}\n" for _ in range(PATHS)))
        return file


def shapes():
    """What is listed, what stands behind `?` for a page of it from somebody on, and its bar."""
    yield "everybody, first page", lambda crowd, number: "order=desc", AS_FAST
    for sort in ("created_at", *SORTS):
        yield f"everybody by {sort}, far pages", asked(sort=sort, far=True), AS_FAST
    yield "search, an address", lambda crowd, number: f"search={email(number)}", AS_FAST
    yield "search, the word of 2 %, far pages", search(far=True), AS_FAST
    yield "search, the word of all, far pages", search(DOMAIN, far=True), AS_FAST
    yield "search, a rare word and that of all", lambda crowd, number: f"search={email(number)[:13]}+{DOMAIN}", AS_FAST
    yield "search, two words of 2 %", lambda crowd, number: f"search={quote(crowd.full_name(number))}", BOUND
    for what, filters, bar in (
        ("suspended, 1 %", {"status": "SUSPENDED"}, AS_FAST), ("deleted, 0.5 %", {"deleted": "true"}, AS_FAST),
        ("role of 1 %", {"role": "Manager"}, BOUND), ("role of all", {"role": "Viewer"}, AS_FAST),
    ):
        yield f"{what}, far pages", asked(sort="created_at", far=True, **filters), AS_FAST
        yield f"{what}, by name, far pages", asked(sort="name", far=True, **filters), bar
    for what, company, bar in (("20", SMALL, AS_FAST), ("1 %", MIDDLE, BOUND), ("50 %", LARGE, AS_FAST)):
        yield f"company of {what}, far pages", asked(sort="created_at", far=True, company_id=company), AS_FAST
        for sort in SORTS:
            yield f"company of {what}, by {sort}, far pages", asked(sort=sort, far=True, company_id=company), bar
        yield f"company of {what}, search, the word of all", search(DOMAIN, company_id=company), bar
        yield f"company of {what}, search, the word of 2 %", search(company_id=company), bar
        yield f"company of {what}, role of all", asked(company_id=company, role="Viewer"), bar
    for sort, bar in (("last_login_at", AS_FAST), ("created_at", BOUND), ("name", BOUND)):
        yield f"signed in on one day, by {sort}", lambda crowd, number, sort=sort: f"{day(number)}&sort={sort}", bar


def asked(far=False, **filters):
    def query(crowd, number):
        return parameters(filters, position(crowd, number, filters.get("sort", "created_at")) if far else None)
    return query


def search(word=None, far=False, **filters):
    def query(crowd, number):
        found = word or crowd.full_name(number).lower().split()[0]
        return parameters({"search": found, **filters}, cursor(number, found) if far else None)
    return query


def parameters(filters, after):
    words = [f"{name}={uuid_text(value) if name == 'company_id' else value}" for name, value in filters.items()]
    return "&".join(words + ([f"after={after}"] if after else []))


def position(crowd, number, sort):
    key = {"created_at": "", "name": crowd.full_name(number).lower(), "email": email(number),
           "last_login_at": str(crowd.last_login(number) or 0)}[sort]
    return cursor(number, key)


def cursor(number, key):
    """As Sources/Web/Accounts/UserHandler.swift writes it."""
    return base64.urlsafe_b64encode(uuid(2, number) + key.encode()).decode().rstrip("=")


def uuid_text(company):
    text = uuid(1, company).hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def day(number):
    start = STARTED - number % 90 * DAY
    return f"last_login_after={moment(start)}&last_login_before={moment(start + DAY)}"


def moment(milliseconds):
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
