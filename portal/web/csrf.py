"""Forged requests do not act, and an old form loses nothing (ASVS 3.5.1; law.md R-AC-8). Closed by default:

1. A request that changes something and comes from another site is refused before anything else hears of it
   (Sec-Fetch-Site; Origin where a browser does not send that).
2. Every other one needs the form token.  Without it, an address that only takes POST is never reached; one
   that has a page of its own runs so that `BaseForm` can show the form again, filled in.
3. In that second case no transaction can commit: a view that forgot to ask its form fails, and changes nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import structlog
from flask import Flask, abort, current_app, flash, g, has_request_context, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf, validate_csrf
from sqlalchemy import Connection, event
from werkzeug.datastructures import CombinedMultiDict, MultiDict
from wtforms import FileField, HiddenField, ValidationError
from wtforms.csrf.core import CSRF, CSRFTokenField
from wtforms.validators import Length, Optional

from portal.extensions import OF_THE_PROCESS
from portal.web import addresses, drafts
from portal.web.form_words import FormWords

log = structlog.get_logger("portal.web")

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
EXEMPT: Final = frozenset({"webhooks.paypal", "webhooks.paypal_ipn"})  # PayPal vouches for these messages instead
DESK_CHANGED: Final = "desk_changed"  # in the signed cookie: this browser has gone over to another merchant's desk
TOO_OLD: Final = _l("This page was open for too long. Nothing was changed. Check it and send it again.")


class UnprotectedCommit(RuntimeError):
    """A view tried to change something although the form token was missing: a defect of ours."""


class _Tokens(CSRF):
    """The form token of the visitor's browser, checked once a request by `_check`."""

    def generate_csrf_token(self, csrf_token_field: CSRFTokenField) -> str:
        return str(generate_csrf())

    def validate_csrf_token(self, form: BaseForm, field: CSRFTokenField) -> None:
        if not g.get("csrf_ok"):
            raise ValidationError(str(TOO_OLD))


class BaseForm(FlaskForm):
    """The form every page uses: guarded by the token, and filled from the draft of its page, if there is one."""

    beside: ClassVar[frozenset[str]] = frozenset()  # fields that are sent along and that another form reads

    class Meta(FlaskForm.Meta):
        csrf = True
        csrf_class = _Tokens

        def wrap_formdata(self, form: BaseForm, formdata: object) -> MultiDict[str, Any] | None:
            """Read what was sent; on a page being shown, what was typed before the session ran out."""
            if request.method in SAFE_METHODS and not isinstance(formdata, MultiDict):
                return drafts.find({name for name, _field in form._unbound_fields} | form.beside if form else set())
            sent = super().wrap_formdata(form, formdata)
            return _texts_and_asked_files(form) if isinstance(sent, CombinedMultiDict) else sent

        def get_translations(self, _form: BaseForm) -> FormWords:
            """Say what is wrong with a field in our own words."""
            return FormWords()


def _texts_and_asked_files(form: BaseForm) -> MultiDict[str, Any]:
    """Return what was sent, each file only where a file is asked for: a text field could not read one."""
    wanted = {name for name, field in form._unbound_fields if issubclass(field.field_class, FileField)}
    files = [(name, file) for name, file in request.files.items(multi=True) if name in wanted]
    return MultiDict([*request.form.items(multi=True), *files])


class DrawnForm(BaseForm):
    """A form beside which stands what an act would change: one of another time confirms nothing."""

    after = HiddenField(validators=[Optional(), Length(max=40)])  # what was known when the page was drawn
    asks: tuple[str, ...] = ()  # what the page says when it was of another time

    def was_drawn_after(self, known: str) -> bool:
        """Say whether the page showed the state of now: one older than the newest request confirms nothing.

        This is the form's one-time key: once it has led to a request it is spent, an undo included.
        """
        if (self.after.data or "") == known:
            return True
        self.ask_again()
        return False

    def ask_again(self) -> None:
        """Have the page say that it shows something else now."""
        self.asks = (_("Something happened since you opened this page. Check it and confirm again."),)


class EmptyForm(BaseForm):
    """A form that is one button."""


def install_first(app: Flask) -> None:
    """Refuse what comes from another site, before anybody asks who it is or keeps what it sent."""
    app.before_request(_refuse_cross_site)


def install(app: Flask) -> None:
    """Check every request that is not a mere look, and hold every transaction to it."""
    app.before_request(_refuse_nul)
    app.before_request(_check)
    engine = app.extensions["portal"].db.engine
    if not event.contains(engine, "commit", _before_commit):
        event.listen(engine, "commit", _before_commit)


def _refuse_nul() -> None:
    """Answer 400 to a NUL, which PostgreSQL cannot store and no hand types."""
    # Reading a form eats the raw bytes, which are all that counts where a message is signed.
    sent = (request.args,) if request.endpoint in EXEMPT else (request.args, request.form)
    if any("\0" in value for values in sent for _name, value in values.items(multi=True)):
        abort(400)


def _is_exempt() -> bool:
    return request.method in SAFE_METHODS or request.endpoint is None or request.endpoint in EXEMPT


def _refuse_cross_site() -> None:
    if not _is_exempt() and not _is_of_this_site():
        g.merchant = g.person = None  # nobody was asked for: the page that refuses is nobody's
        log.warning("request.cross_site")
        abort(403)


def _is_of_this_site() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin", "null")  # "null" is also sent by our pages that give no referrer
    return origin == "null" or addresses.parts_of(origin).netloc == request.host


def _check() -> ResponseReturnValue | None:
    endpoint = request.endpoint
    if endpoint is None or _is_exempt():
        return None
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        g.csrf_ok = False
        log.info("request.form_token_missing")
        if session.get(DESK_CHANGED) and endpoint.startswith("admin."):  # it was filled in for another merchant
            told = _("You have switched to this merchant in the meantime: nothing was changed, here or there.")
            flash(told, "warning")
            return redirect(url_for("admin.inbox"), 303)
        if not _has_page(endpoint):
            page = addresses.page_before()
            if page is not None:
                drafts.keep(page)
            abort(400)
    else:
        g.csrf_ok = True
        drafts.drop()
    return None


def _has_page(endpoint: str) -> bool:
    return any("GET" in (rule.methods or ()) for rule in current_app.url_map.iter_rules(endpoint))


def _before_commit(connection: Connection) -> None:
    if connection.get_execution_options().keys() >= OF_THE_PROCESS.keys():
        return
    if has_request_context() and g.get("csrf_ok") is False:
        raise UnprotectedCommit(request.endpoint)
