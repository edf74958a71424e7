"""Bring subscriptions in from PayPal: started here, done by a worker, followed on a page."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.queries.merchants import paypal_accounts
from portal.queries.money import histories
from portal.queries.operating import import_runs
from portal.services.imports import imports
from portal.services.imports.imports import AlreadyRunning, StopReason
from portal.services.paypal.gateways import NoKey
from portal.web.admin import bp, first_steps, presenting, showing, words
from portal.web.identity import by, context, person


@bp.get("/import", endpoint="import_run")
def show() -> ResponseReturnValue:
    """Show where the newest import stands."""
    merchant_id = person().merchant_id
    with context().db.read() as session:
        run = import_runs.latest(session, merchant_id)
        reason, _space, debug_id = (run.error if run is not None else "").partition(" ")
        return showing.page(
            "import.html",
            session,
            run=run,
            following=first_steps.following(session),
            histories=histories.progress(session, merchant_id),
            state=run.state.value if run is not None else None,
            has_key=paypal_accounts.of_merchant(session, merchant_id) is not None,
            reason=words.STOPPED[StopReason(reason)] if reason in set(StopReason) else "",
            debug_id=debug_id,
            may_take_over=run is not None and utc_now() - run.touched_at >= imports.QUIET,
            touched_at=presenting.short(run.touched_at) if run is not None else None,
        )


@bp.post("/import", endpoint="import_start")
def start() -> ResponseReturnValue:
    """Start an import, or go on with the one that stopped."""
    try:
        imports.start_or_resume(context(), person().merchant_id, by=by(), in_background=True)
    except AlreadyRunning:
        flash(_("An import is already running: here is where it stands."), "info")
    except NoKey:
        flash(_("Connect PayPal first: there is no key yet."), "warning")
        return redirect(url_for(".import_run"), 303)
    return redirect(url_for(".import_run"), 303)
