"""The page of one's own sessions, the same for both faces."""

from __future__ import annotations

import uuid

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.clock import utc_now
from portal.queries.people import sessions as queries
from portal.services.people import sessions
from portal.web import identity


def show(template: str) -> ResponseReturnValue:
    """List the person's live sessions."""
    person, now = identity.person(), utc_now()
    with identity.context().db.read() as database:
        rows = queries.all_of(database, person, now=now, seen_after=now - sessions.IDLE[person.kind])
    return render_template(template, sessions=rows, own_id=person.session_id)


def end(session_id: uuid.UUID, back: str) -> ResponseReturnValue:
    """End one of the person's sessions; 404 for anybody else's."""
    sessions.end(identity.context(), identity.person(), session_id, now=utc_now())
    flash(_("This session was ended."), "success")
    return redirect(url_for(back), 303)


def end_others(back: str) -> ResponseReturnValue:
    """End every session of the person but this one."""
    count = sessions.end_others(identity.context(), identity.person(), now=utc_now())
    flash(ngettext("%(num)d other session was ended.", "%(num)d other sessions were ended.", count), "success")
    return redirect(url_for(back), 303)
