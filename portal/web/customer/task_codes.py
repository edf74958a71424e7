"""The code that is asked for before somebody acts who came by a link and is not logged in (domain.task_links).

It goes to the address on file when the task begins; whoever is logged in has proven that mailbox already.
"""

from __future__ import annotations

from flask import flash, g, request
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.people.email_addresses import masked
from portal.queries import subscriptions
from portal.queries.people.people import Person
from portal.services.people import task_visits
from portal.web import identity, login_codes
from portal.web.customer.forms import CancellationForm


def prepare(form: CancellationForm) -> None:
    """Leave the field of the code out of the form where none is asked for; send another one where that was pressed."""
    who = identity.person()
    if who.task is None or who.task.is_proven:
        del form.code
        return
    form.code.description = _("We sent it to %(address)s when you opened this page.", address=masked(who.email or ""))


def is_another_wanted(form: CancellationForm) -> bool:
    """Say whether the visitor pressed for another code, and send it; raise TooManyTries."""
    who = identity.person()
    if "code" not in form or "another" not in request.form or not g.get("csrf_ok") or not who.email:
        return False
    login_codes.ask(who.email, next_path=request.path, typed=masked(who.email), cancels=_product(who))
    flash(_("If the last code has expired, a new one is on its way. Otherwise the last one still works."), "info")
    return True


def _product(who: Person) -> str:
    """Return the name of what the task is to cancel."""
    if who.task is None or who.task.subscription_id is None:
        return ""
    with identity.context().db.read() as session:
        return subscriptions.of_customer(session, who.merchant_id, who.id, who.task.subscription_id).product.name


def is_proven(form: CancellationForm) -> bool:
    """Say whether the visitor may act: logged in, or with the right code; the field says what is wrong with it."""
    who = identity.person()
    if "code" not in form or who.task is None:
        return True
    typed = form.code.data or ""
    if typed and task_visits.prove(identity.context(), who, who.task, login_codes.browser(), typed, now=utc_now()):
        return True
    form.code.errors = [
        _("This code is wrong or has expired. Use the latest email, or ask for another code.")
        if typed
        else _("Enter the code from the email.")
    ]
    return False
