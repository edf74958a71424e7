"""How the desk says dates, PayPal's statuses and acts: short, once, in the reader's words (words.md)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from portal.domain.ends.received_requests import Way
from portal.domain.subscriptions import ProviderStatus, Status
from portal.services.inbox import received_requests
from portal.services.inbox.received_requests import Declaration
from portal.web.admin import words
from portal.web.admin.messages import event_words

MOMENT_IN_FULL = re.compile(r"day \d+ \w+ \d{4} at \d")
PAGES = ("", "subscriptions", "customers", "audit", "bulk", "paypal/events", "paypal/comparisons", "settings")


@pytest.fixture
def cancelled(make, merchant, now):
    """A subscription that PayPal has stopped and whose paid time goes on."""
    return make.subscription(
        merchant=merchant, status=Status.CANCELLED, provider_status_at=now,
        end_requested_at=now - timedelta(hours=1), stopped_at_provider_at=now,
        paid_until=now + timedelta(days=9), ended_at=now + timedelta(days=9),
    )  # fmt: skip


def fact(page, label: str) -> list[str]:
    return [
        row.select_one("dd").get_text(" ", strip=True)
        for row in page.select("dl.summary > div")
        if row.select_one("dt").get_text(strip=True) == label
    ]


def test_a_page_with_an_hour_names_its_zone_once_and_no_moment_in_full(owner, cancelled):
    record, customer = f"subscriptions/{cancelled.id}", f"customers/{cancelled.customer_id}"
    for path in (*PAGES, record, customer):
        page = owner.get(f"/admin/{path}")
        said = page.select_one("main").get_text()
        has_hour = re.search(r"\b\d\d:\d\d\b", said) is not None
        assert page.soup.get_text().count("Paris time") == has_hour, path
        if has_hour:  # with the first one, or before it in the caption of its table
            first = re.search(r"\b\d\d:\d\d\b", said).end()
            assert "(Paris time)" in said[: first + len(" (Paris time)")], path
        assert not MOMENT_IN_FULL.search(page.text), path


def test_the_record_says_a_moment_in_short_and_in_french(owner, cancelled):
    owner.get("/admin/settings").submit(press="Français")
    page = owner.get(f"/admin/subscriptions/{cancelled.id}")
    (stopped,) = fact(page, "Arrêt chez PayPal")
    assert re.fullmatch(r"\d+ \w+\.? \d{4}, \d\d:\d\d( \(heure de Paris\))?", stopped)
    assert page.soup.get_text().count("heure de Paris") == 1


def test_the_end_of_a_subscription_has_one_name_before_and_after_its_day(owner, make, merchant, cancelled, now):
    page = owner.get(f"/admin/subscriptions/{cancelled.id}")
    before = fact(page, "Subscription end date")
    past = make.subscription(merchant=merchant, status=Status.CANCELLED, ended_at=now - timedelta(days=1))
    page = owner.get(f"/admin/subscriptions/{past.id}")
    assert len(before) == len(fact(page, "Subscription end date")) == 1
    for label in ("Ended", "Ends on"):
        assert fact(page, label) == []


def test_paypals_status_is_translated_with_its_own_word_beside_it(owner, cancelled):
    assert fact(owner.get(f"/admin/subscriptions/{cancelled.id}"), "PayPal status") == ["cancelled CANCELLED"]
    assert set(words.PROVIDER_STATUS) == set(ProviderStatus)
    assert words.provider_status_line("NEW_WORD") == "NEW_WORD"


def test_a_message_type_without_words_is_said_once():
    assert event_words.type_with_word("SOMETHING.NEW") == ("SOMETHING.NEW", None)
    assert event_words.type_with_word("PAYMENT.SALE.COMPLETED")[1] == "PAYMENT.SALE.COMPLETED"


def test_only_what_stops_or_gives_back_is_pushed(ctx, owner, merchant, now):
    declared = Declaration(merchant_id=merchant.id, name="Zoé Durand", email="", way=Way.LETTER, received_at=now)
    letter = received_requests.record(ctx, declared, now=now)
    page = owner.get("/admin/")
    assert [one.get_text(strip=True) for one in page.select("main .button-primary")] == ["Find the subscription"]
    page = owner.get(f"/admin/received/{letter.id}")
    assert "Close without ending anything" in page.text
    assert page.select("main .button-primary") == []
