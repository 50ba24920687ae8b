"""Histories of sessions that many clients use at once, and what must be true of each.

A run lets several threads refresh, revoke, block and delete on several nodes, and writes down when each request was
sent, when its answer came and what it was. The checker knows nothing of the program: it asks of every answer whether
there is an order of what overlapped in which it is right. What surely came before must be seen; what overlaps may be.
"""

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import NamedTuple

ACTIVE, SUSPENDED, DELETED = "ACTIVE", "SUSPENDED", "DELETED"
# How long a node may take to hear of an end on another one. Only access tokens are given it: a refresh asks the store.
HEARING = 1.0


class Reply(NamedTuple):
    """What a world answers. Without a status there was no answer."""

    status: int
    code: str = None
    user: str = None
    session: str = None
    refresh: str = None
    access: str = None


@dataclass(frozen=True)
class Operation:
    """One request and its answer. `session` is the one it is about, `actor` the one whose access token was shown."""

    kind: str
    start: float
    end: float
    node: int = 0
    thread: int = 0
    user: str = None
    session: str = None
    actor: str = None
    token: str = None
    successor: str = None
    status: int = 200
    code: str = None

    @property
    def has_ended_sessions(self):
        """Whether it surely ended what it was about."""
        if self.kind == "refresh":
            return self.code == "token_reused"
        return self.kind in ("logout", "revoke", "revoke_all", "block", "delete") and self.status == 200

    def __str__(self):
        said = [f"{name} {value}" for name, value in (
            ("of", self.user), ("session", self.session), ("by", self.actor), ("token", self.token)) if value]
        answer = f"{self.status} {self.code or ''}".strip() + (f", then {self.successor}" if self.successor else "")
        return (f"{self.start * 1000:10.2f} to {self.end * 1000:10.2f} ms  node {self.node}, thread {self.thread}: "
                f"{self.kind} {', '.join(said)} -> {answer}")


class Violation(NamedTuple):
    rule: str
    operation: Operation
    # Everything that has to do with it, in the order in which it was sent.
    history: tuple

    def __str__(self):
        lines = [f"{'>>' if operation is self.operation else '  '} {operation}" for operation in self.history]
        return "\n".join([f"{self.rule}:", *lines])


