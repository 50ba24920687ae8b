"""The local Bot API is Telegram's as aiogram knows it, and not only as this project's own client does."""

import asyncio
import http.server
import json
import threading
from contextlib import asynccontextmanager

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest, TelegramConflictError, TelegramForbiddenError, TelegramNetworkError, TelegramNotFound,
    TelegramRetryAfter, TelegramServerError, TelegramUnauthorizedError)
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import (
    BotCommand, BufferedInputFile, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message)

from local_telegram import LocalBotAPI
from stores import eventually

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture(scope="module")
def api():
    with LocalBotAPI() as api:
        yield api


@pytest.fixture
def local(api):
    return api.bot()


@asynccontextmanager
async def speaking(local, token=None, timeout=20):
    session = AiohttpSession(api=TelegramAPIServer.from_base(local.api.url), timeout=timeout)
    async with Bot(token or local.token, session=session, default=DefaultBotProperties(parse_mode="HTML")) as bot:
        yield bot


def keyboard(**buttons):
    return InlineKeyboardMarkup(inline_keyboard=[
        [InlineKeyboardButton(text=text, callback_data=data) for text, data in buttons.items()]])


async def said(local, person, count):
    return await asyncio.to_thread(
        eventually, lambda: (found := [
            message for message in local.messages(person) if message["from"]["is_bot"]])[count - 1:] and found)


def test_a_dispatcher_polls_answers_and_is_pressed(local):
    ada, eve = local.person(first_name="Ada", language_code="ru"), local.person(first_name="Eve")
    heard, dispatcher = [], Dispatcher()

    @dispatcher.message(CommandStart(deep_link=True))
    async def start(message: Message, command: CommandObject):
        heard.append((message.from_user.id, message.from_user.language_code, command.args))
        await message.answer("<b>Approve</b> &lt;Ada&gt;?", reply_markup=keyboard(Yes="yes:1", No="no:1"))

    @dispatcher.message(Command("me"))
    async def me(message: Message):
        await message.answer("You")

    @dispatcher.message(F.contact)
    async def contact(message: Message):
        heard.append((message.contact.phone_number, message.contact.user_id == message.from_user.id))

    @dispatcher.callback_query()
    async def pressed(query: CallbackQuery):
        heard.append((query.from_user.id, query.data, query.message.chat.id))
        await query.answer("Done", show_alert=True)
        if query.data == "yes:1":
            await query.message.edit_text("Approved")

    async def run():
        async with speaking(local) as bot:
            polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False))
            local.hears(ada, "/start req_42")
            [message] = await said(local, ada, 1)
            assert message["text"] == "Approve <Ada>?" and message["entities"][0]["type"] == "bold"
            with pytest.raises(Exception, match="400"):
                local.presses(ada, message, "other")
            query = local.presses(eve, message, "forged", chat=ada["id"], forged=True)
            await asyncio.to_thread(eventually, lambda: query["id"] in local.ask("answers"))
            query = local.presses(ada, message, "yes:1")
            await asyncio.to_thread(eventually, lambda: local.messages(ada)[-1]["text"] == "Approved")
            assert "reply_markup" not in local.messages(ada)[-1]
            assert local.ask("answers")[query["id"]] == {"text": "Done", "show_alert": True}
            for owner in (ada["id"], eve["id"], None):
                local.ask("contacts", {"from": ada["id"], "phone_number": "+79990000000", "user_id": owner})
            local.hears(ada, "/me")
            await said(local, ada, 2)
            await dispatcher.stop_polling()
            await polling

    asyncio.run(run())
    assert heard == [
        (ada["id"], "ru", "req_42"), (eve["id"], "forged", ada["id"]), (ada["id"], "yes:1", ada["id"]),
        ("+79990000000", True), ("+79990000000", False), ("+79990000000", False)]


