"""The local Bot API for tests: Telegram, as far as bots and people see it.

Needs nothing but the standard library, so that `scripts/with-stores` can use it too.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "telegram/bot_api.py"


class LocalBotAPI:
    """The program, until it is closed."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, "--with-parent"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, given=None):
        data = None if given is None else json.dumps(given).encode()
        with urllib.request.urlopen(f"{self.url}/control/{path}", data=data, timeout=30) as answer:
            return json.load(answer)

    def bot(self, **about):
        return LocalBot(self, self.ask("bots", about))


class LocalBot:
    """A bot, and the people who know it."""

    def __init__(self, api, about):
        self.api = api
        self.token = about["token"]
        self.id = about["id"]
        self.username = about["username"]

    def ask(self, path, given=None):
        return self.api.ask(f"bots/{self.token}/{path}", given)

    def person(self, **about):
        return self.ask("people", about)

    def hears(self, person, text):
        return self.ask("messages", {"from": person["id"], "text": text})

    def messages(self, person):
        return self.ask(f"chats/{person['id']}/messages")

    def presses(self, person, message, data, **more):
        return self.ask("presses", {"from": person["id"], "message_id": message["message_id"], "data": data, **more})

    def fails(self, kind, **more):
        self.ask("faults", {"kind": kind, **more})

    def calls(self, method=None):
        return [call for call in self.ask("calls") if method in (None, call["method"])]
