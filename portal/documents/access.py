"""The sentence about access after an end, for the proof and for the page that says how it stands today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from portal.formatting import Formatter, Words
from portal.mail.letterhead import one_line


def access_sentence(
    *,
    until: datetime | None,
    is_unknown: bool,
    kept: Sequence[str],
    merchant_name: str,
    at: datetime,
    fmt: Formatter,
    translator: Words,
) -> str:
    """Return the sentence about access after an end, as it reads at `at`: until when, and what stays."""
    _ = translator.gettext
    said = []
    if is_unknown:
        said.append(
            _("You keep access until a date that %(merchant)s will tell you.", merchant=one_line(merchant_name))
        )
    elif until is not None and until > at:
        said.append(_("You keep access until %(date)s.", date=fmt.last_day(until)))
    elif until is not None:
        said.append(_("Your access ended on %(date)s.", date=fmt.moment(until)))
    if kept:
        names = ", ".join(one_line(title) for title in kept)
        said.append(_("You keep for good: %(contents)s.", contents=names))
    return " ".join(said) or _("It opened no access.")
