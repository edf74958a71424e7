"""A list, a search or a preview that takes too long: what to narrow, with what was typed still there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar

import structlog
from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.domain.desk.list_filters import ListFilter
from portal.extensions import Slow
from portal.web.admin.forms import SearchForm
from portal.web.headers import shown_path
from portal.web.identity import context

log = structlog.get_logger("portal.web")

STATUS: Final = 503
View = Callable[..., ResponseReturnValue]
F = TypeVar("F", bound=ListFilter)
Panel = Callable[[Session, Any], tuple[SearchForm, list[tuple[str, str]]]]


def may_be_too_broad(panel: Panel | None = None, filters: type[ListFilter] | None = None) -> Callable[[View], View]:
    """Let a view answer `Slow`: a list with its own filters to narrow, another one with the way back to the list."""

    def around(view: View) -> View:
        @wraps(view)
        def answered(**values: object) -> ResponseReturnValue:
            try:
                return view(**values)
            except Slow:
                log.warning("too_broad", path=shown_path())
                return render_template("admin/too_broad.html", **_offered(panel, filters)), STATUS

        return answered

    return around


def only_searched(_session: Session, _wanted: ListFilter) -> tuple[SearchForm, list[tuple[str, str]]]:
    """Return the form of a page that is searched and has no filters."""
    return SearchForm(request.args), []


def _offered(panel: Panel | None, filters: type[ListFilter] | None) -> dict[str, object]:
    if panel is None:
        return {"filters": None}
    wanted = (filters or ListFilter).parse(request.args.items(multi=True)).filter
    with context().db.browse() as session:
        form, carried = panel(session, wanted)
    return {"filters": form, "carried": carried}
