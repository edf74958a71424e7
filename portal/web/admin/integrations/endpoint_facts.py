"""From an endpoint's row to the plain rows of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.queries.integrations import event_deliveries
from portal.web.admin import presenting
from portal.web.admin.integrations import endpoint_words as words
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import EventEndpoint

MOST_COUNTED: Final = 1000
Row = tuple[str, str | None] | tuple[str, str | None, str | None]


def rows(session: Session, endpoint: EventEndpoint) -> list[Row]:
    """Return what it is told and how it fares."""
    both = endpoint.former_secret_until
    is_both = both is not None and both > utc_now()
    note = _("the former one signs too until %(moment)s", moment=presenting.short(both)) if is_both else None
    content = words.CONTENT["full" if endpoint.is_full else "thin"]
    found: list[Row] = [(_("Address"), endpoint.address)]
    if endpoint.description:
        found.append((_("What it is for"), endpoint.description))
    found += [
        (_("Events"), words.wanted(endpoint)),
        (_("Of which subscriptions"), str(words.WORLD[endpoint.environment or "both"])),
        (_("What an event says"), str(content)),
        (_("Secret created on"), presenting.short(endpoint.secret_set_at), note),
        (_("Last success"), presenting.short(endpoint.succeeded_at) or _("none so far")),
    ]
    if endpoint.failing_since is not None:
        found.append((_("No success since"), presenting.short(endpoint.failing_since)))
    return [*found, (_("Waiting"), _waiting(session, endpoint))]


def _waiting(session: Session, endpoint: EventEndpoint) -> str:
    count = event_deliveries.waiting(session, endpoint.id, most=MOST_COUNTED + 1)
    shown = formatter().number(min(count, MOST_COUNTED))
    return shown if count <= MOST_COUNTED else _("%(number)s or more", number=shown)
