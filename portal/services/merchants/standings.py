"""Suspend a merchant, lift it, record that it leaves, take that back: the operator's acts, each in its audit chain."""

from __future__ import annotations

import uuid
from datetime import datetime

from portal.domain.audit import Act, By
from portal.domain.merchants.merchants import NOTICE, IllegalStep, MerchantState
from portal.queries.merchants import departures
from portal.queries.people import merchants
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.people import staff_alerts


class LiveSubscriptions(Exception):
    """Subscriptions that PayPal goes on charging were not accepted; `count` says how many there are."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} live subscriptions")
        self.count = count


class TooLate(Exception):
    """The merchant's last day is over and its rows are being erased."""


def suspend(ctx: Context, merchant_id: uuid.UUID, *, why: str, by: By, now: datetime) -> None:
    """Let nothing new be begun there until it is lifted; desk and owners read `why` in a sentence with a full stop.

    Raises IllegalStep unless it is open.
    """
    why = why.strip().rstrip(".")
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        if merchant.state is not MerchantState.OPEN:
            raise IllegalStep(merchant.state)
        merchant.suspended_at, merchant.suspended_why = now, why
        audit.append(session, merchant_id, Act.MERCHANT_SUSPENDED, by=by, at=now)
        staff_alerts.suspended(ctx, session, merchant_id, why=why, now=now)


def resume(ctx: Context, merchant_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Lift the suspension, also of one that leaves meanwhile. Raises IllegalStep for one that is not suspended."""
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        if merchant.suspended_at is None:
            raise IllegalStep(merchant.state)
        merchant.suspended_at, merchant.suspended_why = None, ""
        audit.append(session, merchant_id, Act.MERCHANT_RESUMED, by=by, at=now)


def leave(ctx: Context, merchant_id: uuid.UUID, *, leave_live: bool, by: By, now: datetime) -> datetime:
    """Record that the merchant leaves, and return from when on its rows may go. No subscription is ended by it.

    `leave_live`: whoever asks has accepted that PayPal goes on charging those that are live.
    Raises LiveSubscriptions without it, IllegalStep for one that leaves already.
    """
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        if merchant.state is MerchantState.LEAVING:
            raise IllegalStep(merchant.state)
        live = departures.of(session, merchant_id, now=now).live_in_all
        if live and not leave_live:
            raise LiveSubscriptions(live)
        merchant.leaving_at, merchant.gone_at = now, now + NOTICE
        day = merchant.gone_at.isoformat()
        audit.append(session, merchant_id, Act.MERCHANT_LEAVING, by=by, at=now, gone_at=day, live_subscriptions=live)
        staff_alerts.leaving(ctx, session, merchant_id, day=merchant.gone_at, live=live, now=now)
        return merchant.gone_at


def keep(ctx: Context, merchant_id: uuid.UUID, *, by: By, now: datetime) -> MerchantState:
    """Take the leaving back, and return how the merchant stands again.

    Raises IllegalStep for one that stays, and TooLate once its pages are closed: its rows are going.
    """
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        if merchant.closed_at is not None:
            raise TooLate
        if merchant.state is not MerchantState.LEAVING:
            raise IllegalStep(merchant.state)
        merchant.leaving_at = merchant.gone_at = None
        audit.append(session, merchant_id, Act.MERCHANT_KEPT, by=by, at=now)
        return merchant.state
