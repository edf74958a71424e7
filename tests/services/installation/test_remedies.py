"""What `flask check` says to do: it fits what is wrong, and is no name of a Python class."""

from __future__ import annotations

import os
import smtplib
import ssl
from dataclasses import replace
from types import SimpleNamespace

import pytest

from config import Config
from portal.domain import remedies
from portal.domain.installation import State
from portal.providers import smtp
from portal.providers.letters import MailUnavailable
from portal.services.installation import machine_checks, outside_checks
from tests.test_config import PRODUCTION


@pytest.fixture
def smtp_at(ctx):
    return lambda url: outside_checks.mail(replace(ctx, mailer=smtp.SmtpMailer.from_url(url)), "me@mail.test")


@pytest.mark.parametrize(
    ("number", "says"), [(28, "Make room"), (30, "can be written"), (13, "chown -R"), (2, "mkdir -p")]
)
def test_a_disk_that_is_full_or_read_only_is_not_to_be_given_away(tmp_path, monkeypatch, number, says):
    def fails(**_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(machine_checks.tempfile, "TemporaryFile", fails)
    remedy = machine_checks._folder("journal", tmp_path, "can be written").remedy
    assert says in remedy
    assert ("chown" in remedy) == (number in (13, 2))


@pytest.mark.parametrize(
    ("kind", "free", "state"),
    [("tmpfs", 300 << 20, State.OK), ("tmpfs", 200 << 20, State.MEND), ("ext4", 300 << 20, State.MEND)],
)
def test_a_tmp_in_memory_needs_room_for_one_file(tmp_path, monkeypatch, kind, free, state):
    """It is half of what a machine has: of one with 2 GB there is never a whole GiB."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"rootfs / ext4 rw 0 0\nthere {tmp_path.resolve()} {kind} rw 0 0\n")
    monkeypatch.setattr(machine_checks, "MOUNTS", mounts)
    monkeypatch.setattr(machine_checks.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _place: SimpleNamespace(free=free))
    config = Config.from_env({**PRODUCTION, "DATABASE_URL": "postgresql:///portal?host=/run/x"})
    found = {one.subject: one for one in machine_checks.findings(config)}
    assert found["disk of /tmp"].state is state
    if state is State.MEND:
        assert ("0.25 GiB" in found["disk of /tmp"].remedy) == (kind == "tmpfs")


def test_a_password_that_is_wrong_is_not_a_server_to_start():
    said = 'connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "p"'
    assert "password in DATABASE_URL" in remedies.database(said)


def test_a_message_that_did_not_leave_says_why_in_words(smtp_at):
    """Not by the name of a Python class: a wrong password, no TLS, nobody there, a name that is none."""
    found = {name: smtp_at(url) for name, url in {
        "closed": "smtp://127.0.0.1:1", "nameless": "smtp://mail.invalid:25",
    }.items()}  # fmt: skip
    assert "Connection refused" in found["closed"].said
    assert "host and port" in found["closed"].remedy
    assert "Correct the host" in found["nameless"].remedy


@pytest.mark.parametrize(
    ("cause", "said", "remedy"),
    [
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 no"), "535 5.7.8", "password"),
        (smtplib.SMTPNotSupportedError("STARTTLS extension not supported by server."), "no TLS", "587"),
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), "hung up", "smtps://"),
        (TimeoutError("timed out"), "in time", "port"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "WRONG_VERSION", "starttls=1"),
    ],
)
def test_each_refusal_of_a_mail_server_has_its_sentence(cause, said, remedy):
    with pytest.raises(MailUnavailable) as caught, smtp._sorted_errors():
        raise cause
    found = outside_checks._unsent(caught.value)
    assert said in found.said
    assert remedy in found.remedy
    assert "Error" not in found.said