class Checker:
    """Holds a history against the rules."""

    EXPECTED = {
        "login": {(200, None), (401, "credentials_invalid"), (403, "account_blocked"), (401, "session_ended")},
        "refresh": {(200, None), (401, "token_reused"), (401, "session_ended"), (403, "account_blocked")},
        "validate": {(200, None), (401, "session_ended")},
        "logout": {(200, None)},
        "revoke": {(200, None), (401, "session_ended"), (404, "not_found")},
        "revoke_all": {(200, None), (401, "session_ended")},
        "block": {(200, None), (404, "not_found")},
        "unblock": {(200, None), (404, "not_found")},
        "delete": {(200, None), (404, "not_found")},
    }

    def __init__(self, history):
        self.history = sorted(history, key=lambda operation: operation.start)
        self.logins = {}
        self.writes = defaultdict(list)
        self.ends = defaultdict(list)
        # What ends all sessions of a person.
        self.sweeps = defaultdict(list)
        self.refreshes = defaultdict(list)
        of_user = defaultdict(list)
        for operation in self.history:
            if operation.kind == "login" and operation.status == 200:
                self.logins[operation.session] = operation
                of_user[operation.user].append(operation)
            if operation.kind == "refresh":
                self.refreshes[operation.token].append(operation)
            if operation.kind in ("block", "unblock", "delete") and operation.status == 200:
                self.writes[operation.user].append(operation)
        for operation in self.history:
            if not operation.has_ended_sessions:
                continue
            if operation.kind in ("logout", "revoke", "refresh"):
                self.ends[operation.session].append((operation, True))
                continue
            self.sweeps[operation.user].append(operation)
            for login in of_user[operation.user]:
                if login.start < operation.end:
                    self.ends[login.session].append((operation, login.end < operation.start))

    def violations(self):
        found = []
        for operation in self.history:
            rule = self._broken_by(operation)
            if rule:
                found.append(Violation(rule, operation, self._about(operation)))
        return found

    def _about(self, operation):
        """What happened to the session; where there is none, to the person, and what overlapped."""
        sessions = {operation.session, operation.actor} - {None}

        def matters(other):
            if {other.session, other.actor} & sessions or other is operation:
                return True
            if other.user != operation.user:
                return False
            overlaps = other.start < operation.end and operation.start < other.end
            return other.kind in ("block", "unblock", "delete", "revoke_all") or not sessions and overlaps

        return tuple(filter(matters, self.history))

    def _broken_by(self, operation):
        if (operation.status, operation.code) not in self.EXPECTED[operation.kind]:
            return "an answer that nothing explains"
        return getattr(self, f"_{operation.kind}")(operation)

    # What is known of a session

    def _has_surely_ended(self, session, operation, hearing=0.0):
        """Whether an end was answered before this was sent."""
        return any(
            is_sure and end is not operation
            and end.end + (hearing if end.node != operation.node else 0) < operation.start
            for end, is_sure in self.ends[session])

    def _may_have_ended(self, session, operation):
        return any(end is not operation and end.start < operation.end for end, _ in self.ends[session])

    def _may_see(self, status, operation, hearing=0.0):
        """Whether the person may have been in that standing at some moment of the operation."""
        writes = [(write.start, write.end, self._written(write), write.node) for write in self.writes[operation.user]
                  if write is not operation]
        writes.append((float("-inf"), float("-inf"), ACTIVE, operation.node))
        for start, end, value, _ in writes:
            if value == status and start < operation.end and not any(
                    later > end and until + (hearing if node != operation.node else 0) < operation.start
                    for later, until, _, node in writes):
                return True
        return False

    @staticmethod
    def _written(write):
        return {"block": SUSPENDED, "unblock": ACTIVE, "delete": DELETED}[write.kind]

    # The rules

    def _login(self, operation):
        if operation.code == "session_ended":
            if not any(end.start < operation.end and operation.start < end.end for end in self.sweeps[operation.user]):
                return "a session had ended at its opening that nothing ended"
            return None
        seen = {200: ACTIVE, 403: SUSPENDED, 401: DELETED}[operation.status]
        if not self._may_see(seen, operation):
            return f"a sign-in answered as if the person were {seen}"
        return None

    def _refresh(self, operation):
        if operation.status == 200:
            if self._has_surely_ended(operation.session, operation):
                return "a refresh succeeded after the end of its session was answered"
            if not self._may_see(ACTIVE, operation):
                return "a refresh succeeded while the person was not active"
            others = {other.successor for other in self.refreshes[operation.token] if other.status == 200}
            if len(others) > 1:
                return "one refresh token got two successors"
            return self._refresh_of_used_up(operation)
        if operation.code == "token_reused":
            used = [other for other in self.refreshes[operation.token] if other.status == 200 and other is not operation]
            successors = {other.successor for other in used}
            if not any(
                    other.status == 200 and other.start < operation.end
                    for successor in successors for other in self.refreshes[successor]):
                return "a token was taken for reused whose successor had not been used"
            if self._has_surely_ended(operation.session, operation):
                return "a session ended twice by reuse"
        if operation.code == "session_ended" and not self._may_have_ended(operation.session, operation):
            return "a session had ended that nothing ended"
        if operation.code == "account_blocked" and not self._may_see(SUSPENDED, operation):
            return "a refresh answered as if the person were SUSPENDED"
        return None

    def _refresh_of_used_up(self, operation):
        """A token is good until its successor is used, and never again."""
        if any(other.status == 200 and other.end < operation.start for other in self.refreshes[operation.successor]):
            return "a token was taken after its successor had been used"
        return None

    def _shown(self, operation, session):
        """An access token was shown."""
        if operation.code == "session_ended":
            if not self._may_have_ended(session, operation):
                return "an access token was refused of a session that nothing ended"
            return None
        if self._has_surely_ended(session, operation, HEARING):
            return "an access token was taken after the end of its session was answered"
        if not self._may_see(ACTIVE, operation, HEARING):
            return "an access token was taken while the person was not active"
        return None

    def _validate(self, operation):
        return self._shown(operation, operation.session)

    def _logout(self, _):
        return None

    def _revoke(self, operation):
        broken = self._shown(operation, operation.actor)
        if not broken and operation.status == 404 and not self._may_have_ended(operation.session, operation):
            broken = "a session was not found that nothing ended"
        return broken

    def _revoke_all(self, operation):
        return self._shown(operation, operation.actor)

    def _block(self, operation):
        if operation.status == 404:
            return None if self._may_see(DELETED, operation) else "a person was not found whom nobody deleted"
        if not self._may_see(ACTIVE, operation) and not self._may_see(SUSPENDED, operation):
            return "a deleted person was changed"
        return None

    _unblock = _block
    _delete = _block


