"""What staff answer about a product. Forms shape and check input; they decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    StringField,
    SubmitField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal.domain.law.plan_kinds import LONGEST_NOTICE, LONGEST_TERM, KindAnswer, PlanKind, Supply, Wrong
from portal.domain.policies import Override
from portal.services.product_plans import Seen
from portal.services.products import ContentWish, ProductWish
from portal.web.admin.edits import VersionedForm, version_of
from portal.web.admin.forms import choices, own_id_field, page_address, shown_name
from portal.web.admin.products.plan_kind_words import PLAN_KIND, SUPPLY, WRONG_FIELD, WRONG_KIND
from portal.web.admin.words import OVERRIDE
from portal.web.csrf import BaseForm
from portal.web.form_words import PlainForm
from portal.web.typed_text import as_id, one_line

SPARE_ROWS: Final = 2  # empty lines for new contents
MORE_ROWS: Final = 5  # and so many when asked
MOST_CONTENTS: Final = 300
MOVES: Final = ("up", "down", "drop")  # buttons of a line, each worth the line's number


def _either(label: LazyString, yes: LazyString, no: LazyString, description: LazyString | str = "") -> RadioField:
    """Return a question with two answers in words, which is a switch of the product."""
    return RadioField(
        label,
        description=description,
        choices=[SelectChoice("no", no), SelectChoice("yes", yes)],
        coerce=lambda answer: answer is True or answer == "yes",
    )


class ContentRow(PlainForm):
    """One thing a product opens; without a title it is not there."""

    id = HiddenField(validators=[Optional(), Length(max=36)])
    title = StringField(
        _l("Title"), filters=[one_line], validators=[Length(max=140, message=_l("Write at most 140 characters."))]
    )
    link = page_address(_l("Address (https)"))
    unlock_after_days = IntegerField(
        _l("Opens after (days)"),
        default=0,
        validators=[
            Optional(),
            NumberRange(min=0, max=3650, message=_l("Enter a number of days from 0 to 3650.")),
        ],
    )

    def validate_title(self, field: StringField) -> None:
        """Ask for the title of what has an address: without one the line would go, and the address with it."""
        if not field.data and self.link.data:
            raise ValidationError(_("Enter a title for this address, or clear the address too."))


class ProductForm(VersionedForm):
    """A product's name, access rule and contents."""

    name = shown_name()
    external_id = own_id_field(_l("What other systems call this product. Customers do not see it."))
    keep_after_completion = _either(
        _l("When a subscription is completed"),
        _l("Everything stays open for good."),
        _l("Access stops at the end of the paid time."),
        _l("Completed: the commitment was carried through to its end."),
    )
    stops_at_once = _either(
        _l("When a subscription is cancelled, access lasts"),
        _l("Until that very day."),
        _l("Until the end of the paid time."),
        _l("The same holds for an abandoned one, which is never invited back."),
    )
    keep_after_cancellation = _either(
        _l("When a subscription is cancelled, what stays afterwards"),
        _l("What is already unlocked stays open for good."),
        _l("Everything closes."),
        _l("What is not unlocked yet on the end date never opens."),
    )
    kept_while_paused = _either(
        _l("During a pause"),
        _l("Access stays open."),
        _l("Access stops at the end of the paid time."),
    )
    grace_days = IntegerField(
        _l("Days of access after a payment failed"),
        validators=[
            InputRequired(_l("Enter a number of days; 0 stops access at once.")),
            NumberRange(min=0, max=365, message=_l("Enter a number of days from 0 to 365.")),
        ],
    )
    commitment_months = IntegerField(
        _l("Months of commitment"),
        description=_l("Leave empty for none; a PayPal plan with a last payment then sets the length."),
        validators=[Optional(), NumberRange(min=1, max=120, message=_l("Enter a number of months from 1 to 120."))],
    )
    commitment_binds = BooleanField(
        _l("A customer’s cancellation waits for the end of the commitment"),
        description=_l("It is recorded at once and sent to PayPal after the last payment owed."),
    )
    notice_days = IntegerField(
        _l("Days of notice"),
        description=_l(
            "Payments due within this many days of a customer’s cancellation are still taken. 0: it ends as soon "
            "as possible."
        ),
        default=0,
        validators=[Optional(), NumberRange(min=0, max=365, message=_l("Enter a number of days from 0 to 365."))],
    )
    pause_offered = BooleanField(
        _l("Customers can pause and resume themselves"),
        description=_l("Not during a binding commitment."),
    )
    pause_longest_days = IntegerField(
        _l("Longest pause (days)"),
        description=_l("For pauses made by customers."),
        validators=[
            InputRequired(_l("Enter a number of days from 1 to 365.")),
            NumberRange(min=1, max=365, message=_l("Enter a number of days from 1 to 365.")),
        ],
    )
    self_cancellation = RadioField(
        _l("Can customers cancel this product themselves?"), choices=choices(OVERRIDE), coerce=Override
    )
    contents = FieldList(FormField(ContentRow), _l("Contents"), max_entries=MOST_CONTENTS)
    submit = SubmitField(_l("Save the product"))

    @property
    def wish(self) -> ProductWish:
        """What a valid form asks for."""
        plain = {name: self[name].data for name in ProductWish.__dataclass_fields__ if name != "contents"}
        plain["notice_days"] = plain["notice_days"] or 0
        plain["external_id"] = plain["external_id"] or None
        return ProductWish(
            **plain,
            contents=tuple(
                ContentWish(
                    id=as_id(row.form.id.data),
                    title=row.form.title.data,
                    link=row.form.link.data or "",
                    unlock_after_days=row.form.unlock_after_days.data or 0,
                )
                for row in self.contents
                if row.form.title.data
            ),
        )

    def refill(self, values: Mapping[str, Any]) -> None:
        """Show these answers; contents are [id, title, days, link], as versions hold them."""
        names = ("id", "title", "unlock_after_days", "link")
        contents = [dict(zip(names, one, strict=False)) for one in values["contents"]]  # of before, without a link
        self.contents.last_index = -1  # lines are counted anew
        super().refill({**values, "contents": contents})

    def add_rows(self, number: int = SPARE_ROWS) -> None:
        """Leave empty lines at the end for new contents."""
        empty = sum(1 for row in self.contents if not row.form.title.data and not row.form.link.data)
        for _number in range(min(number - empty, MOST_CONTENTS - len(self.contents))):
            self.contents.append_entry()


