"""What the list of things to do is narrowed by: `about` in the address, a word that stays."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flask import request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField

from portal.queries.inbox import Kind
from portal.web.admin.forms import choices
from portal.web.form_words import PlainForm


class About(StrEnum):
    """What a thing to do is about."""

    ENDS = "ends"
    MONEY = "money"
    PAYPAL = "paypal"
    EMAILS = "emails"
    PEOPLE = "people"


WORDS: Final[Mapping[About, LazyString]] = {
    About.ENDS: _l("Cancellations, pauses and renewals"),
    About.MONEY: _l("Payments and refunds"),
    About.PAYPAL: _l("PayPal: keys, messages, comparison"),
    About.EMAILS: _l("Emails that did not arrive"),
    About.PEOPLE: _l("Customers and their data"),
}
KINDS: Final[Mapping[About, frozenset[Kind]]] = {
    About.ENDS: frozenset(
        {Kind.REQUEST, Kind.RECEIVED, Kind.DATE, Kind.END_SEEN, Kind.PAUSE, Kind.RENEWAL, Kind.WITHDRAWAL}
    ),
    About.MONEY: frozenset({Kind.LATE_PAYMENT, Kind.REFUND, Kind.SETTLEMENT, Kind.RENEWAL_REFUND}),
    About.PAYPAL: frozenset({Kind.KEY, Kind.EVENT, Kind.DIFFERENCE}),
    About.EMAILS: frozenset({Kind.MAIL, Kind.MAIL_RETURNED}),
    About.PEOPLE: frozenset({Kind.LOST, Kind.ADDRESS, Kind.ERASURE}),
}


class InboxFilter(PlainForm):
    """The choice as a form; a GET form without token, since it changes nothing."""

    about = SelectField(
        _l("Show only"), choices=[SelectChoice("", _l("Everything")), *choices(WORDS)], validate_choice=False
    )


def chosen() -> About | None:
    """Return what the address asks for; None: everything, also where it names nothing that there is."""
    word = request.args.get("about", "")
    return About(word) if word in set(About) else None


def is_senseless() -> bool:
    """Say whether the address asks for something that there is not: the page says so, and shows everything."""
    return bool(request.args.get("about")) and chosen() is None
