"""What a suspended or leaving merchant's people are told: why an act is refused, and the notice on every page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import g
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.errors import Denial, NotAllowed
from portal.domain.merchants.merchants import MerchantState, Work, goes_on
from portal.mail.letterhead import one_line
from portal.queries.people.people import Kind, MerchantFacts
from portal.web import formatting

NOTHING_NEW: Final[Mapping[MerchantState, Denial]] = {
    MerchantState.SUSPENDED: Denial.MERCHANT_SUSPENDED,
    MerchantState.LEAVING: Denial.MERCHANT_LEAVING,
}


def allows(work: Work) -> bool:
    """Say whether the merchant whose page this is does such work now."""
    return goes_on(g.merchant.state, work)


def check(work: Work) -> None:
    """Raise NotAllowed for what a suspended or leaving merchant's people do not begin (domain.merchants)."""
    if allows(work):
        return
    raise NotAllowed(Denial.NOT_OFFERED_NOW if g.person.kind is Kind.CUSTOMER else NOTHING_NEW[g.merchant.state])


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What every page of the desk says: its title, a line under it, and folded what it means."""

    title: str
    line: str
    fold: str
    means: tuple[str, ...]


def at_desk() -> Notice | None:
    """Return the notice of every page of the desk, None while the merchant is open."""
    merchant: MerchantFacts | None = g.get("merchant")
    if merchant is None or g.get("person") is None or merchant.state is MerchantState.OPEN:
        return None
    return _leaving(merchant) if merchant.state is MerchantState.LEAVING else _suspended(merchant)


def _suspended(merchant: MerchantFacts) -> Notice:
    why = one_line(merchant.suspended_why)
    return Notice(
        title=_("%(merchant)s is suspended on this portal", merchant=merchant.name),
        line=_("Reason given by the operator of the portal: %(why)s.", why=why),
        fold=_("What this means, and how it ends"),
        means=(
            _("What is under way goes on, and your customers can still cancel and read their proofs."),
            _("Nothing new can be started. The operator can lift the suspension."),
        ),
    )


def _leaving(merchant: MerchantFacts) -> Notice:
    name, day = merchant.name, formatting.formatter().day(merchant.gone_at)
    if merchant.gone_at is not None and merchant.gone_at <= utc_now():
        return Notice(
            title=_("%(merchant)s is leaving this portal: its last day was %(date)s", merchant=name, date=day),
            line=_("What your customers and you have asked for is finished first."),
            fold=_("What this means, and how to stay"),
            means=(
                _("Then these pages close and your data is erased, except what the proofs require."),
                _("To stay after all, ask the operator of the portal now."),
            ),
        )
    return Notice(
        title=_("%(merchant)s leaves this portal on %(date)s", merchant=name, date=day),
        line="",
        fold=_("What this means, and how to stay"),
        means=(
            _(
                "What is under way goes on; nothing new can be started. After that day your data is erased, except "
                "what the proofs require."
            ),
            _("Leaving ends no subscription. End those that should not go on."),
            _("To stay, ask the operator of the portal before that day: the departure can be withdrawn."),
        ),
    )


def for_customers() -> str:
    """Return the sentence of every page of a leaving merchant's customers, empty otherwise."""
    merchant: MerchantFacts | None = g.get("merchant")
    if merchant is None or merchant.gone_at is None:
        return ""
    name, day = one_line(merchant.name), formatting.formatter().day(merchant.gone_at)
    if merchant.gone_at <= utc_now():
        return _("%(merchant)s is leaving this portal: download your proofs now.", merchant=name)
    return _(
        "%(merchant)s leaves this portal on %(date)s: until then you can cancel here and download your proofs.",
        merchant=name,
        date=day,
    )
