"""Lines that a merchant brings as a CSV: what they are, how their columns are matched, what may be wrong."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_BYTES: Final = 200 * 1024 * 1024
MOST_LINES: Final = 1_000_000
MOST_COLUMNS: Final = 100
MOST_EXTRAS: Final = 20  # columns kept under their own names beside a subscription
LONGEST_EXTRA_NAME: Final = 60
LONGEST_EXTRA: Final = 500


class Brought(StrEnum):
    """What the lines are."""

    CUSTOMERS = "customers"
    SUBSCRIPTIONS = "subscriptions"  # what the merchant's own systems know of them
    GRANTS = "grants"  # access by hand


class FileImportState(StrEnum):
    """Where an import stands."""

    UPLOADED = "uploaded"  # its columns are to be matched
    CHECKING = "checking"  # a worker tries each line, and writes none
    CHECKED = "checked"
    RUNNING = "running"
    STOPPED = "stopped"  # between two lines: by somebody, or since who started it may import no more
    DONE = "done"


class Field(StrEnum):
    """What a column may hold."""

    CUSTOMER = "customer_id"
    EXTERNAL_ID = "external_id"
    EMAIL = "email"
    NAME = "name"
    LANGUAGE = "language"
    SUBSCRIPTION = "subscription_id"
    REFERENCE = "reference"
    EXTRA = "extra"  # kept under the column's own name
    PRODUCT = "product"
    SINCE = "since"
    UNTIL = "until"
    NOTE = "note"


class DateOrder(StrEnum):
    """How the merchant writes a day that is not ISO 8601: nobody guesses."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class Wrong(StrEnum):
    """Why a line is refused; the page has what to do about each."""

    CELLS = "cells"  # not as many as the header has
    BAD_TEXT = "bad_text"  # something that nobody sees
    TOO_LONG = "too_long"
    BAD_ID = "bad_id"
    BAD_EMAIL = "bad_email"
    BAD_EXTERNAL_ID = "bad_external_id"
    BAD_LANGUAGE = "bad_language"
    BAD_DATE = "bad_date"
    NO_CUSTOMER = "no_customer"  # no column says whom it is about
    NO_SUBSCRIPTION = "no_subscription"
    NO_PRODUCT = "no_product"
    UNKNOWN_CUSTOMER = "unknown_customer"
    NEEDS_EMAIL = "needs_email"  # nobody has the id, and a new customer has an address
    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    UNKNOWN_PRODUCT = "unknown_product"
    SEVERAL_CUSTOMERS = "several_customers"
    SEVERAL_SUBSCRIPTIONS = "several_subscriptions"
    SEVERAL_PRODUCTS = "several_products"
    TWO_CUSTOMERS = "two_customers"  # its ids and its address are of two
    OTHER_ID = "other_id"  # the customer has another one, and a file takes none away
    ADDRESS_CONFIRMED = "address_confirmed"  # another one, by the customer
    ADDRESS_STANDS = "address_stands"  # another one, that a new mailbox has to replace
    ADDRESS_TAKEN = "address_taken"
    ERASED = "erased"
    SAID_OTHERWISE = "said_otherwise"  # an earlier line says something else of the same
    ENDS_BEFORE_START = "ends_before_start"
    OVER_ALREADY = "over_already"
    OVERLAPS = "overlaps"


class MatchFault(StrEnum):
    """Why columns cannot be matched so."""

    TWICE = "twice"
    NO_KEY = "no_key"
    NOTHING = "nothing"  # besides the key there is nothing to bring
    DATE_ORDER = "date_order"
    EXTRA_NAME = "extra_name"
    TOO_MANY_EXTRAS = "too_many_extras"


