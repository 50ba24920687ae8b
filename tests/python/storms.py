"""Clients that refresh, sign in and sign out without pause, and remember what they were answered."""

import itertools
import random
import threading
import time

from nodes import LONGEST, Client
from stores import eventually


class Storm:
    """Runs until it is told to stop; whatever should never have been answered is in `wrong`.

    `may_fail` says which missing answers are to be expected of a node: (node, exception) -> bool.
    """

    PAUSE = 0.02

    def __init__(self, nodes, tabs=6, quitters=2, may_fail=lambda node, failure: False, longest=LONGEST, seed=1,
                 fresh=False):
        self.nodes = nodes
        self.may_fail = may_fail
        self.longest = longest
        self.fresh = fresh
        self.wrong = []
        self.ended = []
        self.refused = 0
        self._stopping = threading.Event()
        client = nodes[0].client()
        names = [f"storm{number}" for number in range(tabs)]
        self.tabs = [Tab(self, number, client.register(name).expect(201).body, random.Random(f"{seed}/{name}"))
                     for number, name in enumerate(names)]
        self._quitters = [threading.Thread(target=self._quit, args=(tab,)) for tab in self.tabs[:quitters]]
        self._threads = [threading.Thread(target=tab.run) for tab in self.tabs] + self._quitters
        client.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=60)
                assert not thread.is_alive(), "a client still waits for an answer"

    @property
    def is_on(self):
        return not self._stopping.is_set()

    def ask(self, clients, index, question, allowed=(200, 503)):
        """One request to one node; None where there was no answer, as may be just then."""
        began = time.monotonic()
        client = clients[index]
        if self.fresh:
            client.close()
        try:
            answer = question(client)
        except Exception as failure:
            if not self.may_fail(self.nodes[index], failure):
                self.wrong.append(f"no answer of node {index} after {time.monotonic() - began:.2f} s: {failure!r}")
            time.sleep(self.PAUSE)
            return None
        took = time.monotonic() - began
        if took > self.longest:
            self.wrong.append(f"an answer took {took:.2f} s: {answer}")
        if answer.status not in allowed:
            self.wrong.append(f"node {index} answered {answer}")
        if answer.status == 503:
            self.refused += 1
            if not (answer.headers.get("Retry-After") or "").isdigit():
                self.wrong.append(f"a refusal does not say when to come again: {dict(answer.headers)}")
            time.sleep(self.PAUSE)
        return answer

    def clients(self):
        return [Client(node.port) for node in self.nodes]

    def _quit(self, tab):
        """Signs in and out over and over, as the person of that tab."""
        clients = self.clients()
        for turn in itertools.count():
            if not self.is_on:
                return
            signed_in = self.ask(clients, turn % len(clients), lambda client: client.login(tab.email))
            if signed_in is None or signed_in.status != 200:
                continue
            tokens = signed_in.body
            index = (turn // 2) % len(clients)
            if turn % 2:
                out = self.ask(clients, index, lambda client: client.logout(tokens["refresh_token"]))
            else:
                out = self.ask(clients, index, lambda client: client.revoke(
                    tokens["session_id"], tokens["access_token"]), allowed=(200, 401, 404, 503))
            if out is not None and out.status == 200:
                self.ended.append(tokens)

    def each_answered(self, within, more=1, what="an answer for every client"):
        """Waits until every tab has been given so many more new tokens, and somebody has signed in and out."""
        goals = [len(tab.tokens) + more for tab in self.tabs]
        ends = len(self.ended) + 1
        eventually(lambda: self.wrong or len(self.ended) >= ends and all(
            len(tab.tokens) >= goal for tab, goal in zip(self.tabs, goals)), within=within, what=what)
        assert not self.wrong, self.wrong[:5]

    def each_refused(self, within, more=1):
        """Waits until every tab has been refused so many more times."""
        goals = [tab.refused + more for tab in self.tabs]
        eventually(lambda: self.wrong or all(tab.refused >= goal for tab, goal in zip(self.tabs, goals)),
                   within=within, what="a refusal for every tab")
        assert not self.wrong, self.wrong[:5]

    def check(self):
        """Everything that was answered holds on every node. Call it when the storm is over."""
        assert not self.wrong, self.wrong[:5]
        for node in self.nodes:
            client = node.client()
            for tab in self.tabs:
                answer = self._settled(lambda: client.refresh(tab.tokens[-1])).expect(200)
                assert tab.successors.setdefault(tab.tokens[-1], answer.body["refresh_token"]) == (
                    answer.body["refresh_token"]), "one token got two successors"
                self._settled(lambda: client.validate(answer.body["access_token"])).expect(200)
            # The newest ends are those that were answered nearest to the fall.
            for tokens in self.ended[-60:]:
                answer = self._settled(lambda: client.refresh(tokens["refresh_token"])).expect(401)
                assert answer.code in ("session_ended", "token_invalid")
                self._settled(lambda: client.validate(tokens["access_token"])).expect(401)
            client.close()
        client = self.nodes[0].client()
        for tab in self.tabs[:2]:
            if len(tab.tokens) > 3:
                answer = self._settled(lambda: client.refresh(tab.tokens[-3])).expect(401)
                assert answer.code in ("token_reused", "session_ended")
                self._settled(lambda: client.refresh(tab.tokens[-1])).expect(401)
        client.close()

    @staticmethod
    def _settled(question):
        """The first answer that is no refusal for the moment; what has just come back may need that moment."""
        answers = []

        def ask():
            answers.append(question())
            return answers[-1].status != 503

        eventually(ask, within=5, what="an answer")
        return answers[-1]


class Tab:
    """A client that trades each refresh token for the next."""

    def __init__(self, storm, number, tokens, chance):
        self.storm = storm
        self.number = number
        self.email = tokens["user"]["email"]
        self.tokens = [tokens["refresh_token"]]
        self.access = tokens["access_token"]
        self.successors = {}
        self.refused = 0
        self.chance = chance

    def run(self):
        clients = self.storm.clients()
        is_unsure = False
        while self.storm.is_on:
            # Where the newest may have been used and its answer lost, the one before would be reuse.
            repeats = not is_unsure and len(self.tokens) > 1 and self.chance.random() < 0.1
            token = self.tokens[-2 if repeats else -1]
            answer = self.storm.ask(
                clients, self.chance.randrange(len(clients)), lambda client: client.refresh(token))
            is_unsure = answer is None or answer.status != 200
            if answer is None:
                continue
            if answer.status == 503:
                self.refused += 1
            if answer.status == 200:
                successor = answer.body["refresh_token"]
                if self.successors.setdefault(token, successor) != successor:
                    self.storm.wrong.append("one token got two successors")
                if token == self.tokens[-1]:
                    self.tokens.append(successor)
                self.access = answer.body["access_token"]
            if self.chance.random() < 0.3:
                self.storm.ask(clients, self.chance.randrange(len(clients)),
                               lambda client: client.validate(self.access))