def test_what_a_bot_says_is_kept_edited_and_deleted(local):
    ada = local.person()
    local.hears(ada, "/start")

    async def run():
        async with speaking(local) as bot:
            me = await bot.get_me()
            assert (me.id, me.username, me.is_bot) == (local.id, local.username, True)
            assert (await bot.get_chat(ada["id"])).first_name == ada["first_name"]
            message = await bot.send_message(ada["id"], "One", reply_markup=keyboard(A="a"))
            assert await bot.edit_message_text("Two", chat_id=ada["id"], message_id=message.message_id)
            edited = await bot.edit_message_reply_markup(
                chat_id=ada["id"], message_id=message.message_id, reply_markup=keyboard(B="b"))
            assert (edited.text, edited.reply_markup.inline_keyboard[0][0].callback_data) == ("Two", "b")
            with pytest.raises(TelegramBadRequest, match="message is not modified"):
                await bot.edit_message_reply_markup(
                    chat_id=ada["id"], message_id=message.message_id, reply_markup=keyboard(B="b"))
            photo = await bot.send_photo(ada["id"], BufferedInputFile(PIXEL, "qr.png"), caption="<i>Scan</i>")
            assert photo.caption == "Scan" and photo.photo[0].file_size == len(PIXEL)
            assert await bot.delete_message(ada["id"], message.message_id)
            with pytest.raises(TelegramBadRequest, match="message to delete not found"):
                await bot.delete_message(ada["id"], message.message_id)
            assert await bot.set_my_commands([BotCommand(command="me", description="Who I am")], language_code="en")
            assert [command.command for command in await bot.get_my_commands(language_code="en")] == ["me"]
            assert await bot.get_my_commands() == []

    asyncio.run(run())
    assert len(local.messages(ada)) == 2


@pytest.mark.parametrize("text, words", [
    ("", "message text is empty"), (" \n", "message text is empty"), ("x" * 4097, "message is too long"),
    ("\U0001f600" * 2049, "message is too long"), ("<b>open", "Can't find end tag"), ("</b>", "Unmatched end tag"),
    ("<b><i>x</b></i>", "Unmatched end tag"), ("<script>x</script>", "Unsupported start tag"),
    ("1 < 2", "Unsupported start tag"), ("<b></b>", "text must be non-empty"),
])
def test_a_text_that_telegram_refuses_is_refused(local, text, words):
    ada = local.person()
    local.hears(ada, "/start")

    async def run():
        async with speaking(local) as bot:
            with pytest.raises(TelegramBadRequest, match=words):
                await bot.send_message(ada["id"], text)
            await bot.send_message(ada["id"], "<b>" + "\U0001f600" * 2048 + "</b>")

    asyncio.run(run())


@pytest.mark.parametrize("data, is_taken", [
    ("x" * 64, True), ("я" * 32, True), ("x" * 65, False), ("я" * 33, False), ("", False)])
def test_the_data_of_a_button_is_64_bytes_at_most(local, data, is_taken):
    ada = local.person()
    local.hears(ada, "/start")

    async def run():
        async with speaking(local) as bot:
            sending = bot.send_message(ada["id"], "Press", reply_markup=keyboard(A=data))
            if is_taken:
                await sending
            else:
                with pytest.raises(TelegramBadRequest, match="BUTTON_DATA_INVALID|Text buttons are unallowed"):
                    await sending

    asyncio.run(run())


