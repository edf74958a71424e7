"""What happened to a subscription and who did it, in the customer's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import g
from flask_babel import gettext as _

from portal.domain.ends.end_requests import Channel
from portal.domain.people.email_addresses import shown
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.letterhead import one_line
from portal.queries.holdings import Held
from portal.queries.timelines import TimelineEntry, TimelineKind
from portal.web import identity, labels, timeline_words
from portal.web.timeline_words import Happening

if TYPE_CHECKING:
    from portal.models import EndRequest

# The merchant's own marks: a customer's page never says *abandoned*, nor quotes an internal note; what was given back
# has an entry of its own.
KEPT_FROM_CUSTOMERS: Final = frozenset(
    {TimelineKind.MARKED_ABANDONED, TimelineKind.CONSENT_RECORDED, TimelineKind.WITHDRAWAL_CLOSED}
)


def of(holding: Held) -> tuple[Happening, ...]:
    """Return what the customer reads of a subscription's timeline, newest first."""
    return tuple(_happening(entry) for entry in holding.entries if _is_theirs(entry))


def _customer(acted: str | None, name: str) -> str:
    """Return who of an account's people acted, for who reads: `acted` is an id, None for the address on file."""
    reader = identity.person()
    if acted is None:
        holder = reader.name or shown(reader.email or "")
        return _("you") if _is_reader(acted) else one_line(holder)
    return _("you") if _is_reader(acted) else one_line(name) or _("somebody else of this account")


def _is_reader(acted: str | None) -> bool:
    """Say whether it was the one who reads."""
    member = identity.person().member
    return acted == (str(member.id) if member is not None else None)


def _who(actor: Actor, channel: Channel | None, acted: str | None, name: str) -> str:
    """Return who did it and by which way, in the customer's words; a key's name is the merchant's own business."""
    if actor is Actor.CUSTOMER and channel is Channel.API:  # they were on the merchant's own site
        who, merchant = _customer(acted, name), one_line(g.merchant.name)
        return _("%(who)s (through %(merchant)s, API)", who=who, merchant=merchant)
    person = {
        Actor.CUSTOMER: _customer(acted, name) if actor is Actor.CUSTOMER else "",
        Actor.STAFF: one_line(g.merchant.name),
    }.get(actor, str(labels.ACTOR[actor]))
    if channel is None or actor is Actor.PROVIDER:
        return person
    return _("%(who)s (%(channel)s)", who=person, channel=labels.CHANNEL[channel])


def asked_by(request: EndRequest) -> str:
    """Return who asked for an end and by which way, in the customer's words."""
    if request.answers and request.notified_way is not None:
        return _("%(who)s (%(channel)s)", who=_customer(None, ""), channel=labels.WAY[request.notified_way])
    is_own = not request.actor_name or request.actor_id in (None, identity.person().id)
    return _who(request.actor, request.channel, None if is_own else str(request.actor_id), request.actor_name)


def _happening(entry: TimelineEntry) -> Happening:
    """Return one fact of the timeline. A note is shown to whoever wrote it: a customer their own, never the staff's."""
    details = entry.details
    reference = details.get("answers") or details.get("reference")
    comment = one_line(details.get("note") or "") if entry.actor is Actor.CUSTOMER else ""
    said = [
        _("Reference: %(reference)s", reference=reference) if reference else "",
        _by(entry),
        timeline_words.wished_end(entry),
        timeline_words.way(entry),
        timeline_words.sum_moved(entry),
        _comment(comment, details.get("person")) if comment else "",
        timeline_words.pause(entry),
        timeline_words.not_settled(entry),
    ]
    return Happening(
        at=entry.at,
        when=timeline_words.when(entry),
        title=_happened(entry),
        detail=" – ".join(part for part in said if part),
        status="next" if entry.kind is TimelineKind.END_WITHDRAWN else "done",
    )


def _comment(comment: str, acted: str | None) -> str:
    is_own = _is_reader(acted)
    return _("Your comment: %(comment)s", comment=comment) if is_own else _("Comment: %(comment)s", comment=comment)


def _by(entry: TimelineEntry) -> str:
    if entry.actor is Actor.SYSTEM or "answers" in entry.details:
        return ""
    return _who(entry.actor, entry.channel, entry.details.get("person"), entry.actor_name)


def _is_theirs(entry: TimelineEntry) -> bool:
    """Say whether the customer reads a line: what staff ask in answer to them, they have asked themselves before."""
    is_answer = entry.kind is TimelineKind.END_REQUESTED and "answers" in entry.details
    return entry.kind not in KEPT_FROM_CUSTOMERS and not is_answer


def _title(entry: TimelineEntry, status: Status | None) -> str:
    """Return what happened; an end that is a cancellation goes by that word, as what the customer does themselves."""
    said = timeline_words.title(entry)
    is_cancelled = status is None or labels.CUSTOMER_STATUS[status] is Status.CANCELLED
    if is_cancelled and said == str(labels.TIMELINE[entry.kind]):
        return str(labels.CUSTOMER_TIMELINE[entry.kind])
    return said


def _happened(entry: TimelineEntry) -> str:
    if entry.kind is TimelineKind.NEEDS_MERCHANT:
        return _("%(merchant)s has to finish the operation and has been told", merchant=one_line(g.merchant.name))
    is_withdrawn = entry.kind is TimelineKind.END_WITHDRAWN and entry.details.get("is_replaced") is not True
    if is_withdrawn and entry.actor is Actor.STAFF:
        return _("%(merchant)s withdrew the planned end", merchant=one_line(g.merchant.name))
    status = timeline_words.status(entry)
    title = _title(entry, status)
    is_said = entry.kind is TimelineKind.ENDED and title == str(labels.CUSTOMER_TIMELINE[entry.kind])
    if status is None or is_said or entry.kind is TimelineKind.END_REQUESTED:
        return title
    word = labels.CUSTOMER_LABEL[labels.CUSTOMER_STATUS[status]]
    if entry.kind is TimelineKind.STATUS_SEEN:
        return _("PayPal shows: %(status)s", status=word)
    return _("%(fact)s: %(status)s", fact=title, status=word)
