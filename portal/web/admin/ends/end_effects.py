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
    if planned is not None:
        return [_("It can be withdrawn until then; PayPal cannot undo it afterwards.")]
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
        said.append(_("No further payment will be taken. PayPal had not given the date or the amount of the next one."))
    return said


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