def test_errors_are_those_that_aiogram_knows(local):
    ada, bob = local.person(), local.person()
    local.hears(ada, "/start")

    async def run():
        async with speaking(local) as bot:
            with pytest.raises(TelegramForbiddenError, match="can't initiate conversation"):
                await bot.send_message(bob["id"], "Hello")
            with pytest.raises(TelegramBadRequest, match="chat not found"):
                await bot.send_message(1, "Hello")
            local.ask("blocks", {"from": ada["id"]})
            with pytest.raises(TelegramForbiddenError, match="blocked by the user"):
                await bot.send_message(ada["id"], "Hello")
            local.hears(ada, "/start")
            local.fails("refusal", code=429, retry_after=7, method="sendMessage")
            with pytest.raises(TelegramRetryAfter) as limited:
                await bot.send_message(ada["id"], "Hello")
            assert limited.value.retry_after == 7
            local.fails("refusal", count=2)
            for _ in range(2):
                with pytest.raises(TelegramServerError):
                    await bot.get_me()
            await bot.send_message(ada["id"], "Hello")
            local.fails("drop", count=5)
            with pytest.raises(TelegramNetworkError):
                await bot.get_me()
            local.ask("end-faults", {})
            local.fails("silence")
            with pytest.raises(TelegramNetworkError, match="timeout"):
                await bot.get_me(request_timeout=1)
        async with speaking(local, f"{local.id}:{'A' * 35}") as bot:
            with pytest.raises(TelegramUnauthorizedError):
                await bot.get_me()
        async with speaking(local, f"1:{'A' * 35}") as bot:
            with pytest.raises(TelegramNotFound):
                await bot.get_me()
        async with speaking(local) as bot:
            local.ask("withdrawal", {})
            with pytest.raises(TelegramUnauthorizedError):
                await bot.get_me()

    asyncio.run(run())


def test_updates_wait_until_they_are_confirmed_and_are_for_one(local):
    ada = local.person()

    async def run():
        async with speaking(local, timeout=60) as bot:
            for text in ("/start", "one", "two"):
                local.hears(ada, text)
            updates = await bot.get_updates(limit=2)
            assert [update.message.text for update in updates] == ["/start", "one"]
            assert await bot.get_updates(limit=2) == updates
            [last] = await bot.get_updates(offset=updates[-1].update_id + 1)
            assert last.message.text == "two" and last.update_id == updates[-1].update_id + 1
            assert await bot.get_updates(offset=last.update_id + 1) == []
            waiting = asyncio.create_task(bot.get_updates(timeout=30))
            await asyncio.to_thread(eventually, lambda: len(local.calls("getUpdates")) == 5)
            other = asyncio.create_task(bot.get_updates(timeout=30))
            with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
                await waiting
            local.hears(ada, "three")
            assert [update.message.text for update in await other] == ["three"]

    asyncio.run(run())


def test_a_webhook_is_told_with_its_secret_until_it_has_heard(local):
    ada, heard = local.person(), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.headers["X-Telegram-Bot-Api-Secret-Token"], body["message"]["text"]))
            self.send_response(503 if len(heard) < 3 else 200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    async def run(url):
        async with speaking(local) as bot:
            with pytest.raises(TelegramBadRequest, match="unallowed characters"):
                await bot.set_webhook(url, secret_token="no spaces")
            assert await bot.set_webhook(url, secret_token="Sesame_1", allowed_updates=["message"])
            for text in ("one", "two"):
                local.hears(ada, text)
            with pytest.raises(TelegramConflictError, match="webhook is active"):
                await bot.get_updates()
            await asyncio.to_thread(eventually, lambda: len(heard) == 4)
            info = await bot.get_webhook_info()
            assert info.url == url and "503" in info.last_error_message and info.allowed_updates == ["message"]
            assert await bot.delete_webhook(drop_pending_updates=True)
            assert (await bot.get_webhook_info()).url == ""
            assert await bot.get_updates() == []

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asyncio.run(run(f"http://127.0.0.1:{server.server_port}/hook"))
        server.shutdown()
    assert heard == [("Sesame_1", text) for text in ("one", "one", "one", "two")]


def test_the_side_door_is_not_open_to_bots(local):
    async def run():
        async with speaking(local, f"{local.id}:{'A' * 35}") as bot:
            with pytest.raises(TelegramUnauthorizedError):
                await bot.set_webhook("https://example.com/")
        async with speaking(local) as bot:
            response = await (await bot.session.create_session()).get(f"{local.api.url}/bot{local.token}/control/bots")
            assert response.status == 404

    asyncio.run(run())
