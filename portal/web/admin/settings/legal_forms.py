"""The forms of the merchant's legal texts: answers and words of one's own, never HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length, Optional

from portal.domain.law.legal_texts import NEEDED, NOTICE_FIELDS, LegalKind
from portal.web.admin.edits import VersionedForm
from portal.web.day_field import DayField
from portal.web.legal_words import FIELD
from portal.web.local_days import today
from portal.web.typed_text import one_line, plain

LONGEST: Final = 60_000  # of a text of one's own: terms of sale are long
SYNTAX: Final = _l("An empty line begins a paragraph, “# ” a heading, “- ” an item of a list.")
OWN: Final = "own_text"


class LegalForm(VersionedForm):
    """A text that is to be published: from which day, and in the merchant's own words."""

    valid_from = DayField(
        _l("In force from"),
        description=_l("Leave it empty for today. Until then the former version applies."),
        validators=[Optional()],
    )
    submit = SubmitField(_l("Publish"))

    def validate_valid_from(self, field: DayField) -> None:
        """Take no day that is over: nobody could have read the text then."""
        if field.data is not None and field.data < today():
            raise ValidationError(_("Choose today or a later day: nobody could read this text before."))

    @property
    def answers(self) -> dict[str, str]:
        """What was typed, but for the day."""
        kept = [field for field in self if isinstance(field, (StringField, TextAreaField))]
        return {field.name: str(field.data or "") for field in kept if field.name not in ("version", "csrf_token")}


class NoticeForm(LegalForm):
    """Who publishes: what the law of 21 June 2004 wants every site to say."""


class PrivacyForm(LegalForm):
    """What the portal cannot know about personal data; the rest it writes by itself."""

    contact = StringField(
        _l("Where to write about personal data"),
        description=_l("Of your data protection officer, if you have one. Leave it empty for your help address."),
        filters=[one_line],
        validators=[Optional(), Length(max=254, message=_l("This address is too long."))],
    )
    own_text = TextAreaField(
        _l("What you add"),
        description=_l("For example other recipients, a newsletter, or a host outside the European Union."),
        filters=[plain],
        validators=[Optional(), Length(max=LONGEST, message=_l("This text is too long."))],
    )


class TermsForm(LegalForm):
    """The terms of sale, whole."""

    own_text = TextAreaField(
        _l("Your terms of sale"),
        description=SYNTAX,
        filters=[plain],
        validators=[
            DataRequired(_l("Enter your terms of sale.")),
            Length(max=LONGEST, message=_l("This text is too long.")),
        ],
    )


_HINT: Final = {
    "publisher": _l("Name or company name, legal form and capital."),
    "registration": _l("For example RCS Paris 123 456 789, or the number in the register of trades."),
    "vat": _l("Number, or why there is none."),
    "director": _l("The person who answers for what is published."),
    "contact": _l("An email address and a telephone number."),
    "host": _l("Name, address and telephone number of who hosts this portal: ask its operator."),
}
_LINES: Final = frozenset({"address", "host"})  # of several lines

for _name in NOTICE_FIELDS:
    _field = TextAreaField if _name in _LINES else StringField
    setattr(
        NoticeForm,
        _name,
        _field(
            FIELD[_name],
            description=_HINT.get(_name, ""),
            filters=[plain if _name in _LINES else one_line],
            validators=[
                DataRequired(_l("Fill this in: “%(field)s”.", field=FIELD[_name])) if _name in NEEDED else Optional(),
                Length(max=500, message=_l("Write at most 500 characters.")),
            ],
        ),
    )

FORM: Final[Mapping[LegalKind, type[LegalForm]]] = {
    LegalKind.NOTICE: NoticeForm,
    LegalKind.PRIVACY: PrivacyForm,
    LegalKind.TERMS: TermsForm,
}
