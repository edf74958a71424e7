"""A subscription's contract: how long it can be withdrawn from, and what was said when it began, with its proofs."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Final

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import RadioField, SelectField, StringField, SubmitField
from wtforms.validators import InputRequired, Length, Optional

from portal.clock import utc_now
from portal.domain.law.withdrawals import ConsentKind, ConsentWay, Contract, period
from portal.queries import subscriptions
from portal.queries.law import withdrawals
from portal.services import contracts
from portal.services.contracts import Consent
from portal.web.admin import archive, bp, presenting, showing
from portal.web.admin.forms import choices
from portal.web.admin.presenting import Row
from portal.web.admin.withdrawals.withdrawal_words import CONSENT, CONSENT_WAY
from portal.web.csrf import BaseForm
from portal.web.day_field import DayField
from portal.web.formatting import formatter
from portal.web.identity import by, context, person
from portal.web.local_days import noon_of, today
from portal.web.typed_text import one_line

PAYPAL_BEGAN: Final = date(1998, 12, 1)
WAYS: Final = (ConsentWay.SITE, ConsentWay.EMAIL, ConsentWay.PAPER, ConsentWay.OTHER)  # what staff may record
YES, NO = "yes", "no"


class ConsentForm(BaseForm):
    """One thing that was said, or was not, when the contract began."""

    kind = SelectField(_l("What"), choices=choices(CONSENT))
    is_given = RadioField(
        _l("Was it given?"),
        choices=choices({YES: _l("Yes, and you have a proof of it"), NO: _l("No")}),
        validators=[InputRequired(_l("Choose whether it was given."))],
    )
    said_on = DayField(_l("Said on"), validators=[InputRequired(_l("Enter the day."))])
    way = SelectField(_l("How"), choices=choices({way: CONSENT_WAY[way] for way in WAYS}))
    version = StringField(
        _l("Version of the text"),
        description=_l("As you name your terms, for example “CGV 3, June 2026”: the proof is the text that was shown."),
        filters=[one_line],
        validators=[Optional(), Length(max=80, message=_l("At most %(max)d characters."))],
    )
    submit = SubmitField(_l("Record it"))


@bp.route("/subscriptions/<uuid:subscription_id>/contract", methods=["GET", "POST"], endpoint="subscription_contract")
def contract(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show the last day and the proofs; on POST add one, which counts from then on."""
    form = ConsentForm(said_on=today())
    if form.validate_on_submit() and form.said_on.is_within(PAYPAL_BEGAN, today()):
        said = Consent(
            kind=ConsentKind(form.kind.data),
            is_given=form.is_given.data == YES,
            at=min(noon_of(form.said_on.data), utc_now()),
            way=ConsentWay(form.way.data),
            version=form.version.data or "",
        )
        contracts.record(context(), person().merchant_id, subscription_id, [said], by=by(), now=utc_now())
        flash(_("Recorded."), "success")
        return redirect(url_for(".subscription_contract", subscription_id=subscription_id), 303)
    with context().db.read() as session:
        return _page(session, subscription_id, form), 422 if form.errors else 200


def _page(session: Session, subscription_id: uuid.UUID, form: ConsentForm) -> str:
    found = subscriptions.of_merchant(session, person().merchant_id, subscription_id)
    archive.check(session, found.customer)
    withdrawal = withdrawals.of_subscription(session, found.id)
    return showing.page(
        "contract.html",
        session,
        form=form,
        subscription=found,
        customer=presenting.name_of(found.customer),
        rows=_period_rows(contracts.contract_of(session, found)),
        withdrawal=withdrawal,
        consents=[
            (
                CONSENT[row.kind],
                _("yes") if row.is_given else _("no"),
                presenting.day(row.at),
                CONSENT_WAY[row.way],
                row.version or "–",
                row.recorded_by or _("the portal"),
            )
            for row in withdrawals.consents(session, found.id)
        ],
    )


def _period_rows(known: Contract) -> list[Row]:
    """Return the days that count; two last days where what would shorten the period has no proof."""
    runs, fmt = period(known), formatter()
    concluded = presenting.day(known.concluded_at) if known.concluded_at is not None else None
    if runs is None:
        return [(_("Concluded on"), concluded), (_("Last day to withdraw"), None)]
    rows: list[Row] = [(_("Concluded on"), concluded), (_("Last day to withdraw"), fmt.date(runs.sure.last_day))]
    if runs.longest > runs.sure:
        rows.append((_("Without proof of the information"), fmt.date(runs.longest.last_day)))
    return rows
