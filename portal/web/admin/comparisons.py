"""What the comparisons with PayPal found: when they ran, what they corrected, and a button to compare now."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.queries.comparisons import comparison_differences
from portal.queries.comparisons import comparisons as reads
from portal.queries.merchants import paypal_accounts
from portal.services.comparisons import comparisons
from portal.services.comparisons.comparisons import AlreadyRunning
from portal.services.paypal.gateways import NoKey
from portal.web.admin import bp, comparison_words, presenting, showing
from portal.web.admin.lists import place, turn
from portal.web.identity import by, context, person


@bp.get("/paypal/comparisons", endpoint="paypal_comparisons")
def index() -> ResponseReturnValue:
    """List the runs, newest first, and say when the last whole one ended and whether that is too long ago."""
    merchant_id = person().merchant_id
    with context().db.browse() as session:
        page = reads.runs_page(session, merchant_id, place=place())
        last = reads.last_whole(session, merchant_id)
        return showing.page(
            "comparisons.html",
            session,
            rows=page.rows,
            next_url=turn(after=page.next_id),
            previous_url=turn(before=page.previous_id),
            last=last,
            is_late=reads.is_late(session, merchant_id, now=utc_now()),
            is_running=reads.is_running(session, merchant_id),
            has_key=bool(paypal_accounts.all_of_merchant(session, merchant_id)),
            words=comparison_words,
        )


@bp.post("/paypal/comparisons", endpoint="paypal_comparison_start")
def start() -> ResponseReturnValue:
    """Give a comparison to a worker: a new one, or the one that waits."""
    try:
        run = comparisons.start_or_resume(context(), person().merchant_id, by=by(), in_background=True)
    except AlreadyRunning as running:
        flash(_("A comparison is already under way: here is where it stands."), "info")
        return redirect(url_for(".paypal_comparison", run_id=running.run_id), 303)
    except NoKey:
        flash(_("Connect PayPal first: there is no key yet."), "warning")
        return redirect(url_for(".paypal_comparisons"), 303)
    return redirect(url_for(".paypal_comparison", run_id=run.id), 303)


@bp.get("/paypal/comparisons/<uuid:run_id>", endpoint="paypal_comparison")
def show(run_id: uuid.UUID) -> ResponseReturnValue:
    """Show one run: where it stands, and each difference it found."""
    with context().db.browse() as session:
        run = reads.of_merchant(session, person().merchant_id, run_id)
        page = comparison_differences.differences_page(session, run, place=place())
        return showing.page(
            "comparison.html",
            session,
            run=run,
            state=run.state.value,
            begun_at=presenting.short(run.created_at),
            stopped=comparison_words.why_stopped(run.error),
            notes=comparison_words.notes(run.error),
            debug_id=comparison_words.debug_id(run.error),
            rows=page.rows,
            next_url=turn(after=page.next_id),
            previous_url=turn(before=page.previous_id),
            words=comparison_words,
        )
