"""Who could not log in and left word: a list, since anybody may leave word; what is junk is closed together."""

from __future__ import annotations

from typing import Final

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import StringField, SubmitField
from wtforms.validators import DataRequired, Length

from portal.clock import utc_now
from portal.queries.ends import received_requests as stored
from portal.services.inbox import lost_log_ins
from portal.web.admin import bp, showing
from portal.web.csrf import BaseForm
from portal.web.identity import by, context, person
from portal.web.typed_text import as_id, one_line

LISTED: Final = 200


class JunkForm(BaseForm):
    """Why the ticked ones are closed."""

    reason = StringField(
        _l("Why they are closed"),
        description=_l("It stays with each of them. Nobody is told: use it only for what no customer wrote."),
        filters=[one_line],
        validators=[
            DataRequired(_l("Say why: somebody may look for the reason later.")),
            Length(max=200, message=_l("Write at most 200 characters.")),
        ],
    )
    submit = SubmitField(_l("Close those ticked"))


@bp.get("/received/lost", endpoint="received_lost")
def show() -> ResponseReturnValue:
    """List them, the payment at risk first."""
    return _page(JunkForm())


@bp.post("/received/lost/junk", endpoint="received_lost_junk")
def close() -> ResponseReturnValue:
    """Close those that were ticked, for one reason."""
    form = JunkForm()
    chosen = {as_id(word) or abort(404) for word in request.form.getlist("received")}
    if not form.validate_on_submit() or not chosen:
        if not chosen:
            form.form_errors.append(_("Tick what is to be closed."))
        return _page(form)
    reason = form.reason.data
    count = lost_log_ins.close_as_junk(context(), person().merchant_id, chosen, reason=reason, by=by(), now=utc_now())
    flash(ngettext("%(num)d message is closed.", "%(num)d messages are closed.", count), "success")
    return redirect(url_for(".received_lost"), 303)


def _page(form: JunkForm) -> ResponseReturnValue:
    ticked = set(request.form.getlist("received"))
    with context().db.browse() as session:
        rows = stored.lost(session, person().merchant_id, limit=LISTED, now=utc_now())
        page = showing.page("received_lost.html", session, rows=rows, most=LISTED, form=form, ticked=ticked)
    return page, 422 if form.errors else 200
