"""Stores fail in every way that they know, and no answer is lost, wrong or late.

While a store is away, whoever needs it gets a 503 that says when to come again, within the configured times. When it is
back, the node finds it by itself. What had been answered holds.
"""

import time

import pytest

from nodes import LONGEST
from storms import Storm
from stores import Line, PgBouncer, PostgreSQL, Redis, RedisCluster, Sentinel, eventually

BACK = 5
# A refresh whose answer was lost must be answered alike when it is asked again, however long the store was away.
LONG_GRACE = {"JWT_REFRESH_GRACE": "300s"}


# Each way to fail: what is prepared, what breaks, what heals.

def stopped(store, line, own):
    yield
    store.stop()
    yield
    store.start()


def crashed(store, line, own):
    yield
    store.stop("immediate")
    yield
    store.start()


def killed(store, line, own):
    yield
    store.kill()
    yield
    store.start()


def paused(store, line, own):
    yield
    store.pause()
    yield
    store.resume()


def slow(store, line, own):
    yield
    line.delay(3)
    yield
    line.heal()


def cut(store, line, own):
    yield
    line.cut()
    yield
    line.heal()


def swallowed(store, line, own):
    yield
    line.silence()
    yield
    line.heal()


def full(store, line, own):
    """Others have taken every connection."""
    yield
    line.cut()
    eventually(lambda: store.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'service'") == [["0"]],
               what="the end of the node's connections")
    taken = store.occupy("service", "postgres")
    line.heal()
    yield
    for connection in taken:
        connection.close()


def failed_over(store, line, own):
    replica = own.enter_context(store.replica())
    yield
    store.kill()
    yield
    replica.promote()
    line.target = replica


def weather(day, store, line, own):
    """The three steps of a bad day."""
    steps = day(store, line, own)

    def step():
        next(steps, None)

    return step


def refuses(node):
    """Every kind of request is answered in time, and none as if all were well."""
    client = node.client()
    for name, question in {
            "health": lambda: client.call("GET", "/health"), "ready": lambda: client.call("GET", "/health/ready"),
            "login": lambda: client.login("storm0@example.com"),
            "register": lambda: client.register("newcomer"),
            "list": lambda: client.call("GET", "/setup?token=x")}.items():
        began = time.monotonic()
        answer = question()
        took = time.monotonic() - began
        assert took < LONGEST, f"{name} took {took:.1f} s"
        if name == "list":
            assert answer.status in (404, 503), answer
        else:
            assert answer.status == 503 and answer.headers["Retry-After"], f"{name}: {answer}"
    client.call("GET", "/health/live").expect(200)


@pytest.mark.parametrize("day", [
    stopped, crashed, killed, paused, slow, cut, swallowed, full, failed_over], ids=lambda day: day.__name__)
def test_postgresql_has_a_bad_day(own, node, day):
    store = own.enter_context(PostgreSQL({"max_connections": "40"}))
    line = own.enter_context(Line(store))
    step = weather(day, store, line, own)
    step()
    one = node({"DATABASE_URL": store.create_database(line.port), **LONG_GRACE})
    with Storm([one]) as storm:
        storm.each_answered(within=30, more=3)
        step()
        storm.each_refused(within=4 * LONGEST, more=2)
        refuses(one)
        step()
        storm.each_answered(within=BACK, more=3, what="normal answers after the return of the store")
    storm.check()


def test_postgresql_is_restarted_twice_amid_a_storm(own, node):
    store = own.enter_context(PostgreSQL())
    one = node({"DATABASE_URL": store.create_database(), **LONG_GRACE})
    with Storm([one]) as storm:
        for stop in (lambda: store.stop("fast"), store.kill):
            storm.each_answered(within=30, more=5)
            stop()
            store.start()
            storm.each_answered(within=BACK, more=5, what="normal answers after the return of the store")
    storm.check()


def test_a_node_stops_while_its_store_says_nothing(own, node):
    store = own.enter_context(PostgreSQL())
    line = own.enter_context(Line(store))
    one = node({"DATABASE_URL": store.create_database(line.port)})
    one.client().register().expect(201)
    line.silence()
    began = time.monotonic()
    assert one.stop() == 0
    assert time.monotonic() - began < 10 + LONGEST


def test_a_node_stops_though_its_store_fell_silent_as_soon_as_it_had_let_it_in(own, node):
    store = own.enter_context(PostgreSQL())
    line = own.enter_context(Line(store))
    one = node({"DATABASE_URL": store.create_database(line.port)})
    one.client().register().expect(201)
    line.silence_after(b"R\x00\x00\x00\x08\x00\x00\x00\x00")  # AuthenticationOk
    line.drop()
    eventually(lambda: line.is_silent, within=BACK)
    refuses(one)
    began = time.monotonic()
    assert one.stop() == 0
    assert time.monotonic() - began < 10 + LONGEST


