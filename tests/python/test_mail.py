"""Mail through a real mail server: what arrives there, what is never sent, and what a person does with it."""

import socket
import threading

import pytest

from gatehouse import PASSWORD, run
from mail import URL_SECRET, URL_USER, USER, SECRET, MailServer, certificate, letters_in
from stores import eventually

FRESH = "seventeen quiet looms"
FROM = {"MAIL_FROM": "Türhüter <door@example.com>"}


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


def settings(scheme, mail, user=True, **more):
    login = f"{URL_USER}:{URL_SECRET}@" if user else ""
    return {**FROM, "MAIL_URL": f"{scheme}://{login}127.0.0.1:{mail.port}", **more}


def ask(server, address="ada@example.com"):
    answer = server.call("POST", "/auth/password-reset/request", json={"email": address})
    assert answer.status_code == 202, answer.text


def confirm(server, token, password=FRESH):
    return server.call("POST", "/auth/password-reset/confirm", json={"token": token, "new_password": password})


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_somebody_reads_the_mail_follows_the_link_and_has_a_new_password(start, pem, scheme):
    kind = {"tls": pem} if scheme == "smtps" else {"starts_tls": pem}
    with MailServer(asks_password=True, **kind) as mail:
        server = start(settings(scheme, mail, MAIL_CA_FILE=str(pem), PUBLIC_URL="https://auth.example.com"))
        person = server.register()
        mail.wait_for(1)
        changed = server.call("PATCH", "/auth/profile", person["access_token"], json={"settings": {"language": "ru"}})
        assert changed.status_code == 200
        ask(server)
        proof, letter = mail.wait_for(2, to="ada@example.com")
        assert mail.tried[0][1:] == (USER.encode(), SECRET.encode())
        assert {name for name, _ in mail.greetings} == {"auth.example.com"}
        assert proof.message["Subject"] == "Confirm your e-mail address"
        assert letter.sender == "door@example.com"
        assert letter.message["Subject"] == "Выберите новый пароль" and "Выберите" in letter.html
        assert letter.message["From"] == "Türhüter <door@example.com>"
        assert letter.message["Auto-Submitted"] == "auto-generated"
        assert not letter.message.defects and all(len(line) <= 78 for line in letter.raw.split(b"\r\n"))
        assert letter.links[0].startswith("https://auth.example.com/reset-password#")
        assert confirm(server, letter.token).status_code == 200
        assert confirm(server, letter.token).json()["code"] == "link_invalid"
        assert server.login().status_code == 401
        assert server.login(password=FRESH).status_code == 200
        notice = mail.wait_for(3, to="ada@example.com")[2]
        assert notice.message["Subject"] == "Ваш пароль изменён"
        verified = server.call("POST", "/auth/email-verification/confirm", json={"token": proof.token})
        # The reset has proved the address, and ended what else was under way.
        assert verified.json()["code"] == "link_invalid"


def test_nothing_is_said_to_a_mail_server_without_tls_that_can_be_trusted(start, pem, tmp_path):
    other = certificate(tmp_path, ["192.0.2.1"])
    cases = [
        (MailServer(), "smtp", pem, "tls_failed"),
        (MailServer(starts_tls=pem, asks_password=True), "smtp", None, "tls_failed"),
        (MailServer(starts_tls=other, asks_password=True), "smtp", other, "tls_failed"),
        (MailServer(tls=other), "smtps", other, "tls_failed"),
        (MailServer(starts_tls=pem, asks_password=True), "smtps", pem, "tls_failed"),
    ]
    for mail, scheme, ca, fault in cases:
        with mail:
            ended = run("mail", "test", "--to", "eve@example.com", "--data", tmp_path / "data", settings=settings(
                scheme, mail, **({"MAIL_CA_FILE": str(ca)} if ca else {})))
            assert ended.returncode == 1 and fault in ended.stderr, (scheme, ended.stderr)
            assert not mail.letters and not mail.tried


def test_without_tls_mail_goes_within_networks_that_are_not_public(start, tmp_path):
    with MailServer() as mail:
        server = start(settings("smtp+plain", mail, user=False))
        server.register()
        assert mail.wait_for(1)[0].recipients == ["ada@example.com"]
    refused = run("mail", "test", "--to", "eve@example.com", "--data", tmp_path / "other", settings={
        **FROM, "MAIL_URL": "smtp+plain://192.0.2.1.example.invalid"})
    assert refused.returncode == 1
    public = run("mail", "test", "--to", "eve@example.com", "--data", tmp_path / "other", settings={
        **FROM, "MAIL_URL": "smtp+plain://8.8.8.8"})
    assert public.returncode == 1 and "address_not_allowed" in public.stderr


