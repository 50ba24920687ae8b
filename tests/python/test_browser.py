"""The pages in a browser, with mouse, with keyboard alone, narrow, wide, light and dark."""

import base64
import itertools
import os
import re
import shutil
from pathlib import Path

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from gatehouse import PASSWORD, PATIENCE
from mail import letters_in
from stores import eventually, free_port

pytestmark = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")), reason="there is no chromium with its driver here")
# A folder for pictures of the pages, for people who want to look at them.
PICTURES = os.environ.get("GATEHOUSE_PICTURES")
VIEWS = list(itertools.product((390, 1280), ("light", "dark")))


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en",
                     "--accept-lang=en", "--hide-scrollbars=false"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture(autouse=True)
def nothing_to_complain(browser):
    """A page that its own Content-Security-Policy hinders says so on the console."""
    browser.get_log("browser")
    yield
    told = [entry["message"] for entry in browser.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING") and "status of 4" not in entry["message"]]
    assert not told, told


def show(browser, width, scheme):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})


def settled(browser, condition):
    return WebDriverWait(browser, PATIENCE, poll_frequency=0.05).until(condition)


def submit(browser, element):
    """Sends a form and waits for the page that follows."""
    page = browser.find_element(By.TAG_NAME, "html")
    element.click()
    settled(browser, lambda _: page.id != browser.find_element(By.TAG_NAME, "html").id)


def text(browser):
    return browser.find_element(By.TAG_NAME, "main").text


def check_in_every_view(browser, name):
    """Nothing to scroll sideways, text that can be read against its ground, targets that a thumb can hit."""
    for width, scheme in VIEWS:
        show(browser, width, scheme)
        if PICTURES:
            height = browser.execute_script("return document.documentElement.scrollHeight")
            picture = browser.execute_cdp_cmd("Page.captureScreenshot", {
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "width": width, "height": min(height, 2400), "scale": 1}})
            Path(PICTURES, f"{name}-{width}-{scheme}.png").write_bytes(base64.b64decode(picture["data"]))
        wide = browser.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1], f"{name} scrolls sideways at {width}: {wide}"
        pale = browser.execute_script(PALE)
        assert not pale, f"{name}, {scheme}: {pale}"
        small = browser.execute_script(SMALL)
        assert not small, f"{name} at {width}: {small}"


# Text of less contrast than WCAG 2.2 asks for (4.5 to 1, 1.4.3).
PALE = r"""
const light = (colour) => {
  const [r, g, b] = colour.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const parse = (text) => text.match(/[\d.]+/g).map(Number);
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) return colour.slice(0, 3);
  }
  return [255, 255, 255];
};
const found = [];
for (const element of document.querySelectorAll("main *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!(own || element.matches("input, textarea")) || !element.checkVisibility()) continue;
  const [a, b] = [light(parse(getComputedStyle(element).color).slice(0, 3)), light(ground(element))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) found.push(element.outerHTML.slice(0, 80) + " " + contrast.toFixed(2));
}
return found;
"""
# Targets that are smaller than WCAG 2.2 asks for (24 pixels, 2.5.8), but for those in the flow of a text.
SMALL = r"""
return [...document.querySelectorAll("button, input:not([type=hidden]), textarea, summary, nav a")]
  .filter((element) => element.checkVisibility())
  .filter((element) => { const box = element.getBoundingClientRect(); return box.height < 24 || box.width < 24; })
  .map((element) => element.outerHTML.slice(0, 80));
"""


def focused(browser):
    return browser.switch_to.active_element.get_attribute("id")


def check_labels(browser):
    """Each field has a visible label, and points to what describes it."""
    fields = [field for field in browser.find_elements(By.CSS_SELECTOR, "input, textarea")
              if field.get_attribute("type") != "hidden" and field.is_displayed()]
    assert fields
    for field in fields:
        label = browser.find_element(By.CSS_SELECTOR, f"label[for='{field.get_attribute('id')}']")
        assert label.is_displayed() and label.text and field.accessible_name == label.text
        for described in (field.get_attribute("aria-describedby") or "").split():
            assert browser.find_element(By.ID, described).text
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang")
    assert len(browser.find_elements(By.TAG_NAME, "h1")) == 1
    assert len(browser.find_elements(By.TAG_NAME, "main")) == 1


