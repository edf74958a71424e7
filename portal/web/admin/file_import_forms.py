"""What somebody fills in to bring a file, and to say what its columns are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import request
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import RadioField, SelectChoice, SelectField, SubmitField
from wtforms.validators import InputRequired

from portal.domain.desk.file_imports import FIELDS, BadMatch, Brought, DateOrder, Field, Match, MatchFault
from portal.web.admin import file_import_words as words
from portal.web.admin.forms import choices
from portal.web.csrf import BaseForm

EXAMPLES: Final = 3


class FileForm(BaseForm):
    """What is brought, and the file."""

    brought = RadioField(
        _l("What do you import?"),
        choices=choices(words.BROUGHT),
        validators=[InputRequired(_l("Choose what you import."))],
    )
    file = FileField(
        _l("CSV file"),
        description=_l(
            "The first line names the columns. At most 1,000,000 lines and 200 MB. UTF-8 is best; semicolons, commas "
            "and tabs are recognised."
        ),
        validators=[FileRequired(_l("Choose a file."))],
    )
    submit = SubmitField(_l("Upload"))


class MatchForm(BaseForm):
    """A field for each column; the columns are those of one file (`for_columns`)."""

    date_order: RadioField
    submit = SubmitField(_l("Check every line"))
    columns: Sequence[Any] = ()
    offered: Sequence[Field] = ()

    def match(self) -> Match:
        """Return what was answered."""
        fields = tuple(Field(field.data) if field.data in self.offered else None for field in self.columns)
        told = self.date_order.data if "date_order" in self else None  # nobody was asked where no such date is
        return Match(fields, DateOrder(told) if told in set(DateOrder) else None)

    def refuse(self, found: Sequence[BadMatch], header: Sequence[str]) -> None:
        """Say what is wrong, beside the columns that it is about."""
        for bad in found:
            sentence = words.of_match(bad, header)
            if bad.why is MatchFault.DATE_ORDER:
                self.date_order.errors = [sentence]
            elif bad.columns:
                self.columns[bad.columns[-1]].errors = [sentence]
            else:
                self.form_errors.append(sentence)


def for_columns(
    brought: Brought, header: Sequence[str], match: Match, samples: Sequence[Sequence[str]], *, asks_dates: bool
) -> MatchForm:
    """Return the form for the columns of a file, as they are matched now; `samples`: its first lines."""
    offered: list[SelectChoice] = [SelectChoice("", _("Do not import"))]
    offered += [SelectChoice(field.value, str(words.FIELD[field])) for field in FIELDS[brought]]
    fields: dict[str, Any] = {}
    for place in range(len(header)):
        label: str | LazyString = words.column(header, place)
        seen = [row[place][:60] for row in samples[:EXAMPLES] if place < len(row) and row[place].strip()]
        hint = _("For example: %(values)s", values=" · ".join(seen)) if seen else _("Empty in the first lines")
        fields[f"column_{place}"] = SelectField(label, choices=offered, description=hint, validate_choice=False)
    if asks_dates:  # behind the columns, as on the page
        question = _l("Dates such as 03/04/2027")
        fields["date_order"] = RadioField(question, choices=choices(words.ORDER), validate_choice=False)
    form_class = type("ColumnsForm", (MatchForm,), fields)
    data: dict[str, str | None] = {
        f"column_{place}": field.value if field else "" for place, field in enumerate(match.columns)
    }
    data["date_order"] = match.date_order.value if match.date_order else None
    form: MatchForm = form_class(request.form if request.method == "POST" else None, data=data)
    form.offered = FIELDS[brought]
    form.columns = [form[f"column_{place}"] for place in range(len(header))]
    return form
