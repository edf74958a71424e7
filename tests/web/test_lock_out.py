"""Deciding test 25: whatever strangers try, who owns the mailbox is in within a minute, from a browser never seen."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from sqlalchemy import select

from portal.models import Mail
from portal.services.people import logins
from portal.services.people.logins import Ask
from portal.services.people.sessions import Visitor
from tests.browser_client import Browser
from tests.web.conftest import PASSWORD, totp

MORNING = datetime(2026, 11, 28, 0, 0, tzinfo=UTC)
LINK = re.compile(r"http://portal\.test(/\S+/login/link/\S+)")
A_MINUTE = timedelta(seconds=55)


class Stranger:
    """Somebody with as many networks and browsers as they like, who knows an address and nothing else."""

    def __init__(self, ctx, merchant, email: str) -> None:
        self.ctx, self.merchant, self.email = ctx, merchant, email
        self.number = 0

    def attack(self, now: datetime) -> None:
        """Ask for a mail and type the five codes that a browser may type, all wrong but for one in a million."""
        self.number += 1
        browser, network = f"stranger-{self.number}", f"203.0.{self.number % 250}.0/24"
        wish = Ask(
            merchant_id=self.merchant.id, email=self.email, browser_token=browser, language="en", network=network
        )
        logins.ask(self.ctx, wish, now=now)
        for guess in range(5):
            entry = logins.enter_by_code(
                self.ctx, self.merchant.id, browser, f"{self.number * 7 + guess:06}", visitor=Visitor(), now=now
            )
            assert entry is None


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def owner(make, merchant):
    return make.customer(merchant)


def enter(app, merchant, owner, letters, clock, *, address: str) -> str:
    """The owner logs in from a browser never seen; return by which way."""
    browser = Browser(app, address=address)
    page = browser.submit(f"/account/{merchant.slug}/login", email=owner.email)
    clock.shift(A_MINUTE)
    letter = letters()[-1]
    assert letter.recipient == owner.email
    code = re.search(r"^\d{6}$", letter.text, re.MULTILINE)
    if page.select_one("input[name=code]") is not None and code is not None:
        way, page = "code", page.submit(code=code[0])
    else:
        assert "link" in page.text
        way, page = "link", browser.get(LINK.search(letter.text)[1]).submit()
    assert page.path == f"/account/{merchant.slug}/"
    return way


def test_25_a_stranger_tries_all_day_and_the_owner_is_in_within_a_minute(app, ctx, merchant, owner, letters):
    stranger, ways = Stranger(ctx, merchant, owner.email), []
    with time_machine.travel(MORNING, tick=False) as clock:
        for step in range(24 * 2):
            now = MORNING + timedelta(minutes=30 * step)
            clock.move_to(now)
            stranger.attack(now)
            if step % 8 == 5:
                clock.shift(timedelta(minutes=step % 10))
                ways.append(enter(app, merchant, owner, letters, clock, address=f"198.51.{step}.7"))
    assert set(ways) == {"code", "link"}, "after a hundred wrong codes the link alone opens"
    assert ways == sorted(ways), "and it goes on opening until the day is over"


@pytest.mark.parametrize("minute", range(11))
def test_no_minute_of_a_live_mail_is_a_bad_one(app, ctx, merchant, owner, letters, minute):
    """A stranger asks before the owner, and again at the moment in which another mail may leave."""
    stranger = Stranger(ctx, merchant, owner.email)
    with time_machine.travel(MORNING, tick=False) as clock:
        stranger.attack(MORNING)
        clock.move_to(MORNING + timedelta(minutes=minute))
        browser = Browser(app, address="198.51.100.7")
        page = browser.submit(f"/account/{merchant.slug}/login", email=owner.email)
        first = re.search(r"^\d{6}$", letters()[-1].text, re.MULTILINE)[0]
        clock.shift(A_MINUTE)
        stranger.attack(datetime.now(UTC))
        assert page.submit(code=first).path == f"/account/{merchant.slug}/"


def test_a_flood_from_one_network_is_five_mails_an_hour(ctx, merchant, owner, letters):
    wish = Ask(merchant_id=merchant.id, email=owner.email, browser_token="b", language="en", network="203.0.113.0/24")
    for minute in range(0, 200, 2):
        try:
            logins.ask(ctx, wish, now=MORNING + timedelta(minutes=minute))
        except logins.throttles.TooManyTries:
            continue
    sent = sorted(letter_times(ctx))
    assert all(later - sooner >= timedelta(minutes=7) for sooner, later in pairwise(sent))
    for first in sent:
        assert len([at for at in sent if first <= at < first + timedelta(hours=1)]) <= 5


def letter_times(ctx) -> list[datetime]:
    with ctx.db.read() as session:
        return list(session.scalars(select(Mail.created_at)))


@pytest.mark.law("R-GD-9")
def test_ten_wrong_passwords_lock_no_member_of_staff_out(app, make, hire, letters):
    lea = hire(make.merchant(locale="en"))
    with time_machine.travel(MORNING, tick=False) as clock:
        for number in range(10):
            Browser(app, address=f"203.0.{number}.9").submit(
                "/admin/login", email=lea.staff.email, password="a guess of a stranger", status=422
            )
        browser = Browser(app, address="198.51.100.7")
        page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=429)
        page = page.submit(email=lea.staff.email)
        clock.shift(A_MINUTE)
        (link,) = {found[1] for letter in letters() if (found := LINK.search(letter.text))}
        page = browser.get(link).submit()
        assert page.path == "/admin/login"
        page = page.submit(email=lea.staff.email, password=PASSWORD)
        assert page.submit(code=totp(lea)).path in ("/admin", "/admin/")
        Browser(app, address="203.0.113.9").submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=429)
