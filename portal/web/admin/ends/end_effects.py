"""What an end by staff does, in sentences: at PayPal, to the commitment, to the invitation to come back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from portal.domain.subscriptions import ENDED, Action, Status
from portal.mail.facts import PlannedWords
from portal.web.admin import presenting, words
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import Subscription


def at_paypal(subscription: Subscription, planned: PlannedWords | None) -> list[str]:
    """Return the effect at PayPal, in sentences; of an end that waits, besides what it leaves and prevents there."""
    if subscription.is_over:
        return [_("Nothing is sent to PayPal: the subscription has already ended there.")]
    if subscription.status is Status.PENDING:
        return [_("The customer has not approved it at PayPal: nothing can be charged. We check this before ending.")]
    unpaid = _unpaid(subscription, is_planned=planned is not None)
    if planned is not None:
        said = [
            _none_planned(subscription),
            unpaid,
            _("It can be withdrawn until then; PayPal cannot undo it afterwards."),
        ]
        return [sentence for sentence in said if sentence]
    said = [_("PayPal is told now. Payments stop at once and for good: PayPal cannot undo it.")]
    amount, at = presenting.money(subscription.amount, subscription.currency), subscription.next_payment_at
    if at is not None and amount is not None:
        said.append(
            _(
                "The payment of %(amount)s due on %(date)s, and all those after it, will not be taken.",
                amount=formatter().money(amount),
                date=presenting.day(at),
            )
        )
    else:
        said.append(
            _none_planned(subscription)
            or _("No further payment will be taken. PayPal had not given the date or the amount of the next one.")
        )
    return [*said, unpaid] if unpaid else said


def _none_planned(subscription: Subscription) -> str:
    """Return why no payment is planned at all, which is not a date that nobody knows; "" where one may be."""
    if not subscription.takes_no_payment:
        return ""
    if subscription.status is Status.PAUSED:
        return _("The subscription is paused: no payment is planned.")
    return _("PayPal has suspended the payments: none is planned.")


def _unpaid(subscription: Subscription, *, is_planned: bool) -> str:
    """Return what PayPal may still try to take before the end, as far as its sum is known; "" where nothing is late."""
    owed = presenting.money(subscription.outstanding or None, subscription.currency)
    if owed is None and subscription.status is not Status.PAST_DUE:
        return ""
    late = (
        _("A payment is late.") if owed is None else _("Unpaid at PayPal: %(amount)s.", amount=formatter().money(owed))
    )
    if subscription.takes_no_payment:
        then = _("PayPal does not try to take it while the payments are suspended.")
    elif is_planned:
        then = _("Until the end, PayPal may try again, or take it together with the next payment.")
    else:
        then = _("Until PayPal has stopped, it may still try to take it.")
    return f"{late} {then}"


def meaning(subscription: Subscription, action: Action, *, is_early: bool) -> str:
    """Return what the end says; of a commitment that nobody knows it is the team's own word.

    Beside the warning that a commitment still runs, nothing calls it completed.  Of a cancellation the rest of the page
    says all there is.
    """
    if action is Action.COMPLETE and is_early:
        return ""
    if action is Action.COMPLETE and subscription.committed_until is None:
        return _("No commitment is known here: you are confirming that it was completed.")
    return str(words.MEANING.get(action, ""))


def too_early(subscription: Subscription, at: datetime) -> str:
    """Return the warning that a commitment still runs at that moment, "" when none does."""
    committed = subscription.committed_until
    if subscription.is_over or committed is None or committed <= at:
        return ""
    return _("The commitment runs until %(date)s: you are ending it early.", date=formatter().last_day(committed))


def relaunch(subscription: Subscription, outcome: Status, *, is_abandoned: bool) -> str:
    """Return whether the customer may be invited to come back afterwards, as `notice_facts.is_invited` will decide.

    `is_abandoned`: something of theirs is.
    """
    if outcome is Status.CANCELLED and is_abandoned:
        return _("No invitation to come back: another subscription of this customer was marked as abandoned.")
    if outcome is Status.CANCELLED and subscription.is_schedule:
        return _("No invitation to come back: a price paid in instalments is not taken up again.")
    if outcome is Status.CANCELLED and not (subscription.relaunch_allowed and subscription.customer.contact_allowed):
        return _("The customer asked not to be contacted: no invitation to come back.")
    assert outcome in ENDED  # noqa: S101 - ENDINGS leads to ends only
    return str(words.RELAUNCH[outcome])