@pytest.mark.parametrize("day", [stopped, cut, swallowed], ids=lambda day: day.__name__)
def test_guards_stay_shut_while_the_store_is_away(own, node, day):
    store = own.enter_context(PostgreSQL())
    line = own.enter_context(Line(store))
    step = weather(day, store, line, own)
    step()
    one = node({"DATABASE_URL": store.create_database(line.port)})
    client = one.client()
    kept, ended = client.register().expect(201).body, client.login().expect(200).body
    client.logout(ended["refresh_token"]).expect(200)
    step()
    assert client.validate(ended["access_token"]).status in (401, 503)
    assert client.refresh(ended["refresh_token"]).status in (401, 503)
    assert client.logout(kept["refresh_token"]).status == 503, "nobody may believe that it has ended"
    step()
    eventually(lambda: client.refresh(kept["refresh_token"]).status == 200, within=BACK)
    client.refresh(ended["refresh_token"]).expect(401)
    client.validate(ended["access_token"]).expect(401)


# Redis

TOKEN_STORES = ["sql", "redis"]


def uses(store):
    """Whether anybody but who asks is connected."""
    return len(store.query("CLIENT", "LIST").splitlines()) > 1


def on_redis(postgresql, port, tokens, **settings):
    return {"DATABASE_URL": postgresql.create_database(), "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port),
            "TOKEN_STORE": tokens, **LONG_GRACE, **settings}


@pytest.mark.parametrize("tokens", TOKEN_STORES)
@pytest.mark.parametrize("day", [stopped, killed, paused, slow, cut, swallowed], ids=lambda day: day.__name__)
def test_redis_has_a_bad_day(own, node, postgresql, day, tokens):
    store = own.enter_context(Redis("secret", "gatehouse", durable=True))
    line = own.enter_context(Line(store))
    step = weather(day, store, line, own)
    step()
    one = node(on_redis(postgresql, line.port, tokens, REDIS_USERNAME="gatehouse", REDIS_PASSWORD="secret"))
    eventually(lambda: line.is_used, within=5, what="the use of Redis")
    with Storm([one]) as storm:
        storm.each_answered(within=30, more=3)
        step()
        if tokens == "redis":
            storm.each_refused(within=4 * LONGEST, more=2)
        else:
            # Redis is of use, and nothing that lasts is in it: whether to go on without is the node's choice.
            answers = storm.refused + sum(len(tab.tokens) for tab in storm.tabs)
            eventually(lambda: storm.refused + sum(len(tab.tokens) for tab in storm.tabs) > answers + 20,
                       within=4 * LONGEST, what="any answers")
        step()
        storm.each_answered(within=BACK, more=3, what="normal answers after the return of the store")
    storm.check()


def test_a_limit_is_no_open_door_while_redis_is_away(own, node, postgresql):
    store = own.enter_context(Redis())
    one = node(on_redis(postgresql, store.port, "sql", RATE_LIMIT_SIGN_IN="5/60"))
    client = one.client()
    client.register().expect(201)
    store.kill()
    statuses = [client.login(password="wrong " * 3).status for _ in range(20)]
    assert statuses.count(401) <= 5 and set(statuses) <= {401, 429, 503}, statuses


def test_nobody_is_signed_out_when_redis_is_emptied(own, node, postgresql):
    store = own.enter_context(Redis())
    one = node(on_redis(postgresql, store.port, "sql"))
    client = one.client()
    eventually(lambda: uses(store), within=5, what="the use of Redis")
    kept, ended = client.register().expect(201).body, client.login().expect(200).body
    client.logout(ended["refresh_token"]).expect(200)
    for _ in range(2):
        assert store.query("FLUSHALL") == "OK"
        client.validate(kept["access_token"]).expect(200)
        kept = client.refresh(kept["refresh_token"]).expect(200).body
        client.validate(ended["access_token"]).expect(401)
        client.refresh(ended["refresh_token"]).expect(401)
        assert one.restart() == 0
        client = one.client()


