"""What a customer has access to, line by line, each with its origin: a subscription, or somebody's hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flask_babel import gettext as _

from portal.domain.access.grants import is_over
from portal.queries.people.customer_records import PlainGift
from portal.services.dates import planned_ends
from portal.web.admin import presenting
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import EndRequest, Grant, Subscription


@dataclass(frozen=True, kw_only=True)
class AccessLine:
    """A product, until when it is open, and whence. `grant_id`: of a gift that can still be changed."""

    product: str
    until: str
    origin: str
    note: str = ""
    subscription_id: uuid.UUID | None = None
    grant_id: uuid.UUID | None = None


def open_lines(
    held: Sequence[Subscription], requests: Iterable[EndRequest], gifts: Iterable[PlainGift], *, now: datetime
) -> list[AccessLine]:
    """Return what is open or will be: by subscriptions first, then what was given."""
    asked = {one.subscription_id: one for one in requests if one.is_open}
    bought = (_bought(one, asked.get(one.id), now=now) for one in held)
    given = (_given(one, now=now) for one in gifts if not is_over(one, now))
    return [line for line in bought if line is not None] + list(given)


def past_gifts(gifts: Iterable[PlainGift], *, now: datetime) -> list[AccessLine]:
    """Return what was given and is over, the latest first."""
    return [_given(one, now=now) for one in gifts if is_over(one, now)][::-1]


def gift_lines(gifts: Iterable[Grant], *, now: datetime) -> list[str]:
    """Return each gift of one product that is open or will be: its days, when it was given and by whom."""
    return [f"{days_of(one, now=now)} – {given_by_hand(one)}" for one in gifts if not is_over(one, now)]


def given_by_hand(gift: PlainGift | Grant) -> str:
    """Return when, and by whom: « donné à la main le 3 févr. 2027, par Anne Martin »."""
    date = formatter().short_day(gift.created_at)
    if gift.actor_name:
        return _("given by hand on %(date)s, by %(name)s", date=date, name=gift.actor_name)
    return _("given by hand on %(date)s", date=date)


def days_of(gift: PlainGift | Grant, *, now: datetime) -> str:
    """Return from when until when, in few words."""
    fmt = formatter()
    if gift.withdrawn_at is not None:
        date = fmt.short_day(gift.withdrawn_at)
        if gift.withdrawn_by:
            return _("withdrawn on %(date)s, by %(name)s", date=date, name=gift.withdrawn_by)
        return _("withdrawn on %(date)s", date=date)
    until = fmt.short_last_day(gift.until) if gift.until is not None else ""
    if gift.since > now:
        since = fmt.short_day(gift.since)
        if until:
            return _("from %(since)s until %(until)s", since=since, until=until)
        return _("from %(since)s, for good", since=since)
    return _("until %(date)s", date=until) if until else _("for good")


def _bought(subscription: Subscription, request: EndRequest | None, *, now: datetime) -> AccessLine | None:
    """Return the line of a subscription; None for one that opens nothing any more."""
    seen = planned_ends.windows_of(subscription, request, now=now)
    still = tuple(one for one in seen if one.until is None or one.until > now)
    if not still:
        return None
    return AccessLine(
        product=subscription.product.name,
        until=presenting.access_line(still),
        origin=_("by subscription"),
        subscription_id=subscription.id,
    )


def _given(gift: PlainGift, *, now: datetime) -> AccessLine:
    return AccessLine(
        product=gift.product,
        until=days_of(gift, now=now),
        origin=given_by_hand(gift),
        note=_("Internal note: %(note)s", note=gift.note) if gift.note else "",
        grant_id=None if is_over(gift, now) else gift.id,
    )
