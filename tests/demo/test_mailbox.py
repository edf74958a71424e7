"""The demo's mailbox, through its real doors: SMTP in, HTTP out."""

from __future__ import annotations

import re
import smtplib
import socket
import stat
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup

from portal.demo.mailbox import Mailbox
from tests.ports import free_port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def mailbox(tmp_path: Path, port: int) -> Iterator[Mailbox]:
    box = Mailbox(tmp_path / "mails")
    box.start(port, 0)
    yield box
    box.stop()


def post(port: int, subject: str = "Votre code : 123 456", pdf: bytes = b"", **parts: str) -> None:
    message = EmailMessage()
    message["From"] = "portail@portal.example"
    message["To"] = "Zoé <zoe@exemple.fr>"
    message["Subject"] = subject
    message["Message-ID"] = "<job-1@portal.example>"
    message.set_content(parts.get("text", "Bonjour Zoé"))
    if "html" in parts:
        message.add_alternative(parts["html"], subtype="html")
    if pdf:
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename="../preuve é.pdf")
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(message)


def page(url: str, **options: object) -> BeautifulSoup:
    answer = requests.get(url, timeout=10, **options)
    assert answer.status_code == 200
    return BeautifulSoup(answer.text, "html.parser")


def test_an_empty_mailbox_says_how_it_fills_and_that_it_is_the_demo(mailbox):
    shown = page(mailbox.url, headers={"Accept-Language": "en"})
    assert "demo’s mailbox" in shown.select_one(".banner").text
    assert "No email yet" in shown.text


def test_mails_are_listed_newest_first_and_open_as_text_with_links(mailbox, port):
    link = "http://127.0.0.1:8000/login/abc?x=1&y=<2>"
    post(port, "first")
    post(port, "second", text=f"Ouvrez {link}\n<script>alert(1)</script>", html="<p>été</p>")

    listed = page(mailbox.url).select(".mails a")
    assert [entry.text for entry in listed] == ["second", "first"]
    shown = page(mailbox.url + listed[0]["href"])
    assert shown.select_one("pre a")["href"].startswith("http://127.0.0.1:8000/login/abc?x=1&y=")
    assert "<script>alert(1)</script>" in shown.select_one("pre").text
    assert shown.select("script") == []
    assert shown.h1.text == "second"


def test_the_html_view_can_run_and_load_nothing(mailbox, port):
    post(port, html="<p>été</p><script>alert(1)</script>")
    mail_id = mailbox.messages()[0].id
    answer = requests.get(f"{mailbox.url}/messages/{mail_id}/html", timeout=10)
    assert "<p>été</p>" in answer.content.decode("utf-8")
    policy = [rule.strip() for rule in answer.headers["Content-Security-Policy"].split(";")]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert not any(rule.startswith("script-src") or "allow-" in rule for rule in policy)


def test_an_attached_file_is_listed_and_saved_as_it_came(mailbox, port):
    pdf = b"%PDF-1.7 \r\n\x00\xff"
    post(port, "with a file", html="<p>été</p>", pdf=pdf)
    post(port, "without")

    without, with_file = (page(mailbox.url + entry["href"]) for entry in page(mailbox.url).select(".mails a"))
    assert without.select('a[href*="attachments"]') == []
    (link,) = with_file.select('a[href*="attachments"]')
    assert link.text == "../preuve é.pdf"
    answer = requests.get(mailbox.url + link["href"], timeout=10)
    assert answer.content == pdf
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Bonjour" in with_file.select_one("pre").text
    assert [len(mail.attached) for mail in mailbox.messages()] == [0, 1]
    for nothing in (link["href"].replace("/0", "/1"), link["href"].replace("messages/", "messages/x")):
        assert requests.get(mailbox.url + nothing, timeout=10).status_code == 404


def test_a_mail_without_html_has_no_html_page(mailbox, port):
    post(port)
    mail_id = mailbox.messages()[0].id
    assert requests.get(f"{mailbox.url}/messages/{mail_id}/html", timeout=10).status_code == 404


@pytest.mark.parametrize("unknown", ["nothing", "..%2F..%2Fsecret", "%2e%2e"])
def test_an_unknown_mail_is_404(mailbox, tmp_path, unknown):
    (tmp_path / "secret.eml").write_text("Subject: not yours\n\n")
    assert requests.get(f"{mailbox.url}/messages/{unknown}", timeout=10).status_code == 404


def test_the_json_list_gives_a_test_what_it_needs(mailbox, port):
    post(port, text="Votre code : 123 456", html="<p>Votre code</p>")
    (mail,) = requests.get(f"{mailbox.url}/messages.json", timeout=10).json()
    assert mail["to"] == "Zoé <zoe@exemple.fr>"
    assert mail["subject"] == "Votre code : 123 456"
    assert mail["message_id"] == "<job-1@portal.example>"
    assert mail["text"].strip() == "Votre code : 123 456"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", mail["date"])


@pytest.mark.parametrize(("mode", "code"), [("refuse", 550), ("defer", 451)])
def test_the_server_refuses_or_puts_off_when_told_so_and_takes_mail_again(mailbox, port, mode, code):
    def choose(value: str) -> requests.Response:
        return requests.post(f"{mailbox.url}/_mailbox/mode", data={"mode": value}, timeout=10)

    shown = BeautifulSoup(choose(mode).text, "html.parser")
    assert shown.select_one("input[checked]")["value"] == mode
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        post(port)
    ((answered, _),) = caught.value.recipients.values()
    assert answered == code
    assert mailbox.messages() == []

    choose("accept")
    post(port)
    assert len(mailbox.messages()) == 1


def test_an_unknown_mode_changes_nothing(mailbox, port):
    answer = requests.post(f"{mailbox.url}/_mailbox/mode", data={"mode": "explode"}, timeout=10)
    assert answer.status_code == 422
    post(port)
    assert len(mailbox.messages()) == 1


def test_another_site_cannot_switch_the_mail_off(mailbox, port):
    answer = requests.post(
        f"{mailbox.url}/_mailbox/mode",
        data={"mode": "refuse"},
        headers={"Sec-Fetch-Site": "cross-site"},
        timeout=10,
    )
    assert answer.status_code == 403
    post(port)


def test_a_restart_keeps_the_mails(tmp_path):
    for subject in ("before", "after"):
        box, port = Mailbox(tmp_path), free_port()
        box.start(port, 0)
        post(port, subject)
        box.stop()
    assert [mail.subject for mail in Mailbox(tmp_path).messages()] == ["after", "before"]
    assert all(stat.S_ISREG(path.stat().st_mode) for path in tmp_path.iterdir())


def test_a_taken_smtp_port_leaves_nothing_running(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        box, http_port = Mailbox(tmp_path), free_port()
        with pytest.raises(OSError, match="in use"):
            box.start(taken.getsockname()[1], http_port)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{http_port}/", timeout=5)
