"""The latest portal sessions: for whom the merchant's own server has made one, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.clock import utc_now
from portal.domain.integrations.task_links import Door, TaskKind
from portal.queries.people import task_links
from portal.web.admin import bp, presenting, showing
from portal.web.formatting import formatter
from portal.web.identity import context, person

if TYPE_CHECKING:
    from portal.models import TaskLink

MOST: Final = 100

TASK: Final[Mapping[TaskKind, LazyString]] = {
    TaskKind.CANCEL: _l("Cancel a subscription"),
    TaskKind.LATE: _l("A late payment"),
    TaskKind.ACCESS: _l("See what is open"),
    TaskKind.PAYMENTS: _l("See payments and receipts"),
    TaskKind.NONE: _l("The whole account"),
}
STATE: Final[Mapping[Door, LazyString]] = {
    Door.OPEN: _l("Not opened yet"),
    Door.USED: _l("Opened"),
    Door.WITHDRAWN: _l("Withdrawn"),
    Door.OLD: _l("Never opened"),
}


@bp.get("/integrations/sessions")
def portal_sessions() -> ResponseReturnValue:
    """List the newest ones."""
    now = utc_now()
    with context().db.read() as session:
        found = task_links.newest_vouched(session, person().merchant_id, limit=MOST)
        rows = [
            {
                "customer_id": link.customer_id,
                "customer": presenting.customer_name(name, email),
                "task": TASK[link.kind],
                "product": product,
                "made": formatter().short(link.created_at),
                "by": link.vouched_by,
                "opened": formatter().short(link.used_at) if link.used_at is not None else "",
                "state": _state(link, now=now),
            }
            for link, name, email, product in found
        ]
        return showing.page("portal_sessions.html", session, rows=rows, most=MOST)


def _state(link: TaskLink, *, now: datetime) -> str:
    return _("Finished") if link.done_at is not None else str(STATE[link.door(now)])
