"""Acts on many subscriptions: previewed with counts, confirmed, watched, stopped, resumed; a result for each row."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from flask import Response, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.ends.bulk_acts import ONE_CONFIRMATION
from portal.domain.ends.end_requests import Trouble
from portal.domain.policies import Role
from portal.domain.subscriptions import ENDINGS
from portal.extensions import Database
from portal.queries.ends import bulk_acts as acts
from portal.queries.ends import bulk_results
from portal.queries.ends.bulk_results import NOT_CONFIRMED, BulkState, Hold, Result
from portal.services.bulk import bulk_acts, bulk_choices, bulk_previews
from portal.services.csv_files import MARK, line_of
from portal.web import labels
from portal.web.admin import bp, list_pages, presenting, showing
from portal.web.admin.bulk import bulk_facts, bulk_words
from portal.web.admin.bulk.bulk_forms import BulkEndForm, BulkLocalForm, ResultFilter
from portal.web.admin.ends.end_forms import neutral_note
from portal.web.admin.lists import number, place, turn
from portal.web.admin.narrowing import may_be_too_broad
from portal.web.confirming import ask_again
from portal.web.files import download
from portal.web.identity import context, person

if TYPE_CHECKING:
    from portal.models import BulkAct

FIRST_ROWS: Final = 20  # shown before confirming
BATCH: Final = 1000


@bp.get("/bulk", endpoint="bulk_acts")
def index() -> ResponseReturnValue:
    """List the acts so far."""
    with context().db.browse() as session:
        found = acts.newest(session, person().merchant_id, place=place())
        return showing.page(
            "bulk_acts.html",
            session,
            rows=found.rows,
            BULK_ACTION=bulk_words.ACTION,
            STATE=bulk_words.STATE,
            next_url=turn(after=found.next_id),
            previous_url=turn(before=found.previous_id),
        )


@bp.route("/bulk/<uuid:bulk_act_id>", methods=["GET", "POST"], endpoint="bulk_act")
@may_be_too_broad()
def show(bulk_act_id: uuid.UUID) -> ResponseReturnValue:
    """Preview a draft and take its confirmation; show what became of any other."""
    with context().db.read() as session:
        act = acts.of_merchant(session, person().merchant_id, bulk_act_id)
    if act.state in (BulkState.PREPARING, BulkState.UNFIT):
        return _not_yet(act) if request.method == "GET" else redirect(request.path, 303)
    if act.state is not BulkState.DRAFT:
        return _results(act) if request.method == "GET" else redirect(request.path, 303)
    is_many = request.method == "POST" and act.total > ONE_CONFIRMATION
    return (ask_again() if is_many else None) or _preview(act)


def _not_yet(act: BulkAct) -> ResponseReturnValue:
    """Say that what was chosen is being gathered, or why it cannot be one act."""
    return showing.page(
        "bulk_choice.html",
        action=bulk_words.ACTION[act.action],
        chosen=bulk_facts.chosen(act.filters),
        fault=bulk_words.FAULT[bulk_choices.fault_of(act)] if act.state is BulkState.UNFIT else None,
        list_url=list_pages.address(".subscriptions", bulk_choices.filter_of(act.filters)),
    )


def _preview(act: BulkAct) -> ResponseReturnValue:
    now = utc_now()
    with context().db.browse() as session:
        counts = bulk_previews.of_act(session, act, now=now)
        first = bulk_results.rows_page(session, act.id, limit=FIRST_ROWS)
    form = BulkEndForm(provider_note=neutral_note()) if counts.asked else BulkLocalForm()
    form.require(act.total)
    if counts.acts and form.validate_on_submit():
        return _confirm(act, form)
    return showing.page(
        "bulk_act.html",
        form=form,
        act=act,
        counts=counts,
        action=bulk_words.ACTION[act.action],
        chosen=bulk_facts.chosen(act.filters),
        effects=bulk_facts.effects(counts),
        access=bulk_facts.access(counts),
        too_early=bulk_facts.too_early(counts),
        press=bulk_facts.press(counts, act.action),
        relaunch=bulk_facts.relaunch(counts, ENDINGS[act.action]),
        rows=first.rows,
    ), (422 if form.errors else 200)


def _confirm(act: BulkAct, form: BulkEndForm | BulkLocalForm) -> ResponseReturnValue:
    try:
        bulk_acts.confirm(
            context(),
            who(),
            act.id,
            provider_note=form.provider_note.data if "provider_note" in form else "",
            internal_note=form.internal_note.data or "",
            now=utc_now(),
        )
    except bulk_acts.NotNow:
        flash(_("This bulk action was already confirmed: here is where it stands."), "info")
    return redirect(url_for(".bulk_act", bulk_act_id=act.id), 303)


def _results(act: BulkAct) -> ResponseReturnValue:
    code = request.args.get("result")
    result = Result(code) if code in set(Result) else None
    with context().db.browse() as session:
        counts = bulk_results.results(session, act.id)
        page = bulk_results.rows_page(session, act.id, result=result, after=number("after"), before=number("before"))
        filters = ResultFilter(request.args)
        filters.offer()
        return showing.page(
            "bulk_results.html",
            session,
            act=act,
            state=act.state.value,
            action=bulk_words.ACTION[act.action],
            state_words=bulk_words.STATE[act.state],
            confirmed_at=presenting.short(act.confirmed_at),
            finished_at=presenting.short(act.finished_at),
            chosen=bulk_facts.chosen(act.filters),
            done=act.total - counts.get(Result.WAITING, 0),
            needing=counts.get(Result.NEEDS_MERCHANT, 0),
            under_way=counts.get(Result.UNDER_WAY, 0),
            counts=[(bulk_words.RESULT[one], counts[one]) for one in Result if one in counts],
            reasons=[(bulk_words.REASON[why], number) for why, number in bulk_results.reasons(session, act.id).items()],
            held=bulk_words.HOLD[act.held] if act.held is not Hold.NONE else "",
            rows=page.rows,
            filters=filters,
            RESULT=bulk_words.RESULT,
            note_of=bulk_facts.note_of,
            next_url=turn(after=page.next_position),
            previous_url=turn(before=page.previous_position),
        )


@bp.post("/bulk/<uuid:bulk_act_id>/stop", endpoint="bulk_act_stop")
def stop(bulk_act_id: uuid.UUID) -> ResponseReturnValue:
    """Ask no further row."""
    said = _("Stopped. What was already requested continues and is not undone; the rest waits.")
    return _change(bulk_acts.stop, bulk_act_id, said)


@bp.post("/bulk/<uuid:bulk_act_id>/resume", endpoint="bulk_act_resume")
def resume(bulk_act_id: uuid.UUID) -> ResponseReturnValue:
    """Go on with the rows that were not asked."""
    return _change(bulk_acts.resume, bulk_act_id, _("It continues."))


@bp.post("/bulk/<uuid:bulk_act_id>/end", endpoint="bulk_act_end")
def end(bulk_act_id: uuid.UUID) -> ResponseReturnValue:
    """Leave the rest as it is, for good."""
    return _change(bulk_acts.drop, bulk_act_id, _("Closed. The rest is unchanged."))


@bp.post("/bulk/<uuid:bulk_act_id>/results.csv", endpoint="bulk_act_results")
def results(bulk_act_id: uuid.UUID) -> Response:
    """Give every row with its result as a CSV that a spreadsheet opens; a POST, since it takes data away.

    What nobody has confirmed has no results: it would be a list of whoever was chosen, which is the managers' to take.
    """
    database = context().db
    with database.read() as session:
        found = acts.of_merchant(session, person().merchant_id, bulk_act_id)
    if found.state in NOT_CONFIRMED:
        abort(404)
    bulk_acts.note_export(context(), who(), bulk_act_id, now=utc_now())
    name = f"bulk-{found.action.value}-{found.created_at:%Y-%m-%d}-{str(found.id)[:8]}.csv"
    return download(_csv(database, found.id, ZoneInfo(g.merchant.time_zone)), name=name)


def _change(act: Callable[..., object], bulk_act_id: uuid.UUID, said: str) -> ResponseReturnValue:
    try:
        act(context(), who(), bulk_act_id, now=utc_now())
    except bulk_acts.NotNow:
        flash(_("Somebody else was quicker: here is where it stands."), "info")
    else:
        flash(said, "success")
    return redirect(url_for(".bulk_act", bulk_act_id=bulk_act_id), 303)


def _csv(database: Database, act_id: uuid.UUID, zone: ZoneInfo) -> Iterator[str]:
    """Yield the file in pieces, so that a long list never stands in memory; the mark tells Excel that it is UTF-8."""
    words = {code.value: str(label) for code, label in bulk_words.RESULT.items()}
    head: tuple[str, ...] = (
        _("Row"),
        _("Customer"),
        _("Email address"),
        _("Product"),
        _("PayPal subscription ID"),
        _("Result"),
        _("Why"),
    )
    head += (_("Reference"), _("Confirmed on"))
    lines = {code: str(label) for code, label in bulk_words.REASON.items()}
    troubles = {code: str(label) for code, label in labels.TROUBLE.items()}
    return _pieces(database, act_id, head, words, lines, troubles, zone)


def _pieces(
    database: Database,
    act_id: uuid.UUID,
    head: tuple[str, ...],
    words: dict[str, str],
    reasons: dict[str, str],
    troubles: dict[Trouble, str],
    zone: ZoneInfo,
) -> Iterator[str]:
    yield MARK + line_of(head)
    after: int | None = 0
    while after is not None:
        with database.read() as session:
            page = bulk_results.rows_page(session, act_id, after=after, limit=BATCH)
        for row in page.rows:
            is_open = row.result in (Result.UNDER_WAY, Result.NEEDS_MERCHANT)
            why = reasons.get(row.reason, "") or (troubles.get(row.trouble, "") if is_open else "")
            at = row.confirmed_at.astimezone(zone) if row.result == Result.CONFIRMED else None
            confirmed = at.isoformat(timespec="seconds") if at is not None else ""
            cells = (row.position, row.name, row.email or "", row.product, row.provider_id)
            yield line_of((*cells, words[row.result], why, row.reference or "", confirmed))
        after = page.next_position


def who() -> bulk_acts.Person:
    """Return the person at the desk, as the use cases want them."""
    found = person()
    return bulk_acts.Person(merchant_id=found.merchant_id, id=found.id, name=found.name, role=found.role or Role.READER)
