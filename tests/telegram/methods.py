"""The methods of the Bot API, with the words in which Telegram refuses."""

import base64
import json
import re
import secrets
import time

import markup
from refusals import bad, conflict
from world import WebhookDelivery


class Parameters:
    """What a method was given: of JSON, or of a form, where numbers and objects are texts."""

    def __init__(self, values, files=None):
        self.values = values
        self.files = files or {}

    def text(self, name):
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise bad(f"field \"{name}\" must be of type String")
        return str(value)

    def integer(self, name, default=None):
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,19}", str(value)):
            raise bad(f"invalid {name} specified")
        return int(value)

    def flag(self, name):
        return str(self.values.get(name)).lower() in ("true", "1")

    def json(self, name, kind):
        value = self.values.get(name)
        if isinstance(value, str):
            try:
                value = json.loads(value) if value else None
            except ValueError:
                raise bad(f"can't parse {name} JSON object") from None
        if value is not None and not isinstance(value, kind):
            raise bad(f"can't parse {name} JSON object")
        return value

    def chat(self, bot):
        if not self.text("chat_id"):
            raise bad("chat_id is empty")
        if not re.fullmatch(r"-?\d{1,19}", self.text("chat_id")):
            raise bad("chat not found")
        return bot.chat(self.integer("chat_id"))

    def message(self, bot, purpose):
        """The chat, and the message of the bot's own that is meant."""
        chat = self.chat(bot)
        number = self.integer("message_id")
        if number is None:
            raise bad("message identifier is not specified")
        message = chat.find(number)
        if not message:
            raise bad(f"message to {purpose} not found")
        if purpose == "edit" and message["from"]["id"] != bot.id:
            raise bad("message can't be edited")
        return chat, message


def get_me(bot, given):
    return {
        **bot.user(), "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False,
        "can_connect_to_business": False, "has_main_web_app": False}


def get_updates(bot, given, is_gone):
    if bot.webhook:
        raise conflict("can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
    take_allowed(bot, given)
    offset, limit = given.integer("offset", 0), min(max(given.integer("limit", 100), 1), 100)
    deadline = time.monotonic() + min(max(given.integer("timeout", 0), 0), 50)
    if offset > 0:
        bot.updates = [update for update in bot.updates if update["update_id"] >= offset]
    elif offset < 0:
        bot.updates = bot.updates[offset:]
    bot.poll += 1
    poll = bot.poll
    bot.changed.notify_all()
    while not bot.updates and (left := deadline - time.monotonic()) > 0:
        bot.changed.wait(min(left, 0.2))
        if bot.poll != poll:
            raise conflict("terminated by other getUpdates request; make sure that only one bot instance is running")
        if bot.webhook:
            raise conflict("terminated by setWebhook request")
        if is_gone():
            break
    return bot.updates[:limit]


def take_allowed(bot, given):
    allowed = given.json("allowed_updates", list)
    if allowed is not None:
        bot.allowed = set(allowed)


def set_webhook(bot, given):
    url, secret = given.text("url") or "", given.text("secret_token")
    if url and not re.match(r"https?://[^/\s]+", url):
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise bad("secret token contains unallowed characters")
    take_allowed(bot, given)
    if given.flag("drop_pending_updates"):
        bot.updates = []
    bot.webhook = WebhookDelivery(bot, url, secret) if url else None
    bot.changed.notify_all()
    if bot.webhook:
        bot.webhook.start()
    return True


def delete_webhook(bot, given):
    if given.flag("drop_pending_updates"):
        bot.updates = []
    bot.webhook = None
    bot.changed.notify_all()
    return True


def get_webhook_info(bot, given):
    webhook = bot.webhook
    info = {
        "url": webhook.url if webhook else "", "has_custom_certificate": False,
        "pending_update_count": len(bot.updates)}
    if webhook:
        info["max_connections"] = 40
        if webhook.last_error:
            info["last_error_date"], info["last_error_message"] = webhook.last_error
    if bot.allowed:
        info["allowed_updates"] = sorted(bot.allowed)
    return info


def say(bot, chat, content):
    message = {
        "message_id": next(bot.numbers), "from": bot.user(), "chat": chat.json(), "date": int(time.time()), **content}
    chat.messages.append(message)
    bot.changed.notify_all()
    return message


def send_message(bot, given):
    chat = given.chat(bot)
    if not (given.text("text") or "").strip():
        raise bad("message text is empty")
    content = markup.formatted(given, "text", markup.MESSAGE_LONGEST)
    if not content["text"].strip():
        raise bad("text must be non-empty")
    if keys := markup.keyboard(given):
        content["reply_markup"] = keys
    return say(bot, chat, content)


def send_photo(bot, given):
    chat = given.chat(bot)
    photo = given.text("photo") or ""
    name = photo.removeprefix("attach://") if photo.startswith("attach://") else "photo"
    file = given.files.get(name)
    if file is None and not photo:
        raise bad("there is no photo in the request")
    if file is not None and not file.startswith((b"\x89PNG\r\n", b"\xff\xd8\xff", b"RIFF")):
        raise bad("IMAGE_PROCESS_FAILED")
    size = {
        "file_id": secrets.token_urlsafe(24), "file_unique_id": secrets.token_urlsafe(9), "width": 1, "height": 1,
        "file_size": len(file or b"")}
    content = {"photo": [size]}
    if given.text("caption"):
        content.update(markup.formatted(given, "caption", markup.CAPTION_LONGEST))
    if keys := markup.keyboard(given):
        content["reply_markup"] = keys
    message = say(bot, chat, content)
    bot.calls[-1]["file"] = base64.b64encode(file or b"").decode()
    return message


def edit(bot, message, content):
    changed = {name: value for name, value in message.items() if name not in ("text", "entities", "reply_markup")}
    changed.update(content)
    if changed == message:
        raise bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a current "
            "content and reply markup of the message")
    message.clear()
    message.update(changed, edit_date=int(time.time()))
    bot.changed.notify_all()
    return message