def test_nothing_comes_back_when_the_redis_of_the_tokens_is_emptied(own, node, postgresql):
    store = own.enter_context(Redis())
    one = node(on_redis(postgresql, store.port, "redis"))
    client = one.client()
    lost, ended = client.register().expect(201).body, client.login().expect(200).body
    lost = client.refresh(lost["refresh_token"]).expect(200).body
    client.revoke(ended["session_id"], lost["access_token"]).expect(200)
    for _ in range(2):
        assert store.query("FLUSHALL") == "OK"
        client.refresh(lost["refresh_token"]).expect(401)
        client.refresh(ended["refresh_token"]).expect(401)
        client.validate(ended["access_token"]).expect(401)
        again = client.login().expect(200).body
        client.refresh(again["refresh_token"]).expect(200)
        assert one.restart() == 0
        client = one.client()


@pytest.mark.parametrize("tokens", TOKEN_STORES)
def test_a_replica_takes_over_in_a_cluster(own, node, postgresql, tokens):
    cluster = own.enter_context(RedisCluster("secret"))
    one = node({"DATABASE_URL": postgresql.create_database(), "REDIS_CLUSTER": cluster.addresses,
                "REDIS_PASSWORD": "secret", "TOKEN_STORE": tokens, **LONG_GRACE})
    with Storm([one]) as storm:
        storm.each_answered(within=30, more=5)
    storm.check()
    client = one.client()
    people = [client.register(f"person{number}").expect(201).body for number in range(24)]
    ended = people.pop()
    client.logout(ended["refresh_token"]).expect(200)
    for master in cluster.nodes[:cluster.MASTERS]:
        # What the replica has not heard of nobody can ask it for.
        assert master.query("WAIT", 1, 5000) >= 1
    cluster.nodes[0].kill()
    eventually(cluster.is_whole, what="the taking over")
    for person in people:
        eventually(lambda: client.refresh(person["refresh_token"]).expect(200, 503).status == 200, within=BACK)
    client.refresh(ended["refresh_token"]).expect(401)
    client.validate(ended["access_token"]).expect(401)


@pytest.mark.parametrize("tokens", TOKEN_STORES)
def test_a_replica_takes_over_that_sentinels_have_chosen(own, node, postgresql, tokens):
    master = own.enter_context(Redis("secret"))
    replica = own.enter_context(master.replica())
    sentinels = [own.enter_context(Sentinel(master)) for _ in range(3)]
    eventually(lambda: all(sentinel.knows(1, 3) for sentinel in sentinels), what="the acquaintance of the sentinels")
    one = node({"DATABASE_URL": postgresql.create_database(), "REDIS_PASSWORD": "secret", "TOKEN_STORE": tokens,
                "REDIS_SENTINELS": ",".join(sentinel.address for sentinel in sentinels),
                "REDIS_SENTINEL_MASTER": Sentinel.MASTER, **LONG_GRACE})
    client = one.client()
    person, ended = client.register().expect(201).body, client.login().expect(200).body
    client.logout(ended["refresh_token"]).expect(200)
    person = client.refresh(person["refresh_token"]).expect(200).body
    assert master.query("WAIT", 1, 5000) == 1
    sentinels[0].kill()
    master.kill()
    eventually(lambda: sentinels[1].master_port() == replica.port, what="the choice of the sentinels")
    eventually(lambda: client.refresh(person["refresh_token"]).expect(200, 503).status == 200, within=BACK)
    client.refresh(ended["refresh_token"]).expect(401)
    client.validate(ended["access_token"]).expect(401)


# A pooler in between

@pytest.mark.parametrize("settings", [{}, {"DATABASE_PREPARED": "off"}], ids=["found out", "told"])
def test_a_pooler_in_transaction_mode(own, node, postgresql, settings):
    pooler = own.enter_context(PgBouncer(postgresql, pool_size=3))
    direct = postgresql.create_database()
    settings = {"DATABASE_LISTEN_URL": direct, **settings}
    one = node({"DATABASE_URL": direct.replace(f":{postgresql.port}/", f":{pooler.port}/"), **settings, **LONG_GRACE})
    client = one.client()
    tokens = client.register().expect(201).body
    tokens = client.login().expect(200).body
    after = client.refresh(tokens["refresh_token"]).expect(200).body
    client.validate(after["access_token"]).expect(200)
    client.revoke(after["session_id"], after["access_token"]).expect(200)
    client.validate(after["access_token"]).expect(401)
    client.refresh(after["refresh_token"]).expect(401)
    # So many at once that connections of the server change hands between any two statements.
    with Storm([one], tabs=8) as storm:
        storm.each_answered(within=30, more=15)
        assert not storm.refused
        pooler.restart()
        storm.each_answered(within=BACK, more=5, what="normal answers after the return of the pooler")
    storm.check()
