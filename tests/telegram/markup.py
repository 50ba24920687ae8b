"""Texts and keyboards as Telegram takes and refuses them."""

import html
import re

from refusals import bad

TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler", "span": "spoiler",
    "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote", "tg-emoji": "custom_emoji",
}
# Of named entities Telegram knows these four.
ENTITY = re.compile(r"&(lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[a-zA-Z-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>\"']+))?)*)\s*>")
HREF = re.compile(r"href=(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
MESSAGE_LONGEST, CAPTION_LONGEST, BUTTON_LONGEST = 4096, 1024, 64


def utf16(text):
    """The length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def unescaped(text):
    return ENTITY.sub(lambda found: html.unescape(found.group()), text)


def parsed_html(source):
    """The text without tags, and its entities."""
    text, entities, unclosed, position = "", [], [], 0
    while position < len(source):
        bracket = source.find("<", position)
        end = len(source) if bracket < 0 else bracket
        text += unescaped(source[position:end])
        if bracket < 0:
            break
        offset = len(source[:bracket].encode())
        found = TAG.match(source, bracket)
        if not found:
            raise bad(f"can't parse entities: Unsupported start tag \"\" at byte offset {offset}")
        is_end, name, attributes = found.group(1), found.group(2).lower(), found.group(3)
        if is_end:
            if not unclosed or unclosed[-1][0] != name:
                raise bad(f"can't parse entities: Unmatched end tag at byte offset {offset}, found \"</{name}>\"")
            _, entity = unclosed.pop()
            entity["length"] = utf16(text) - entity["offset"]
            if entity["length"]:
                entities.append(entity)
        else:
            if name not in TAGS:
                raise bad(f"can't parse entities: Unsupported start tag \"{name}\" at byte offset {offset}")
            entity = {"type": TAGS[name], "offset": utf16(text)}
            if name == "a" and (href := HREF.search(attributes)):
                entity["url"] = unescaped(next(group for group in href.groups() if group is not None))
            unclosed.append((name, entity))
        position = found.end()
    if unclosed:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{unclosed[-1][0]}\"")
    return text, sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def formatted(parameters, name, longest):
    """The fields of a message that hold its text."""
    source, mode = parameters.text(name), (parameters.text("parse_mode") or "").lower()
    if mode not in ("", "html"):
        raise bad("unsupported parse_mode" if mode not in ("markdown", "markdownv2") else "only HTML is played here")
    text, entities = parsed_html(source) if mode else (source, parameters.json("entities", list) or [])
    if utf16(text) > longest:
        raise bad("message is too long" if name == "text" else "message caption is too long")
    return {name: text, **({"entities" if name == "text" else "caption_entities": entities} if entities else {})}


def keyboard(parameters):
    """The keyboard of a message; None where there is none."""
    markup = parameters.json("reply_markup", dict)
    if not markup:
        return None
    if "inline_keyboard" in markup:
        rows = markup["inline_keyboard"]
        check_rows(rows)
        for button in (button for row in rows for button in row):
            check_button(button)
    elif "keyboard" in markup:
        check_rows(markup["keyboard"])
    elif not markup.get("remove_keyboard") and not markup.get("force_reply"):
        raise bad("object expected as reply markup")
    return markup


def check_rows(rows):
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad("can't parse reply keyboard markup JSON object")
    if sum(len(row) for row in rows) > 100:
        raise bad("reply markup is too long")


def check_button(button):
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"]:
        raise bad("can't parse inline keyboard button: Field \"text\" must be of type String")
    actions = [name for name in button if name not in ("text", "icon_custom_emoji_id", "style")]
    if len(actions) != 1:
        raise bad("Text buttons are unallowed in the inline keyboard" if not actions else "BUTTON_TYPE_INVALID")
    if "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= BUTTON_LONGEST:
            raise bad("BUTTON_DATA_INVALID")
    if "url" in button and not re.match(r"(https?|tg)://[^\s]+$", str(button["url"])):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    if "web_app" in button and not str(button["web_app"].get("url", "")).startswith("https://"):
        raise bad("inline keyboard button Web App URL is invalid: Only HTTPS links are allowed")


def commands_in(text):
    """The entities that Telegram finds in what a person writes: commands at the beginning."""
    found = re.match(r"/[A-Za-z0-9_]{1,32}(@\w+)?(?=\s|$)", text)
    return [{"type": "bot_command", "offset": 0, "length": len(found.group())}] if found else []
