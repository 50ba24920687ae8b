"""Several nodes of one installation are one: what one of them answered, all of them know."""

import collections
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatehouse import run
from nodes import LONGEST, Client
from storms import Storm
from stores import Line, PgBouncer, PostgreSQL, eventually

# How long a message may take from one node to another on a busy machine.
HEARD = 1
# How long the others may take when a node is killed.
BACK_SOON = LONGEST
LONG_GRACE = {"JWT_REFRESH_GRACE": "300s"}


class Installation:
    """Two nodes, and the line by which the second one hears of the first."""

    def __init__(self, request, own, node, through, **settings):
        self.database = request.getfixturevalue("postgresql").create_database()
        store = request.getfixturevalue(through)
        self.line = own.enter_context(Line(store))
        settings = {"DATABASE_URL": self.database, **settings}

        def hearing(port):
            if through == "redis":
                return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port)}
            return {"DATABASE_LISTEN_URL": self.database.replace(f":{store.port}/", f":{port}/")}

        self.nodes = [node({**settings, **hearing(port)}) for port in (store.port, self.line.port)]
        self.here, self.there = (started.client() for started in self.nodes)
        eventually(lambda: self.line.is_used, what="the listening of the second node")

    def admin(self):
        return self.nodes[0].admin()[1]["access_token"]


@pytest.fixture(params=["postgresql", "redis"])
def through(request):
    """By what the nodes hear of each other."""
    return request.param


def logs_out(here, admin, person):
    here.logout(person["refresh_token"]).expect(200)


def revokes(here, admin, person):
    here.revoke(person["session_id"], here.login(person["user"]["email"]).body["access_token"]).expect(200)


def blocks(here, admin, person):
    here.set_status(person["user"]["id"], "SUSPENDED", admin).expect(200)


def suspends_the_company(here, admin, person):
    here.set_company_status(person["company"]["id"], "SUSPENDED", admin).expect(200)


def deletes(here, admin, person):
    here.delete_user(person["user"]["id"], admin).expect(200)


def reuses(here, admin, person):
    second = here.refresh(person["refresh_token"]).expect(200).body
    here.refresh(second["refresh_token"]).expect(200)
    assert here.refresh(person["refresh_token"]).expect(401).code == "token_reused"


ENDS = [logs_out, revokes, blocks, suspends_the_company, deletes, reuses]


def people(client, name):
    """Somebody for each way to end a session."""
    return [client.register(f"{name}-{number}").expect(201).body for number in range(len(ENDS))]


def is_refused(client, person):
    return client.validate(person["access_token"]).expect(200, 401).status == 401


def test_what_ends_on_one_node_ends_on_the_other(request, own, node, through):
    house = Installation(request, own, node, through)
    admin = house.admin()
    for end, person in zip(ENDS, people(house.here, "person")):
        house.there.validate(person["access_token"]).expect(200)
        end(house.here, admin, person)
        assert is_refused(house.here, person)
        eventually(lambda: is_refused(house.there, person), within=HEARD, what=f"the news that {end.__name__} brings")
        house.there.refresh(person["refresh_token"]).expect(401, 403)


def test_a_node_whose_line_is_cut_asks_the_store(request, own, node, through):
    house = Installation(request, own, node, through)
    admin = house.admin()
    everybody = people(house.here, "person")
    stays = house.here.register("stays").expect(201).body
    for person in everybody:
        house.there.validate(person["access_token"]).expect(200)
    house.line.cut()
    for end, person in zip(ENDS, everybody):
        end(house.here, admin, person)
        assert is_refused(house.there, person), f"{end.__name__} must be seen on the next request"
    house.there.validate(stays["access_token"]).expect(200)
    house.line.heal()
    for _ in range(100):
        for person in everybody:
            assert is_refused(house.there, person), "and it stays so when the line is back"
    house.there.validate(stays["access_token"]).expect(200)
    # The line is of use again.
    person = house.here.register("next").expect(201).body
    house.there.validate(person["access_token"]).expect(200)
    house.here.logout(person["refresh_token"]).expect(200)
    eventually(lambda: is_refused(house.there, person), within=HEARD)


def test_what_ended_while_the_line_was_cut_is_learnt_when_it_is_back(request, own, node, through):
    """Nobody asks the second node for anything while its line is cut."""
    house = Installation(request, own, node, through)
    admin = house.admin()
    everybody = people(house.here, "person")
    for person in everybody:
        house.there.validate(person["access_token"]).expect(200)
    house.line.cut()
    for end, person in zip(ENDS, everybody):
        end(house.here, admin, person)
    house.line.heal()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for person in everybody:
            assert is_refused(house.there, person)


