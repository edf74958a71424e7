"""The words for every code of the domain, for both faces. Lazy: said in the reader's language.

A word without a label is a defect that a test finds, never an empty place on a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import g
from flask_babel import LazyString, get_locale, lazy_pgettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.documents import words
from portal.domain.access.access import End
from portal.domain.ends.comebacks import ComebackState, ComebackTrouble
from portal.domain.ends.end_requests import Basis, Cause, Channel, RequestState, Trouble
from portal.domain.ends.pauses import PauseKind, PauseRefusal
from portal.domain.ends.received_requests import Way
from portal.domain.money.settlements import SettlementRefusal
from portal.domain.people.account_members import MemberRole, MemberState
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Status
from portal.i18n import SOURCE
from portal.queries.timelines import TimelineKind

LANGUAGE: Final = {"fr": "Français", "en": "English"}  # each in its own words

MEMBER_ROLE: Final[Mapping[MemberRole, LazyString]] = {
    MemberRole.OWNER: lazy_pgettext("of an account", "Owner"),
    MemberRole.READER: lazy_pgettext("of an account", "Reader"),
}

MEMBER_STATE: Final[Mapping[MemberState, LazyString]] = {
    MemberState.INVITED: _l("Invited"),
    MemberState.EXPIRED: _l("Invitation expired"),
    MemberState.ACTIVE: _l("Has access"),
    MemberState.REMOVED: _l("Removed"),
}

STATUS: Final[Mapping[Status, LazyString]] = {
    Status.PENDING: _l("Pending"),
    Status.ACTIVE: _l("Active"),
    Status.PAST_DUE: _l("Past due"),
    Status.PAUSED: _l("Paused"),
    Status.COMPLETED: _l("Completed"),
    Status.CANCELLED: _l("Cancelled"),
    Status.ABANDONED: _l("Abandoned"),
}

# Of one that PayPal suspended for failed payments and that was settled since: nobody has paused it.
LEFT_SUSPENDED: Final = _l("Suspended at PayPal")

# Of one from which its customer has withdrawn, before PayPal has said that it is over.
WITHDRAWAL_RECEIVED: Final = _l("Withdrawal received")

# Of the same, once PayPal has said so: a withdrawal is no cancellation, and is not called one.
WITHDRAWAL_EFFECTIVE: Final = _l("Withdrawal carried out")

# *Abandoned* is the merchant's word for « never invite back »: to the customer the contract is cancelled.
CUSTOMER_STATUS: Final[Mapping[Status, Status]] = {
    **{status: status for status in Status},
    Status.ABANDONED: Status.CANCELLED,
}

# One word for one thing (words.md): what a customer does and the law names is « résilier », and so is what comes of it.
CUSTOMER_LABEL: Final[Mapping[Status, LazyString]] = {
    **STATUS,
    Status.CANCELLED: lazy_pgettext("to the customer", "Cancelled"),
}

REQUEST_STATE: Final[Mapping[RequestState, LazyString]] = {
    RequestState.RECORDED: _l("Request recorded"),
    RequestState.CALLING: _l("Being sent to PayPal"),
    RequestState.VERIFYING: _l("Being checked at PayPal"),
    RequestState.RETRYING: _l("Waiting for PayPal"),
    RequestState.NEEDS_MERCHANT: _l("To be finished by the merchant"),
    RequestState.CONFIRMED: _l("Confirmed"),
    RequestState.CLOSED: _l("Confirmed, access ended"),
    RequestState.WITHDRAWN: _l("Request withdrawn"),
}

TROUBLE: Final[Mapping[Trouble, LazyString]] = {
    Trouble.UNAVAILABLE: _l("PayPal did not answer"),
    Trouble.RATE_LIMITED: _l("PayPal asked us to slow down"),
    Trouble.STILL_LIVE: _l("PayPal still shows the subscription as running"),
    Trouble.BAD_CREDENTIALS: _l("PayPal refuses the API key"),
    Trouble.FORBIDDEN: _l("The API key lacks a right at PayPal"),
    Trouble.NOT_FOUND: _l("PayPal does not know this subscription under this key"),
    Trouble.ACCOUNT_CLOSED: _l("One of the two PayPal accounts is closed"),
    Trouble.NO_KEY: _l("No PayPal API key is set"),
    Trouble.UNKNOWN_WORD: _l("PayPal shows a status that the portal does not know"),
    Trouble.REFUSED: _l("PayPal refused the call"),
}

TIMELINE: Final[Mapping[TimelineKind, LazyString]] = {
    TimelineKind.IMPORTED: _l("Added from PayPal"),
    TimelineKind.STATUS_SEEN: _l("New status at PayPal"),
    TimelineKind.UNKNOWN_WORD: _l("PayPal shows a status that the portal does not know"),
    TimelineKind.NOTIFIED: _l("Notice recorded"),
    TimelineKind.NOTIFICATION_CLOSED: _l("Cancellation notice closed without an end"),
    TimelineKind.END_REQUESTED: _l("Cancellation requested"),
    TimelineKind.END_WITHDRAWN: _l("Request withdrawn"),
    TimelineKind.WITHDRAWN: _l("Withdrawal from the contract"),
    TimelineKind.WITHDRAWAL_CLOSED: _l("Refund of the withdrawal settled"),
    TimelineKind.CONSENT_RECORDED: _l("Recorded: what was said when the contract began"),
    TimelineKind.NEEDS_MERCHANT: _l("The merchant has to finish it"),
    TimelineKind.ENDED: _l("Cancellation confirmed by PayPal"),
    TimelineKind.MARKED_ABANDONED: _l("Marked as abandoned"),
    TimelineKind.CLOSED: _l("Access ended"),
    TimelineKind.END_LATE: _l("The planned time was missed"),
    TimelineKind.DATE_GIVEN: _l("End of the paid time entered"),
    TimelineKind.LATE_PAYMENT: _l("Payment after the end"),
    TimelineKind.REFUND_REQUESTED: _l("Refund requested"),
    TimelineKind.REFUNDED: _l("Refunded"),
    TimelineKind.REFUND_FAILED: _l("The refund failed"),
    TimelineKind.SETTLEMENT_REQUESTED: _l("Payment of the unpaid amount requested"),
    TimelineKind.SETTLED: _l("Unpaid amount paid"),
    TimelineKind.SETTLEMENT_FAILED: _l("The unpaid amount was not taken"),
    TimelineKind.PAUSE_REQUESTED: _l("Pause requested"),
    TimelineKind.PAUSED: _l("Pause confirmed"),
    TimelineKind.RESUME_REQUESTED: _l("End of the pause requested"),
    TimelineKind.RESUMED: _l("End of the pause confirmed"),
    TimelineKind.PAUSE_REFUSED: _l("The change could not be made"),
    TimelineKind.PAUSE_WITHDRAWN: _l("Change withdrawn"),
    TimelineKind.COMEBACK_STARTED: _l("Coming back: sent to PayPal for approval"),
    TimelineKind.COMEBACK_APPROVED: _l("Subscribed again"),
    TimelineKind.COMEBACK_GIVEN_UP: _l("Coming back: not approved at PayPal"),
    TimelineKind.MAIL_RETURNED: _l("An email could not be delivered"),
}

CUSTOMER_TIMELINE: Final[Mapping[TimelineKind, LazyString]] = {
    **TIMELINE,
    TimelineKind.END_REQUESTED: lazy_pgettext("to the customer", "Cancellation requested"),
    TimelineKind.ENDED: lazy_pgettext("to the customer", "Cancellation confirmed by PayPal"),
}

# Nobody withdrew it: an end outranks what is open (docs/decisions/0011).
GAVE_WAY: Final[Mapping[str, LazyString]] = {
    PauseKind.PAUSE: _l("Pause dropped because the contract ends"),
    PauseKind.RESUME: _l("Planned restart dropped because the contract ends"),
}

# Nor these: the same click asked for another day, or for no later one.
REPLACED: Final[Mapping[TimelineKind, LazyString]] = {
    TimelineKind.PAUSE_WITHDRAWN: _l("Planned restart replaced by another choice"),
    TimelineKind.END_WITHDRAWN: _l("Planned end replaced by another request"),
}


WITHDRAWAL_SENT: Final = _l("End of the contract requested because of a withdrawal")
WITHDRAWAL_CONFIRMED: Final = _l("End of the contract confirmed by PayPal")


def fact(kind: TimelineKind, details: Mapping[str, object]) -> LazyString:
    """Return what a timeline's fact is called, by its details where they say more than its kind."""
    if kind is TimelineKind.ENDED:
        return ended(details)
    if details.get("cause") == Cause.WITHDRAWN and kind is TimelineKind.END_REQUESTED:
        return WITHDRAWAL_SENT
    if details.get("is_replaced") is True and kind in REPLACED:
        return REPLACED[kind]
    if details.get("is_for_end") and kind is TimelineKind.PAUSE_WITHDRAWN:
        return GAVE_WAY.get(str(details.get("pause")), TIMELINE[kind])
    return TIMELINE[kind]


