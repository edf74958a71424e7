"""What explains the archive of a customer's own data, in their language."""

from __future__ import annotations

from datetime import UTC, datetime

from portal.i18n import Translator


def readme(merchant_name: str, *, language: str, now: datetime) -> str:
    """Return the text that stands in the archive beside the data."""
    _ = Translator(language).gettext
    date = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    lines = (
        _("What %(merchant)s keeps about you in this portal, on %(date)s (UTC).", merchant=merchant_name, date=date),
        _("data.json holds all of it; the folder csv holds the same, one file for each kind."),
        _("Times are UTC (ISO 8601); amounts stand beside their currency."),
        _("Log-in codes, links and other secrets are left out, and so is the text of the emails sent to you."),
    )
    return "\r\n".join(lines) + "\r\n"