def fill(browser, **entries):
    for name, value in entries.items():
        field = browser.find_element(By.ID, name)
        field.clear()
        field.send_keys(value)


def value(browser, name):
    return browser.find_element(By.ID, name).get_property("value")


def test_the_first_start(browser, server):
    link = server.setup_link()
    browser.get(server.url + "/")
    assert "There is no administrator yet" in text(browser)
    check_in_every_view(browser, "home")
    browser.get(link)
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    assert browser.switch_to.active_element.get_attribute("id") == "name"
    check_labels(browser)
    check_in_every_view(browser, "setup")

    fill(browser, name="Grace Hopper", email="grace@example.com", password="password")
    submit(browser, browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    field = browser.find_element(By.ID, "password")
    error = browser.find_element(By.ID, "password-error")
    assert error.is_displayed() and error.text
    assert field.get_attribute("aria-invalid") == "true"
    assert "password-error" in field.get_attribute("aria-describedby").split()
    assert browser.switch_to.active_element == field
    assert browser.find_element(By.CSS_SELECTOR, "[role=alert]").is_displayed()
    assert value(browser, "name") == "Grace Hopper" and value(browser, "email") == "grace@example.com"
    assert value(browser, "password") == ""
    assert not browser.find_element(By.ID, "name-error").is_displayed()
    assert browser.title.startswith("Error: "), "the title says it to those who do not see the page (WCAG 3.3.1)"
    check_labels(browser)
    check_in_every_view(browser, "setup-error")

    fill(browser, name="", email="nobody", password=PASSWORD)
    submit(browser, browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    assert browser.find_element(By.ID, "name-error").text and browser.find_element(By.ID, "email-error").text
    assert browser.switch_to.active_element.get_attribute("id") == "name"
    check_in_every_view(browser, "setup-errors")

    fill(browser, name="Grace Hopper", email="grace@example.com", password=PASSWORD)
    submit(browser, browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    assert "Gatehouse is ready" in text(browser) and "grace@example.com" in text(browser)
    assert PASSWORD not in browser.page_source
    check_in_every_view(browser, "setup-done")

    browser.get(link)
    assert "This link is not valid" in text(browser)
    check_in_every_view(browser, "setup-closed")
    assert requests.get(link, timeout=PATIENCE).status_code == 404
    assert server.login("grace@example.com").json()["user"]["roles"] == ["SuperAdmin"]
    browser.get(server.url + "/")
    assert "There is no administrator yet" not in text(browser)


def test_the_first_start_in_russian(browser, server):
    link = server.setup_link()
    browser.get(link)
    browser.find_element(By.LINK_TEXT, "Русский").click()
    settled(browser, lambda _: "Настройка" in browser.title)
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "ru"
    check_labels(browser)
    check_in_every_view(browser, "setup-ru")
    fill(browser, name="Г", email="nobody", password="password")
    submit(browser, browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    for name in ("name", "email"):
        assert re.search("[а-я]", browser.find_element(By.ID, f"{name}-error").text)
    assert not re.search(r"[A-Za-z]{4,}", text(browser).replace("English", "").replace("Gatehouse", "")), text(browser)
    assert browser.title.startswith("Ошибка: ")
    check_in_every_view(browser, "setup-errors-ru")
    fill(browser, name="Грейс", email="grace@example.com", password="password")
    submit(browser, browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    assert re.search("[а-я]", browser.find_element(By.ID, "password-error").text)
    fill(browser, password=PASSWORD)
    submit(browser, browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    assert "Gatehouse готов к работе" in text(browser)
    check_in_every_view(browser, "setup-done-ru")
    browser.get(link + "&lang=ru")
    assert "Ссылка недействительна" in text(browser)
    check_in_every_view(browser, "setup-closed-ru")


def test_the_first_start_without_a_mouse(browser, server):
    browser.get(server.setup_link())

    def press(*keys):
        webdriver.ActionChains(browser).send_keys(*keys).perform()

    def focused():
        element = browser.switch_to.active_element
        outline = element.value_of_css_property("outline-style"), element.value_of_css_property("outline-width")
        assert outline[0] != "none" and outline[1] != "0px", "the focus must be seen"
        return element

    press("Grace Hopper", Keys.TAB)
    assert focused().get_attribute("id") == "email"
    press("grace@example.com", Keys.TAB)
    assert focused().get_attribute("id") == "password"
    press(PASSWORD, Keys.TAB)
    reveal = focused()
    assert reveal.text == "Show"
    press(Keys.SPACE)
    assert browser.find_element(By.ID, "password").get_property("type") == "text"
    assert reveal.text == "Hide"
    press(Keys.SPACE)
    assert browser.find_element(By.ID, "password").get_property("type") == "password"
    press(Keys.TAB)
    assert focused().text == "Create administrator"
    press(Keys.ENTER)
    settled(browser, lambda _: "Gatehouse is ready" in browser.title)


def test_what_people_type_is_never_markup(browser, server):
    browser.get(server.setup_link())
    mark = '"><img src=x onerror=document.title="run">'
    fill(browser, name=mark, email=mark, password="password")
    submit(browser, browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    assert value(browser, "name") == mark and value(browser, "email") == mark
    assert not browser.find_elements(By.TAG_NAME, "img")
    browser.get(server.url + "/setup?token=" + requests.utils.quote(mark))
    assert not browser.find_elements(By.TAG_NAME, "img")


def test_requests_can_be_tried_in_the_documentation(browser, server):
    server.register()
    browser.get(server.url + "/api/docs")
    check_in_every_view(browser, "docs")
    show(browser, 1280, "light")
    for name in ("login", "validate"):
        browser.find_element(By.CSS_SELECTOR, f"#{name} > summary").click()
    check_in_every_view(browser, "docs-open")
    check_labels(browser)
    show(browser, 1280, "light")

    def attempt(name):
        form = browser.find_element(By.CSS_SELECTOR, f"#{name} form")
        form.find_element(By.CSS_SELECTOR, "button").click()
        result = form.find_element(By.CSS_SELECTOR, ".result")
        settled(browser, lambda _: re.match(r"\d{3}|The server", result.text))
        return result.text

    assert attempt("validate").startswith("401")
    body = browser.find_element(By.ID, "login-body")
    body.clear()
    body.send_keys('{"email": "ada@example.com", "password": "%s"}' % PASSWORD)
    assert attempt("login").startswith("200")
    assert attempt("validate").startswith("200")
    assert '"email": "ada@example.com"' in browser.find_element(By.CSS_SELECTOR, "#validate .result").text
    check_in_every_view(browser, "docs-tried")


def test_an_error_of_the_documentation_can_be_linked_to(browser, server):
    answer = server.call("GET", "/auth/validate").json()
    browser.get(server.url + "/api/docs#" + answer["type"].split("#")[1])
    assert browser.find_element(By.CSS_SELECTOR, ":target").text.startswith("token_missing")
    browser.get(server.url + "/api/docs#validate")
    settled(browser, lambda _: browser.find_element(By.ID, "validate").get_property("open"))


def test_somebody_who_is_invited_makes_their_account_on_the_page(browser, server):
    ada = server.register()
    company = ada["company"]["id"]
    token = server.call("POST", "/invitations", ada["access_token"], json={
        "email": "grace@example.com", "name": "Grace Hopper", "company_id": company}).json()["token"]
    # While the server cannot be asked the link stays in the address, for another attempt.
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/invitations/*"]})
    # The address of the server under test, whatever its configuration says of links.
    browser.get(f"{server.url}/invitation?lang=ru#{token}")
    settled(browser, lambda _: "попробуйте" in browser.find_element(By.ID, "outcome").text.lower())
    assert browser.current_url.endswith(f"#{token}")
    assert all("ERR_BLOCKED_BY_CLIENT" in entry["message"] for entry in browser.get_log("browser"))
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    browser.refresh()
    field = settled(browser, lambda _: browser.find_element(By.ID, "password"))
    settled(browser, lambda _: field.is_displayed())
    assert value(browser, "name") == "Grace Hopper" and "grace@example.com, ada Engines" in text(browser)
    check_labels(browser)
    check_in_every_view(browser, "invitation")
    field.send_keys("password", Keys.ENTER)
    error = browser.find_element(By.ID, "password-error")
    settled(browser, lambda _: re.search("[а-я]", error.text))
    assert focused(browser) == "password"
    field.clear()
    field.send_keys("seventeen quiet looms", Keys.ENTER)
    outcome = browser.find_element(By.ID, "outcome")
    settled(browser, lambda _: "вход выполнен" in outcome.text)
    assert not field.is_displayed()
    assert server.login("grace@example.com", "seventeen quiet looms").status_code == 200
    browser.get("about:blank")
    browser.get(f"{server.url}/invitation#{token}")
    settled(browser, lambda _: "does not work" in browser.find_element(By.ID, "outcome").text)
    assert focused(browser) == "outcome"


def test_the_link_of_a_mail_leads_to_a_new_password(browser, start):
    port = free_port()
    # Links are of the configuration, so the port must be known before.
    server = start({"PUBLIC_URL": f"http://localhost:{port}", "MAGIC_LINK": "true"}, port=port)
    server.register()
    mails = server.data / "mail"
    assert server.call("POST", "/auth/password-reset/request", json={"email": "ada@example.com"}).status_code == 202
    letter = eventually(lambda: letters_in(mails, "password-reset"), what="a letter")[0]
    browser.get(letter.links[0])
    check_in_every_view(browser, "reset")
    assert "#" not in browser.current_url
    field = settled(browser, lambda _: browser.find_element(By.ID, "new_password"))
    outcome = browser.find_element(By.ID, "outcome")
    field.send_keys("short", Keys.ENTER)
    settled(browser, lambda _: "characters" in browser.find_element(By.ID, "new_password-error").text)
    assert field.get_attribute("aria-invalid") == "true" and focused(browser) == "new_password"
    check_labels(browser)
    check_in_every_view(browser, "reset-refused")
    field.clear()
    field.send_keys("seventeen quiet looms", Keys.ENTER)
    settled(browser, lambda _: "The password is set" in outcome.text)
    assert server.login(password="seventeen quiet looms").status_code == 200
    browser.get("about:blank")
    browser.get(letter.links[0])
    browser.find_element(By.ID, "new_password").send_keys("another quiet mill", Keys.ENTER)
    settled(browser, lambda _: "does not work" in browser.find_element(By.ID, "outcome").text)
    # A link that signs in, in the browser that asked for it.
    browser.get(server.url + "/magic-link?lang=ru")
    assert "не действует" in text(browser)
    browser.execute_async_script("""
        const done = arguments[0];
        fetch("/auth/magic-link/request", {method: "POST", headers: {"Content-Type": "application/json"},
          body: JSON.stringify({email: "ada@example.com"})}).then(done);""")
    letter = eventually(lambda: letters_in(mails, "magic-link"), what="a letter")[0]
    browser.get(letter.links[0])
    button = settled(browser, lambda _: browser.find_element(By.TAG_NAME, "button"))
    button.click()
    settled(browser, lambda _: "You are signed in" in browser.find_element(By.ID, "outcome").text)
    assert server.call("POST", "/auth/refresh-token", cookies={
        cookie["name"]: cookie["value"] for cookie in browser.execute_cdp_cmd("Network.getCookies", {
            "urls": [server.url + "/auth"]})["cookies"]}).status_code == 200
