"""What is this charge? Which of the customer's own a number of PayPal's names; nothing of anybody else's is said."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField, ValidationError
from wtforms.validators import DataRequired

from portal.clock import utc_now
from portal.domain.money import receipts
from portal.queries.money import customer_payments
from portal.queries.money.customer_payments import Called
from portal.services.receipts import called
from portal.web.csrf import BaseForm
from portal.web.customer import bp
from portal.web.customer.payment_words import gap, whose
from portal.web.identity import context, network


class ChargeForm(BaseForm):
    """A number of PayPal's as it was copied; spaces and small letters do not matter."""

    number = StringField(
        _l("PayPal number"),
        description=_l("For example 5TY05013RG002845M, or I-BW452GLLEP1G for a subscription."),
        filters=[lambda text: receipts.number(text or "")],
        validators=[DataRequired(_l("Enter the number."))],
    )
    submit = SubmitField(_l("Look it up"))

    def validate_number(self, field: StringField) -> None:
        """Take what may be one of PayPal's numbers."""
        if not receipts.is_number(field.data):
            raise ValidationError(_("Enter the number alone: at most 40 letters and digits."))


@bp.route("/payments/search", methods=["GET", "POST"])
def payment_search() -> ResponseReturnValue:
    """Ask for the number, and lead to what it names; say calmly that it is none of theirs, and what to do."""
    form, is_none = ChargeForm(), False
    if form.validate_on_submit():
        found = called(context(), whose(), form.number.data, network=network(), now=utc_now())
        if found is not None:
            return _there(found, form.number.data)
        is_none = True
    missing = ""
    if is_none:
        with context().db.read() as session:
            missing = gap(customer_payments.record(session, whose()))
    page = render_template("customer/payment_search.html", form=form, is_none=is_none, gap=missing)
    return page, 422 if form.errors else 200


def _there(found: Called, number: str) -> ResponseReturnValue:
    if found.subscription_id is not None:
        flash(_("The PayPal number %(number)s is this contract.", number=number), "info")
        return redirect(url_for(".subscription", subscription_id=found.subscription_id), 303)
    if found.is_move:
        flash(_("The PayPal number %(number)s is money returned from this payment.", number=number), "info")
    else:
        flash(_("The PayPal number %(number)s is this payment.", number=number), "info")
    return redirect(url_for(".payment", payment_id=found.payment_id), 303)
