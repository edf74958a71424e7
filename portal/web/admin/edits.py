"""Two people edit the same: the second to save is shown what the first did, keeps what they typed, and decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from wtforms import BooleanField, Field, FieldList, HiddenField, SelectField, SelectMultipleField
from wtforms.validators import Length, Optional

from portal.domain.edits import Clash, Edit, clashes, merged
from portal.services.edits import EditedMeanwhile
from portal.web.csrf import BaseForm
from portal.web.formatting import formatter


def version_of(field: HiddenField) -> int:
    """Return the version that was sent, 0 for what is none."""
    sent = str(field.data or "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else 0  # as the database counts


class VersionedForm(BaseForm):
    """A form of something that several people edit: it carries the version that its page showed."""

    version = HiddenField(validators=[Optional(), Length(max=12)])

    @property
    def seen(self) -> int:
        """The version; 0, with which everything since is shown, where none was sent."""
        return version_of(self.version)

    def refill(self, values: Mapping[str, Any]) -> None:
        """Show these answers in place of those that were sent."""
        for field in self:
            field.raw_data = None  # a number is else shown as it was sent
        self.process(formdata=None, data=values)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One field that changed meanwhile, in words; `typed` is empty where the person had not touched it."""

    label: str
    read: str
    stored: str
    typed: str


@dataclass(frozen=True, kw_only=True)
class Meanwhile:
    """What the page says of it: who saved and when, and which fields."""

    saved: list[str]
    rows: list[Shown]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field of a save, in words."""

    label: str
    before: str
    after: str
    who: str
    at: datetime


def history(form: VersionedForm, saves: Iterable[Edit]) -> list[Change]:
    """Return what was saved, by field; one that the form no longer has is left out."""
    return [
        Change(
            label=str(form[name].label.text),
            before=said(form[name], before),
            after=said(form[name], after),
            who=who(edit),
            at=edit.at,
        )
        for edit in saves
        for name, (before, after) in edit.changes.items()
        if name in form
    ]


def who(edit: Edit) -> str:
    """Return who saved it, in words."""
    return edit.by_name or (_("Somebody who has left the team") if edit.by_id else _("Operator"))


def settle(form: VersionedForm, edited: EditedMeanwhile, typed: Mapping[str, Any]) -> Meanwhile:
    """Bring the form up to what is stored, but for what the person changed; return what to say of it.

    Sent once more, it is saved: whoever sends it has seen both.
    """
    found = clashes(edited.edits, typed)
    form.refill({**merged(found, typed), "version": edited.version})
    saved = [_("%(name)s, %(date)s", name=who(edit), date=formatter().short(edit.at)) for edit in edited.edits]
    return Meanwhile(saved=saved, rows=[_shown(form[one.name], one) for one in found])


def _shown(field: Field, one: Clash) -> Shown:
    return Shown(
        label=str(field.label.text),
        read=said(field, one.read),
        stored=said(field, one.stored),
        typed=said(field, one.typed) if one.is_dispute else "",
    )


def said(field: Field, value: Any) -> str:
    """Return an answer as its field offers it."""
    if isinstance(field, BooleanField):
        return _("Yes") if value else _("No")
    if isinstance(field, SelectMultipleField):
        words = {str(code): str(label) for code, label, *_rest in field.iter_choices()}
        value = [words.get(str(one), str(one)) for one in value]
    elif isinstance(field, SelectField):
        if isinstance(value, bool):  # a switch, offered as two answers in words
            value = "yes" if value else "no"
        words = {str(code): str(label) for code, label, *_rest in field.iter_choices()}
        return words.get(str(value), str(value))
    if isinstance(field, FieldList):
        value = ", ".join(_content(*one) for one in value)
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return str(value) if value not in (None, "") else _("Empty")


def _content(_id: str, title: str, days: int, link: str = "") -> str:
    """Return one of a product's contents; those of old versions have no address."""
    return " ".join(filter(None, (title, f"({days})" if days else "", link)))
