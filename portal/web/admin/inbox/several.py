"""Things to do that need no look at each, settled together: what is only read, and letters that an end has answered."""

from __future__ import annotations

import uuid
from typing import Final

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import StringField, SubmitField
from wtforms.validators import DataRequired, Length

from portal.clock import utc_now
from portal.domain.ends.received_requests import may_answer
from portal.queries import inbox as stored
from portal.queries.inbox import Item, Kind
from portal.services.inbox import inbox as marks
from portal.services.inbox.inbox import Thing
from portal.web.admin import bp, showing
from portal.web.admin.inbox import inbox_cards
from portal.web.csrf import BaseForm
from portal.web.identity import context, person
from portal.web.typed_text import as_id, one_line

LETTERS: Final = frozenset({Kind.RECEIVED})
THINGS: Final = {
    Kind.MAIL: Thing.MAIL,
    Kind.MAIL_RETURNED: Thing.MAIL,
    Kind.DIFFERENCE: Thing.DIFFERENCE,
    Kind.EVENT: Thing.EVENT,
}


class SeveralForm(BaseForm):
    """Why letters are closed; what is only read needs no reason."""

    reason = StringField(
        _l("Why the requests are closed"),
        description=_l(
            "It stays with each of them. Whoever gave an address is told that nothing was changed, not why."
        ),
        filters=[one_line],
        validators=[
            DataRequired(_l("Say why: somebody may look for the reason later.")),
            Length(max=200, message=_l("Write at most 200 characters.")),
        ],
    )
    submit = SubmitField(_l("Settle those ticked"))


def may_be_settled(item: Item) -> bool:
    """Say whether the thing needs no look of its own: a letter only once what it is about has ended meanwhile."""
    return item.kind in THINGS or (item.kind is Kind.RECEIVED and may_answer(item.over_since, item.since))


@bp.get("/inbox/several", endpoint="inbox_several")
def show() -> ResponseReturnValue:
    """List them, none ticked."""
    return _page(SeveralForm(data={"reason": _("Their subscription had ended already.")}))


@bp.post("/inbox/several", endpoint="inbox_several_settled")
def settle() -> ResponseReturnValue:
    """Settle those that were ticked; one that somebody has settled meanwhile is left as it is."""
    form, who = SeveralForm(), person()
    chosen = [(thing, _id(word)) for thing in Thing for word in request.form.getlist(thing.value)]
    if not form.validate_on_submit() or not chosen:
        if not chosen:
            form.form_errors.append(_("Tick what is to be settled."))
        return _page(form)
    reason = form.reason.data
    count = marks.settle_several(
        context(), who.merchant_id, chosen, reason=reason, by=who.name, by_id=who.id, now=utc_now()
    )
    flash(
        ngettext("%(num)d thing is settled.", "%(num)d things are settled.", count)
        if count == len(chosen)
        else _(
            "%(count)s of %(all)s are settled. The others were settled already, or need a look.",
            count=count,
            all=len(chosen),
        ),
        "success",
    )
    return redirect(url_for(".inbox"), 303)


def _id(word: str) -> uuid.UUID:
    return as_id(word) or abort(404)


def _page(form: SeveralForm) -> ResponseReturnValue:
    who = person()
    ticked = {word for thing in Thing for word in request.form.getlist(thing.value)}
    with context().db.browse() as session:
        # Letters by themselves: most need a look of their own, and would leave no room on the page for the others.
        things, letters = (
            stored.page(session, who.merchant_id, now=utc_now(), kinds=kinds) for kinds in (THINGS, LETTERS)
        )
        items = [*things.items, *filter(may_be_settled, letters.items)]
        cards = inbox_cards.cards(items, role=who.role)
        rows = [(THINGS.get(item.kind, Thing.LETTER), item.id, card) for item, card in zip(items, cards, strict=True)]
        has_more = things.following is not None
        page = showing.page("inbox_several.html", session, rows=rows, form=form, ticked=ticked, has_more=has_more)
    return page, 422 if form.errors else 200
