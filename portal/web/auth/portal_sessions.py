"""The address of a portal session: a page with a button, which opens it in this browser; over, the way on by a code.

Whoever is logged in here goes on by the session all the same: it leads back to the site that they come from.
"""

from __future__ import annotations

from flask import g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.domain.integrations.return_addresses import is_allowed
from portal.domain.integrations.task_links import Door
from portal.services.people import task_visits
from portal.services.people.task_visits import Seen
from portal.web import identity
from portal.web.auth import bp, tasks
from portal.web.csrf import EmptyForm


@bp.route("/account/<merchant_slug>/session/<token>", methods=["GET", "POST"])
def portal_session(token: str) -> ResponseReturnValue:
    """Show a button; only pressing it opens the session, once, in this browser: scanners open addresses."""
    seen = task_visits.look(identity.context(), g.merchant.id, token, is_vouched=True, now=utc_now())
    if seen is not None:
        g.spoken = seen.locale
    if seen is None or seen.door is not Door.OPEN:
        return redirect(tasks.page_of(seen), 303) if seen is not None and _is_in_it(seen) else _over(seen)
    if seen.comes_too_late:
        return render_template("auth/portal_session_late.html", seen=seen, log_in=_log_in(), back=_way_back(seen))
    form = EmptyForm()
    if form.validate_on_submit():
        return tasks.begin(token, seen) or _over(seen)
    page = render_template("auth/portal_session.html", form=form, task=seen, back=_way_back(seen))
    return page, 422 if form.errors else 200


def _is_in_it(seen: Seen) -> bool:
    """Say whether it was opened in this browser: the address is called, or the button pressed, a second time."""
    return g.person is not None and g.person.vouched is not None and g.person.vouched.link_id == seen.link_id


def _way_back(seen: Seen) -> str:
    return seen.return_to if is_allowed(seen.return_to, g.merchant.return_addresses) else ""


def _log_in(seen: Seen | None = None) -> str:
    return url_for(".customer_login", next=tasks.page_of(seen) if seen is not None else None)


def _over(seen: Seen | None) -> ResponseReturnValue:
    came_to, back, log_in = (seen.door, _way_back(seen), _log_in(seen)) if seen is not None else (None, "", _log_in())
    return render_template("auth/portal_session_over.html", came_to=came_to, log_in=log_in, back=back), 410
