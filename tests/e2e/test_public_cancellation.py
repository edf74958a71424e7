"""« Résilier votre contrat », lived without scripts and without an account: the form at night while PayPal is down,
ended by itself in the morning, the proof in hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from config import Config
from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Mail, PublicDeclaration, Subscription
from portal.services.carrying import end_carrying
from portal.services.context import Context
from portal.services.declarations import deciding
from tests.e2e.conftest import NewVisitor
from tests.e2e.serving import served
from tests.e2e.visitor import NARROW, WIDE, Visitor, plain
from tests.waiting_mails import said
from tests.web.conftest import config  # noqa: F401 - the fixtures of the web tests serve here too
from tests.web.declarations.declaring import question_taken


@dataclass
class Night:
    """Who declares, of what, and where."""

    zoe: Visitor
    there: str
    subscription: Subscription


@pytest.fixture(params=[("fr", NARROW, True), ("en", WIDE, False)], ids=["fr", "en"])
def night(request, config: Config, ctx: Context, make, new_visitor: NewVisitor) -> Iterator[Night]:  # noqa: F811
    locale, size, keyboard = request.param
    atelier = make.merchant(name="L’Atelier", slug="atelier", locale=locale)
    zoe = make.customer(atelier, email="zoe@client.test", name="Zoé Martin", locale=locale)
    soon = utc_now() + timedelta(hours=5)  # a payment is near: it is not waited for a day
    held = make.subscription(merchant=atelier, customer=zoe, next_payment_at=soon)
    with served(config, ctx) as there:
        visitor = new_visitor("zoe", locale=locale, size=size, keyboard=keyboard)
        yield Night(visitor, there, held)


def declare(night: Night) -> tuple[str, int]:
    """Go the whole way from a page of the merchant's; return the reference, and how often something was pressed."""
    zoe, french = night.zoe, night.zoe.locale == "fr"
    zoe.open(f"{night.there}/account/atelier/login")
    label = "Résilier votre contrat" if french else "Cancel your contract"
    zoe.go(zoe.page.get_by_role("link", name=label, exact=True))
    assert zoe.page.url.endswith("/resilier" if french else "/cancel-contract")
    zoe.type("First and last name, or name of the company", "Zoé Martin")
    zoe.type("Your email address", "zoe@client.test")
    zoe.type("Contract or customer number", night.subscription.provider_id)
    zoe.press("button", "Check the summary")
    notify = "Notification de la résiliation" if french else "Notify the cancellation"
    zoe.go(zoe.page.get_by_role("button", name=notify, exact=True))
    reference = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", zoe.text)
    assert reference is not None, zoe.text
    return reference[0], 3


@pytest.mark.law("R-FR-4", "R-FR-12", "R-FR-13", "R-DP-5", "R-GD-5")
def test_form_at_night_paypal_down_ended_by_itself_in_the_morning(night: Night, ctx: Context, paypal) -> None:
    paypal.rule("any", "500")
    reference, pressed = declare(night)
    assert pressed <= 3
    zoe = night.zoe
    assert plain(zoe.word("Your cancellation is notified")) == zoe.title
    declared = zoe.page.url
    with ctx.db.read() as session:
        received_id = session.scalars(select(PublicDeclaration.received_request_id)).one()
    deciding.decide(ctx, received_id, now=utc_now())
    question_taken(ctx)
    deciding.run(ctx, now=utc_now())
    assert list(requests_of(ctx, night)) == [], "whoever reads the mailbox on file has time to say no"
    with ctx.db.read() as session:
        morning = session.get_one(PublicDeclaration, received_id).due_at + timedelta(minutes=1)
    deciding.run(ctx, now=morning)
    (request,) = requests_of(ctx, night)
    end_carrying.carry_out(ctx, request.merchant_id, request.id)
    assert status_of(ctx, night) is Status.ACTIVE
    assert mails(ctx, "end_confirmed") == [], "nobody says that it is over before PayPal does"

    paypal.rules.clear()
    end_carrying.carry_out(ctx, request.merchant_id, request.id, insist=True)
    assert status_of(ctx, night) is Status.CANCELLED
    ((to, proof),) = mails(ctx, "end_confirmed")
    assert to == "zoe@client.test"
    assert reference in proof.text
    zoe.open(declared)
    assert reference in zoe.text
    assert zoe.problems == []
    path = zoe.page.locator("main a.button").first.get_attribute("href")
    file = zoe.page.request.get(f"{night.there}{path}")
    assert file.body().startswith(b"%PDF")


def requests_of(ctx: Context, night: Night):
    with ctx.db.read() as session:
        return session.scalars(select(EndRequest).where(EndRequest.subscription_id == night.subscription.id)).all()


def status_of(ctx: Context, night: Night) -> Status:
    with ctx.db.read() as session:
        return session.get_one(Subscription, night.subscription.id).status


def mails(ctx: Context, kind: str):
    with ctx.db.read() as session:
        found = session.scalars(select(Mail).where(Mail.kind == kind)).all()
    return [(mail.recipient, said(ctx, mail)) for mail in found]
