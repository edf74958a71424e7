"""What the desk reads of tacit renewals: which one comes, what was sent before it, and what proves that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flask import g
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.law.renewals import ReminderState, Renewal, Renewing
from portal.services.renewals.desk import WrongDay
from portal.services.renewals.reminders import is_proved
from portal.web.admin import presenting
from portal.web.admin.presenting import Row
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from datetime import date

    from portal.models import RenewalRefund, RenewalReminder, Subscription

STATE: Final[Mapping[ReminderState, LazyString]] = {
    ReminderState.WAITING: _l("Being sent"),
    ReminderState.SENT: _l("Sent by email"),
    ReminderState.FAILED: _l("Not delivered"),
    ReminderState.LETTER: _l("Sent by letter"),
    ReminderState.MISSED: _l("Not sent in time"),
    ReminderState.START_UNKNOWN: _l("Start of the term unknown"),
}
WRONG_DAY: Final[Mapping[WrongDay, LazyString]] = {
    WrongDay.AHEAD: _l("Enter a day that is not in the future."),
}


def term_rows(subscription: Subscription, terms: Renewing, start: date | None, coming: Renewal | None) -> list[Row]:
    """Return the term and the renewal that comes next; what nobody knows is None, which the page says."""
    fmt = formatter()
    months = ngettext("%(num)s month", "%(num)s months", terms.months)
    days = ngettext("%(num)s day", "%(num)s days", terms.notice_days)
    rows: list[Row] = [
        (_("Customer"), presenting.name_of(subscription.customer)),
        (_("Term"), months),
        (_("Notice to refuse the renewal"), days),
        (_("First term began on"), fmt.date(start) if start is not None else None),
    ]
    if coming is not None:
        rows += [
            (_("Renews on"), fmt.date(coming.renews_on)),
            (_("Last day to refuse the renewal"), fmt.date(coming.deadline_on)),
            (_("The reminder is in time"), window(coming)),
        ]
    return rows


def window(one: Renewal) -> str:
    """Return between which days a reminder is in time."""
    fmt = formatter()
    return _("from %(first)s to %(last)s", first=fmt.date(one.opens_on), last=fmt.date(one.closes_on))


def _proved(reminder: RenewalReminder) -> str:
    """Return whether it is proved; nobody can say so while it is on its way."""
    if is_proved(reminder, g.merchant):
        return _("Yes")
    return _("Not yet") if reminder.state is ReminderState.WAITING else _("No")


def line(reminder: RenewalReminder) -> dict[str, object]:
    """Return a reminder as a row of the table of proofs."""
    fmt = formatter()
    sent = fmt.short_date(reminder.letter_on) if reminder.letter_on is not None else None
    if sent is None and reminder.sent_at is not None:
        sent = fmt.short(reminder.sent_at)
    return {
        "renews_on": fmt.short_date(reminder.renews_on) if reminder.renews_on is not None else "–",
        "state": STATE[reminder.state],
        "sent": sent or "–",
        "address": reminder.address or "–",
        "message_id": reminder.message_id,
        "template": reminder.template,
        "proved": _proved(reminder),
    }


def happened(reminder: RenewalReminder) -> str:
    """Return why a reminder needs the merchant."""
    if reminder.state is ReminderState.START_UNKNOWN:
        return _("Nobody knows when this fixed term began, so nobody knows when it renews.")
    day = formatter().date(reminder.renews_on) if reminder.renews_on is not None else _("date unknown")
    if reminder.state is ReminderState.MISSED:
        return _("It renews on %(date)s, and no reminder was sent in time.", date=day)
    if not reminder.address:
        return _("It renews on %(date)s, and no email address of this customer is known.", date=day)
    return _(
        "It renews on %(date)s, and the reminder to %(address)s was not delivered.", date=day, address=reminder.address
    )


def todo(reminder: RenewalReminder, today: date) -> str:
    """Return what helps, as long as something does."""
    if reminder.state is ReminderState.START_UNKNOWN:
        return _("Enter the day on which the first term began.")
    if reminder.closes_on is not None and today <= reminder.closes_on:
        return _(
            "Send the reminder by letter by %(date)s, and record it here. A corrected email address is written to by "
            "itself.",
            date=formatter().date(reminder.closes_on),
        )
    return _(
        "The time for it is over: from the renewal the customer may end it at any time, free of charge. If you sent a "
        "letter in time, record it here."
    )


def owed(found: RenewalRefund) -> str:
    """Return what goes back, by when and why."""
    fmt = formatter()
    return _(
        "The customer ended it after a renewal without a proved reminder. %(amount)s paid ahead goes back by %(date)s; "
        "after that, interest is due (L241-3).",
        amount=fmt.money(found.money),
        date=fmt.day(found.due_at),
    )
