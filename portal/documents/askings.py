"""Who asked for an end, when and by which way, in a proof's words.

An end by which somebody else answers a customer who had asked before is the customer's: their time, their reference;
who carried it out stands beside it (cancellation.md, The customer's way).
"""

from __future__ import annotations

from portal.documents import words
from portal.documents.facts import ProofFacts
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import has_hour
from portal.domain.policies import Actor
from portal.formatting import Formatter
from portal.i18n import Translator

Rows = list[tuple[str, str]]


def asked_before(facts: ProofFacts, translator: Translator, fmt: Formatter) -> str:
    """Return the sentence that names what the end answers."""
    _, about = translator.gettext, {"date": fmt.day(facts.notified_at), "reference": facts.notified_reference}
    if facts.actor is not Actor.STAFF:
        return _("You requested it on %(date)s (reference %(reference)s).", **about)
    if facts.is_schedule:
        return _(
            "%(merchant)s cancelled this contract, as you requested on %(date)s (reference %(reference)s).",
            merchant=facts.merchant_name,
            **about,
        )
    return _(
        "%(merchant)s cancelled this subscription, as you requested on %(date)s (reference %(reference)s).",
        merchant=facts.merchant_name,
        **about,
    )


def asked_when(facts: ProofFacts, translator: Translator, fmt: Formatter) -> tuple[str, str]:
    """Return since when it was asked, or when an end was seen for which nobody asked."""
    _ = translator.gettext
    if facts.answers:
        return _("Requested on"), _notified_when(facts, fmt)
    return _("Seen on") if facts.actor is Actor.PROVIDER else _("Requested on"), fmt.moment(facts.asked_at)


def wished_row(facts: ProofFacts, translator: Translator, fmt: Formatter) -> Rows:
    """Return the day that somebody chose for the end, if anybody did."""
    return [(translator.gettext("Chosen end date"), fmt.date(facts.wished_on))] if facts.wished_on else []


def asked_rows(facts: ProofFacts, translator: Translator, fmt: Formatter) -> Rows:
    """Return who asked, when, by which way and in which words."""
    _ = translator.gettext
    wished = wished_row(facts, translator, fmt)
    if facts.answers:
        return _notified(facts, translator, fmt) + wished
    if facts.actor is Actor.PROVIDER:
        return [
            (_("Requested by"), _("no request here: ended at PayPal")),
            asked_when(facts, translator, fmt),
        ]
    names = {Actor.CUSTOMER: facts.asked_by_name or facts.customer_name or _("you"), Actor.STAFF: facts.merchant_name}
    by = names.get(facts.actor, _("Portal"))
    rows = [
        asked_when(facts, translator, fmt),
        (_("Requested by"), _by_way(facts, by, translator)),
        *wished,
    ]
    if said := facts.reason or words.reason(facts.reason_code, (), facts.locale, _):
        rows.append((_("Reason given"), said))
    if facts.reason_text:
        rows.append((_("Your comment"), facts.reason_text))
    if facts.notified_at is not None:  # they asked twice: by another way first
        said = _(
            "%(date)s, reference %(reference)s", date=_notified_when(facts, fmt), reference=facts.notified_reference
        )
        rows.append((_("Earlier cancellation notice"), said))
        if facts.notified_comment:
            rows.append((_("Your comment in it"), facts.notified_comment))
    return rows


def _by_way(facts: ProofFacts, who: str, translator: Translator) -> str:
    """Return who asked, by which way; a customer whose wish came by the API was on the merchant's own site."""
    _ = translator.gettext
    if facts.channel is Channel.API and facts.actor is Actor.CUSTOMER:
        return _("%(who)s (through %(merchant)s, API)", who=who, merchant=facts.merchant_name)
    return _("%(who)s (%(channel)s)", who=who, channel=_(words.CHANNEL[facts.channel]))


def _notified_when(facts: ProofFacts, fmt: Formatter) -> str:
    return fmt.moment(facts.notified_at) if has_hour(facts.notified_way) else fmt.day(facts.notified_at)


def _notified(facts: ProofFacts, translator: Translator, fmt: Formatter) -> Rows:
    _, done = translator.gettext, fmt.moment(facts.asked_at)
    who = facts.customer_name or _("you")
    way = _(words.WAY[facts.notified_way]) if facts.notified_way is not None else ""
    rows = [
        asked_when(facts, translator, fmt),
        (_("Requested by"), _("%(who)s (%(channel)s)", who=who, channel=way)),
    ]
    if facts.notified_comment:
        rows.append((_("Your comment"), facts.notified_comment))
    if facts.actor is Actor.STAFF:
        return [*rows, (_("Carried out by"), _("%(who)s, on %(date)s", who=facts.merchant_name, date=done))]
    return [*rows, (_("Seen at PayPal on") if facts.actor is Actor.PROVIDER else _("Carried out on"), done)]