PAUSE_CONFIRMED: Final[Mapping[PauseKind, LazyString]] = {
    PauseKind.PAUSE: _l("PayPal has confirmed the pause."),
    PauseKind.RESUME: _l("PayPal has confirmed that the pause is over."),
}

ENDED: Final[Mapping[str, LazyString]] = {
    Basis.ALREADY_OVER: _l("Found ended at PayPal"),
    Basis.NEVER_STARTED: _l("Ended before it started"),  # nothing had begun at PayPal
}


def ended(details: Mapping[str, object]) -> LazyString:
    """Return what a confirmed end is called in a timeline: its day is the stop's, not that of the paid time."""
    if details.get("cause") == Cause.WITHDRAWN and details.get("basis") == Basis.READ_AFTER_CALL:
        return WITHDRAWAL_CONFIRMED
    return ENDED.get(str(details.get("basis")), TIMELINE[TimelineKind.ENDED])


PAUSE_REFUSED: Final[Mapping[PauseRefusal, LazyString]] = {
    PauseRefusal.OVER: _l("The subscription has ended."),
    PauseRefusal.LATE: _l("A payment has failed in the meantime: PayPal does not let us pause it."),
    PauseRefusal.NOT_STARTED: _l("It is not yet approved at PayPal."),
    PauseRefusal.THRESHOLD: _l("PayPal does not let it start again after failed payments."),
    PauseRefusal.TOO_LATE: _l("PayPal did not confirm it before the day payments were due to start again."),
}

