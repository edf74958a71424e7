"""What the customer is told about a request to end, and about access that ends.

The affirmative word (« résilié », "cancelled") stands in `end_confirmed` alone: every other message is
written before PayPal has said so, or about something else (cancellation.md, deciding test 17).
"""

from __future__ import annotations

from typing import Final

from portal.i18n import Translator
from portal.mail.composing import Composed, compose
from portal.mail.facts import AccessFacts, EffectFacts, EndFacts, ProofWords, ReceivedFacts
from portal.mail.letterhead import Letterhead

PROVING: Final = frozenset({"end_confirmed", "end_already_over"})  # the kinds that carry the proof


def end_recorded(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the acknowledgement: what was declared, when, under which reference (law.md R-FR-12)."""
    return compose("end_recorded", head, end=end)


def end_plan_withdrawn(head: Letterhead, end: EndFacts) -> Composed:
    """Tell who had asked that the merchant took the planned end back: their request waits again."""
    return compose("end_plan_withdrawn", head, end=end)


def request_received(head: Letterhead, received: ReceivedFacts) -> Composed:
    """Acknowledge a request that came by another way: reference, date received, what was declared (R-FR-12)."""
    return compose("request_received", head, received=received)


def request_dismissed(head: Letterhead, received: ReceivedFacts) -> Composed:
    """Tell whoever asked by another way that the request ended nothing, here or because something else had before."""
    return compose("request_dismissed", head, received=received)


def end_dated(head: Letterhead, end: EndFacts, effects: EffectFacts, *, by_hand: bool) -> Composed:
    """Compose the end of access that was not known when the end was told: by hand, or as PayPal settled a payment."""
    return compose("end_dated", head, end=end, effects=effects, by_hand=by_hand)


def end_moved(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the new day of a planned end that followed PayPal's dates."""
    return compose("end_moved", head, end=end)


def end_withdrawn(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the answer to an undo, for somebody who already had the acknowledgement."""
    return compose("end_withdrawn", head, end=end)


def end_confirmed(head: Letterhead, end: EndFacts, effects: EffectFacts, proof: ProofWords) -> Composed:
    """Compose the confirmation: reference, both times, end date, last payment, access (law.md R-FR-12)."""
    return compose("end_confirmed", head, end=end, effects=effects, proof=proof)


def end_already_over(head: Letterhead, end: EndFacts, effects: EffectFacts, proof: ProofWords) -> Composed:
    """Compose the answer to a request for something that PayPal had stopped before."""
    return compose("end_already_over", head, end=end, effects=effects, proof=proof)


def as_sent(kind: str, content: dict[str, str], locale: str, *, has_file: bool) -> dict[str, str]:
    """Return a message's texts as they are true when it leaves: a confirmation may have to leave without its proof."""
    if kind not in PROVING or has_file:
        return content
    _ = Translator(locale).gettext
    attached, elsewhere = (
        _("Your proof is attached to this message as a PDF."),
        _("Your proof is on your account page."),
    )
    return {part: text.replace(attached, elsewhere) for part, text in content.items()}


def end_overdue(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the honest status of a request that PayPal has not confirmed after a day."""
    return compose("end_overdue", head, end=end)


def access_ends_soon(head: Letterhead, access: AccessFacts) -> Composed:
    """Compose the notice sent three days before access ends."""
    return compose("access_ends_soon", head, access=access)


def access_ended(head: Letterhead, access: AccessFacts) -> Composed:
    """Compose the notice of the day on which access ended."""
    return compose("access_ended", head, access=access)
