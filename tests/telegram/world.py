"""Bots, people and what they have said to each other. Each bot has a world of its own, so that tests may run beside
each other."""

import http.client
import itertools
import json
import random
import secrets
import threading
import time
from urllib.parse import urlsplit

from markup import commands_in
from refusals import bad, forbidden

UNASKED = {"message_reaction", "message_reaction_count", "chat_member"}


class World:
    def __init__(self):
        self.bots = {}
        self.lock = threading.Lock()

    def make(self, **about):
        bot = Bot(**about)
        with self.lock:
            self.bots[bot.token] = bot
        return bot


class Bot:
    def __init__(self, username=None, first_name="A bot", token=None):
        self.id = int(token.split(":")[0]) if token else random.randrange(10**9, 10**10)
        self.token = token or f"{self.id}:AA{secrets.token_urlsafe(25)}"
        self.first_name = first_name
        self.username = username or f"made_{self.id}_bot"
        self.is_withdrawn = False
        # Held by whoever reads or changes what follows; told of whenever something happens.
        self.changed = threading.Condition()
        self.people = {}
        self.chats = {}
        self.updates = []
        self.allowed = None
        self.poll = 0
        self.webhook = None
        self.commands = {}
        self.callbacks = {}
        self.calls = []
        self.faults = []
        self.numbers = itertools.count(1)
        self.update_numbers = itertools.count(random.randrange(10**8, 10**9))

    def user(self):
        return {"id": self.id, "is_bot": True, "first_name": self.first_name, "username": self.username}

    def add(self, kind, content):
        """A new update."""
        if not (kind in self.allowed if self.allowed else kind not in UNASKED):
            return
        update = {"update_id": next(self.update_numbers), kind: content}
        self.updates.append(update)
        self.changed.notify_all()

    def person(self, number):
        if number not in self.people:
            raise bad(f"person {number} not found")
        return self.people[number]

    def chat(self, chat_id):
        """The chat that the bot may write to."""
        if chat_id not in self.people:
            raise bad("chat not found")
        chat = self.chats.get(chat_id)
        if chat is None:
            raise forbidden("bot can't initiate conversation with a user")
        if chat.is_blocked:
            raise forbidden("bot was blocked by the user")
        return chat

    # What people do.

    def hear(self, number, content):
        """A message of a person. Whoever writes has started the bot."""
        person = self.person(number)
        chat = self.chats.setdefault(number, Chat(person))
        chat.is_blocked = False
        message = {
            "message_id": next(self.numbers), "from": person, "chat": chat.json(), "date": int(time.time()), **content}
        if "text" in message and (entities := commands_in(message["text"])):
            message["entities"] = entities
        chat.messages.append(message)
        self.add("message", message)
        return message

    def press(self, number, chat_id, message_id, data, is_forged):
        person = self.person(number)
        chat = self.chats.get(chat_id)
        message = chat and chat.find(message_id)
        if not message:
            raise bad("message not found")
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        if not is_forged and not any(button.get("callback_data") == data for row in rows for button in row):
            raise bad("no such button")
        query = {
            "id": str(random.randrange(10**17, 10**18)), "from": person, "message": message,
            "chat_instance": str(random.randrange(10**17, 10**18)), "data": data}
        self.callbacks[query["id"]] = None
        self.add("callback_query", query)
        return query

    def block(self, number, is_blocked):
        person = self.person(number)
        chat = self.chats.setdefault(number, Chat(person))
        states = [{"user": self.user(), "status": status} for status in ("member", "kicked")]
        if not is_blocked:
            states.reverse()
        chat.is_blocked = is_blocked
        self.add("my_chat_member", {
            "chat": chat.json(), "from": person, "date": int(time.time()), "old_chat_member": states[0],
            "new_chat_member": {**states[1], **({"until_date": 0} if is_blocked else {})}})


class Chat:
    def __init__(self, person):
        self.person = person
        self.is_blocked = False
        self.messages = []

    def json(self):
        names = {name: self.person[name] for name in ("first_name", "last_name", "username") if name in self.person}
        return {"id": self.person["id"], "type": "private", **names}

    def find(self, message_id):
        return next((message for message in self.messages if message["message_id"] == message_id), None)


class WebhookDelivery(threading.Thread):
    """Tells a webhook of updates, in their order, until it is another."""

    def __init__(self, bot, url, secret):
        super().__init__(daemon=True)
        self.bot = bot
        self.url = url
        self.secret = secret
        self.last_error = None

    def is_over(self):
        return self.bot.webhook is not self

    def run(self):
        pause = 0.1
        while True:
            with self.bot.changed:
                self.bot.changed.wait_for(lambda: self.is_over() or self.bot.updates)
                if self.is_over():
                    return
                update = self.bot.updates[0]
            error = self.tell(update)
            with self.bot.changed:
                if error is None:
                    pause = 0.1
                    if self.bot.updates and self.bot.updates[0] is update:
                        self.bot.updates.pop(0)
                    continue
                self.last_error = (int(time.time()), error)
                self.bot.changed.wait_for(self.is_over, timeout=pause)
                pause = min(pause * 2, 2)

    def tell(self, update):
        """None when it was taken; else what was wrong."""
        target = urlsplit(self.url)
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.secret
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection = kind(target.netloc, timeout=30)
        try:
            connection.request("POST", path, json.dumps(update), headers)
            status = connection.getresponse().status
            return None if 200 <= status < 300 else f"Wrong response from the webhook: {status}"
        except OSError as failure:
            return str(failure)
        except http.client.HTTPException as failure:
            return repr(failure)
        finally:
            connection.close()
