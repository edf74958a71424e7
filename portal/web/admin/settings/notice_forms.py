"""The form of what a merchant writes around the facts of a mail. What may be written, the domain decides."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField, TextAreaField
from wtforms.validators import Optional

from portal.domain.merchants.notice_texts import Part, Text
from portal.domain.unseen import clean
from portal.web.admin.edits import VersionedForm
from portal.web.typed_text import one_line, plain


def _seen(text: str | None) -> str:
    return clean(text or "")


class NoticeForm(VersionedForm):
    """Subject, opening and closing of one mail in one language."""

    subject = StringField(_l("Subject"), filters=[one_line, _seen])
    opening = TextAreaField(
        _l("How it begins"), description=_l("An empty line begins a paragraph."), filters=[plain, _seen]
    )
    closing = TextAreaField(
        _l("How it ends"),
        description=_l("Below the facts, for example your signature."),
        filters=[plain, _seen],
        validators=[Optional()],
    )
    submit = SubmitField(_l("Save"))

    @property
    def text(self) -> Text:
        """What was typed."""
        return Text(**{part.value: str(self[part].data or "") for part in Part})
