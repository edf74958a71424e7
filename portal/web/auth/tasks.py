"""A link that opens one task: a page with a button, which begins it; over, a page that has another one sent.

Nobody is logged in by it (domain.task_links); whoever is logged in as its customer already goes straight to the page.
"""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.errors import Denial, NotAllowed
from portal.domain.integrations.task_links import Door
from portal.domain.people.email_addresses import masked
from portal.queries.ends import end_requests
from portal.queries.people.people import Kind
from portal.services.people import task_visits
from portal.services.people.task_visits import Seen
from portal.web import identity, login_codes
from portal.web.auth import bp
from portal.web.csrf import EmptyForm


@bp.route("/account/<merchant_slug>/task/<token>", methods=["GET", "POST"])
def customer_task(token: str) -> ResponseReturnValue:
    """Show what the link opens and a button; only pressing it begins the task, once, in this browser."""
    seen = task_visits.look(identity.context(), g.merchant.id, token, now=utc_now())
    if seen is None or seen.door is not Door.OPEN:
        return redirect(_own_page(seen), 303) if seen is not None and _is_at_it(seen) else _over(token, seen)
    if _is_logged_in_as(seen):
        return redirect(page_of(seen), 303)
    form = EmptyForm()
    if form.validate_on_submit():
        return begin(token, seen) or _over(token, seen)
    page = render_template("auth/task.html", form=form, task=seen, address=masked(seen.email) if seen.email else "")
    return page, 422 if form.errors else 200


@bp.post("/account/<merchant_slug>/task/<token>/again")
def customer_task_again(token: str) -> ResponseReturnValue:
    """Have another link sent to the address on file; the answer is the same whether there is one or not."""
    task_visits.send_another(identity.context(), g.merchant.id, token, network=identity.network(), now=utc_now())
    flash(_("If this link was one of ours, a new one is on its way to the email address on file."), "info")
    return redirect(url_for(".customer_task", token=token), 303)


def begin(token: str, seen: Seen) -> ResponseReturnValue | None:
    """Open the session of the task; where it asks for a code and something is left to do, that leaves at the same time.

    None when another browser was quicker.
    """
    if g.person is not None and g.person.viewer_id is not None:
        raise NotAllowed(Denial.VIEW_ONLY)
    there = page_of(seen)
    if seen.asks_code and seen.email and not seen.comes_too_late:
        login_codes.ask(seen.email, next_path=there, typed=masked(seen.email), cancels=seen.product)
    browser = login_codes.browser()
    visitor = identity.visitor(Kind.CUSTOMER)
    opened = task_visits.begin(
        identity.context(), g.merchant.id, token, is_vouched=seen.is_vouched, visitor=visitor, now=utc_now()
    )
    if opened is None:
        return None
    answer = identity.log_in(redirect(there, 303), Kind.CUSTOMER, opened)
    login_codes.keep_after_log_in(browser)
    return answer


def _is_logged_in_as(seen: Seen) -> bool:
    who = g.person
    return who is not None and who.id == seen.customer_id and who.task is None and who.viewer_id is None


def _is_at_it(seen: Seen) -> bool:
    """Say whether this browser does the task already, or is logged in: the link is pressed a second time."""
    who = g.person
    if _is_logged_in_as(seen):
        return True
    task = who.task if who is not None and who.id == seen.customer_id else None
    return task is not None and task.kind is seen.kind and task.page == seen.page


def _own_page(seen: Seen) -> str:
    """Return the task's page; of one that is done here the result, which is all that it still shows."""
    task = g.person.task
    if task is None or not task.is_done:
        return page_of(seen)
    with identity.context().db.read() as session:
        request = end_requests.newest_of(session, task.subscription_id)
    return url_for("customer.request", reference=request.reference) if request is not None else page_of(seen)


def page_of(seen: Seen) -> str:
    """Return the page that the link leads to."""
    return f"/account/{g.merchant.slug}/{seen.page}"


def _over(token: str, seen: Seen | None) -> ResponseReturnValue:
    came_to = seen.door if seen is not None else None
    log_in = url_for(".customer_login", next=page_of(seen) if seen is not None else None)
    again = url_for(".customer_task_again", token=token)
    return render_template("auth/task_over.html", came_to=came_to, again=again, log_in=log_in), 410
