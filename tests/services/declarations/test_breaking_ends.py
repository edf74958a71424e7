"""Two words of one person about one contract, and a process that is stopped between them: the newer one counts."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portal.domain.ends.end_requests import RequestState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.countries import Country, Function, strategy
from portal.domain.law.withdrawals import ConsentKind, Verdict
from portal.models import Payment, PaymentState
from portal.services.declarations import answering, carrying, deciding, declarations
from portal.services.declarations.declarations import Declared
from portal.services.ends import end_requests
from tests.services.carrying.carried import wish_of
from tests.services.declarations.test_carrying import DAY, HOUR, one, token
from tests.services.ends.withdrawing import by_staff, say, stored


@pytest.mark.law("R-FR-12", "R-FR-13")
@pytest.mark.parametrize("who", ["mailbox", "delay", "account"])
def test_who_planned_an_end_and_then_declares_a_sooner_one_is_not_kept_until_the_planned_day(
    ctx, make, merchant, claire, subscription, declare, now, who
):
    far = (now + 100 * DAY).date()
    end_requests.record(ctx, wish_of(subscription, customer_id=claire.id, wished_on=far), now=now)
    said = {"subscription_id": subscription.id} if who == "account" else {}
    received_id = declare(at=now + HOUR, contract=subscription.provider_id if who == "delay" else "", **said)
    if who == "mailbox":
        answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now + 2 * HOUR)
    deciding.run(ctx, now=now + 2 * DAY)
    received, _declared = one(ctx, received_id)
    (stands,) = [one for one in make.requests(subscription) if one.state is not RequestState.WITHDRAWN]
    assert (stands.wished_on, stands.due_at) == (None, None), "at once, as it was declared last"
    assert (stands.notified_at, stands.notified_reference) == (now + HOUR, received.reference)
    assert (received.state, received.end_request_id) == (ReceivedState.MATCHED, stands.id)


def test_a_later_day_than_the_one_that_is_planned_brings_nothing_forward(
    ctx, make, merchant, claire, subscription, declare, now
):
    day = (now + 10 * DAY).date()
    asked = end_requests.record(ctx, wish_of(subscription, customer_id=claire.id, wished_on=day), now=now)
    declare(at=now + HOUR, wished_on=(now + 50 * DAY).date())
    answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now + 2 * HOUR)
    (stands,) = make.requests(subscription)
    assert (stands.id, stands.wished_on) == (asked.request_id, day)


def test_a_yes_is_carried_out_although_the_merchant_had_it_already_and_its_process_was_stopped(
    ctx, make, mailer, merchant, subscription, declare, left, now, monkeypatch
):
    """The question left late, so that staff have it; then the mailbox says yes, and nobody is there to end it."""
    mailer.away = True
    received_id = declare(contract=subscription.provider_id)
    deciding.run(ctx, now=now + DAY)
    mailer.away = False
    (link,) = [found for letter in left(now + DAY) for found in re.findall(r"/atelier/declarations/(\S+)", letter.text)]

    def stopped(*_given, **_more):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(carrying, "carry", stopped)
        with pytest.raises(SystemExit):
            answering.confirm(ctx, merchant.id, link, subscription.id, now=now + 2 * DAY)
    deciding.run(ctx, now=now + 2 * DAY + HOUR)
    (request,) = make.requests(subscription)
    assert (request.notified_at, one(ctx, received_id)[0].end_request_id) == (now, request.id)


ZONE = ZoneInfo("Europe/Paris")
LAST_MINUTE = datetime(2026, 11, 18, 23, 59, tzinfo=ZONE)  # of who ordered on 4 November


@pytest.mark.law("R-FR-31", "R-EU-6")
@pytest.mark.parametrize("way", ["by itself", "staff"])
def test_who_withdraws_in_time_and_once_more_too_late_has_withdrawn_in_time(ctx, make, merchant, claire, way):
    """By the form on the last minute, then logged in on the next morning, since nothing seemed to happen."""
    ordered = datetime(2026, 11, 4, 10, tzinfo=ZONE)
    row = make.subscription(merchant=merchant, customer=claire, started_at=ordered)
    say(ctx, row, ConsentKind.INFORMED, at=ordered)
    with ctx.db.begin() as session:
        paid = {"environment": row.environment, "provider_id": "P-1", "state": PaymentState.COMPLETED}
        money = {"amount": Decimal("29.90"), "currency": "EUR", "paid_at": ordered, "created_at": ordered}
        session.add(Payment(merchant_id=merchant.id, subscription_id=row.id, **paid, **money))

    def withdraw(page, at, **more):
        wish = Declared(
            merchant_id=merchant.id,
            strategy=strategy(Country.FR, Function.WITHDRAWAL),
            language="fr",
            page_token=page,
            name="Claire Martin",
            email="claire@client.test",
            **more,
        )
        received_id = declarations.declare(ctx, wish, network="n", now=at)
        deciding.decide(ctx, received_id, now=at)
        return received_id

    first_id = withdraw("first", LAST_MINUTE, contract=row.provider_id if way == "by itself" else "")
    withdraw("second", LAST_MINUTE + 8 * HOUR, subscription_id=row.id)
    first, _declared = one(ctx, first_id)
    if way == "staff":  # nobody had said that the first was hers
        assert first.is_open
        assert stored(ctx).verdict is Verdict.LATE
        by_staff(
            ctx,
            row,
            now=LAST_MINUTE + DAY,
            at=first.received_at,
            received_request_id=first_id,
            reference=first.reference,
        )
    found = stored(ctx)
    assert (found.verdict, found.declared_at) == (Verdict.IN_TIME, LAST_MINUTE)
    assert make.reload(row).withdrawn_at == LAST_MINUTE, "access, too"
    assert found.refund_due_at == LAST_MINUTE + 14 * DAY
    assert one(ctx, first_id)[0].state is ReceivedState.MATCHED
