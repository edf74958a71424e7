"""The forms of the public pages."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import StringField, SubmitField
from wtforms.validators import InputRequired, Length, Optional

from portal.domain import typed_codes
from portal.web.csrf import BaseForm


class ProofForm(BaseForm):
    """The code of a proof, as it is printed; spaces, dashes and small letters do not matter."""

    code = StringField(
        _l("Verification code"),
        filters=[lambda text: typed_codes.compact(text or "").upper()],
        validators=[
            InputRequired(_l("Enter the code printed on the proof.")),
            Length(max=40, message=_l("This is too long for a code.")),
        ],
    )
    file = FileField(_l("Your PDF"), validators=[Optional()])
    submit = SubmitField(_l("Check this proof"))
