"""The page that says that tries are used up, and for how long (services/throttles)."""

from __future__ import annotations

from math import ceil

from flask import make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from portal.services.throttles import TooManyTries


def wait_page(refusal: TooManyTries, template: str = "auth/staff_wait.html", **values: object) -> ResponseReturnValue:
    """Return the page, with when to try again; the usual one has no link that helps: whoever sees it holds one."""
    seconds = max(1, ceil(refusal.wait.total_seconds()))
    wait = ngettext("%(num)d minute", "%(num)d minutes", ceil(seconds / 60))
    page = make_response(render_template(template, wait=wait, **values), 429)
    page.headers["Retry-After"] = str(seconds)
    return page
