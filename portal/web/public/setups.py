"""The operator's first merchant is made on a page, with a code of the command line; afterwards that page is gone."""

from __future__ import annotations

from typing import Final

from flask import abort, redirect, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, SelectChoice, SelectField, StringField, SubmitField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Regexp

from portal.clock import utc_now
from portal.domain.merchants.merchants import WrongSlug, check_slug
from portal.queries.people import merchants
from portal.services.merchants import setup_codes
from portal.services.merchants.creating import NewMerchant
from portal.web import identity, locale, time_zones
from portal.web.csrf import BaseForm
from portal.web.labels import LANGUAGE
from portal.web.login_fields import EMAIL
from portal.web.public import bp
from portal.web.typed_text import one_line

LANGUAGES: Final = [SelectChoice(code, name) for code, name in LANGUAGE.items()]


class SetupForm(BaseForm):
    """Who is to sell here, and who leads their desk."""

    code = StringField(_l("Set-up code"), filters=[one_line], validators=[InputRequired(_l("Enter the set-up code."))])
    name = StringField(
        _l("Name of the merchant"),
        filters=[one_line],
        description=_l("Customers read it on every page and in every email."),
        validators=[
            DataRequired(_l("Enter the merchant’s name.")),
            Length(max=100, message=_l("This name is too long.")),
        ],
    )
    slug = StringField(
        _l("Name in web addresses"),
        filters=[one_line],
        description=_l("Lowercase letters, digits and hyphens. It cannot be changed later."),
        validators=[DataRequired(_l("Enter the name in web addresses."))],
    )
    locale = SelectField(
        _l("Language of its pages and emails"), choices=[SelectChoice("fr", "Français"), SelectChoice("en", "English")]
    )
    time_zone = SelectField(_l("Time zone"), validate_choice=False)
    owner_name = StringField(
        _l("Name of the owner"),
        filters=[one_line],
        description=_l("The first person of the team, who decides everything."),
        validators=[DataRequired(_l("Enter the owner’s name.")), Length(max=140, message=_l("This name is too long."))],
    )
    owner_email = EmailField(
        _l("Email address of the owner"),
        filters=[one_line],
        description=_l("They log in with it. Customers’ questions arrive there until another address is set."),
        validators=[
            InputRequired(_l("Enter the owner’s email address.")),
            Length(max=254, message=_l("This address is too long.")),
            Regexp(EMAIL + r"\Z", message=_l("Enter an address like name@example.com.")),
        ],
    )
    submit = SubmitField(_l("Create the merchant"))

    def validate_slug(self, field: StringField) -> None:
        """Take what can stand in an address and is not the portal's own."""
        try:
            check_slug(field.data)
        except WrongSlug as refusal:
            if refusal.why == "reserved":
                raise ValidationError(_("This name is kept for the portal itself. Choose another one.")) from None
            raise ValidationError(
                _("Use 2 to 63 lowercase letters, digits and hyphens, for example: atelier-piano.")
            ) from None

    def validate_time_zone(self, field: SelectField) -> None:
        """Take any zone that this machine knows."""
        time_zones.check(field)


@bp.route("/setup", methods=["GET", "POST"])
def setup() -> ResponseReturnValue:
    """Ask for the code and the merchant; with a good code make it, and go on with the owner's invitation."""
    with identity.context().db.read() as session:
        if merchants.is_there_one(session):
            abort(404)
    form = SetupForm(locale=locale.current(), time_zone="Europe/Paris")
    form.time_zone.choices = time_zones.choices()
    if form.validate_on_submit():
        invitation = _made(form)
        if invitation is not None:
            return redirect(invitation, 303)
        form.code.errors = [_("This code is wrong, used or older than a day. Run the command again for a new one.")]
    return render_template("public/setup.html", form=form), 422 if form.errors else 200


def _made(form: SetupForm) -> str | None:
    """Make the merchant and return the path of the owner's invitation; None for a code that is no good."""
    wish = NewMerchant(
        slug=form.slug.data,
        name=form.name.data,
        locale=form.locale.data,
        time_zone=form.time_zone.data,
        owner_email=form.owner_email.data,
        owner_name=form.owner_name.data,
    )
    try:
        made = setup_codes.redeem(identity.context(), form.code.data, wish, network=identity.network(), now=utc_now())
    except setup_codes.AlreadySetUp:
        abort(404)
    return made.invitation if made is not None else None