def check(history):
    return Checker(history).violations()


@dataclass(frozen=True)
class Plan:
    """What a run does: the same plan has the same operations in the same threads, only not at the same moments."""

    seed: int
    operations: int = 10_000
    threads: int = 8
    users: int = 8
    sessions: int = 3

    def smaller(self):
        """Plans that do less, the much smaller first."""
        for share in (16, 4, 2):
            if self.operations // share >= 20:
                yield replace(self, operations=self.operations // share)
        for name, least in (("users", 1), ("sessions", 1), ("threads", 2)):
            value = getattr(self, name)
            if value > least:
                yield replace(self, **{name: max(least, value // 2)})


class Slot:
    """A place for a session; when one has ended, the next one takes it."""

    def __init__(self, place):
        self.place = place
        self.session = None
        self.tokens = []
        self.access = None
        self.is_dead = True


class Place:
    """A place for a person, with room for some sessions."""

    def __init__(self, number, sessions):
        self.number = number
        self.generation = 0
        self.user = None
        self.is_blocked = False
        self.slots = [Slot(self) for _ in range(sessions)]


class Run:
    """One run of a plan in a world."""

    KINDS = {"refresh": 52, "repeat": 12, "reuse": 2, "validate": 22, "logout": 3, "revoke": 3, "revoke_all": 1,
             "login": 3, "block": 1, "unblock": 1, "delete": 0.4}

    def __init__(self, world, plan):
        self.world = world
        self.plan = plan
        self.history = []
        self.names = {}
        self.owner_of = {}
        self.lock = threading.Lock()
        self.places = [Place(number, plan.sessions) for number in range(plan.users)]
        self.slots = [slot for place in self.places for slot in place.slots]
        self.failures = []

    def run(self):
        self.began = time.perf_counter()
        for place in self.places:
            self._populate(place, 0)
        threads = [threading.Thread(target=self._work, args=(number,)) for number in range(self.plan.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]
        self._epilogue()
        return self.history

    def _work(self, number):
        chance = random.Random(f"{self.plan.seed}/{number}")
        kinds, weights = zip(*self.KINDS.items())
        try:
            for _ in range(self.plan.operations // self.plan.threads):
                kind = chance.choices(kinds, weights)[0]
                node = chance.randrange(self.world.nodes)
                # Some sessions are everybody's favourites.
                slot = self.slots[min(chance.randrange(len(self.slots)), chance.randrange(len(self.slots)))]
                self._act(kind, node, slot, number, chance.random())
        except BaseException as failure:
            self.failures.append(failure)

    def _epilogue(self):
        """When all is quiet and every node has heard of everything: each session is asked for once more."""
        time.sleep(HEARING)
        for slot in self.slots:
            for node in range(self.world.nodes):
                self._act("refresh", node, slot, 0, 1)
                self._act("validate", node, slot, 0, 1)

    def _act(self, kind, node, slot, thread, luck):
        place = slot.place
        with self.lock:
            session, tokens, access, user = slot.session, list(slot.tokens), slot.access, place.user
            if slot.is_dead and luck < 0.7 and kind not in ("unblock", "delete", "block"):
                kind = "unblock" if place.is_blocked and luck < 0.3 else "login"
        if user is None or (self.owner_of.get(session) != user and kind not in ("login", "block", "unblock", "delete")):
            return
        if kind == "login":
            self._login(node, slot, user, thread)
        elif kind in ("refresh", "repeat", "reuse"):
            index = {"refresh": -1, "repeat": -2, "reuse": -3 - int(luck * 3)}[kind]
            self._refresh(node, slot, session, tokens[max(index, -len(tokens))], user, thread)
        elif kind == "validate":
            self._note("validate", node, thread, lambda: self.world.validate(node, access),
                       user=user, session=session)
        elif kind == "logout":
            self._ended(slot, session, self._note(
                "logout", node, thread, lambda: self.world.logout(node, tokens[-1]), user=user, session=session))
        elif kind == "revoke":
            self._revoke(node, place, session, access, user, thread, luck)
        elif kind == "revoke_all":
            if self._note("revoke_all", node, thread, lambda: self.world.revoke_all(node, access),
                          user=user, actor=session).status == 200:
                self._all_ended(place, user)
        else:
            self._administer(kind, node, place, user, thread)

    def _revoke(self, node, place, session, access, user, thread, luck):
        with self.lock:
            other = place.slots[int(luck * len(place.slots)) % len(place.slots)]
            target = other.session
        if self.owner_of.get(target) == user == self.owner_of.get(session):
            self._ended(other, target, self._note(
                "revoke", node, thread, lambda: self.world.revoke(node, target, access),
                user=user, session=target, actor=session))

    def _administer(self, kind, node, place, user, thread):
        if kind == "delete":
            reply = self._note("delete", node, thread, lambda: self.world.delete(node, user), user=user)
            if reply.status == 200:
                self._all_ended(place, user)
                with self.lock:
                    is_mine = place.user == user
                    place.user = None if is_mine else place.user
                if is_mine:
                    self._populate(place, node)
            return
        status = SUSPENDED if kind == "block" else ACTIVE
        reply = self._note(kind, node, thread, lambda: self.world.set_status(node, user, status), user=user)
        if reply.status == 200:
            with self.lock:
                place.is_blocked = kind == "block"
            if kind == "block":
                self._all_ended(place, user)

    def _populate(self, place, node):
        with self.lock:
            place.generation += 1
            name = f"u{place.number}-{place.generation}"
        user = self.world.register(node, name)
        with self.lock:
            self.names[user] = name
            place.user, place.is_blocked = user, False
        for slot in place.slots:
            self._login(node, slot, user, 0)

    def _login(self, node, slot, user, thread):
        reply = self._note("login", node, thread, lambda: self.world.login(node, user), user=user)
        if reply.status == 200:
            with self.lock:
                slot.session, slot.tokens, slot.access, slot.is_dead = (
                    reply.session, [reply.refresh], reply.access, False)

    def _refresh(self, node, slot, session, token, user, thread):
        reply = self._note("refresh", node, thread, lambda: self.world.refresh(node, token),
                           user=user, session=session, token=token)
        with self.lock:
            if slot.session != session:
                return
            if reply.status == 200 and reply.refresh not in slot.tokens:
                slot.tokens.append(reply.refresh)
                slot.access = reply.access
            if reply.code in ("token_reused", "session_ended"):
                slot.is_dead = True

    def _ended(self, slot, session, reply):
        with self.lock:
            if reply.status == 200 and slot.session == session:
                slot.is_dead = True

    def _all_ended(self, place, user):
        with self.lock:
            if place.user == user:
                for slot in place.slots:
                    slot.is_dead = True

    def _note(self, kind, node, thread, ask, **facts):
        start = time.perf_counter()
        reply = ask()
        end = time.perf_counter()
        session = reply.session if kind == "login" else facts.pop("session", None)
        with self.lock:
            if kind == "login" and session:
                self.owner_of[session] = facts["user"]
            self.history.append(Operation(
                kind, start - self.began, end - self.began, node, thread, user=self._name("u", facts.get("user")),
                session=self._name("s", session), actor=self._name("s", facts.get("actor")),
                token=self._name("t", facts.get("token")), status=reply.status, code=reply.code,
                successor=self._name("t", reply.refresh) if kind == "refresh" else None))
        return reply

    def _name(self, letter, long):
        """A short name for something that is long, and perhaps secret."""
        return long and self.names.setdefault(long, f"{letter}{len(self.names)}")


def shrink(world, plan, violation, within=30.0, tries=2):
    """Repeats what went wrong with less and less, as long as it goes wrong. The last plan, and what it broke."""
    deadline = time.monotonic() + within
    is_smaller = True
    while is_smaller and time.monotonic() < deadline:
        is_smaller = False
        for smaller in plan.smaller():
            found = None
            for _ in range(tries):
                found = found or next(iter(check(Run(world, smaller).run())), None)
            if found:
                plan, is_smaller = smaller, True
                violation = min(violation, found, key=lambda one: len(one.history))
                break
            if time.monotonic() > deadline:
                break
    return plan, violation
