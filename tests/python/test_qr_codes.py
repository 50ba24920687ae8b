"""QR codes are read by somebody else's reader."""

import re

import requests
import zxingcpp

from local_telegram import LocalBotAPI


def picture(svg, scale=4):
    """The modules of the code in rows of grey values, as a screen would show them."""
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])
    rows = [bytearray(b"\xff" * side) for _ in range(side)]
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", svg):
        rows[int(y)][int(x):int(x) + int(length)] = bytes(int(length))
    pixels = b"".join(bytes(value for value in row for _ in range(scale)) * scale for row in rows)
    return memoryview(pixels).cast("B", (side * scale, side * scale))


def test_the_code_of_a_sign_in_is_its_link(start):
    with LocalBotAPI() as api:
        bot = api.bot()
        house = start({
            "TELEGRAM_API_URL": api.url, "TELEGRAM_BOT_TOKEN": bot.token, "TELEGRAM_UPDATES": "off"})
        for _ in range(5):
            begun = requests.post(house.url + "/auth/telegram/bot-sign-ins", timeout=30).json()
            [found] = zxingcpp.read_barcodes(picture(begun["qr"]))
            assert found.text == begun["url"]
            assert begun["url"].startswith(f"https://t.me/{bot.username}?start=in_")
