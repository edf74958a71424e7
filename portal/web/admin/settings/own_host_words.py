"""What can be wrong with a merchant's own host, in words for its owner: what to change, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.domain.merchants.own_hosts import BadHost, Fault

REFUSED: Final[Mapping[BadHost, LazyString]] = {
    BadHost.NOT_A_NAME: _l("This is not a host name. Enter one such as account.your-shop.com."),
    BadHost.AN_ADDRESS: _l("This is an address of numbers. Enter a name such as account.your-shop.com."),
    BadHost.A_PAGE: _l("Enter the name alone, without https://, port or page: account.your-shop.com."),
    BadHost.ALONE: _l("Enter the whole name, with its domain: account.your-shop.com."),
    BadHost.OURS: _l("This name belongs to the portal itself. Enter one under your own domain."),
    BadHost.TOO_LONG: _l("This name is too long."),
}
WRONG: Final[Mapping[Fault, LazyString]] = {
    Fault.NO_DNS: _l("The name servers did not answer. Check again in a few minutes."),
    Fault.NO_RECORD: _l(
        "The TXT record is not there yet. It may take up to an hour after you have added it: check again then."
    ),
    Fault.OTHER_RECORD: _l("The TXT record holds another value. Copy the value below once more."),
    Fault.NOT_REACHED: _l(
        "The TXT record is right. The name itself does not lead to this portal yet, or nothing answers there by https."
    ),
    Fault.CERTIFICATE: _l(
        "The TXT record is right, and something answers, but without a valid certificate. The first one may take a few "
        "minutes: check again then."
    ),
    Fault.ANOTHER: _l(
        "The TXT record is right, but another site answers under this name. Change where the name leads."
    ),
}
