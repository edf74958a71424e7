"""Bugs about money that goes back, planted as those of bugs.py."""

from __future__ import annotations

import functools
from typing import Any

from tests.chaos.planting import concerns


def part_gives_all_back() -> None:
    """The sum is not sent along: PayPal gives back all that is left."""
    from portal.services.carrying import refund_carrying

    real = refund_carrying.note_call

    @functools.wraps(real)
    def note_call(ctx: Any, claim: Any, **more: Any) -> Any:
        noted = real(ctx, claim, **more)
        is_sum = isinstance(noted, refund_carrying.Sum)
        return refund_carrying.Sum(None) if is_sum and concerns("part_gives_all_back", claim.subscription_id) else noted

    refund_carrying.note_call = note_call


def refund_believed() -> None:
    """PayPal's refusal is taken for « it has gone back already », and nobody looks."""
    from portal.domain.ends.end_requests import Trouble
    from portal.domain.money.refunds import RefundState
    from portal.services.carrying import refund_carrying

    real = refund_carrying.Refunds._asked

    def asked(self: Any, ctx: Any, claim: Any, patience: Any) -> Any:
        answer = real(self, ctx, claim, patience)
        if answer.trouble is Trouble.REFUSED and concerns("refund_believed", claim.subscription_id):
            return refund_carrying.RefundAnswer(state=RefundState.DONE, refund="")
        return answer

    refund_carrying.Refunds._asked = asked


def refund_before_the_end() -> None:
    """What was decided with an end is asked for at once, whatever PayPal says of the end."""
    from portal.services.ends import end_refunds

    real = end_refunds.decide

    @functools.wraps(real)
    def decide(session: Any, subscription: Any, request: Any, wish: Any, *, now: Any) -> None:
        real(session, subscription, request, wish, now=now)
        if concerns("refund_before_the_end", subscription.id):
            session.flush()
            end_refunds.release(session, subscription, request, now=now)

    end_refunds.decide = decide


def refund_told_early() -> None:
    """The customer is told that the money went back as soon as somebody asks for it."""
    from portal.services.money import refunds
    from portal.services.notices import refund_notices

    real = refunds.record

    @functools.wraps(real)
    def record(ctx: Any, merchant_id: Any, payment_id: Any, by: Any, **more: Any) -> Any:
        from portal.models import Payment, Refund
        from portal.queries import subscriptions

        refund_id = real(ctx, merchant_id, payment_id, by, **more)
        with ctx.db.begin() as session:
            refund = session.get_one(Refund, refund_id)
            subscription = subscriptions.lock(session, merchant_id, refund.subscription_id)
            if concerns("refund_told_early", subscription.id):
                payment = session.get_one(Payment, payment_id)
                refund_notices.given_back(ctx, session, subscription, refund, payment, now=more["now"])
        return refund_id

    refunds.record = record


def refund_dropped() -> None:
    """What was decided with an end is forgotten as soon as the end is confirmed."""
    from portal.domain.money.refunds import WithEndState
    from portal.queries.money import refunds
    from portal.services.ends import end_refunds

    real = end_refunds.release

    @functools.wraps(real)
    def release(session: Any, subscription: Any, request: Any, **more: Any) -> None:
        decided = refunds.with_end(session, request.id)
        if decided is not None and concerns("refund_dropped", subscription.id):
            decided.state = WithEndState.NOTHING_LEFT
        real(session, subscription, request, **more)

    end_refunds.release = release


def stuck_refund_unsaid() -> None:
    """A refund that PayPal did not make is in nobody's « to do »."""
    from portal.queries import inbox
    from portal.queries.inbox import found

    inbox.SOURCES = {kind: source for kind, source in inbox.SOURCES.items() if source is not found.refunds}
