#!/usr/bin/env python3
"""Plays Telegram's Bot API for tests, with a side door for the tests themselves.

    tests/telegram/bot_api.py [--port PORT] [--with-parent]

It listens on 127.0.0.1 and prints its port. Bots call /bot<token>/METHOD as they do at Telegram: with JSON, forms or
multipart. Tests make bots with POST /control/bots, and play people below /control/bots/<token>/ (control.py). Nothing
but the standard library is needed.
"""

import argparse
import email.parser
import email.policy
import json
import os
import select
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote

sys.dont_write_bytecode = True

import control
from methods import METHODS, Parameters, get_updates
from refusals import Refusal, bad
from world import World

LARGEST_BODY = 20 << 20
LONGEST_SILENCE = 120


class Dropped(Exception):
    """The connection ends without an answer."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet, which nobody has to wait for.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def answer(self, verb):
        try:
            status, answer = self.answered(verb)
        except Dropped:
            self.close_connection = True
            return
        except Refusal as refusal:
            status, answer = refusal.code, refusal.json()
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def answered(self, verb):
        path, _, query = self.path.partition("?")
        words = [unquote(word) for word in path.split("/")[1:]]
        body = self.body()
        if words[0] == "control":
            return 200, control.answer(self.server.world, verb, words[1:], json.loads(body) if body else {})
        if len(words) != 2 or not words[0].startswith("bot"):
            raise Refusal(404, "Not Found")
        bot = self.server.world.bots.get(words[0].removeprefix("bot"))
        if bot is None:
            known = {bot.id for bot in self.server.world.bots.values()}
            number = words[0].removeprefix("bot").partition(":")[0]
            raise Refusal(401, "Unauthorized") if number.isdigit() and int(number) in known else Refusal(404, "Not Found")
        return 200, {"ok": True, "result": self.called(bot, words[1], self.parameters(query, body))}

    def called(self, bot, name, given):
        method = METHODS.get(name.lower())
        with bot.changed:
            if bot.is_withdrawn:
                raise Refusal(401, "Unauthorized")
            bot.calls.append({
                "method": name, "parameters": given.values, "at": time.time(), "connection": self.client_address[1]})
            bot.changed.notify_all()
            self.fail(bot, name)
            if method is None:
                raise Refusal(404, "Not Found: method not found")
            return method(bot, given, self.is_gone) if method is get_updates else method(bot, given)

    def fail(self, bot, name):
        """Errors on demand. The lock of the bot is held, and let go while nothing is said."""
        fault = next((fault for fault in bot.faults if fault.get("method", name).lower() == name.lower()), None)
        if fault is None:
            return
        fault["count"] -= 1
        if fault["count"] <= 0:
            bot.faults.remove(fault)
        if fault["kind"] == "drop":
            raise Dropped
        if fault["kind"] == "silence":
            deadline = time.monotonic() + LONGEST_SILENCE
            while not self.is_gone() and time.monotonic() < deadline:
                bot.changed.wait(0.05)
            raise Dropped
        code = fault.get("code", 500)
        seconds = fault.get("retry_after")
        words = f"Too Many Requests: retry after {seconds}" if code == 429 else "Internal Server Error"
        raise Refusal(code, fault.get("description", words), fault.get("parameters") or (
            None if seconds is None else {"retry_after": seconds}))

    def is_gone(self):
        """Whether the client has hung up."""
        try:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self.chunked_body()
        size = int(self.headers.get("Content-Length") or 0)
        if size > LARGEST_BODY:
            raise Refusal(413, "Request Entity Too Large")
        return self.rfile.read(size)

    def chunked_body(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
            if len(body) > LARGEST_BODY:
                raise Refusal(413, "Request Entity Too Large")
        while self.rfile.readline().strip():
            pass
        return body

    def parameters(self, query, body):
        values = dict(parse_qsl(query, keep_blank_values=True))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            return self.form(values, kind, body)
        if kind.startswith("application/x-www-form-urlencoded"):
            values.update(parse_qsl(body.decode(), keep_blank_values=True))
        elif body:
            try:
                given = json.loads(body)
            except ValueError:
                raise bad("can't parse JSON") from None
            if not isinstance(given, dict):
                raise bad("object expected")
            values.update(given)
        return Parameters(values)

    @staticmethod
    def form(values, kind, body):
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        parts = parser.parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        files = {}
        for part in parts.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True) or b""
            if part.get_filename() is None:
                values[name] = content.decode()
            else:
                files[name] = content
        return Parameters(values, files)

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Handler)
        self.world = World()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0, which is the default, lets the system choose one")
    parser.add_argument("--with-parent", action="store_true", help="ends when its standard input does")
    options = parser.parse_args()
    server = Server(options.port)
    print(server.server_port, flush=True)
    if options.with_parent:
        threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
