"""An end that waits for its day, on the customer's pages: in words, and with the access that it will leave."""

from __future__ import annotations

from datetime import datetime

from flask import g

from portal.documents.planned_ends import planned_words
from portal.domain.access.access import Window
from portal.mail.facts import PlannedWords
from portal.queries.holdings import Held
from portal.services.dates import planned_ends
from portal.services.rules import grants_of
from portal.web.formatting import formatter


def planned(holding: Held, *, now: datetime) -> PlannedWords | None:
    """Return what is said of the end that waits; None where none does."""
    if holding.request is None:
        return None
    subscription = holding.subscription
    given = grants_of(subscription.product, holding.grants)
    told = planned_ends.told_of(holding.request, subscription, g.merchant, given=given, now=now)
    return planned_words(told, formatter()) if told is not None else None


def open_windows(holding: Held, *, now: datetime) -> tuple[Window, ...]:
    """Return when each content is open: where an end waits, until when it will leave it open."""
    subscription = holding.subscription
    given = grants_of(subscription.product, holding.grants)
    return planned_ends.windows_of(subscription, holding.request, given=given, now=now)