WHO: Final = (Field.CUSTOMER, Field.EXTERNAL_ID, Field.EMAIL)
FIELDS: Final[Mapping[Brought, tuple[Field, ...]]] = {
    Brought.CUSTOMERS: (*WHO, Field.NAME, Field.LANGUAGE),
    Brought.SUBSCRIPTIONS: (Field.SUBSCRIPTION, Field.REFERENCE, Field.EXTRA),
    Brought.GRANTS: (*WHO, Field.PRODUCT, Field.SINCE, Field.UNTIL, Field.NOTE),
}
DAYS: Final = frozenset({Field.SINCE, Field.UNTIL})
# Names of columns, without accents, spaces and marks: those of our own exports, and what others call them.
NAMES: Final[Mapping[Field, frozenset[str]]] = {
    field: frozenset(names.split())
    for field, names in {
        Field.CUSTOMER: "customerid customer idclient idduclient",
        Field.EXTERNAL_ID: "externalid customerexternalid ourid "
        "numeroclient referenceclient identifiantexterne kundennummer",
        Field.EMAIL: "email emailaddress mail customeremail adresseemail adressemail courriel emailadresse",
        Field.NAME: "name customername fullname nom nomcomplet nomduclient",
        Field.LANGUAGE: "language locale lang langue sprache",
        Field.SUBSCRIPTION: "subscriptionid subscription paypalid profileid subscrid abonnement idabonnement",
        Field.REFERENCE: "reference ref ourreference contractnumber numerodecontrat vertragsnummer referenz",
        Field.PRODUCT: "product productid productname produit nomduproduit formation produkt kurs",
        Field.SINCE: "since start startdate from debut datededebut premierjour firstday von beginn",
        Field.UNTIL: "until end enddate to fin datedefin dernierjour lastday bis ende",
        Field.NOTE: "note comment commentaire remarque notiz bemerkung",
    }.items()
}


@dataclass(frozen=True)
class Match:
    """What the merchant says of the columns: a field for each, None for one that is left out."""

    columns: tuple[Field | None, ...]
    date_order: DateOrder | None = None


@dataclass(frozen=True)
class BadMatch:
    """One thing that is wrong with a match; `columns` are the places it is about."""

    why: MatchFault
    columns: tuple[int, ...] = ()
    field: Field | None = None


def plain_name(header: str) -> str:
    """Return a column's name without accents, marks, spaces and capitals."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", header).casefold())


def guess(brought: Brought, header: Sequence[str]) -> tuple[Field | None, ...]:
    """Return the field that each column's name speaks of, each field once; what is not known is left out."""
    found: list[Field | None] = []
    for name in map(plain_name, header):
        fields = iter([one for one in FIELDS[brought] if name in NAMES.get(one, ()) and one not in found])
        if brought is Brought.CUSTOMERS and name == "id" and Field.CUSTOMER not in found:
            fields = iter((Field.CUSTOMER,))  # our own list of customers names it so
        elif brought is Brought.SUBSCRIPTIONS and name == "id" and Field.SUBSCRIPTION not in found:
            fields = iter((Field.SUBSCRIPTION,))
        found.append(next(fields, None))
    return tuple(found)


def faults(brought: Brought, match: Match, header: Sequence[str], slashed: Collection[int]) -> list[BadMatch]:
    """Return what is wrong with a match. `slashed`: columns in which a day is written that is not ISO 8601."""
    counted = Counter(field for field in match.columns if field not in (None, Field.EXTRA))
    found = [
        BadMatch(MatchFault.TWICE, tuple(place for place, one in enumerate(match.columns) if one is field), field)
        for field, number in counted.items()
        if number > 1
    ]
    keys = (Field.SUBSCRIPTION,) if brought is Brought.SUBSCRIPTIONS else WHO
    if not counted.keys() & set(keys):
        found.append(BadMatch(MatchFault.NO_KEY))
    if brought is Brought.GRANTS and Field.PRODUCT not in counted:
        found.append(BadMatch(MatchFault.NOTHING, field=Field.PRODUCT))
    extras = [place for place, one in enumerate(match.columns) if one is Field.EXTRA]
    if brought is Brought.SUBSCRIPTIONS and not extras and Field.REFERENCE not in counted:
        found.append(BadMatch(MatchFault.NOTHING, field=Field.REFERENCE))
    if len(extras) > MOST_EXTRAS:
        found.append(BadMatch(MatchFault.TOO_MANY_EXTRAS, tuple(extras)))
    unnamed = tuple(place for place in extras if not 0 < len(header[place]) <= LONGEST_EXTRA_NAME)
    if unnamed:
        found.append(BadMatch(MatchFault.EXTRA_NAME, unnamed))
    days = tuple(place for place, one in enumerate(match.columns) if one in DAYS and place in slashed)
    if days and match.date_order is None:
        found.append(BadMatch(MatchFault.DATE_ORDER, days))
    return found
