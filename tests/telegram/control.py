"""The side of the local Bot API that Telegram has not: how tests make bots, and play the people."""

import random

from refusals import Refusal, bad

NAMES = ("first_name", "last_name", "username", "language_code")


def make_bot(world, given):
    bot = world.make(**{name: given[name] for name in ("username", "first_name", "token") if name in given})
    return {"token": bot.token, "id": bot.id, "username": bot.username}


def make_person(bot, given):
    number = int(given.get("id") or random.randrange(10**8, 2**40))
    names = {name: given[name] for name in NAMES if given.get(name)}
    person = {"id": number, "is_bot": False, "first_name": "Somebody", **names}
    if number in bot.people:
        # The same object, for chats hold on to it.
        bot.people[number].clear()
        bot.people[number].update(person)
    return bot.people.setdefault(number, person)


def hear_text(bot, given):
    return bot.hear(int(given["from"]), {"text": str(given["text"])})


def hear_contact(bot, given):
    number = int(given["from"])
    person = bot.person(number)
    contact = {"phone_number": str(given["phone_number"]), "first_name": given.get("first_name", person["first_name"])}
    owner = given.get("user_id", number)
    if owner is not None:
        contact["user_id"] = int(owner)
    return bot.hear(number, {"contact": contact})


def press(bot, given):
    number = int(given["from"])
    return bot.press(
        number, int(given.get("chat", number)), int(given["message_id"]), str(given["data"]), bool(given.get("forged")))


def block(bot, given):
    bot.block(int(given["from"]), bool(given.get("blocked", True)))
    return True


def add_update(bot, given):
    """An update of any kind, as it is given."""
    (kind, content), = given.items()
    bot.add(kind, content)
    return True


def add_fault(bot, given):
    """Errors for the next calls: `kind` is refusal, silence or drop; for all methods without `method`."""
    if given.get("kind") not in ("refusal", "silence", "drop"):
        raise bad("kind must be refusal, silence or drop")
    bot.faults.append({"count": 1, **given})
    return True


def end_faults(bot, given):
    bot.faults.clear()
    bot.changed.notify_all()
    return True


def withdraw(bot, given):
    """The owner of the bot asks BotFather for another token."""
    bot.is_withdrawn = True
    bot.changed.notify_all()
    return True


ACTIONS = {
    "people": make_person, "messages": hear_text, "contacts": hear_contact, "presses": press, "blocks": block,
    "updates": add_update, "faults": add_fault, "end-faults": end_faults, "withdrawal": withdraw,
}


def look(bot, words):
    if len(words) == 3 and words[0] == "chats" and words[2] == "messages":
        chat = bot.chats.get(int(words[1]))
        return chat.messages if chat else []
    if words == ["calls"]:
        return bot.calls
    if words == ["answers"]:
        return {number: answer for number, answer in bot.callbacks.items() if answer is not None}
    if words == ["commands"]:
        return [{"scope": scope, "language_code": language, "commands": commands}
                for (scope, language), commands in bot.commands.items()]
    raise Refusal(404, "Not Found")


def answer(world, verb, words, given):
    """What stands at `/control/…`."""
    if words == ["bots"] and verb == "POST":
        return make_bot(world, given)
    if len(words) < 3 or words[0] != "bots" or words[1] not in world.bots:
        raise Refusal(404, "Not Found")
    bot = world.bots[words[1]]
    try:
        with bot.changed:
            if verb == "GET":
                return look(bot, words[2:])
            if len(words) == 3 and words[2] in ACTIONS:
                return ACTIONS[words[2]](bot, given)
    except (KeyError, ValueError, TypeError) as failure:
        raise bad(f"{type(failure).__name__}: {failure}") from None
    raise Refusal(404, "Not Found")
