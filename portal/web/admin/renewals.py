"""Tacit renewals at the desk: what was told before each, the letter where an email did not arrive, what goes back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from flask import abort, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SubmitField
from wtforms.validators import InputRequired

from portal.clock import utc_now
from portal.domain.law.renewals import ReminderState
from portal.queries import subscriptions
from portal.queries.law import renewals as queries
from portal.services.dates.renewal_terms import coming, day_of, renewing_of, start_of
from portal.services.renewals import advances, desk
from portal.services.renewals.desk import ImpossibleDay
from portal.web.admin import bp, renewal_words, showing
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.identity import by, context, person

if TYPE_CHECKING:
    from portal.models import RenewalReminder

BY_LETTER = frozenset({ReminderState.FAILED, ReminderState.MISSED, ReminderState.LETTER})
A_DAY = InputRequired(_l("Enter a date, for example 28/11/2026."))


class LetterForm(BaseForm):
    """On which day a letter was sent."""

    letter_on = DayField(_l("Letter sent on"), validators=[A_DAY])
    submit = SubmitField(_l("Record the letter"))


class StartForm(BaseForm):
    """On which day the first term began."""

    term_from = DayField(_l("The first term began on"), validators=[A_DAY])
    submit = SubmitField(_l("Save the day"))


@bp.get("/subscriptions/<uuid:subscription_id>/renewal", endpoint="subscription_renewal")
def show(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show when it renews, what was told before each renewal with its proof, and what is left to do."""
    return _page(subscription_id, LetterForm(formdata=None), StartForm(formdata=None))


@bp.post("/subscriptions/<uuid:subscription_id>/renewal/start", endpoint="subscription_renewal_start")
def start(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Write on which day the first term began."""
    form = StartForm()
    if form.validate_on_submit():
        merchant_id, day = person().merchant_id, form.term_from.data
        try:
            desk.give_start(context(), merchant_id, subscription_id, day, by=by(), now=utc_now())
        except ImpossibleDay as wrong:
            form.term_from.errors = [str(renewal_words.WRONG_DAY[wrong.why])]
        else:
            flash(_("The day is saved. The next reminder follows from it."), "success")
            return redirect(url_for(".subscription_renewal", subscription_id=subscription_id), 303)
    return _page(subscription_id, LetterForm(formdata=None), form), 422


@bp.post("/renewals/<uuid:reminder_id>/letter", endpoint="renewal_letter")
def letter(reminder_id: uuid.UUID) -> ResponseReturnValue:
    """Write that a letter was sent, on which day; say whether that was in time."""
    with context().db.read() as session:
        found = queries.of_merchant(session, person().merchant_id, reminder_id)
    form = LetterForm()
    if form.validate_on_submit():
        try:
            in_time = desk.record_letter(
                context(), found.merchant_id, found.id, form.letter_on.data, by=by(), now=utc_now()
            )
        except ImpossibleDay as wrong:
            form.letter_on.errors = [str(renewal_words.WRONG_DAY[wrong.why])]
        else:
            if in_time:
                flash(_("The letter is recorded: it was sent in time."), "success")
            else:
                flash(_("The letter is recorded. It was not sent in time: the end stays free of charge."), "warning")
            return redirect(url_for(".subscription_renewal", subscription_id=found.subscription_id), 303)
    return _page(found.subscription_id, form, StartForm(formdata=None), of=found), 422


@bp.post("/renewals/<uuid:reminder_id>/seen", endpoint="renewal_seen")
def see(reminder_id: uuid.UUID) -> ResponseReturnValue:
    """Take note that a renewal stays without a proof."""
    desk.see(context(), person().merchant_id, reminder_id, by=by(), now=utc_now())
    flash(_("Noted: it is no longer in your to-do list."), "success")
    return redirect(url_for(".inbox"), 303)


@bp.post("/renewal-refunds/<uuid:refund_id>/settled", endpoint="renewal_refund_settled")
def settle(refund_id: uuid.UUID) -> ResponseReturnValue:
    """Take note that what was owed went back another way."""
    advances.settle(context(), person().merchant_id, refund_id, by=by(), now=utc_now())
    flash(_("Noted: it is no longer in your to-do list."), "success")
    return redirect(url_for(".inbox"), 303)


def _page(
    subscription_id: uuid.UUID, letter_form: LetterForm, start_form: StartForm, *, of: RenewalReminder | None = None
) -> str:
    merchant_id, now = person().merchant_id, utc_now()
    with context().db.read() as session:
        found = subscriptions.of_merchant(session, merchant_id, subscription_id)
        rows = queries.of_subscription(session, found.id)
        owed = queries.refund_of(session, found.id)
    terms = renewing_of(found)
    if terms is None and not rows and owed is None:
        abort(404)  # nothing renews itself, nor did
    zone = g.merchant.time_zone
    began, day, runs = start_of(found, zone), day_of(now, zone), terms is not None and not found.is_over
    by_letter = of or next((row for row in rows if row.state in BY_LETTER), None)
    return showing.page(
        "renewal.html",
        subscription=found,
        rows=renewal_words.term_rows(found, terms, began, coming(found, zone, now=now)) if terms is not None else [],
        reminders=[renewal_words.line(row) for row in rows],
        tasks=[
            (renewal_words.happened(row), renewal_words.todo(row, day))
            for row in rows
            if row.settled_at is None and row.state in (ReminderState.FAILED, *_OPEN)
        ],
        letter=by_letter,
        letter_for=renewal_words.line(by_letter)["renews_on"] if by_letter is not None else "",
        runs=runs,
        is_free=found.free_from is not None and not found.is_over,
        free_from=found.free_from,
        owed=renewal_words.owed(owed) if owed is not None else "",
        owed_row=owed,
        form=letter_form if letter_form.errors else start_form,
        letter_form=letter_form,
        start_form=start_form,
    )


_OPEN = (ReminderState.MISSED, ReminderState.START_UNKNOWN)
