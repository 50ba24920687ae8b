"""What Telegram would sign for a bot, made from its description alone."""

import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import quote


def init_data(token, person, first_name="Ada", moment=None, **more):
    """What a Mini App is opened with."""
    fields = {
        "query_id": secrets.token_hex(8), "user": json.dumps({"id": person, "first_name": first_name}),
        "auth_date": str(int(moment or time.time())), **more}
    key = hmac.digest(b"WebAppData", token.encode(), hashlib.sha256)
    fields["hash"] = hmac.new(key, lines(fields), hashlib.sha256).hexdigest()
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def widget(token, person, first_name="Ada", moment=None, **more):
    """The object that the Login Widget hands over."""
    fields = {"id": str(person), "first_name": first_name, "auth_date": str(int(moment or time.time())), **more}
    key = hashlib.sha256(token.encode()).digest()
    fields["hash"] = hmac.new(key, lines(fields), hashlib.sha256).hexdigest()
    return fields


def lines(fields):
    return "\n".join(f"{name}={value}" for name, value in sorted(fields.items())).encode()
