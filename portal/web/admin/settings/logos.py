"""The merchant's logo: brought, looked at on a customer's page, published."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import FileStorage
from wtforms import SubmitField

from portal.queries.merchants import logos as queries
from portal.services import logos
from portal.services.edits import EditedMeanwhile
from portal.services.pictures import MOST_BYTES, BadPicture, Flaw
from portal.services.settings import Sign
from portal.web.admin import bp, showing
from portal.web.admin.edits import VersionedForm
from portal.web.admin.settings import faces, settings
from portal.web.csrf import BaseForm
from portal.web.identity import by, context, person

MOST_SENT: Final = 24 * 1024 * 1024  # a file far too large is still answered with its own page
WHY: Final[Mapping[Flaw, LazyString]] = {
    Flaw.TOO_LARGE: _l("This file is larger than 2 MB. Save the picture smaller, 480 pixels wide are enough."),
    Flaw.SVG: _l("SVG files are not taken, because they can hold programs. Save the logo as PNG."),
    Flaw.NO_PICTURE: _l("This file is not a PNG, JPEG or WebP picture."),
    Flaw.TOO_MANY_PIXELS: _l(
        "This picture has more than 16 million pixels. Save it smaller, 480 pixels wide are enough."
    ),
    Flaw.BROKEN: _l("This picture is damaged: it cannot be read to its end. Save it again."),
}


class LogoForm(BaseForm):
    """A picture."""

    file = FileField(
        _l("Picture of your logo"),
        description=_l("PNG, JPEG or WebP, at most 2 MB. It is shown on white, 40 pixels high."),
        validators=[FileRequired(_l("Choose a file."))],
    )
    submit = SubmitField(_l("Preview"))


class PublishForm(VersionedForm):
    """Publish what the page shows."""

    submit = SubmitField(_l("Publish"))


@bp.url_value_preprocessor
def take_pictures(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Let this one page take a picture. It runs before anything reads the form."""
    if endpoint == "admin.setting_logo":
        request.max_content_length = MOST_SENT


@bp.route("/settings/logo", methods=["GET", "POST"], endpoint="setting_logo")
def bring() -> ResponseReturnValue:
    """Show the logo, and take another one, which is looked at before customers see it."""
    form = LogoForm()
    if form.validate_on_submit():
        try:
            logo_id = logos.bring(context(), person().merchant_id, _read(form.file.data))
        except BadPicture as bad:
            form.file.errors = [str(WHY[bad.flaw])]
        else:
            return redirect(url_for(".setting_logo_draft", logo_id=logo_id), 303)
    removal = settings.stored(PublishForm, Sign)
    return showing.page("setting_logo.html", form=form, version=removal.version.data), 422 if form.errors else 200


@bp.route("/settings/logo/<uuid:logo_id>", methods=["GET", "POST"], endpoint="setting_logo_draft")
def publish(logo_id: uuid.UUID) -> ResponseReturnValue:
    """Show customers' pages with that logo, and publish it."""
    with context().db.read() as session:
        queries.check_of_merchant(session, person().merchant_id, logo_id)
    form = settings.stored(PublishForm, Sign)
    if form.validate_on_submit():
        return _published(logo_id, form, again=url_for(".setting_logo_draft", logo_id=logo_id))
    return faces.preview(
        replace(g.merchant, logo_id=logo_id),
        sent=[("version", str(form.version.data))],
        publish_url=url_for(".setting_logo_draft", logo_id=logo_id),
        back_url=url_for(".setting_logo"),
    )


@bp.post("/settings/logo/removal", endpoint="setting_logo_removal")
def remove() -> ResponseReturnValue:
    """Show the plate with the merchant's initial again."""
    return _published(None, PublishForm(), again=url_for(".setting_logo"))


def _published(logo_id: uuid.UUID | None, form: PublishForm, *, again: str) -> ResponseReturnValue:
    try:
        logos.publish(context(), person().merchant_id, logo_id, seen=form.seen, by=by())
    except EditedMeanwhile:
        flash(_("Somebody changed the logo while you had this page open. Nothing was changed: look again."), "warning")
        return redirect(again, 303)
    flash(_("The settings are saved."), "success")
    return redirect(url_for(".setting_logo"), 303)


def _read(upload: FileStorage) -> bytes:
    content: bytes = upload.stream.read(MOST_BYTES + 1)
    upload.close()  # a large one lies in a temporary file
    return content
