"""What staff fill in. Forms shape and check input; they decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import urlsplit

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, SelectChoice, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length, Optional, Regexp

from portal.domain.integrations.external_ids import is_external_id
from portal.web.form_words import PlainForm
from portal.web.typed_text import one_line, plain

Code = TypeVar("Code", bound=str)

LONGEST_ADDRESS: Final = 500

AN_ADDRESS: Final = (
    Length(max=254, message=_l("This address is too long.")),
    Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z", message=_l("Enter an address like name@example.com.")),
)


def choices(words: Mapping[Code, LazyString]) -> list[SelectChoice]:
    """Return codes and words as a field offers them."""
    return [SelectChoice(code, label) for code, label in words.items()]


def shown_name() -> StringField:
    """Return the field of the name that customers read."""
    return StringField(
        _l("Name your customers see"),
        filters=[one_line],
        validators=[DataRequired(_l("Enter a name.")), Length(max=140, message=_l("Write at most 140 characters."))],
    )


def own_id_field(description: LazyString) -> StringField:
    """Return the field of the merchant's own id of somebody or something."""
    return StringField(
        _l("ID in your systems"),
        description=description,
        filters=[one_line],
        validators=[Optional(), own_id],
        render_kw={"spellcheck": "false", "autocapitalize": "none"},
    )


def own_id(_form: PlainForm, field: StringField) -> None:
    """Take what can be such an id."""
    if not is_external_id(field.data):
        raise ValidationError(_("Write at most 128 visible characters."))


def https(typed: str | None) -> str:
    """Return the address on one line, with `https://` before one that was typed without it."""
    text = one_line(typed)
    return f"https://{text}" if text and "://" not in text and ":" not in text.partition("/")[0] else text


def is_address(text: str) -> bool:
    """Say whether it leads to a page of a public site: https, a name with a dot, nobody's password, no space."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    whole = not any(letter.isspace() or not letter.isprintable() or letter in '"<>\\' for letter in text)
    named = "." in host.strip(".") and parts.username is None and port != 0
    return whole and named and text.startswith("https://")


def _is_page(_form: object, field: Field) -> None:
    if field.data and not is_address(field.data):
        raise ValidationError(_("Enter the address of a page, beginning with https://."))


def page_address(label: LazyString, description: LazyString | None = None) -> StringField:
    """Return the field of a page of the merchant's own."""
    return StringField(
        label,
        description=description or "",
        filters=[https],
        validators=[
            Optional(),
            Length(max=LONGEST_ADDRESS, message=_l("This address is too long.")),
            _is_page,
        ],
        render_kw={"inputmode": "url", "spellcheck": "false", "autocapitalize": "none"},
    )


def provider_note() -> StringField:
    """Return the field of what PayPal is told with an act: the payer may read it there."""
    return StringField(
        _l("Note for PayPal"),
        description=_l("The customer may read it at PayPal. 1 to 128 characters, nothing internal."),
        filters=[one_line],
        validators=[
            DataRequired(_l("PayPal requires a note: write at least one word.")),
            Length(max=128, message=_l("PayPal accepts at most 128 characters.")),
        ],
    )


def internal_note() -> TextAreaField:
    """Return the field of what the team alone reads."""
    return TextAreaField(
        _l("Internal note"),
        description=_l("Only your team sees it."),
        filters=[plain],
        validators=[Optional(), Length(max=1000, message=_l("Write at most 1000 characters."))],
    )


class SearchForm(PlainForm):
    """What a list is searched by; a GET form without token, since it changes nothing."""

    q = StringField(
        _l("Name, email, PayPal ID or reference"),
        filters=[one_line],
        render_kw={"type": "search", "maxlength": 100, "autocomplete": "off", "spellcheck": "false"},
    )