def test_a_line_that_says_nothing_is_found_out(request, own, node, through):
    house = Installation(request, own, node, through)
    person = house.here.register().expect(201).body
    house.there.validate(person["access_token"]).expect(200)
    house.line.silence()
    house.here.logout(person["refresh_token"]).expect(200)
    eventually(lambda: is_refused(house.there, person), within=10, what="the doubt of the silent line")
    house.line.heal()
    assert is_refused(house.there, person)


def test_nodes_behind_a_pooler_hear_of_each_other(own, node, postgresql):
    pooler = own.enter_context(PgBouncer(postgresql))
    direct = postgresql.create_database()
    settings = {
        "DATABASE_URL": direct.replace(f":{postgresql.port}/", f":{pooler.port}/"), "DATABASE_LISTEN_URL": direct}
    here, there = (node(settings).client() for _ in range(2))
    for number in range(5):
        person = here.register(f"person{number}").expect(201).body
        there.validate(person["access_token"]).expect(200)
        here.logout(person["refresh_token"]).expect(200)
        eventually(lambda: is_refused(there, person), within=HEARD)


# Starting and ending

def test_nodes_that_start_at_once_agree(node, postgresql):
    settings = {"DATABASE_URL": postgresql.create_database()}
    with ThreadPoolExecutor(4) as pool:
        nodes = list(pool.map(lambda _: node(settings), range(4)))
    tokens = nodes[0].client().register().expect(201).body
    keys = {str(started.client().call("GET", "/.well-known/jwks.json").body) for started in nodes}
    assert len(keys) == 1
    for started in nodes:
        tokens = started.client().refresh(tokens["refresh_token"]).expect(200).body
        for other in nodes:
            other.client().validate(tokens["access_token"]).expect(200)


def test_a_new_key_is_known_to_every_node(node, postgresql, through, request):
    settings = {"DATABASE_URL": postgresql.create_database()}
    if through == "redis":
        settings["REDIS_URL"] = f"redis://{request.getfixturevalue('redis').address}/0"
    nodes = [node(settings) for _ in range(2)]

    def keys(started):
        return {key["kid"] for key in started.client().call("GET", "/.well-known/jwks.json").body["keys"]}

    before = keys(nodes[0])
    assert run("keys", "rotate", "--data", nodes[0].data, settings=nodes[0].settings).returncode == 0
    for started in nodes:
        eventually(lambda: len(keys(started) - before) == 1, within=5, what="the new key")


@pytest.mark.parametrize("tokens", ["sql", "redis"])
def test_nothing_is_lost_by_the_kill_of_a_node(request, node, postgresql, tokens):
    settings = {"DATABASE_URL": postgresql.create_database(), "TOKEN_STORE": tokens, **LONG_GRACE}
    if tokens == "redis":
        settings["REDIS_URL"] = f"redis://{request.getfixturevalue('redis').address}/1"
    nodes = [node(settings) for _ in range(2)]
    killed = set()
    with Storm(nodes, may_fail=lambda started, _: started in killed) as storm:
        for _ in range(3):
            storm.each_answered(within=30, more=5)
            killed.add(nodes[1])
            nodes[1].kill()
            storm.each_answered(within=BACK_SOON, more=5, what="answers of the node that lives")
            nodes[1].start()
            # What was asked before the start may still find nobody there.
            storm.each_answered(within=30, more=2)
            killed.clear()
    storm.check()


