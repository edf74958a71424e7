"""A customer's identity, corrected at the desk; another address waits for its own mailbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, SelectChoice, SelectField, StringField, SubmitField
from wtforms.validators import Length, Optional

from portal.clock import utc_now
from portal.domain.integrations.external_ids import ExternalIdStands, ExternalIdTaken
from portal.domain.people.email_addresses import shown
from portal.domain.people.profiles import LONGEST_NAME
from portal.queries.people import customers
from portal.queries.people.address_changes import open_of
from portal.services.people import address_changes, customer_identity
from portal.services.people.customer_addresses import AddressTaken
from portal.services.people.customer_identity import Identity, Saved
from portal.web.admin import bp, presenting, showing
from portal.web.admin.forms import AN_ADDRESS, choices, own_id_field
from portal.web.identity import by, context, person
from portal.web.labels import LANGUAGE
from portal.web.standing_form import StandingForm
from portal.web.typed_text import one_line

if TYPE_CHECKING:
    from portal.models import Customer

OF_THE_SHOP: Final = ""  # no language of their own


class IdentityForm(StandingForm):
    """Who the customer is."""

    answers = ("name", "email", "locale", "contact_allowed", "external_id")

    name = StringField(
        _l("Name"),
        filters=[one_line],
        validators=[Optional(), Length(max=LONGEST_NAME, message=_l("Write at most 300 characters."))],
    )
    email = EmailField(
        _l("Email address"),
        description=_l(
            "A new address first gets an email with a button, valid for three days. It replaces the current one once "
            "the button is pressed; the current one is told."
        ),
        filters=[one_line],
        validators=[Optional(), *AN_ADDRESS],
    )
    is_same_person = BooleanField(
        _l("They are the same person"),
        description=_l(
            "The address is asked to confirm. Then both records have it, and you can merge them from either one."
        ),
    )
    external_id = own_id_field(_l("What your other systems call this customer. The customer does not see it."))
    replaces_id = BooleanField(
        _l("Replace the ID"),
        description=_l(
            "Your other systems no longer find this customer by the former ID: what they open by it closes, until they "
            "ask by the new one."
        ),
    )
    locale = SelectField(_l("Language"), choices=[SelectChoice(OF_THE_SHOP, _l("The shop’s")), *choices(LANGUAGE)])
    contact_allowed = BooleanField(
        _l("Agrees to be contacted"),
        description=_l(
            "Only about coming back: without it, no email, banner or button invites this customer. Proofs and the "
            "emails that a subscription needs are always sent."
        ),
    )
    submit = SubmitField(_l("Save"))

    def lock(self, own: Iterable[str]) -> None:
        """Show what the customer has set by themselves, and let nobody else change it."""
        for name in own:
            if name in self.answers:
                field = getattr(self, name)
                field.description = _("The customer has set this by themselves: only they change it.")
                field.render_kw = {"disabled": True}

    @property
    def identity(self) -> Identity:
        """The answers."""
        return Identity(
            name=self.name.data or "",
            locale=self.locale.data or None,
            contact_allowed=self.contact_allowed.data,
            email=self.email.data or "",
            external_id=self.external_id.data or None,
            is_same_person=self.is_same_person.data,
            replaces_id=self.replaces_id.data,
            untouched=self.untouched,
        )


@bp.route("/customers/<uuid:customer_id>/identity", methods=["GET", "POST"], endpoint="customer_identity")
def edit(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Correct it; what has to be confirmed first is said afterwards."""
    merchant_id, other, stands = person().merchant_id, None, False
    with context().db.read() as session:
        found = customers.of_merchant(session, merchant_id, customer_id)
        waiting = open_of(session, customer_id)
    form = IdentityForm(data=_standing(found))
    if request.method == "GET":
        form.show(_stored(found))
    form.email.flags.optional = found.email is None
    form.lock(found.own_answers)
    if form.validate_on_submit() and _keeps_an_address(form, found):
        try:
            saved = customer_identity.save(context(), merchant_id, customer_id, form.identity, by=by(), now=utc_now())
        except AddressTaken as taken:
            other = _taken(form, taken)
        except ExternalIdTaken:
            form.external_id.errors = [_("Another of your customers has this ID.")]
        except ExternalIdStands:
            form.external_id.errors = [
                _("This customer has the ID “%(id)s” already. Say below that it is replaced.", id=found.external_id)
            ]
            stands = True
        else:
            _say(saved, form)
            return redirect(url_for(".customer", customer_id=customer_id), 303)
    page = showing.page(
        "customer_identity.html",
        form=form,
        customer=found,
        customer_name=presenting.name_of(found),
        waiting=waiting,
        other=other,
        stands=stands,
    )
    return page, 422 if form.errors else 200


@bp.post("/customers/<uuid:customer_id>/address/confirmation", endpoint="customer_address_again")
def ask_again(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Write to the new address once more."""
    change = address_changes.ask_again(context(), person().merchant_id, customer_id, now=utc_now())
    if change is None:
        flash(_("An email left a few minutes ago, or nothing waits any more. Try again in five minutes."), "info")
    else:
        flash(_("A new email goes to %(address)s. Only its button works now.", address=shown(change.email)), "success")
    return _back(customer_id)


@bp.post("/customers/<uuid:customer_id>/address/withdrawal", endpoint="customer_address_withdrawal")
def withdraw(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Take the new address back."""
    done = address_changes.withdraw(context(), person().merchant_id, customer_id, by=by(), now=utc_now())
    flash(
        _("Withdrawn: the address stays as it is.") if done else _("No new address is waiting any more."),
        "success" if done else "info",
    )
    return _back(customer_id)


def _standing(found: Customer) -> dict[str, object]:
    """Return what the form shows first; the address that PayPal names where the record's notice leads here with it."""
    offered = found.paypal_email if "offered" in request.args and not found.paypal_email_declined else None
    email = offered or found.email
    return {
        "name": found.name,
        "email": shown(email) if email else "",
        "external_id": found.external_id or "",
        "locale": found.locale or OF_THE_SHOP,
        "contact_allowed": found.contact_allowed,
    }


def _stored(found: Customer) -> dict[str, object]:
    """Return the answers as they are stored: PayPal's offered address is a change when it is sent."""
    address = shown(found.email) if found.email else ""
    return {**_standing(found), "email": address}


def _keeps_an_address(form: IdentityForm, found: Customer) -> bool:
    if form.email.data or found.email is None:
        return True
    form.email.errors = [_("Enter an address: without one, this customer could not log in any more.")]
    return False


def _taken(form: IdentityForm, taken: AddressTaken) -> dict[str, object]:
    """Say whose the address is; return what leads there."""
    with context().db.read() as session:
        other = customers.of_merchant(session, person().merchant_id, taken.customer_id)
    name = presenting.name_of(other)
    form.email.errors = [
        _(
            "Another customer has this address: %(name)s. Enter another one, or say below that they are the same "
            "person.",
            name=name,
        )
    ]
    return {"id": other.id, "name": name}


def _say(saved: Saved, form: IdentityForm) -> None:
    match saved:
        case Saved.NOTHING:
            flash(_("Nothing was changed."), "info")
        case Saved.CHANGED:
            flash(_("Saved."), "success")
        case Saved.ASKED:
            address = form.email.data
            flash(_("Saved. An email goes to %(address)s, which has to confirm it.", address=address), "success")


def _back(customer_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for(".customer", customer_id=customer_id), 303)
