"""An end that cannot come any more: the subscription's page says why, and shows the note that was typed once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Final
from uuid import UUID

from flask import flash, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.ends.received_requests import AlreadySettled
from portal.domain.subscriptions import IllegalTransition, Status
from portal.web.admin import subscriptions
from portal.web.errors import STANDING
from portal.web.typed_text import plain

# In the desk's own word: to a customer the same may be a contract that is paid in instalments.
STANDS: Final[Mapping[Status, LazyString]] = {
    **STANDING,
    Status.COMPLETED: _l("The subscription is already completed."),
    Status.CANCELLED: _l("The subscription is already cancelled."),
    Status.ABANDONED: _l("The subscription has already ended for good."),
}
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
            said = str(STANDS[error.status])
        except AlreadySettled:
            said = _("Somebody has settled this request in the meantime.")
        flash(" ".join([_("Nothing was changed."), said]), "warning")
        note = plain(request.form.get("internal_note"))
        if note:
            flash(_("Your internal note was not saved. You had written: %(note)s", note=note), "info")
        return make_response(subscriptions.show(subscription_id), 409)

    return answered
