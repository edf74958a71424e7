"""Why a log-in with the merchant's site came to nothing, in words for its customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.domain.integrations.site_logins import Wrong

LIES: Final = _l(
    "The answer of the website could not be verified. Nothing in your account has changed. If this goes on, tell "
    "%(merchant)s."
)
SAID: Final[Mapping[Wrong, LazyString]] = {
    Wrong.DECLINED: _l("The log-in on the website was not completed."),
    Wrong.STALE: _l(
        "This log-in is more than ten minutes old, was already used, or was started in another browser. Nothing has "
        "changed."
    ),
    Wrong.OFF: _l("%(merchant)s does not offer this way to log in at the moment."),
    Wrong.UNKNOWN: _l(
        "We found no subscription for your account on the website. You may have subscribed with another email address."
    ),
    Wrong.UNVERIFIED: _l(
        "The website has not verified your email address yet: confirm it there, or log in here by a code."
    ),
    Wrong.NO_CLAIM: _l("The website did not tell us who you are."),
    Wrong.NOT_FRESH: _l("The website did not ask you to log in again, so we could not make sure that it is you."),
    Wrong.NO_ANSWER: _l("The website is not answering at the moment."),
}
OF_THE_SITE: Final = 502
STATUS: Final[Mapping[Wrong, int]] = {
    Wrong.DECLINED: 200,
    Wrong.STALE: 410,
    Wrong.OFF: 410,
    Wrong.UNKNOWN: 403,
    Wrong.UNVERIFIED: 403,
    Wrong.NO_CLAIM: 403,
    Wrong.NOT_FRESH: 403,
}


@dataclass(frozen=True)
class Told:
    """The sentence, the status of its page, and whether the same way may lead further another time."""

    sentence: str
    status: int
    may_try_again: bool


def told(wrong: Wrong, merchant: str) -> Told:
    """Return what the customer reads; what the site did wrong is the merchant's to know, in the log."""
    sentence = str(SAID.get(wrong, LIES)) % {"merchant": merchant}
    return Told(sentence, STATUS.get(wrong, OF_THE_SITE), wrong is not Wrong.OFF)
