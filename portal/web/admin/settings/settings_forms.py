"""What the merchant decides for all products, a form a group. They shape and check input; they decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import current_app
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    EmailField,
    IntegerField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp
from wtforms.widgets import CheckboxInput, ListWidget

from portal.clock import utc_now
from portal.domain.integrations import return_addresses
from portal.domain.law.countries import Country, may_be_chosen
from portal.domain.law.retention import CHOSEN, TABLE, Kind, Unit
from portal.domain.merchants import colours
from portal.domain.merchants.notices import OPTIONAL
from portal.domain.merchants.sections import Section
from portal.domain.money.receipts import LONGEST_TEXT
from portal.web import time_zones
from portal.web.admin.edits import VersionedForm
from portal.web.admin.forms import AN_ADDRESS, choices, page_address, shown_name
from portal.web.admin.settings.notice_words import WHEN
from portal.web.admin.words import MAIL_KIND
from portal.web.day_field import DayField
from portal.web.formatting import formatter
from portal.web.labels import LANGUAGE
from portal.web.local_days import today
from portal.web.retention_words import KIND
from portal.web.typed_text import one_line, plain


class CancellationForm(VersionedForm):
    """Whether customers cancel by themselves."""

    self_cancellation = BooleanField(
        _l("Customers can cancel themselves"),
        description=_l("A button on their account page. Each product can have its own setting."),
    )
    cancellation_text = TextAreaField(
        _l("What customers read when they cannot cancel themselves"),
        description=_l("Say how to cancel: an address, a form, a telephone number."),
        filters=[plain],
        validators=[Optional(), Length(max=2000, message=_l("Write at most 2000 characters."))],
    )
    submit = SubmitField(_l("Save the settings"))


def colour(typed: str | None) -> str:
    """Return a colour as #rrggbb; anything else as it was typed, for the form to say so."""
    text = one_line(typed)
    return colours.parse(text) or text


class FaceForm(VersionedForm):
    """How customers know the merchant."""

    name = shown_name()
    sender_name = StringField(
        _l("Sender of your emails"),
        description=_l("Only the name: the address stays the portal’s. Leave it empty for the name above."),
        filters=[one_line],
        validators=[
            Optional(),
            Length(max=60, message=_l("Write at most 60 characters.")),
            Regexp(r"[^@<>]*\Z", message=_l("Write a name, not an address.")),
        ],
    )
    accent = StringField(
        _l("Accent colour"),
        description=_l("As #rrggbb, for example #0c5d6d. Leave it empty for the portal’s violet."),
        filters=[colour],
        validators=[Optional()],
        render_kw={"maxlength": 7, "spellcheck": "false", "autocapitalize": "none"},
    )
    offered: str | None = None  # the nearest colour that can be read, when the one that was typed cannot
    submit = SubmitField(_l("Publish"))

    def validate_accent(self, field: StringField) -> None:
        """Take a colour that can be read wherever it is text, by day and by night."""
        if colours.parse(field.data) is None:
            raise ValidationError(_("Enter a colour as # and six digits from 0 to f, for example #0c5d6d."))
        wrong = colours.unreadable(field.data)
        if wrong:
            self.offered = colours.nearest(field.data)
            raise ValidationError(
                _(
                    "Text in %(colour)s cannot be read everywhere: its contrast is %(ratio)s to 1 where %(needed)s to "
                    "1 is needed. The nearest colour that can be read is %(offered)s.",
                    colour=field.data,
                    ratio=formatter().tenths(wrong[0].ratio),
                    needed=formatter().tenths(wrong[0].needed),
                    offered=self.offered,
                )
            )


class AddressesForm(VersionedForm):
    """Where customers write, the merchant's own pages, and its lines on receipts."""

    support_email = EmailField(
        _l("Email address for your customers’ questions"),
        description=_l("Their answers to your emails arrive there. Your to-do emails are sent there too."),
        filters=[one_line],
        validators=[
            DataRequired(_l("Enter an address: without one, nobody is emailed about what needs your attention.")),
            *AN_ADDRESS,
        ],
    )
    site_url = page_address(_l("Website"))
    terms_url = page_address(_l("Terms of sale"))
    privacy_url = page_address(_l("Privacy policy"))
    legal_url = page_address(_l("Legal notice"))
    receipt_text = TextAreaField(
        _l("Your lines on receipts"),
        description=_l("Printed on every receipt: legal form, address, VAT number or why you charge no VAT."),
        filters=[plain],
        validators=[Optional(), Length(max=LONGEST_TEXT, message=_l("Write at most 500 characters."))],
    )
    submit = SubmitField(_l("Save the settings"))


class AddressesField(TextAreaField):
    """Addresses, one a line; as the list that is stored."""

    def _value(self) -> str:
        return "\n".join(self.data or ())

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the lines, each as it is compared; an empty one is none, and none stands twice."""
        lines = plain(valuelist[0] if valuelist else "").split("\n")
        self.data = list(dict.fromkeys(filter(None, map(return_addresses.tidy, lines))))


class ReturnsForm(VersionedForm):
    """Where a link to one task may lead its customer back to."""

    return_addresses = AddressesField(
        _l("Return addresses"),
        description=_l("One a line, for example https://www.example.com/my-account. Pages below it count too."),
        validators=[Optional()],
        render_kw={"spellcheck": "false", "autocapitalize": "none"},
    )
    submit = SubmitField(_l("Save the settings"))

    def validate_return_addresses(self, field: AddressesField) -> None:
        """Take only addresses that every browser reads alike, and not very many."""
        for one in field.data:
            if not return_addresses.is_nameable(one):
                raise ValidationError(
                    _(
                        "“%(address)s” cannot be taken: enter https:// and the name of your site, without a port, an "
                        "@ or encoded characters.",
                        address=one,
                    )
                )
        if len(field.data) > return_addresses.MOST:
            raise ValidationError(_("Enter at most %(num)s addresses.", num=return_addresses.MOST))


class LanguageForm(VersionedForm):
    """In which language and zone the merchant's pages and mails are."""

    locale = SelectField(_l("Language of your pages and emails"), choices=choices(LANGUAGE))
    time_zone = SelectField(
        _l("Time zone"), description=_l("Dates and times are shown in this zone."), validate_choice=False
    )
    submit = SubmitField(_l("Save the settings"))

    def offer_zone(self, current: str) -> None:
        """Offer the usual zones, and the one that is set."""
        self.time_zone.choices = time_zones.choices(current)

    def validate_time_zone(self, field: SelectField) -> None:
        """Take any zone that this machine knows."""
        time_zones.check(field)


