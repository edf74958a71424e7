"""What its owner reads of a fixed term: when it renews itself, and until when that can be refused."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask import g
from flask_babel import gettext as _

from portal.services.dates.end_schedules import is_free
from portal.services.dates.renewal_terms import coming
from portal.web.customer.presenting import Row
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import Subscription


def rows(subscription: Subscription, *, now: datetime) -> tuple[Row, ...]:
    """Return the rows of one that renews itself; none of any other."""
    one, fmt = coming(subscription, g.merchant.time_zone, now=now), formatter()
    found: list[Row] = []
    if one is not None:
        found.append((_("Renews on"), fmt.date(one.renews_on)))
        found.append((_("Last day to refuse the renewal"), fmt.date(one.deadline_on)))
    if is_free(subscription, now=now) and not subscription.is_over:
        found.append((_("Cancellation"), _("at any time, at once and free of charge")))
    return tuple(found)
