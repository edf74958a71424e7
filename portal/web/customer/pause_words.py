"""What a customer's pages say of a pause: what stands, what may be asked for, and nothing that PayPal must refuse."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import g
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.domain import policies
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.errors import DomainError
from portal.domain.merchants.sections import Section
from portal.domain.policies import Actor
from portal.domain.subscriptions import ProviderStatus, Status
from portal.mail.letterhead import one_line
from portal.queries.holdings import Held, Holding
from portal.services.pauses import pauses
from portal.services.pauses.pauses import Days
from portal.services.rules import settings_of
from portal.web.formatting import formatter


@dataclass(frozen=True, kw_only=True)
class Stand:
    """Where pauses of a subscription stand, in plain values."""

    may_pause: bool
    may_resume: bool
    is_paused: bool
    is_left: bool  # by PayPal, suspended for failed payments that have come since: nobody paused it
    is_resting: bool  # paused, and nothing of it is under way
    is_late: bool
    title: str | None  # of the notice, if there is one
    said: tuple[str, ...]
    withdrawable: uuid.UUID | None


def may(holding: Held, kind: PauseKind, *, now: datetime) -> bool:
    """Say whether the customer may ask for it: the merchant offers it, PayPal allows it, no end is under way."""
    subscription = holding.subscription
    if holding.request is not None and holding.request.is_open:
        return False
    try:
        pauses.check_state(subscription, kind, holding.pauses)
        settings = settings_of(g.merchant, subscription, now=now)
        policies.check(Actor.CUSTOMER, pauses.ACTIONS[kind], settings)
    except DomainError:
        return False
    return True


def stand(holding: Held, *, now: datetime) -> Stand:
    """Return what the card shows."""
    subscription = holding.subscription
    running = next((row for row in holding.pauses if row.is_open and not row.waits(now)), None)
    title, said = _said(holding, now=now)
    own = running if running is not None and pauses.may_withdraw(running, Actor.CUSTOMER) else None
    return Stand(
        may_pause=g.merchant.shows(Section.PAUSES) and running is None and may(holding, PauseKind.PAUSE, now=now),
        may_resume=running is None and may(holding, PauseKind.RESUME, now=now),
        is_paused=subscription.status is Status.PAUSED and subscription.withdrawn_at is None,
        is_left=subscription.is_left_suspended(holding.pauses),
        is_resting=subscription.status is Status.PAUSED and running is None,
        is_late=subscription.status is Status.PAST_DUE,
        title=title,
        said=said,
        withdrawable=own.id if own is not None else None,
    )


def _said(holding: Held, *, now: datetime) -> tuple[str | None, tuple[str, ...]]:
    """Return the notice's title and its sentences: what is under way, else the pause that lasts."""
    subscription, fmt = holding.subscription, formatter()
    under_way = next((row for row in holding.pauses if row.is_open and not row.waits(now)), None)
    if under_way is not None and under_way.kind is PauseKind.PAUSE:
        said = [_("PayPal has not confirmed it yet. We are trying again. You do not need to do anything.")]
        if subscription.next_payment_at is not None:
            day = fmt.day(subscription.next_payment_at)
            said.append(_("Until then the payment due on %(date)s may still be taken.", date=day))
        if under_way.state is PauseState.NEEDS_MERCHANT:
            said.append(_("%(merchant)s has been told.", merchant=g.merchant.name))
        return _("Your pause has been requested"), tuple(said)
    if under_way is not None:
        said = [_("PayPal has not confirmed it yet. We are trying again. No payment is taken until then.")]
        return _("The end of your pause has been requested"), tuple(said)
    if subscription.status is not Status.PAUSED or subscription.withdrawn_at is not None:
        return None, ()
    if subscription.is_left_suspended(holding.pauses):
        return _("PayPal still suspends your payments"), _left(holding, now=now)
    planned = next((row for row in holding.pauses if row.waits(now)), None)
    said = [_("No payment is taken while the pause lasts.")]
    if planned is not None:
        said.append(_("It starts again on %(date)s.", date=fmt.day(planned.due_at)))
    else:
        said.append(_("No date is set for payments to start again."))
    title = _("Your payment schedule is paused") if subscription.is_schedule else _("Your subscription is paused")
    return title, tuple(said)


def _left(holding: Held, *, now: datetime) -> tuple[str, ...]:
    """Return what is true of one that PayPal suspends though its payment came, what comes next, and who can help."""
    shop = one_line(g.merchant.name)
    return (
        _("Your payment has arrived. PayPal still suspends your payments: it takes none at the moment."),
        _("PayPal may start them again by itself, and this page then says so."),
        _("You can also ask for it here: “Resume, or change the day”.")
        if may(holding, PauseKind.RESUME, now=now)
        else _("If it does not, write to %(merchant)s.", merchant=shop),
    )


def days_of(holding: Holding, *, now: datetime) -> Days:
    """Return the days that the customer may choose."""
    history = list(holding.pauses)
    return pauses.days(holding.subscription, history, Actor.CUSTOMER, zone=formatter().time_zone, now=now)


def proposed(offered: Days) -> datetime:
    """Return a day to begin with: a month from now, or the last one that is offered."""
    return min(offered.first + timedelta(days=29), offered.last)


def late_because(holding: Holding) -> tuple[str, ...]:
    """Return why a payment is late and what PayPal does next, as far as it is known."""
    subscription, fmt = holding.subscription, formatter()
    failed, threshold = subscription.failed_payments, subscription.failure_threshold
    said = []
    if subscription.past_due_since is not None:
        said.append(_("A payment has been missing since %(date)s.", date=fmt.day(subscription.past_due_since)))
    if failed:
        said.append(ngettext("One payment has failed.", "%(num)d payments in a row have failed.", failed))
    if subscription.provider_status == ProviderStatus.SUSPENDED:
        said.append(_("PayPal has suspended payments because of this: nothing is being taken at the moment."))
    else:
        # The count rises only once the retries are over; the sum then joins the next billing (FACTS.md 1.4).
        # How often PayPal tried is not told: one refusal is no second try.
        said.append(
            _("What is unpaid may be taken together with the next payment.")
            if failed
            else _("PayPal may try this payment again, or take what is unpaid together with the next payment.")
        )
        if threshold > 0:
            said.append(_("PayPal suspends payments once %(count)s in a row have failed.", count=threshold))
    return tuple(said)
