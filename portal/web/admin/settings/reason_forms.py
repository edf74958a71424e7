"""What is typed of the merchant's reasons for leaving, and of its one offer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, StringField, SubmitField, TextAreaField
from wtforms.validators import Length, Optional

from portal.domain.law import offers
from portal.domain.law.offers import OfferKind
from portal.domain.merchants import leaving_reasons
from portal.domain.merchants.notice_texts import affirmed
from portal.web.admin.edits import VersionedForm
from portal.web.admin.forms import choices, page_address
from portal.web.typed_text import shown, shown_line

TOO_LONG: Final = _l("At most %(max)d characters.")


def _words(label: LazyString) -> StringField:
    return StringField(
        label,
        filters=[shown_line],
        validators=[Optional(), Length(max=leaving_reasons.LONGEST, message=TOO_LONG)],
        render_kw={"maxlength": leaving_reasons.LONGEST},
    )


class ReasonForm(VersionedForm):
    """One reason in the languages of customers' pages."""

    fr = _words(_l("In French"))
    en = _words(_l("In English"))
    needs_words = True  # those of the portal have its own
    said: Mapping[str, frozenset[str]] = {}  # what other reasons of the list say, by language
    submit = SubmitField(_l("Save these words"))

    @property
    def words(self) -> dict[str, str]:
        """What was typed, by language."""
        return {"fr": self.fr.data or "", "en": self.en.data or ""}

    def refuse_what_is_said(self, said: Mapping[str, Collection[str]]) -> None:
        """Of two reasons that read alike nobody knows which was meant: the second is not taken."""
        self.said = {language: frozenset(map(leaving_reasons.as_read, texts)) for language, texts in said.items()}

    def validate(self, extra_validators: Mapping[str, object] | None = None) -> bool:
        """Take words in one language alone: they then stand on the pages in both."""
        is_right = super().validate(extra_validators)
        for language, text in self.words.items():
            if text and leaving_reasons.as_read(text) in self.said.get(language, ()):
                self[language].errors = [_("The list has this reason already. If it is retired, ask it again.")]
                is_right = False
        if is_right and self.needs_words and not any(self.words.values()):
            self.fr.errors = [_("Write the reason in one language at least.")]
            return False
        return is_right


class NewReasonForm(ReasonForm):
    """One more reason."""

    submit = SubmitField(_l("Add this reason"))


OFFER: Final[Mapping[OfferKind, LazyString]] = {
    OfferKind.NONE: _l("No offer"),
    OfferKind.PAUSE: _l("A pause"),
    OfferKind.LINK: _l("A text with a link"),
}


def _text(label: LazyString) -> TextAreaField:
    return TextAreaField(
        label,
        filters=[shown],
        validators=[Optional(), Length(max=offers.LONGEST, message=TOO_LONG)],
    )


class OfferForm(VersionedForm):
    """The one offer beside the button that cancels."""

    offer_kind = RadioField(_l("What you offer"), choices=choices(OFFER))
    offer_text_fr = _text(_l("Text in French"))
    offer_text_en = _text(_l("Text in English"))
    offer_url = page_address(_l("Page the link leads to"))
    submit = SubmitField(_l("Save the offer"))

    def validate(self, extra_validators: Mapping[str, object] | None = None) -> bool:
        """Want a text and an address where a link is offered: nobody presses a button that says nothing."""
        is_right = super().validate(extra_validators)
        for field in (self.offer_text_fr, self.offer_text_en):
            if said := affirmed(field.data or ""):
                field.errors = [_("“%(word)s” must not stand here: where this is read, nothing has ended.", word=said)]
                is_right = False
        if self.offer_kind.data != OfferKind.LINK:
            return is_right
        if not self.offer_text_fr.data and not self.offer_text_en.data:
            self.offer_text_fr.errors = [_("Write what you offer, in one language at least.")]
            is_right = False
        if not self.offer_url.data:
            self.offer_url.errors = [_("A text with a link needs the address of its page.")]
            is_right = False
        return is_right
