"""The page of one's own sessions, the same on both faces: seen and ended by their owner (ASVS 7.5.2)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.clock import utc_now
from portal.domain.integrations.networks import Place, place
from portal.domain.people.account_members import MemberRole
from portal.queries.people import sessions as queries
from portal.queries.people.people import Kind, Person
from portal.services.people import sessions
from portal.web import identity

PLACE: Final[Mapping[Place, LazyString]] = {
    Place.SAME: _l("same network as you now"),
    Place.LOCAL: _l("a local network"),
    Place.OTHER: _l("another network"),
    Place.UNKNOWN: _l("cannot be compared with your network"),
}


def add_to(bp: Blueprint, template: str) -> None:
    """Give a face its three addresses."""

    @bp.get("/sessions", endpoint="sessions")
    def show() -> ResponseReturnValue:
        """List the person's live sessions."""
        person, now = identity.person(), utc_now()
        with identity.context().db.read() as database:
            seen_after = now - sessions.IDLE[person.kind]
            if _leads(person):
                rows, others = queries.of_account(database, person, now=now, seen_after=seen_after)
            else:
                rows, others = queries.all_of(database, person, now=now, seen_after=seen_after), []
        here = identity.network()
        places = {row.id: PLACE[place(row.network, here)] for row in rows}
        return render_template(template, sessions=rows, own_id=person.session_id, others=others, places=places)

    bp.post("/sessions/<uuid:session_id>/end", endpoint="session_end")(_end)
    bp.post("/sessions/others/end", endpoint="other_sessions_end")(_end_others)


def _leads(person: Person) -> bool:
    """Say whether somebody is an owner of a customer's account, who sees who else is in it."""
    is_owner = person.member is None or person.member.role is MemberRole.OWNER
    return person.kind is Kind.CUSTOMER and is_owner


def _end(session_id: uuid.UUID) -> ResponseReturnValue:
    """End one of the person's sessions; 404 for anybody else's."""
    sessions.end(identity.context(), identity.person(), session_id, now=utc_now())
    flash(_("This session has ended."), "success")
    return redirect(url_for(".sessions"), 303)


def _end_others() -> ResponseReturnValue:
    """End every session of the person but this one."""
    count = sessions.end_others(identity.context(), identity.person(), now=utc_now())
    flash(ngettext("%(num)d other session has ended.", "%(num)d other sessions have ended.", count), "success")
    return redirect(url_for(".sessions"), 303)
