"""Logging in with the merchant's own site: set up, tested, switched on and off. Owners only, both factors again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import abort, flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, RadioField, StringField, SubmitField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp

from portal.clock import utc_now
from portal.domain.ends.duties import Duty, may
from portal.domain.integrations.site_logins import CLAIM, LONGEST_ISSUER, Proof, SiteLoginRefused
from portal.domain.merchants.merchants import Work
from portal.queries.people import site_logins
from portal.services.people import site_clients
from portal.services.people.site_clients import SecretNeeded, Wish
from portal.web import standings
from portal.web.admin import bp, presenting, showing
from portal.web.admin.forms import choices, https
from portal.web.admin.presenting import Row
from portal.web.admin.settings import site_login_words as words
from portal.web.csrf import BaseForm, EmptyForm
from portal.web.identity import by, context, person
from portal.web.site_buttons import words as words_of_button
from portal.web.typed_text import one_line

if TYPE_CHECKING:
    from portal.models import SiteLogin

TYPED: Final = r"[\x21-\x7e]+\Z"
SCOPES: Final = {Proof.EMAIL: "openid email", Proof.EXTERNAL_ID: "openid profile"}


class SiteLoginForm(BaseForm):
    """The client at the merchant's site."""

    issuer = StringField(
        _l("Issuer"),
        description=_l("The address of your OpenID provider, letter by letter as it names itself."),
        filters=[https],
        validators=[DataRequired(_l("Enter the issuer.")), Length(max=LONGEST_ISSUER, message=_l("This is too long."))],
    )
    client_id = StringField(
        _l("Client ID"),
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter the client ID.")),
            Length(max=256, message=_l("This is too long for a client ID.")),
            Regexp(TYPED, message=_l("A client ID has neither spaces nor accents: copy it again.")),
        ],
    )
    client_secret = PasswordField(
        _l("Client secret"),
        filters=[one_line],
        validators=[
            Optional(),
            Length(min=8, max=512, message=_l("This does not look like a client secret: copy it again.")),
            Regexp(TYPED, message=_l("A secret has neither spaces nor accents: copy it again.")),
        ],
    )
    proof = RadioField(
        _l("What says who the customer is"),
        choices=choices(words.PROOF),
        default=Proof.EMAIL.value,
        validators=[InputRequired(_l("Choose one of the two."))],
    )
    claim = StringField(
        _l("Claim with your customer ID"),
        description=_l("Only for your own customer ID: the name of the claim, for example sub."),
        filters=[one_line],
    )
    label_fr = StringField(_l("Button in French"), filters=[one_line], validators=[Optional(), Length(max=60)])
    label_en = StringField(_l("Button in English"), filters=[one_line], validators=[Optional(), Length(max=60)])
    submit = SubmitField(_l("Test and save"))

    def validate_claim(self, field: StringField) -> None:
        """Take the name of a claim where it decides."""
        if self.proof.data == Proof.EXTERNAL_ID and not CLAIM.fullmatch(field.data or ""):
            raise ValidationError(_("Enter the name of the claim, without spaces, for example sub."))

    @property
    def wish(self) -> Wish:
        """Return what was typed."""
        proof = Proof(self.proof.data)
        return Wish(
            issuer=self.issuer.data,
            client_id=self.client_id.data,
            secret=self.client_secret.data or "",
            proof=proof,
            claim=self.claim.data if proof is Proof.EXTERNAL_ID else "",
            label_fr=self.label_fr.data or "",
            label_en=self.label_en.data or "",
        )