def test_a_wrong_password_is_tried_again_and_a_refused_address_is_not(start, pem):
    def answer(address, count):
        return "550 5.1.1 No such person" if address.startswith("eve") else None

    with MailServer(starts_tls=pem, answer=answer) as mail:
        server = start(settings("smtp", mail, user=False, MAIL_CA_FILE=str(pem)))
        server.register("eve")
        server.register("ada")
        mail.wait_for(1, to="ada@example.com")
        eventually(lambda: any("mail.dead" in line for line in server.logged), what="a dead letter")
        line = next(line for line in server.logged if "mail.dead" in line)
        assert "mail_refused" in line and "550" in line and "eve@" not in line and "ghev_" not in line
        dead = run("mail", "dead", "--data", server.data, settings=server.settings)
        assert "email-verification" in dead.stdout and "mail_refused 550" in dead.stdout and "(forgotten)" in dead.stdout
        assert "0 messages" in run("mail", "retry", "--data", server.data, settings=server.settings).stdout
    with MailServer(starts_tls=pem, asks_password=True) as mail:
        wrong = settings("smtp", mail, MAIL_CA_FILE=str(pem))
        wrong["MAIL_URL"] = wrong["MAIL_URL"].replace(URL_SECRET, "wrong")
        server = start(wrong, data=server.data.parent / "second")
        server.register()
        eventually(lambda: any("mail.failed" in line for line in server.logged), what="a failure")
        assert "login_refused" in next(line for line in server.logged if "mail.failed" in line)
        assert not any("mail.dead" in line for line in server.logged)


def test_what_is_put_off_arrives_later(start, pem):
    seen = []

    def answer(address, count):
        seen.append(address)
        return "451 4.7.1 Greylisted" if len(seen) == 1 else None

    with MailServer(starts_tls=pem, answer=answer) as mail:
        server = start(settings("smtp", mail, user=False, MAIL_CA_FILE=str(pem)))
        server.register()
        assert len(mail.wait_for(1)) == 1 and len(seen) == 2
        line = next(line for line in server.logged if "mail.failed" in line)
        assert "451" in line and "mail_refused" in line


@pytest.mark.parametrize("refusals", [
    {"MAIL": ["550 5.7.1 Not you"]},
    {"MAIL": ["530 5.7.0 Must issue a STARTTLS command first"]},
    {"EHLO": ["554 5.3.2 Closed"], "HELO": ["554 5.3.2 Closed"]},
])
def test_what_a_server_refuses_before_it_knows_whom_the_mail_is_for_is_tried_again(start, pem, refusals):
    # The first EHLO is the one before STARTTLS.
    with MailServer(tls=pem, refusals=refusals) as mail:
        server = start(settings("smtps", mail, user=False, MAIL_CA_FILE=str(pem)))
        server.register()
        assert mail.wait_for(1)[0].recipients == ["ada@example.com"]
        assert not any(mail.refusals.values())
        line = next(line for line in server.logged if "mail.failed" in line)
        assert "mail_server_unready" in line and next(iter(refusals.values()))[0][:3] in line
        assert not any("mail.dead" in line for line in server.logged)


