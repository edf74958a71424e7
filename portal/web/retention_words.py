"""How long what is kept, in words: for the desk, and plainer for customers. Lazy: said in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString, ngettext
from flask_babel import lazy_gettext as _l

from portal.domain.law.retention import TABLE, Kind, Unit, span

KIND: Final[Mapping[Kind, LazyString]] = {
    Kind.CUSTOMERS: _l("Customers without a subscription"),
    Kind.PROOFS: _l("Cancellation requests and proofs"),
    Kind.PAYMENTS: _l("Payments and refunds"),
    Kind.MAILS: _l("Text of emails"),
    Kind.MESSAGES: _l("Messages from PayPal"),
    Kind.EVENTS: _l("Events sent to your other systems"),
    Kind.LOG_INS: _l("Log-ins and codes"),
    Kind.EXPORTS: _l("Files of customers’ own data"),
    Kind.FILES: _l("Files that your team imported, and the archive of all data"),
}
SINCE: Final[Mapping[Kind, LazyString]] = {
    Kind.CUSTOMERS: _l("since the last contact: then the record is erased"),
    Kind.PROOFS: _l("since the end of the contract"),
    Kind.PAYMENTS: _l("since the payment"),
    Kind.MAILS: _l("since it was written: then only its kind and date remain"),
    Kind.MESSAGES: _l("since it arrived: then only its kind and date remain"),
    Kind.EVENTS: _l("since the event, with the log of its delivery"),
    Kind.LOG_INS: _l("since it expired; removed every ten minutes"),
    Kind.EXPORTS: _l("since it was ready"),
    Kind.FILES: _l("since it was last used, or ready"),
}
CIVIL: Final = _l("French Civil Code, art. 2224; Consumer Code, art. L213-1")
STORAGE: Final = _l("GDPR, art. 5(1)(e): no longer than needed")
SOURCE: Final[Mapping[Kind, LazyString]] = {
    Kind.CUSTOMERS: _l("CNIL: three years after the last contact"),
    Kind.PROOFS: CIVIL,
    Kind.PAYMENTS: _l("French Commercial Code, art. L123-22"),
    Kind.MAILS: STORAGE,
    Kind.MESSAGES: _l("GDPR, art. 5(1)(c): no more than needed"),
    Kind.EVENTS: STORAGE,
    Kind.LOG_INS: STORAGE,
    Kind.EXPORTS: STORAGE,
    Kind.FILES: STORAGE,
}
TO_CUSTOMERS: Final[Mapping[Kind, LazyString]] = {
    Kind.CUSTOMERS: _l("Your name, email address and account, after your last contact with us"),
    Kind.PROOFS: _l("Your requests to cancel and their proofs, after the end"),
    Kind.PAYMENTS: _l("Your payments and refunds, because of accounting rules"),
    Kind.MAILS: _l("The text of the emails sent to you"),
    Kind.MESSAGES: _l("PayPal’s messages about your contracts"),
    Kind.EVENTS: _l("That the seller’s other systems were told of your contract, without your name"),
    Kind.LOG_INS: _l("Your log-ins, after they expire"),
    Kind.EXPORTS: _l("The file with your data, once it is ready"),
    Kind.FILES: _l("Lists of customers that the seller brings here, as files"),
}


def length(kind: Kind, chosen: Mapping[str, int]) -> str:
    """Return how long a merchant keeps a kind, in words."""
    return counted(TABLE[kind].unit, span(kind, chosen))


def counted(unit: Unit, number: int) -> str:
    """Return a span of time in words."""
    match unit:
        case Unit.DAYS:
            said = ngettext("%(num)d day", "%(num)d days", number)
        case Unit.MONTHS:
            said = ngettext("%(num)d month", "%(num)d months", number)
        case Unit.YEARS:
            said = ngettext("%(num)d year", "%(num)d years", number)
    return str(said)