def edit_message_text(bot, given):
    _, message = given.message(bot, "edit")
    if not (given.text("text") or "").strip():
        raise bad("message text is empty")
    content = markup.formatted(given, "text", markup.MESSAGE_LONGEST)
    if keys := markup.keyboard(given):
        content["reply_markup"] = keys
    return edit(bot, message, content)


def edit_message_reply_markup(bot, given):
    _, message = given.message(bot, "edit")
    content = {name: message[name] for name in ("text", "entities") if name in message}
    if keys := markup.keyboard(given):
        content["reply_markup"] = keys
    return edit(bot, message, content)


def delete_message(bot, given):
    chat, message = given.message(bot, "delete")
    chat.messages.remove(message)
    bot.changed.notify_all()
    return True


def answer_callback_query(bot, given):
    number = given.text("callback_query_id")
    if number not in bot.callbacks:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    text = given.text("text") or ""
    if len(text) > 200:
        raise bad("MESSAGE_TOO_LONG")
    bot.callbacks[number] = {"text": text, "show_alert": given.flag("show_alert")}
    bot.changed.notify_all()
    return True


def set_my_commands(bot, given):
    commands = given.json("commands", list)
    if not commands or len(commands) > 100:
        raise bad("commands list must contain from 1 to 100 items")
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command.get("command", "")).removeprefix("/")):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    bot.commands[commands_key(given)] = commands
    return True


def get_my_commands(bot, given):
    return bot.commands.get(commands_key(given), [])


def commands_key(given):
    return json.dumps(given.json("scope", dict) or {"type": "default"}, sort_keys=True), given.text("language_code") or ""


def get_chat(bot, given):
    return {**given.chat(bot).json(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": {
        "unlimited_gifts": True, "limited_gifts": True, "unique_gifts": True, "premium_subscription": True,
        "gifts_from_channels": True}}


METHODS = {
    method.__name__.replace("_", ""): method for method in (
        get_me, get_updates, set_webhook, delete_webhook, get_webhook_info, send_message, send_photo, edit_message_text,
        edit_message_reply_markup, delete_message, answer_callback_query, set_my_commands, get_my_commands, get_chat)
}
