"""The words of the lists' filters: of each value that narrows, of each order, and of what an address says in vain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from flask_babel import LazyString, lazy_pgettext, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.desk.list_filters import FROM, LONGEST_SEARCH, TO, Fault, Pair, Why
from portal.domain.desk.subscription_filters import Answer, KeyKind
from portal.domain.ends.ended_by import EndedBy
from portal.domain.law.offers import OfferAnswer
from portal.queries.desk.subscription_filters import Total
from portal.web import labels
from portal.web.admin.words import ENVIRONMENT
from portal.web.formatting import formatter
from portal.web.labels import STATUS

MOST_SAID: Final = 5  # sentences about one address

KEY: Final[Mapping[KeyKind, LazyString]] = {
    KeyKind.REST: _l("REST key"),
    KeyKind.CLASSIC: _l("Classic key"),
}

PLANNED: Final[Mapping[Answer, LazyString]] = {
    Answer.YES: _l("End planned"),
    Answer.NO: _l("No end planned"),
}

ERASED: Final[Mapping[Answer, LazyString]] = {
    Answer.YES: _l("Erased customers"),
    Answer.NO: _l("Without erased customers"),
}

ENDED_BY: Final[Mapping[EndedBy, LazyString]] = {
    EndedBy.CUSTOMER: _l("Cancelled by the customer"),
    EndedBy.STAFF: _l("Cancelled by your team"),
    EndedBy.PAYPAL: _l("Ended at PayPal"),
    EndedBy.COMPLETED: lazy_pgettext("ends", "Completed"),  # several: the word of one's status is another in French
    EndedBy.ABANDONED: lazy_pgettext("ends", "Abandoned"),
    EndedBy.FAILED: _l("Ended after failed payments"),
}

# What became of the offer beside the button that cancels.
OFFER: Final[Mapping[OfferAnswer, LazyString]] = {
    OfferAnswer.ACCEPTED: _l("Took the offer"),
    OfferAnswer.DECLINED: _l("Asked not to see it again"),
    OfferAnswer.CANCELLED: _l("Went on to cancel"),
}

# What is asked by one word alone.
ALONE: Final[Mapping[Pair, LazyString]] = {
    ("late", "yes"): _l("Payment late"),
    ("failed", "yes"): _l("Last payment failed"),
    ("email", "none"): _l("No email address"),
    ("needs_you", "yes"): _l("Needs your attention"),
}

NAME: Final[Mapping[str, LazyString]] = {
    "state": _l("Status"),
    "status": _l("Status"),
    "product": _l("Product"),
    "plan": _l("PayPal plan"),
    "key": _l("Kind of key"),
    "environment": _l("Environment"),
    "planned": _l("Planned end"),
    "late": _l("Payment late"),
    "failed": _l("Last payment failed"),
    "email": _l("Email address"),
    "reason": _l("Reason given"),
    "offer": _l("Your offer"),
    "ended_by": _l("How it ended"),
    "revenue": _l("Counts in monthly revenue"),
    "needs_you": _l("Needs your attention"),
    "erased": _l("Erased customers"),
    "started_from": _l("Started from"),
    "started_to": _l("Started until"),
    "ended_from": _l("Ended from"),
    "ended_to": _l("Ended until"),
    "next_from": _l("Next payment from"),
    "next_to": _l("Next payment until"),
    "confirmed_from": _l("Customer’s cancellation confirmed from"),
    "confirmed_to": _l("Customer’s cancellation confirmed until"),
    "known_from": _l("Known from"),
    "known_to": _l("Known until"),
    "sort": _l("Sorted by"),
    "q": _l("Search"),
}

# By column, rising and falling.
ORDER: Final[Mapping[str, tuple[LazyString, LazyString]]] = {
    "created": (_l("oldest first"), _l("newest first")),
    "customer": (_l("by customer, A to Z"), _l("by customer, Z to A")),
    "started": (_l("earliest start first"), _l("latest start first")),
    "next": (_l("next payment first"), _l("furthest next payment first")),
    "ended": (_l("earliest end first"), _l("latest end first")),
    "planned": (_l("soonest planned end first"), _l("furthest planned end first")),
    "name": (_l("by name, A to Z"), _l("by name, Z to A")),
    "known": (_l("longest known first"), _l("newest first")),
}


def value(pair: Pair, names: Mapping[str, str]) -> str:
    """Return what one parameter narrows to; `names` of products and plans by their ids."""
    name, text = pair
    if pair in ALONE:
        return str(ALONE[pair])
    if name.endswith((FROM, TO)):
        return _("%(label)s %(value)s", label=NAME[name], value=formatter().short_date(date.fromisoformat(text)))
    if name == "revenue":
        return _("Monthly revenue, %(currency)s", currency=text)
    if name in ("product", "plan"):
        return names.get(text) or _("unknown")
    if name == "reason":
        return labels.reason(text) or text
    words: Mapping[str, Mapping[Any, LazyString]] = {
        "state": STATUS, "key": KEY, "environment": ENVIRONMENT, "planned": PLANNED, "erased": ERASED,
        "ended_by": ENDED_BY, "offer": OFFER,
    }  # fmt: skip
    found = words.get(name, {}).get(text)
    return str(found) if found is not None else text


def faults(found: Iterable[Fault]) -> tuple[str, ...]:
    """Return what an address says in vain, each thing once; of very much the beginning, and how much more there is."""
    said = tuple(dict.fromkeys(map(fault, found)))
    more = len(said) - MOST_SAID
    if more <= 1:
        return said
    rest = ngettext("%(num)s more was left out.", "%(num)s more were left out.", more)
    return (*said[:MOST_SAID], rest)


def fault(one: Fault) -> str:
    """Return what an address says in vain, in one sentence."""
    name, value = str(NAME.get(one.name, one.name)), one.value
    match one.why:
        case Why.UNKNOWN:
            return _("There is no filter “%(name)s”: it was left out.", name=one.name[:LONGEST_SEARCH])
        case Why.NO_DAY:
            return _(
                "%(filter)s: “%(value)s” is not a date (for example 2027-04-03). It was left out.",
                filter=name,
                value=value,
            )
        case Why.BACKWARDS:
            return _backwards(one)
        case Why.TWICE:
            return _("%(filter)s: only one answer is possible. “%(value)s” was left out.", filter=name, value=value)
        case Why.TOO_MANY:
            return _("%(filter)s: too many values. “%(value)s” was left out.", filter=name, value=value)
        case Why.GONE if one.name == "view":
            return _("This saved view no longer exists, or is no longer shared with you. Here is the whole list.")
        case Why.GONE:
            return _("%(filter)s: the address names one that no longer exists. It was left out.", filter=name)
    return _("%(filter)s: there is no “%(value)s”. It was left out.", filter=name, value=value)


def _backwards(one: Fault) -> str:
    first = value((one.name.removesuffix(TO) + FROM, one.begins), {})
    last = value((one.name, one.value), {})
    return _("%(first)s, %(last)s: the period ends before it begins. Both dates were left out.", first=first, last=last)


def subscriptions(total: Total) -> str:
    """Return how many there are, « more than » beyond the cap."""
    num = formatter().number(total.number)
    if total.is_more:
        return _("More than %(num)s subscriptions", num=num)
    return ngettext("%(number)s subscription", "%(number)s subscriptions", total.number, number=num)


def customers(total: Total) -> str:
    """Return how many there are, « more than » beyond the cap."""
    num = formatter().number(total.number)
    if total.is_more:
        return _("More than %(num)s customers", num=num)
    return ngettext("%(number)s customer", "%(number)s customers", total.number, number=num)