def test_a_node_that_slept_through_its_lease_changes_nothing(own, node):
    store = own.enter_context(PostgreSQL())
    url = store.create_database()
    name = url.rpartition("/")[2]
    settings = {"DATABASE_URL": url, "DATABASE_STATEMENT_TIMEOUT": "60s", "LEASE_TIME": "2s"}
    sleeper = node(settings)
    assert sleeper.stop() == 0
    # It is time for a new key, and whoever makes one is held up just before the commit.
    store.query("UPDATE server_keys SET created_at = created_at - 90::bigint * 86400000,"
                " activates_at = activates_at - 90::bigint * 86400000 WHERE purpose = 'signing'", name)
    store.query("UPDATE leases SET expires_at = 0", name)
    store.query("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END'", name)
    store.query("CREATE TRIGGER wait BEFORE INSERT ON server_keys FOR EACH ROW EXECUTE FUNCTION wait()", name)

    def keys():
        return [row[0] for row in store.query("SELECT id FROM server_keys WHERE purpose = 'signing'", name)]

    with store.holding("SELECT pg_advisory_lock(7)", name):
        sleeper.start()
        eventually(lambda: store.query(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND usename = 'service'"),
            what="the making of the key")
        sleeper.pause()
    eventually(lambda: store.query("SELECT 1 FROM leases WHERE name = 'keys'"
                                   " AND expires_at < extract(epoch FROM clock_timestamp()) * 1000", name),
               what="the end of the lease")
    assert len(keys()) == 1
    other = node(settings)
    eventually(lambda: len(keys()) == 2, what="the new key of the other node")
    owner = store.query("SELECT owner, fence FROM leases WHERE name = 'keys'", name)
    sleeper.resume()
    eventually(lambda: sleeper.events("chore.failed"), what="the awakening")
    assert "lease" in sleeper.events("chore.failed")[0]["reason"]
    assert len(keys()) == 2
    assert store.query("SELECT owner, fence FROM leases WHERE name = 'keys'", name) == owner
    tokens = sleeper.client().register().expect(201).body
    other.client().validate(tokens["access_token"]).expect(200)


def test_a_node_that_slept_has_heard_of_everything_when_it_answers(request, own, node, through):
    house = Installation(request, own, node, through)
    everybody = people(house.here, "person")
    admin = house.admin()
    for person in everybody:
        house.there.validate(person["access_token"]).expect(200)
    house.nodes[1].pause()
    for end, person in zip(ENDS, everybody):
        end(house.here, admin, person)
    house.nodes[1].resume()
    for person in everybody:
        eventually(lambda: is_refused(house.there, person), within=HEARD)


def test_nodes_are_restarted_in_turn_and_nobody_notices(request, node, postgresql, through):
    settings = {"DATABASE_URL": postgresql.create_database(), **LONG_GRACE}
    if through == "redis":
        settings["REDIS_URL"] = f"redis://{request.getfixturevalue('redis').address}/2"
    nodes = [node(settings) for _ in range(2)]
    down = set()

    def may_fail(started, failure):
        return started in down and isinstance(failure, ConnectionRefusedError)

    with Storm(nodes, may_fail=may_fail, fresh=True) as storm:
        for _ in range(2):
            for started in nodes:
                storm.each_answered(within=30, more=5)
                down.add(started)
                assert started.restart() == 0
                # What was asked before the start may still find nobody there.
                storm.each_answered(within=30, more=2)
                down.discard(started)
        storm.each_answered(within=30, more=5)
        assert not storm.refused
    storm.check()


# What is counted is counted for all of them

def at_once(questions):
    """Sends each from a thread of its own, all at the same moment."""
    start = threading.Barrier(len(questions))

    def ask(question):
        start.wait()
        return question()

    with ThreadPoolExecutor(len(questions)) as pool:
        return list(pool.map(ask, questions))


def test_a_hundred_guesses_at_once_on_two_nodes_are_five(request, node, postgresql, through):
    settings = {"DATABASE_URL": postgresql.create_database(), "MAX_LOGIN_ATTEMPTS": "5"}
    if through == "redis":
        settings["REDIS_URL"] = f"redis://{request.getfixturevalue('redis').address}/3"
    nodes = [node(settings) for _ in range(2)]
    nodes[0].client().register().expect(201)
    guesses = [lambda number=number: Client(nodes[number % 2].port).login(password=f"guess number {number}")
               for number in range(100)]
    statuses = collections.Counter(answer.status for answer in at_once(guesses))
    assert statuses[401] <= 5 and set(statuses) <= {401, 423, 503}, statuses
    nodes[0].client().login().expect(423)


def test_an_allowance_is_shared(request, node, postgresql, through):
    settings = {"DATABASE_URL": postgresql.create_database(), "RATE_LIMIT_SIGN_IN": "10/3600"}
    if through == "redis":
        settings["REDIS_URL"] = f"redis://{request.getfixturevalue('redis').address}/4"
    nodes = [node(settings) for _ in range(2)]
    attempts = [lambda number=number: Client(nodes[number % 2].port).login(f"nobody{number}@example.com")
                for number in range(40)]
    statuses = collections.Counter(answer.status for answer in at_once(attempts))
    assert statuses[401] == 10 and statuses[429] == 30, statuses
