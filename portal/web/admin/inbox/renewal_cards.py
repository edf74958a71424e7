"""Cards of fixed terms that renew themselves: who is to be told by letter, and what goes back after an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import g, url_for
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.ends import duties
from portal.domain.ends.duties import Duty
from portal.domain.law.renewals import ReminderState
from portal.domain.policies import Role
from portal.queries.inbox import Item
from portal.services.dates.renewal_terms import day_of
from portal.web.admin import presenting, renewal_words
from portal.web.admin.inbox.card_parts import Card, Way, may, whose
from portal.web.admin.presenting import Row
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import RenewalRefund, RenewalReminder


def of_reminder(item: Item, role: Role) -> Card:
    """Return the card of a renewal of which the customer has to be told otherwise, or nobody knows the day."""
    reminder: RenewalReminder = item.about
    page, fmt = url_for(".subscription_renewal", subscription_id=reminder.subscription_id), formatter()
    is_unknown = reminder.state is ReminderState.START_UNKNOWN
    label = _("Enter the day") if is_unknown else _("Record a letter")
    ways = [Way(label=label, url=f"{page}#{'start' if is_unknown else 'letter'}")]
    if not is_unknown:
        ways.append(
            Way(label=_("Leave it without a proof"), url=url_for(".renewal_seen", reminder_id=reminder.id), posts=True)
        )
    rows: list[Row] = []
    if reminder.deadline_on is not None:
        rows.append((_("Last day to refuse the renewal"), fmt.date(reminder.deadline_on)))
    if reminder.closes_on is not None:
        rows.append((_("The reminder is in time until"), fmt.date(reminder.closes_on)))
    return Card(
        title=whose(item),
        url=page,
        label=_("Renewal"),
        state="warn",
        happened=renewal_words.happened(reminder),
        todo=renewal_words.todo(reminder, day_of(utc_now(), g.merchant.time_zone)),
        rows=rows,
        ways=may(role, Role.SUPPORT, *ways),
    )


def of_refund(item: Item, role: Role) -> Card:
    """Return the card of what goes back within thirty days of an end that was free of charge."""
    found: RenewalRefund = item.about
    settled = Way(
        label=_("It went back another way"),
        url=url_for(".renewal_refund_settled", refund_id=found.id),
        posts=True,
    )
    refund = Way(
        label=_("Refund %(amount)s…", amount=formatter().money(found.money)),
        url=url_for(".payment_refund", payment_id=found.payment_id, amount=found.money.figures),
        kind="primary",
    )
    see = Way(label=_("See the renewals"), url=url_for(".subscription_renewal", subscription_id=found.subscription_id))
    return Card(
        title=whose(item),
        url=see.url,
        label=_("Refund"),
        state="stop",
        happened=renewal_words.owed(found),
        todo=_("Refund it on the page of its payment, or return the money another way and note it here."),
        rows=[
            (_("Amount"), formatter().money(found.money)),
            (_("Due by"), presenting.day(found.due_at)),
        ],
        ways=[refund, settled, see] if duties.may(role, Duty.REFUNDS) else [see],
    )
