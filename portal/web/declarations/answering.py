"""The page of the mail to the address on file: « it was me », « it was not me ». Opening it changes nothing."""

from __future__ import annotations

from uuid import UUID

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.i18n import LOCALES
from portal.services.carrying import end_carrying
from portal.services.declarations import answering
from portal.services.declarations.answering import AnsweredAlready, Asked, Standing
from portal.web import identity, locale
from portal.web.csrf import EmptyForm
from portal.web.declarations import bp
from portal.web.first_tries import try_now
from portal.web.typed_text import as_id


@bp.route("/<merchant_slug>/declarations/<token>", methods=["GET", "POST"])
def answer(token: str) -> ResponseReturnValue:
    """Ask whoever reads the mailbox on file; take their answer, once."""
    form, now = EmptyForm(), utc_now()
    asked = answering.look(identity.context(), g.merchant.id, token, now=now)
    if asked is None:
        abort(404)
    locale.speak(asked.language, tuple(dict.fromkeys((*LOCALES, asked.language))))
    if form.validate_on_submit() and asked.standing is Standing.ASKED:
        chosen = _chosen(asked)
        if chosen is not None or "refuse" in request.form:
            _take(token, None if "refuse" in request.form else chosen)
            return redirect(url_for(".answer", token=token), 303)
        form.form_errors.append(_("Choose the contract that it is about."))
    status = 200 if asked.standing in (Standing.ASKED, Standing.CONFIRMED, Standing.REFUSED) else 410
    page = render_template("declarations/answer.html", form=form, asked=asked)
    return page, 422 if form.errors else status, {"X-Robots-Tag": "noindex"}


def _chosen(asked: Asked) -> UUID | None:
    """Return the subscription that was chosen, the only one where there is no choice; None for none of theirs."""
    if len(asked.choices) == 1:
        return asked.choices[0].id
    chosen = as_id(request.form.get("subscription"))
    return chosen if chosen in {one.id for one in asked.choices} else None


def _take(token: str, chosen: UUID | None) -> None:
    """Take a no, or a yes and try PayPal while its reader waits; of two clicks at once the first counts."""
    try:
        if chosen is None:
            return answering.refuse(identity.context(), g.merchant.id, token, now=utc_now())
        recorded = answering.confirm(identity.context(), g.merchant.id, token, chosen, now=utc_now())
    except AnsweredAlready:
        return None
    if recorded is not None and recorded.is_new and recorded.is_due_now:
        try_now(end_carrying.carry_out, recorded.request_id)
    return None