def countries() -> list[SelectChoice]:
    """Return the countries whose law a merchant may sell under today, and their names."""
    begins = current_app.extensions["portal_config"].uk_regime_from
    chosen = [one for one in Country if may_be_chosen(one, utc_now().date(), begins=begins)]
    return [SelectChoice(one, formatter().country(one)) for one in chosen]


class CountriesForm(VersionedForm):
    """Under which countries' consumers' law the merchant sells."""

    country = SelectField(
        _l("Your country"),
        description=_l("Its law decides what the English pages say."),
        choices=countries,
        coerce=Country,
    )
    sells_to = SelectMultipleField(
        _l("Consumers of which countries buy from you"),
        description=_l("Each gets the pages that its law wants, in the footer of your pages."),
        choices=countries,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    postal_address = TextAreaField(
        _l("Postal address for letters"),
        description=_l("Shown where a declaration may need a proof by post, and whenever the page cannot record one."),
        filters=[plain],
        validators=[Optional(), Length(max=LONGEST_TEXT, message=_l("Write at most 500 characters."))],
    )
    withdrawal_informed_since = DayField(
        _l("You inform your customers of the right of withdrawal since"),
        description=_l(
            "Leave it empty if you do not know. It is your word and no proof: of contracts that began on or after this "
            "day the 14 days count, instead of twelve months more, wherever the portal knows nothing else. A "
            "declaration is accepted all the same."
        ),
        validators=[Optional()],
    )
    public_indexed = BooleanField(
        _l("Search engines may list these pages"),
        description=_l("Without it, the pages are found by your links alone."),
    )
    submit = SubmitField(_l("Save the settings"))

    def validate_withdrawal_informed_since(self, field: DayField) -> None:
        """Take no day that is still to come: nobody can say today what they will have told."""
        if field.data is not None and field.data > today():
            raise ValidationError(_("Enter a day that is not in the future."))

    def validate_sells_to(self, field: SelectMultipleField) -> None:
        """Take at least one country, the merchant's own among them."""
        if self.country.data is not None and self.country.data.value not in field.data:
            raise ValidationError(_("Tick your own country, too: its consumers buy from you."))


SECTION: Final[Mapping[Section, tuple[LazyString, LazyString]]] = {  # its name, and what it is
    Section.PAYMENTS: (
        _l("Payments"),
        _l("What was taken and refunded, with receipts: a page of their own, and the page of each subscription."),
    ),
    Section.HISTORY: (_l("What happened"), _l("The history of each subscription, on its page.")),
    Section.PAUSES: (
        _l("Pause"),
        _l("Where the product offers it. A customer whose subscription is paused can always resume it."),
    ),
    Section.COMEBACKS: (
        _l("Subscribe again"),
        _l("After a cancellation, on the account page, on the proof page and in the confirmation email."),
    ),
    Section.ACCESS: (_l("Access"), _l("One page with everything that can be opened, whatever it comes from.")),
}


class SectionsForm(VersionedForm):
    """Which sections of their space customers see: a box for each line of the domain's table."""

    submit = SubmitField(_l("Save the settings"))


class NoticesForm(VersionedForm):
    """Which mails leave, of those that may be left out: a box for each."""

    submit = SubmitField(_l("Save the settings"))


class RetentionForm(VersionedForm):
    """How long what is kept: a number for each kind that has something to choose, within its bounds."""

    submit = SubmitField(_l("Save the settings"))


def _span_field(kind: Kind) -> IntegerField:
    rule = TABLE[kind]
    bounds = {"least": rule.least, "most": rule.most}
    wrong = (
        _l("Enter a number of months from %(least)s to %(most)s.", **bounds)
        if rule.unit is Unit.MONTHS
        else _l("Enter a number of years from %(least)s to %(most)s.", **bounds)
    )
    return IntegerField(
        _l("%(kind)s, in months", kind=KIND[kind])
        if rule.unit is Unit.MONTHS
        else _l("%(kind)s, in years", kind=KIND[kind]),
        description=_l("From %(least)s to %(most)s.", **bounds),
        validators=[InputRequired(wrong), NumberRange(min=rule.least, max=rule.most, message=wrong)],
        render_kw={"min": rule.least, "max": rule.most},
    )


for _kind in CHOSEN:
    setattr(RetentionForm, f"keeps_{_kind.value}", _span_field(_kind))

for _notice in OPTIONAL:
    setattr(NoticesForm, f"sends_{_notice}", BooleanField(MAIL_KIND[_notice], description=WHEN[_notice]))

for _section, (_name, _hint) in SECTION.items():
    setattr(SectionsForm, f"shows_{_section.value}", BooleanField(_name, description=_hint))