NOT_SETTLED: Final[Mapping[SettlementRefusal, LazyString]] = {
    why: _l(words.NOT_SETTLED[why]) for why in SettlementRefusal
}

COMEBACK_STATE: Final[Mapping[ComebackState, LazyString]] = {
    ComebackState.RECORDED: _l("Being prepared at PayPal"),
    ComebackState.CREATING: _l("Being prepared at PayPal"),
    ComebackState.WAITING: _l("Waiting for approval at PayPal"),
    ComebackState.APPROVED: _l("Approved at PayPal"),
    ComebackState.GIVEN_UP: _l("Not approved"),
    ComebackState.FAILED: _l("Not possible"),
}

COMEBACK_TROUBLE: Final[Mapping[ComebackTrouble, LazyString]] = {
    ComebackTrouble.NO_KEY: _l("PayPal is not connected, or no longer is."),
    ComebackTrouble.KEY_REFUSED: _l("PayPal does not accept the key it is connected with."),
    ComebackTrouble.PLAN_NOT_SOLD: _l("This subscription is no longer sold at PayPal."),
    ComebackTrouble.OLD_STILL_LIVE: _l("PayPal does not show the former subscription as ended."),
    ComebackTrouble.NOT_OFFERED: _l("This is no longer offered."),
    ComebackTrouble.REFUSED: _l("PayPal refused the call."),
    ComebackTrouble.NO_LINK: _l("PayPal’s answer gave no link to the approval page."),
    ComebackTrouble.NO_ANSWER: _l("PayPal did not answer."),
    ComebackTrouble.EXPIRED: _l("The link was not used in time, and has expired."),
}

CHANNEL: Final[Mapping[Channel, LazyString]] = {channel: _l(word) for channel, word in words.CHANNEL.items()}

ACTOR: Final[Mapping[Actor, LazyString]] = {
    Actor.CUSTOMER: _l("Customer"),
    Actor.STAFF: _l("Merchant’s team"),
    Actor.SYSTEM: _l("Portal"),
    Actor.PROVIDER: _l("PayPal"),
}

WAY: Final[Mapping[Way, LazyString]] = {way: _l(word) for way, word in words.WAY.items()}

END: Final[Mapping[End, LazyString]] = {end: _l(word) for end, word in words.END.items()}


def reason(code: str) -> str:
    """Return a reason in the reader's language, by the list of the page's merchant; empty: nobody has words."""
    return words.reason(code, g.merchant.leaving_reasons, str(get_locale() or SOURCE).partition("_")[0], _)


ROLE: Final[Mapping[Role, LazyString]] = {
    Role.READER: _l("Reader"),
    Role.SUPPORT: _l("Support"),
    Role.MANAGER: _l("Manager"),
    Role.OWNER: _l("Owner"),
}