def test_a_server_that_greets_with_a_refusal_destroys_no_mail(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def refuse():
            while True:
                try:
                    guest, _ = listener.accept()
                except OSError:
                    return
                with guest:
                    guest.sendall(b"554 5.3.2 No service here\r\n")
                    guest.settimeout(5)
                    try:
                        guest.recv(100)
                    except OSError:
                        pass

        threading.Thread(target=refuse, daemon=True).start()
        server = start({**FROM, "MAIL_URL": f"smtp+plain://127.0.0.1:{listener.getsockname()[1]}"})
        server.register()
        eventually(lambda: sum("mail.failed" in line for line in server.logged) > 1, what="two failures")
        line = next(line for line in server.logged if "mail.failed" in line)
        assert "mail_server_unready" in line and "554" in line
        assert not any("mail.dead" in line for line in server.logged)
        listener.shutdown(socket.SHUT_RDWR)


def test_a_message_that_is_refused_for_good_is_given_up(start, pem):
    with MailServer(tls=pem, refusals={"DATA": ["554 5.7.1 This is spam"]}) as mail:
        server = start(settings("smtps", mail, user=False, MAIL_CA_FILE=str(pem)))
        server.register()
        eventually(lambda: any("mail.dead" in line for line in server.logged), what="a dead letter")
        line = next(line for line in server.logged if "mail.dead" in line)
        assert "mail_refused" in line and "554" in line and not mail.letters


def test_a_server_stops_though_its_mail_server_never_answers(start, pem):
    with MailServer(starts_tls=pem, silent="DATA") as mail:
        server = start(settings("smtp", mail, user=False, MAIL_CA_FILE=str(pem), MAIL_TIMEOUT="5m"))
        server.register()
        mail.wait_for(1)
        assert server.stop() == 0
    with MailServer(starts_tls=pem) as mail:
        again = settings("smtp", mail, user=False, MAIL_CA_FILE=str(pem))
        start(again, data=server.data)
        assert mail.wait_for(1)[0].recipients == ["ada@example.com"]


def test_mail_has_arrived_though_nobody_answers_to_the_farewell(start, pem):
    with MailServer(starts_tls=pem, silent="QUIT") as mail:
        server = start(settings("smtp", mail, user=False, MAIL_CA_FILE=str(pem), MAIL_TIMEOUT="5m"))
        server.register("ada")
        server.register("eve")
        mail.wait_for(1, to="eve@example.com")
        assert not any("mail.failed" in line for line in server.logged)
        assert server.stop() == 0
        assert len(mail.letters) == 2


def test_a_mail_server_that_says_nothing_is_given_up(start):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = start({**FROM, "MAIL_URL": f"smtp://127.0.0.1:{listener.getsockname()[1]}", "MAIL_TIMEOUT": "1s"})
        server.register()
        eventually(lambda: any("mail.failed" in line for line in server.logged), what="a failure")
        assert "timed_out" in next(line for line in server.logged if "mail.failed" in line)


def test_lines_of_dots_and_long_lines_arrive_as_they_were_written(start, pem, tmp_path):
    templates = tmp_path / "templates"
    templates.mkdir()
    body = ".\n..\n.hidden\n" + "x" * 1500 + "\nпривет = мир\t.\n"
    (templates / "password-reset.en.txt").write_text(f"Subject: Dots\n\n{body}\n[Here]({{{{link}}}})\n")
    with MailServer(starts_tls=pem) as mail:
        server = start(settings("smtp", mail, user=False, MAIL_CA_FILE=str(pem), MAIL_TEMPLATES=str(templates)))
        server.register()
        ask(server)
        letter = mail.wait_for(2)[1]
        assert letter.text.replace("\r\n", "\n").startswith(body)
        assert confirm(server, letter.token).status_code == 200


def test_the_commands_show_and_try_mail(pem, tmp_path):
    listed = run("mail", "preview").stdout.split()
    assert "password-reset" in listed and len(listed) > 15
    for language, word in (("en", "Choose a new password"), ("ru", "Выберите новый пароль")):
        shown = run("mail", "preview", "password-reset", "--language", language)
        assert shown.stdout.startswith(f"Subject: {word}\n") and "#example" in shown.stdout
        assert f'<html lang="{language}">' in run("mail", "preview", "password-reset", "--language", language, "--format", "html").stdout
        source = run("mail", "preview", "password-reset", "--language", language, "--format", "source").stdout
        assert "[" in source and "({{link}})" in source
    assert run("mail", "preview", "pasword-reset").returncode == 64
    with MailServer(starts_tls=pem, asks_password=True) as mail:
        sent = run("mail", "test", "--to", "ada@example.com", "--data", tmp_path / "data", settings=settings(
            "smtp", mail, MAIL_CA_FILE=str(pem)))
        assert sent.returncode == 0 and "250" in sent.stdout, sent.stderr
        assert mail.wait_for(1)[0].message["Subject"] == "Mail from Gatehouse arrives"
    assert run("mail", "test", "--to", "ada@example.com", "--data", tmp_path / "data").returncode == 1
    assert run("mail", "test", "--to", "ada@example.com\r\nX: y", "--data", tmp_path / "data").returncode == 64


def test_a_development_server_writes_mail_into_a_folder_and_shows_the_link(server):
    server.register()
    ask(server)
    eventually(lambda: letters_in(server.data / "mail", "password-reset"), what="a letter")
    letter, = letters_in(server.data / "mail", "password-reset")
    eventually(lambda: any(letter.links[0] in line for line in server.logged), what="the link in the log")
    assert [address.addr_spec for address in letter.message["To"].addresses] == ["ada@example.com"]
    assert confirm(server, letter.token).status_code == 200
    assert server.login(password=FRESH).status_code == 200 and server.login(password=PASSWORD).status_code == 401
