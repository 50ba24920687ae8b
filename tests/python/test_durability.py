"""What was answered is kept, whenever the server is killed."""

import random
import threading

import requests

from gatehouse import NO_LIMITS, Gatehouse

WORKERS = 6
KILLS = 20


class Tab:
    """A client that refreshes over and over, and remembers what it was answered."""

    def __init__(self, tokens):
        self.answered = [tokens["refresh_token"]]

    def run(self, server, counter):
        with requests.Session() as session:
            while True:
                try:
                    answer = session.post(
                        server.url + "/auth/refresh", json={"refresh_token": self.answered[-1]}, timeout=30)
                except requests.RequestException:
                    return
                assert answer.status_code == 200, answer.text
                self.answered.append(answer.json()["refresh_token"])
                counter.add()


class Counter:
    """Calls back once so many answers have come."""

    def __init__(self, goal, reached):
        self.goal = goal
        self.reached = reached
        self.count = 0
        self.lock = threading.Lock()

    def add(self):
        with self.lock:
            self.count += 1
            if self.count == self.goal:
                self.reached()


def storm(server, tabs, answers):
    """All tabs refresh until the server, after so many answers, is killed in their midst."""
    counter = Counter(answers, server.process.kill)
    failures = []

    def work(tab):
        try:
            tab.run(server, counter)
        except BaseException as failure:
            failures.append(failure)
            server.process.kill()

    threads = [threading.Thread(target=work, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.ended() == -9
    assert not failures, failures
    assert counter.count >= answers


def test_no_answered_refresh_is_lost_by_twenty_kills(tmp_path):
    chance = random.Random(1)
    # A refresh that was committed and not answered must be answered alike when it is repeated after the restart.
    settings = {**NO_LIMITS, "JWT_REFRESH_GRACE": "300s", "MAX_SESSIONS_PER_USER": "1000"}
    server = Gatehouse(tmp_path / "data", settings)
    server.register()
    tabs = [Tab(server.login().json()) for _ in range(WORKERS)]
    for _ in range(KILLS):
        storm(server, tabs, chance.randint(5, 120))
        server = Gatehouse(tmp_path / "data", settings)
        for tab in tabs:
            answer = server.refresh(tab.answered[-1])
            assert answer.status_code == 200, answer.text
            again = server.refresh(tab.answered[-1])
            assert again.status_code == 200 and again.json()["refresh_token"] == answer.json()["refresh_token"]
            tab.answered.append(answer.json()["refresh_token"])
            assert server.call("GET", "/auth/validate", answer.json()["access_token"]).status_code == 200

    # Case 2: a token that was used up before the last kills is no good after them, whichever it is.
    for tab in tabs:
        old = chance.choice(tab.answered[:-2])
        answer = server.refresh(old)
        assert answer.status_code == 401 and answer.json()["code"] == "token_reused", answer.text
        answer = server.refresh(tab.answered[-1])
        assert answer.status_code == 401 and answer.json()["code"] == "session_ended", answer.text
    assert server.stop() == 0


def test_an_ended_session_stays_ended_after_a_kill(tmp_path):
    server = Gatehouse(tmp_path / "data")
    tokens = server.register()
    ended = server.login().json()
    assert server.call("POST", "/auth/logout", json={"refresh_token": ended["refresh_token"]}).status_code == 200
    server.kill()
    server = Gatehouse(tmp_path / "data")
    answer = server.refresh(ended["refresh_token"])
    assert answer.status_code == 401 and answer.json()["code"] == "session_ended"
    assert server.call("GET", "/auth/validate", ended["access_token"]).status_code == 401
    assert server.refresh(tokens["refresh_token"]).status_code == 200
    assert server.stop() == 0
