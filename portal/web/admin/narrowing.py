"""A list, a search or a preview that takes too long: what to narrow, with what was typed still there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final

import structlog
from flask import render_template, request
from flask.typing import ResponseReturnValue

from portal.extensions import Slow
from portal.queries import products
from portal.web.admin.forms import CustomerFilter, SubscriptionFilter
from portal.web.headers import shown_path
from portal.web.identity import context, person

log = structlog.get_logger("portal.web")

STATUS: Final = 503
View = Callable[..., ResponseReturnValue]


def may_be_too_broad(filters: type[CustomerFilter] | None = None) -> Callable[[View], View]:
    """Let a view answer `Slow` with its own filters to narrow; one without filters, with the way back to the list."""

    def around(view: View) -> View:
        @wraps(view)
        def answered(**values: object) -> ResponseReturnValue:
            try:
                return view(**values)
            except Slow:
                log.warning("too_broad", path=shown_path())
                return render_template("admin/too_broad.html", filters=_offered(filters)), STATUS

        return answered

    return around


def _offered(filters: type[CustomerFilter] | None) -> CustomerFilter | None:
    form = filters(request.args) if filters is not None else None
    if isinstance(form, SubscriptionFilter):
        with context().db.browse() as session:
            form.offer(products.names(session, person().merchant_id))
    return form