class NewProductForm(BaseForm):
    """A product without a plan."""

    name = shown_name()
    submit = SubmitField(_l("Create the product"))


class PlanForm(BaseForm):
    """Where a plan goes; `left` is the product that the page showed it with, beside it both products' versions."""

    left = HiddenField(validators=[Length(max=36)])
    left_version = HiddenField(validators=[Length(max=12)])
    to_version = HiddenField(validators=[Length(max=12)])
    submit = SubmitField(_l("Move the plan"))

    @property
    def seen(self) -> Seen:
        """The versions that the page showed."""
        return Seen(left=version_of(self.left_version), to=version_of(self.to_version))


class PlanKindForm(BaseForm):
    """Which kind of contract a plan makes; `seen` is when the answer was given that the page showed."""

    seen = HiddenField(validators=[Length(max=40)])
    kind = RadioField(
        _l("What contract does a customer make?"),
        choices=choices(PLAN_KIND),
        coerce=PlanKind,
        validators=[InputRequired(_l("Choose a kind of contract."))],
    )
    term_months = IntegerField(
        _l("Length of the term (months)"),
        validators=[
            Optional(),
            NumberRange(min=1, max=LONGEST_TERM, message=_l("Enter a number of months from 1 to 60.")),
        ],
    )
    notice_days = IntegerField(
        _l("Notice to refuse the renewal (days)"),
        description=_l("1: until the day before the renewal."),
        validators=[
            Optional(),
            NumberRange(min=1, max=LONGEST_NOTICE, message=_l("Enter a number of days from 1 to 365.")),
        ],
    )
    supply = RadioField(
        _l("What do the instalments pay for?"),
        choices=choices(SUPPLY),
        coerce=lambda answer: Supply(answer) if answer in set(Supply) else None,
        validators=[Optional()],
    )
    submit = SubmitField(_l("Save the kind of contract"))

    @property
    def answer(self) -> KindAnswer:
        """What a valid form answers: what belongs to another kind is left out."""
        is_renewing = self.kind.data is PlanKind.TACIT_RENEWAL
        return KindAnswer(
            kind=self.kind.data,
            term_months=self.term_months.data if is_renewing else None,
            notice_days=self.notice_days.data if is_renewing else None,
            supply=self.supply.data if self.kind.data is PlanKind.INSTALMENTS else None,
        )

    def refuse(self, why: Wrong) -> None:
        """Say beside its field why the answer does not fit the plan."""
        self[WRONG_FIELD[why]].errors = [str(WRONG_KIND[why])]


def rearranged(sent: Mapping[str, str]) -> tuple[MultiDict[str, str], str]:
    """Return what was sent with its lines as a button of theirs wants them, and the title of one that is taken out.

    The texts stay as they were typed: nothing is lost that could not be read.
    """
    lines: dict[int, dict[str, str]] = {}
    others: list[tuple[str, str]] = []
    for name, value in sent.items():
        _contents, number, field = (*name.split("-", 2), "", "")[:3]
        if name.startswith("contents-") and number.isascii() and number.isdigit() and len(number) < 6:
            lines.setdefault(int(number), {})[field] = value
        else:
            others.append((name, value))
    order, gone = sorted(lines), ""
    move = next((one for one in MOVES if one in sent), "")
    number = sent.get(move, "")
    place = next((at for at, one in enumerate(order) if str(one) == number), None)
    if place is not None and move == "drop":
        gone = one_line(lines[order.pop(place)].get("title"))
    elif place is not None:
        other = min(max(place + (1 if move == "down" else -1), 0), len(order) - 1)
        order[place], order[other] = order[other], order[place]
    named = [(f"contents-{new}-{field}", value) for new, old in enumerate(order) for field, value in lines[old].items()]
    return MultiDict([*others, *named]), gone
