"""The sentence about access after an end, for the proof and for the page that says how it stands today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from portal.formatting import Formatter, Words
from portal.mail.letterhead import one_line


def access_sentence(
    *,
    until: datetime | None,
    is_unknown: bool,
    kept: Sequence[str],
    opens: Mapping[str, datetime],
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
        names = ", ".join(kept_names(kept, opens, at=at, fmt=fmt, translator=translator))
        said.append(_("You keep for good: %(contents)s.", contents=names))
    return " ".join(said) or _("It gave no access.")


def kept_names(
    kept: Sequence[str], opens: Mapping[str, datetime], *, at: datetime, fmt: Formatter, translator: Words
) -> list[str]:
    """Return what is kept for good: first what is open at `at`, then what opens later, with its day."""
    names = [one_line(title) for title in kept]
    later = {one_line(title): since for title, since in opens.items() if since > at}
    dated = [
        translator.gettext("%(title)s from %(date)s", title=title, date=fmt.day(later[title]))
        for title in names
        if title in later
    ]
    return [title for title in names if title not in later] + dated
