"""Withdrawing from a contract, on its card: the label that the law binds, where it leads, and the last day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import g
from flask_babel import gettext as _

from portal.domain.law.countries import Function
from portal.domain.law.withdrawals import period
from portal.queries.holdings import Held
from portal.services import contracts
from portal.web.formatting import formatter
from portal.web.function_links import links
from portal.web.identity import person


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The link of a card. `language`: the label's own, where it is not the page's."""

    label: str
    url: str
    language: str
    until: str
    is_sure: bool  # it is within its period, whatever was said of the right


def offer(holding: Held, *, now: datetime) -> Offer | None:
    """Return it while the contract can surely be withdrawn from (R-FR-41); None afterwards, and once that was done.

    Where nobody has a proof that the customer was informed, it stays for a year more, and says on what that depends.
    """
    subscription = holding.subscription
    if subscription.withdrawn_at is not None:
        return None
    zones = (g.merchant.time_zone, person().time_zone)
    since = g.merchant.withdrawal_informed_since
    runs = period(contracts.contract(subscription, holding.consents, zones=zones, informed_since=since))
    if runs is None or now >= runs.longest.ends_at:
        return None
    country = g.merchant.country
    found = links([country], country, merchant_slug=g.merchant.slug, functions=(Function.WITHDRAWAL,))
    fmt, one = formatter(), found[0]
    is_sure = now < runs.sure.ends_at
    if is_sure:
        until = _("until %(date)s", date=fmt.date(runs.sure.last_day))
    else:
        until = _(
            "until %(date)s if you were not informed of this right, else it was possible until %(day)s",
            date=fmt.date(runs.longest.last_day),
            day=fmt.date(runs.sure.last_day),
        )
    return Offer(
        label=one.label,
        url=f"{one.url}?subscription={subscription.id}",
        language=one.language,
        until=until,
        is_sure=is_sure,
    )
