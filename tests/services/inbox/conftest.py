"""A merchant whose customer may only notify an end."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.models import Mail, MailState
from portal.services.notices import outbox
from tests.services.inbox.notified import DAY, DESK, THURSDAY


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", support_email=DESK, locale="en", self_cancellation=False)


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, name="Claire Martin", locale="en")


@pytest.fixture
def subscription(make, merchant, claire):
    return make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + 60 * DAY)


@pytest.fixture
def left(ctx, mailer):
    """Let every message leave that may at that moment; return those letters."""

    def run(at):
        before = len(mailer.sent)
        with ctx.db.read() as session:
            waiting = session.scalars(select(Mail.id).where(Mail.state == MailState.WAITING)).all()
        for mail_id in waiting:
            outbox.send(ctx, mail_id, now=at)
        return mailer.sent[before:]

    return run
