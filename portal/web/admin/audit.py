"""The audit journal: what was done, checked on demand, taken as a file. For owners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField

from portal.clock import utc_now
from portal.domain.audit import COMMAND_LINE, Act
from portal.domain.policies import Actor
from portal.queries import audit as queries
from portal.queries.integrations import api_keys
from portal.queries.law import time_stamps
from portal.queries.people import staff
from portal.queries.people.staff import Member
from portal.services.audit import audit_checks, audit_exports
from portal.services.audit.audit_checks import Verdict
from portal.services.audit.audit_exports import Format
from portal.web import labels
from portal.web.admin import audit_words, bp, presenting, showing
from portal.web.admin.lists import number, turn
from portal.web.admin.narrowing import may_be_too_broad
from portal.web.files import download
from portal.web.form_words import PlainForm
from portal.web.identity import by, context, person
from portal.web.typed_text import as_id

if TYPE_CHECKING:
    from portal.models import AuditEntry

MOST: Final = 20_000  # rows checked while a person waits for the page
STRANGERS: Final = frozenset(
    {Act.PASSWORD_REFUSED, Act.FACTOR_REFUSED, Act.PASSKEY_REFUSED, Act.PASSKEY_COPIED, Act.LOGIN_UNLOCKED}
)
# Where what a row is about can be seen.
PLACES: Final = {
    "subscription": ("admin.subscription", "subscription_id"),
    "customer": ("admin.customer", "customer_id"),
    "product": ("admin.product", "product_id"),
    "staff": ("admin.team_member", "staff_id"),
    "received_request": ("admin.received", "received_id"),
}
TYPE: Final = {Format.CSV: "text/csv", Format.JSONL: "application/jsonl"}


class AuditFilter(PlainForm):
    """What the journal is narrowed by."""

    who = SelectField(_l("Who"), validate_choice=False)
    what = SelectField(_l("What"), validate_choice=False)

    def offer(self, team: Iterable[Member]) -> None:
        """Offer everybody of the team, and every kind of act."""
        everything = SelectChoice("", _l("All"))
        self.who.choices = [everything, *(SelectChoice(str(one.id), one.name) for one in team)]
        self.what.choices = [everything, *(SelectChoice(topic, word) for topic, word in audit_words.TOPIC.items())]


@bp.get("/audit", endpoint="audit")
@may_be_too_broad()
def show() -> ResponseReturnValue:
    """List the newest rows in words: all, what one did, or one kind of act."""
    merchant_id, filters = person().merchant_id, AuditFilter(request.args)
    with context().db.browse() as session:
        filters.offer(staff.team(session, merchant_id))
        page = queries.page(
            session,
            merchant_id,
            older_than=number("after", digits=17),
            newer_than=number("before", digits=17),
            actor_id=as_id(filters.who.data),
            acts=audit_words.TOPICS.get(filters.what.data or "", ()),
        )
        names = queries.names_of_people(session, page.rows)
        there = queries.subjects(session, merchant_id, page.rows)
        keys = api_keys.names(session, merchant_id, queries.actors_by_api(page.rows))
        return showing.page(
            "audit.html",
            session,
            stamps=time_stamps.standing(session, merchant_id),
            stamps_on=context().time_stamps.is_on,
            rows=page.rows,
            filters=filters,
            is_filtered=bool(filters.who.data or filters.what.data),
            next_url=turn(after=page.older_than),
            previous_url=turn(before=page.newer_than),
            act_of=lambda row: audit_words.act(row.act, row.details, row.channel, subject_kind=row.subject_kind),
            place_of=lambda row: _place(row, there),
            about_of=lambda row: row.details.get("reference") or there.get(row.subject_id) or None,
            who_of=lambda row: names.get(row.actor_id) or _stranger(row, names) or _who(row, keys),
            CHANNEL=audit_words.CHANNEL,
        )


@bp.post("/audit/check", endpoint="audit_check")
def check() -> ResponseReturnValue:
    """Walk the chain and say in words what was found."""
    verdict = audit_checks.check(context().db, person().merchant_id, most=MOST)
    if verdict.found is not None:
        number = verdict.found.number
        flash(str(audit_words.FLAW[verdict.found.flaw]) % {"number": number}, "error")
        flash(_("Keep a copy of the database as it is now and tell whoever runs this portal."), "warning")
    else:
        flash(_whole(verdict), "success" if verdict.is_whole else "info")
    return redirect(url_for(".audit"), 303)


@bp.post("/audit/export", endpoint="audit_export")
def export() -> ResponseReturnValue:
    """Give the whole journal as a file; that is written in it too."""
    if request.form.get("format") not in set(Format):
        abort(422)
    wanted = Format(request.form["format"])
    pieces = audit_exports.export(context(), person().merchant_id, wanted, by=by(), now=utc_now())
    return download(pieces, name=f"audit-{g.merchant.slug}.{wanted.value}", media_type=TYPE[wanted])


def _whole(verdict: Verdict) -> str:
    if verdict.is_whole:
        return _(
            "The log is complete: %(number)s rows, none changed, missing or moved. Its end: %(end)s",
            number=verdict.last,
            end=f"{verdict.last}:{verdict.last_hash}",
        )
    return _(
        "The first %(checked)s of %(number)s rows are intact. For the rest, run on the server: %(command)s",
        checked=verdict.checked,
        number=verdict.last,
        command=f"flask audit verify {g.merchant.slug}",
    )


def _place(row: AuditEntry, there: Mapping[UUID, str]) -> str | None:
    """Return the page of what a row is about; None where there is none, or it is there no more."""
    kind = row.subject_kind or ""
    if kind in audit_words.GROUP:
        return url_for(audit_words.GROUP[kind][1])
    if kind not in PLACES or row.subject_id not in there:
        return None
    endpoint, name = PLACES[kind]
    ids: dict[str, Any] = {name: row.subject_id}
    return url_for(endpoint, **ids)


def _stranger(row: AuditEntry, names: Mapping[UUID, str]) -> str:
    """Return under whose address somebody tried to log in: who it was is not known."""
    if row.act not in STRANGERS:
        return ""
    return _("Somebody, as %(name)s", name=names.get(row.subject_id, "") if row.subject_id else "")


def _who(row: AuditEntry, keys: Mapping[UUID, str]) -> str:
    if row.channel == COMMAND_LINE:
        return _("Operator")
    if row.actor_id is not None and row.actor_id in keys:
        return presenting.by_key(keys[row.actor_id])
    return str(labels.ACTOR[Actor(row.actor)])
