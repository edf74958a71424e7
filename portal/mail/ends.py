"""What the customer is told about a request to end, and about access that ends.

The affirmative word (« résilié », "cancelled") stands in `end_confirmed` alone: every other message is
written before PayPal has said so, or about something else (cancellation.md, deciding test 17).
"""

from __future__ import annotations

from portal.mail.composing import Composed, compose
from portal.mail.facts import AccessFacts, EffectFacts, EndFacts, ProofWords, ReceivedFacts
from portal.mail.letterhead import Letterhead


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


def end_overdue(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the honest status of a request that PayPal has not confirmed after a day."""
    return compose("end_overdue", head, end=end)


def access_ends_soon(head: Letterhead, access: AccessFacts) -> Composed:
    """Compose the notice sent three days before access ends."""
    return compose("access_ends_soon", head, access=access)


def access_ended(head: Letterhead, access: AccessFacts) -> Composed:
    """Compose the notice of the day on which access ended."""
    return compose("access_ended", head, access=access)
