"""An end that cannot come any more: the subscription's page says why, and shows the note that was typed once more."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from flask import flash, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.domain.ends.received_requests import AlreadySettled
from portal.domain.subscriptions import IllegalTransition
from portal.web.admin import subscriptions
from portal.web.errors import STANDING
from portal.web.typed_text import plain

View = Callable[..., ResponseReturnValue]


def may_be_over(view: View) -> View:
    """Let the page of an end answer 409 with the subscription as it stands: it, or its letter, was settled meanwhile.

    It leads to no other address: a note of any length is shown again, where a cookie would lose a long one.
    """

    @wraps(view)
    def answered(subscription_id: UUID, action: str) -> ResponseReturnValue:
        try:
            return view(subscription_id, action)
        except IllegalTransition as error:
            said = str(STANDING[error.status])
        except AlreadySettled:
            said = _("Somebody has settled this request in the meantime.")
        flash(" ".join([_("Nothing was changed."), said]), "warning")
        note = plain(request.form.get("internal_note"))
        if note:
            flash(_("Your internal note is kept nowhere. You had written: %(note)s", note=note), "info")
        return make_response(subscriptions.show(subscription_id), 409)

    return answered
