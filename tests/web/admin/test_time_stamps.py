"""What is said of outside time stamps, by the operator's command and on the audit page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal import create_app
from portal.models import TimeStamp
from portal.providers.time_stamps import TimeStamps
from portal.services import time_stamps
from tests.browser_client import Browser
from tests.fakes.time_stamps import Authority, Server


@pytest.fixture
def server(tmp_path):
    running = Server(Authority(tmp_path))
    yield running
    running.close()


@pytest.fixture
def stamped(ctx, server):
    """The context with an authority."""
    return replace(ctx, time_stamps=TimeStamps(server.url, server.authority.trust, loopback=True))


@pytest.fixture
def seen(config, stamped, owner):
    """The owner's audit page, of a portal that has an authority."""
    browser = Browser(create_app(config, stamped))
    browser.client.set_cookie("portal_staff", owner.cookie("portal_staff") or "", domain="portal.test")
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return lambda: browser.get("/admin/audit")


def test_the_command_checks_them(stamped, config, merchant, owner, now):
    time_stamps.run(stamped, now=now)
    runner = create_app(config, stamped, pages=False).test_cli_runner()
    said = runner.invoke(args=["audit", "verify", merchant.slug])
    assert (said.exit_code, "1 time stamps hold." in said.output) == (0, True)
    with stamped.db.begin() as session:
        session.execute(update(TimeStamp).values(hash="0" * 64))
    said = runner.invoke(args=["audit", "verify"])
    assert said.exit_code == 1
    assert "these time stamps do not: chain " in said.output


def test_the_audit_page_counts_them_and_says_when_none_comes(stamped, server, seen, now):
    assert "time stamp" not in seen().text
    server.status = 503
    time_stamps.run(stamped, now=now)
    assert "has not answered as it should since" in seen().text
    server.status = 200
    time_stamps.run(stamped, now=now + timedelta(minutes=9))
    page = seen().text
    assert "has not answered" in page, "it is asked again in ten minutes"
    with stamped.db.begin() as session:
        session.execute(update(TimeStamp).values(next_try_at=now))
    time_stamps.run(stamped, now=now)
    page = seen().text
    assert "has not answered" not in page
    assert "1 outside time stamp, the last one of " in page