class RemovalForm(BaseForm):
    """The wish to forget the client."""

    submit = SubmitField(_l("Remove the log-in"))


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How the client stands: whether customers see the button, its words, and the figures."""

    is_on: bool
    button: str
    rows: list[Row]


@bp.route("/settings/site-login", methods=["GET", "POST"], endpoint="setting_site_login")
def show() -> ResponseReturnValue:
    """Show how the client stands and what to enter at the site; owners test and save another."""
    form = _form()
    if not form.validate_on_submit():
        return _page(form), 422 if form.errors else 200
    try:
        site_clients.save(context(), person().merchant_id, form.wish, by=by(), now=utc_now())
    except SecretNeeded:
        form.client_secret.errors = [_("Enter the secret of this client: it is never shown again.")]
        return _page(form), 422
    except SiteLoginRefused as refusal:
        form.issuer.errors = [words.why(refusal)]
        return _page(form), 422
    flash(_("The test passed and the set-up is saved."), "success")
    return redirect(url_for(".setting_site_login"), 303)


@bp.post("/settings/site-login/check", endpoint="setting_site_login_check")
def check() -> ResponseReturnValue:
    """Read the site's document again, and say what is wrong with it."""
    if EmptyForm().validate_on_submit():
        try:
            site_clients.check(context(), person().merchant_id, by=by(), now=utc_now())
            flash(_("The test passed: your site answers as it should."), "success")
        except SiteLoginRefused as refusal:
            flash(words.why(refusal), "error")
    return redirect(url_for(".setting_site_login"), 303)


@bp.post("/settings/site-login/on", endpoint="setting_site_login_on")
def switch_on() -> ResponseReturnValue:
    """Offer it to customers, once it has passed another test."""
    return _switch(on=True)


@bp.post("/settings/site-login/off", endpoint="setting_site_login_off")
def switch_off() -> ResponseReturnValue:
    """Offer it no more; who is logged in stays so."""
    return _switch(on=False)


@bp.route("/settings/site-login/removal", methods=["GET", "POST"], endpoint="setting_site_login_removal")
def remove() -> ResponseReturnValue:
    """Say what stops without it; on confirmation forget the client and its secret."""
    form = RemovalForm()
    if form.validate_on_submit():
        site_clients.remove(context(), person().merchant_id, by=by(), now=utc_now())
        flash(_("The log-in with your site is removed."), "success")
        return redirect(url_for(".setting_site_login"), 303)
    with context().db.read() as session:
        if site_logins.of_merchant(session, person().merchant_id) is None:
            abort(404)
        return showing.page("setting_site_login_removal.html", session, form=form), 422 if form.errors else 200


def _switch(*, on: bool) -> ResponseReturnValue:
    if EmptyForm().validate_on_submit():
        try:
            site_clients.switch(context(), person().merchant_id, on=on, by=by(), now=utc_now())
            flash(
                _("Customers can now log in with your site.")
                if on
                else _("Customers can no longer log in with your site. Those who are logged in stay logged in."),
                "success",
            )
        except SiteLoginRefused as refusal:
            flash(words.why(refusal), "error")
    return redirect(url_for(".setting_site_login"), 303)


def _form() -> SiteLoginForm:
    with context().db.read() as session:
        row = site_logins.of_merchant(session, person().merchant_id)
    names = ("issuer", "client_id", "claim", "label_fr", "label_en")
    known = {name: getattr(row, name) for name in names} | {"proof": row.proof.value} if row is not None else {}
    return SiteLoginForm(data=known)


def _page(form: SiteLoginForm) -> str:
    ctx, who = context(), person()
    with ctx.db.read() as session:
        row = site_logins.of_merchant(session, who.merchant_id)
        return showing.page(
            "setting_site_login.html",
            session,
            form=form,
            stored=_stored(row) if row is not None else None,
            may_edit=may(who.role, Duty.INTEGRATIONS) and standings.allows(Work.BEGIN),
            may_stop=may(who.role, Duty.INTEGRATIONS),
            redirect_uri=site_clients.redirect_uri(ctx, g.merchant.slug),
            login_url=site_clients.login_url(ctx, g.merchant.slug),
            scopes=SCOPES[row.proof if row is not None else Proof.EMAIL],
        )


def _stored(row: SiteLogin) -> Stored:
    proof = str(words.PROOF[row.proof])
    decides = f"{proof} ({row.claim})" if row.claim else proof
    own = {"fr": row.label_fr, "en": row.label_en}.get(g.merchant.locale, "")
    return Stored(
        is_on=row.is_on,
        button=words_of_button(g.merchant.name, own),
        rows=[
            (_("Issuer"), row.issuer),
            (_("Client ID"), row.client_id),
            (_("Client secret"), _("set on %(date)s, never shown", date=presenting.day(row.set_at))),
            (_("What says who the customer is"), decides),
            (_("Last test that passed"), presenting.short(row.checked_at)),
        ],
    )
