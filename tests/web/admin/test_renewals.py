"""Renewals at the desk: what is to be done is in the inbox, the letter and the start are written on their page."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.dates.periods import add_months
from portal.domain.law.renewals import ReminderState
from portal.models import AuditEntry, RenewalRefund
from portal.services.renewals import reminders
from tests.services.carrying.carried import ask
from tests.services.renewals.renewing import renewing, row, rows
from tests.web.admin.test_refunds import buttons


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def unreachable(ctx, make, merchant):
    """A yearly one whose reminder is due, of somebody without an address: it renews in three months."""
    start = add_months(utc_now() + timedelta(days=85), -12)
    one = renewing(
        ctx, make, notice=1, answered_at=start, started_at=start, customer=make.customer(merchant, email=None)
    )
    reminders.remind(ctx, now=utc_now())
    return one


@pytest.mark.law("R-FR-24")
def test_what_did_not_arrive_is_sent_by_letter_and_the_letter_is_its_proof(owner, ctx, unreachable):
    page = owner.get("/admin/")
    assert "no email address of this customer is known" in page.text
    assert "Send the reminder by letter by" in page.text
    page = page.follow("Record a letter")
    assert page.path == f"/admin/subscriptions/{unreachable.id}/renewal#letter"
    tomorrow = (utc_now() + timedelta(days=2)).date().isoformat()
    page = page.submit(press="Record the letter", letter_on=tomorrow, status=422)
    assert "Enter a day that is not in the future." in page.text
    page = page.submit(press="Record the letter", letter_on=utc_now().date().isoformat())
    assert "The letter is recorded: it was sent in time." in page.text
    assert row(ctx).state is ReminderState.LETTER
    assert "no email address of this customer is known" not in owner.get("/admin/").text
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "renewal.letter")).one()
    assert entry.details["before"][0] == "failed"


@pytest.mark.law("R-FR-23")
def test_a_letter_that_came_too_late_says_so(owner, ctx, unreachable):
    long_ago = (utc_now() - timedelta(days=300)).date().isoformat()
    page = owner.get(f"/admin/subscriptions/{unreachable.id}/renewal")
    page = page.submit(press="Record the letter", letter_on=long_ago)
    assert "It was not sent in time: the end stays free of charge." in page.text


def test_it_may_be_left_without_a_proof(owner, ctx, unreachable):
    page = owner.get("/admin/").submit(press="Leave it without a proof")
    assert "no longer in your to-do list" in page.text
    assert row(ctx).settled_by != ""


@pytest.mark.law("R-FR-20")
def test_an_unknown_start_is_asked_for(owner, ctx, make, merchant):
    one = renewing(ctx, make, merchant=merchant, started_at=None)
    reminders.remind(ctx, now=utc_now())
    page = owner.get("/admin/")
    assert "Nobody knows when this fixed term began" in page.text
    page = page.follow("Enter the day")
    page = page.submit(press="Save the day", term_from="", status=422)
    page = page.submit(press="Save the day", term_from="2026-03-10")
    assert "The day is saved." in page.text
    assert rows(ctx) == []
    assert str(make.reload(one).term_from) == "2026-03-10"


@pytest.mark.law("R-FR-23")
def test_what_goes_back_is_a_card_with_its_day_and_leads_to_the_refund(owner, ctx, make, merchant):
    held = make.subscription(merchant=merchant)
    payment, request = make.payment(held, 10), ask(ctx, make, held)
    with ctx.db.begin() as session:
        session.add(
            RenewalRefund(
                merchant_id=merchant.id, subscription_id=held.id, end_request_id=request.id, payment_id=payment.id,
                amount=Decimal("19.90"), currency="EUR", renewed_at=utc_now(), left_before=Decimal("29.90"),
                due_at=utc_now() + timedelta(days=30),
            )
        )  # fmt: skip
    page = owner.get("/admin/")
    assert "€19.90 paid ahead goes back by" in page.text
    page = page.follow("Refund €19.90…")
    assert page.path.startswith(f"/admin/payments/{payment.id}/refund")
    assert "Refund €19.90" in buttons(page), "the sum of the card, and not all that is left"
    page = owner.get("/admin/").submit(press="It went back another way")
    assert "goes back by" not in page.text


def test_what_never_renews_has_no_page_and_another_merchants_is_not_there(owner, ctx, make, merchant):
    plain = make.subscription(merchant=merchant)
    owner.get(f"/admin/subscriptions/{plain.id}/renewal", status=404)
    theirs = renewing(ctx, make, merchant=make.merchant())
    owner.get(f"/admin/subscriptions/{theirs.id}/renewal", status=404)
    for path in (f"renewals/{uuid.uuid4()}/letter", f"renewals/{uuid.uuid4()}/seen"):
        owner.post(f"/admin/{path}", owner.values_of(owner.get("/admin/")), status=404)
