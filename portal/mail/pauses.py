"""What is told about pauses. No message here says that a subscription is over: a pause is none."""

from __future__ import annotations

from portal.mail.composing import Composed, compose
from portal.mail.facts import PauseFacts
from portal.mail.letterhead import Letterhead


def pause_confirmed(head: Letterhead, pause: PauseFacts) -> Composed:
    """Compose the news that PayPal has stopped the payments: until when, and what stays open."""
    return compose("pause_confirmed", head, pause=pause)


def resume_soon(head: Letterhead, pause: PauseFacts) -> Composed:
    """Compose the reminder of the day before payments start again."""
    return compose("resume_soon", head, pause=pause)


def pause_taken_back(head: Letterhead, pause: PauseFacts) -> Composed:
    """Compose the news that the merchant took back a pause that the customer wanted, or the day of its end."""
    return compose("pause_taken_back", head, pause=pause)


def resume_confirmed(head: Letterhead, pause: PauseFacts) -> Composed:
    """Compose the news that the subscription runs again, with its next payment."""
    return compose("resume_confirmed", head, pause=pause)


def pause_refused(head: Letterhead, pause: PauseFacts) -> Composed:
    """Compose the news that it could not be, with what can be done; never a resume that PayPal must refuse."""
    return compose("pause_refused", head, pause=pause)


def merchant_pause(head: Letterhead, pause: PauseFacts) -> Composed:
    """Compose the merchant's news: a customer paused or resumed, or PayPal refused it."""
    return compose("merchant_pause", head, pause=pause)


def merchant_pause_stuck(head: Letterhead, pause: PauseFacts) -> Composed:
    """Compose the merchant's call for help about a pause or a resume that PayPal does not confirm."""
    return compose("merchant_pause_stuck", head, pause=pause)
