"""One withdrawal: the refund that is due, the way to make it, and what staff say became of it."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length

from portal.clock import utc_now
from portal.domain.law.withdrawals import RefundDuty, Verdict
from portal.queries.law import withdrawals
from portal.queries.money import payments
from portal.services.money import withdrawal_refunds
from portal.web.admin import archive, bp, presenting, showing
from portal.web.admin.forms import choices
from portal.web.admin.withdrawals.withdrawal_words import REFUND, VERDICT, happened, not_known, todo
from portal.web.csrf import BaseForm
from portal.web.formatting import formatter
from portal.web.identity import by, context, person
from portal.web.typed_text import plain


class SettlingForm(BaseForm):
    """What became of the refund, where the portal did not make it."""

    refund = RadioField(
        _l("What became of the refund?"),
        choices=choices(
            {
                RefundDuty.OTHERWISE: _l("It was paid another way"),
                RefundDuty.NOTHING: _l("Nothing is owed to the customer"),
            }
        ),
        validators=[InputRequired(_l("Choose what became of the refund."))],
    )
    note = TextAreaField(
        _l("How, or why"),
        description=_l("For example “bank transfer of 3 December”. It stays here; the customer is not told."),
        filters=[plain],
        validators=[
            InputRequired(_l("Say how it was paid, or why nothing is owed.")),
            Length(max=500, message=_l("At most %(max)d characters.")),
        ],
    )
    submit = SubmitField(_l("Settle it"))


@bp.get("/withdrawals/<uuid:withdrawal_id>", endpoint="withdrawal")
def show(withdrawal_id: uuid.UUID) -> ResponseReturnValue:
    """Show one, with the refund that is due and by when."""
    return _page(withdrawal_id, SettlingForm())


@bp.post("/withdrawals/<uuid:withdrawal_id>/settlement", endpoint="withdrawal_settlement")
def settle(withdrawal_id: uuid.UUID) -> ResponseReturnValue:
    """Write that it was paid another way, or that nothing is owed."""
    form = SettlingForm()
    if not form.validate_on_submit():
        return _page(withdrawal_id, form), 422
    duty, note = RefundDuty(form.refund.data), form.note.data or ""
    try:
        withdrawal_refunds.close(
            context(), person().merchant_id, withdrawal_id, duty, by=by(), note=note, now=utc_now()
        )
        flash(_("Settled. It is no longer in your to-do list."), "success")
    except withdrawal_refunds.ClosedAlready:
        flash(_("This refund is already settled: here is where it stands."), "info")
    except withdrawal_refunds.RefundUnderWay:
        form.form_errors.append(
            _("A refund by PayPal is under way or waits for you. Stop it on the payment’s page first, or let it go.")
        )
        return _page(withdrawal_id, form), 422
    return redirect(url_for(".withdrawal", withdrawal_id=withdrawal_id), 303)


def _page(withdrawal_id: uuid.UUID, form: SettlingForm) -> str:
    with context().db.read() as session:
        found = withdrawals.of_merchant(session, person().merchant_id, withdrawal_id)
        archive.check(session, found.subscription.customer)
        say, still = formatter(), withdrawal_refunds.rest(session, found)
        is_unknown = found.sum_due is None and payments.are_unknown(session, found.subscription)
        is_said = not is_unknown or found.refund is not RefundDuty.NOTHING or bool(found.closed_by)
        nothing = not_known() if is_unknown else _("nothing was taken")
        return showing.page(
            "withdrawal.html",
            session,
            form=form,
            found=found,
            declared_on=presenting.declared_on(found),
            subscription=found.subscription,
            customer=presenting.name_of(found.subscription.customer),
            happened=happened(found),
            to_do=todo(found) if found.is_open else "",
            verdict=VERDICT[found.verdict],
            is_sure=found.verdict is Verdict.IN_TIME,
            refund=REFUND[found.refund] if is_said else None,
            due=say.money(found.sum_due) if found.sum_due is not None else nothing,
            owed=say.money(found.sum_owed) if found.sum_owed is not None and found.owed else "",
            still=say.money(still) if still is not None and found.is_open else "",
            shares=[
                (one.payment, say.money(one.amount), f"{one.amount.amount:f}")
                for one in (withdrawal_refunds.shares(session, found) if found.is_open else ())
            ],
        )
