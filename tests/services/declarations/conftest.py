"""A merchant whose customers end by themselves, one of them, and what anybody declares."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import update

from portal.domain.law.countries import Country, Function, strategy
from portal.models import Mail, MailState
from portal.services.declarations import deciding, declarations
from portal.services.declarations.declarations import Declared

DESK = "aide@atelier.test"


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", name="L’Atelier", support_email=DESK, locale="en")


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, name="Claire Martin", email="claire@client.test", locale="en")


@pytest.fixture
def subscription(make, merchant, claire, now):
    return make.subscription(merchant=merchant, customer=claire)


@pytest.fixture
def declare(ctx, mailer, merchant, now):
    """Declare as a stranger may, let the job decide and the question leave; return the request's id."""
    tokens = itertools.count()

    def taken(at):
        """The mail server takes what is asked; the words stay to be read here."""
        with ctx.db.begin() as session:
            asked = update(Mail).where(Mail.kind == "declaration_link", Mail.state == MailState.WAITING)
            if not mailer.away:
                session.execute(asked.values(state=MailState.SENT, sent_at=at))

    def declared(email="claire@client.test", name="Claire Martin", *, at=None, network="n", is_decided=True, **more):
        token = more.pop("page_token", f"page-{next(tokens)}")
        wish = Declared(
            merchant_id=merchant.id,
            strategy=strategy(Country.FR, Function.CANCELLATION),
            language="fr",
            page_token=token,
            name=name,
            email=email,
            **more,
        )
        received_id = declarations.declare(ctx, wish, network=network, now=at or now)
        if is_decided:
            deciding.decide(ctx, received_id, now=at or now)
            taken(at or now)
        return received_id

    return declared
