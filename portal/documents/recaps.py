"""What the recap showed to the customer who confirmed their end, in a proof's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.documents import words
from portal.documents.facts import ProofFacts, clean, moment_of
from portal.domain.access.access import End
from portal.domain.ends.end_requests import Channel
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.formatting import Formatter
from portal.i18n import Translator


def recap(facts: ProofFacts, translator: Translator, fmt: Formatter) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what stops and what stays, as it was shown: not what staff saw, and a public page shows neither."""
    _ = translator.gettext
    if facts.actor is not Actor.CUSTOMER or facts.channel is Channel.PUBLIC_PAGE:
        return ()
    payment, stops = moment_of(facts.shown, "next_payment_at"), []
    if payment is not None:
        money = Money.parse(facts.shown.get("amount"), facts.shown.get("currency"))
        stops.append(_("Payment of %(amount)s due on %(date)s", amount=fmt.money(money), date=fmt.day(payment)))
    stops += [_window(window, translator, fmt) for window in facts.shown.get("stops", ())]
    stops += [_("%(title)s: will not open", title=clean(title)) for title in facts.shown.get("never", ())]
    stays = [_window(window, translator, fmt) for window in facts.shown.get("stays", ())]
    groups = ((_("What stops"), tuple(stops)), (_("What stays"), tuple(stays)))
    return tuple((label, lines) for label, lines in groups if lines)


def _window(window: Mapping[str, Any], translator: Translator, fmt: Formatter) -> str:
    _, title, until = translator.gettext, clean(window["title"]), moment_of(window, "until")
    since = moment_of(window, "since")  # of one that was to open later; older requests did not keep it
    if since is not None:
        closes = _("until %(date)s", date=fmt.last_day(until)) if until else _(words.END[End(window["end"])])
        return _("%(title)s: opens on %(date)s, %(until)s", title=title, date=fmt.day(since), until=closes)
    if until is not None:
        return _("%(title)s: until %(date)s", title=title, date=fmt.last_day(until))
    return _("%(title)s: %(until)s", title=title, until=_(words.END[End(window["end"])]))
