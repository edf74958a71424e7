"""The desk's own words for codes. Lazy: said in the reader's language; a test walks every code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.documents import words as document_words
from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends.end_requests import Basis, RequestState, Trouble
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.people.bounces import Reason, reason_of
from portal.domain.policies import Override
from portal.domain.subscriptions import Action, Status
from portal.services.imports.imports import StopReason
from portal.services.keys.key_checks import Finding
from portal.web import labels

ENVIRONMENT: Final[Mapping[str, LazyString]] = {
    "sandbox": _l("Sandbox (tests, no real money)"),
    "live": _l("Live (real payments)"),
}

PROVIDER: Final[Mapping[str, LazyString]] = {
    "paypal_rest": _l("REST (PayPal’s current API)"),
    "paypal_classic": _l("Classic (old buttons and Express Checkout)"),
}

PROVIDER_STATUS: Final[Mapping[str, LazyString]] = {
    status: _l(word) for status, word in document_words.PROVIDER_STATUS.items()
}


def provider_status(word: str | None) -> tuple[str | None, str | None]:
    """Return PayPal's status in the reader's words, and its own word to stand in small beside them (words.md)."""
    if word is None or word not in PROVIDER_STATUS:
        return word, None
    return str(PROVIDER_STATUS[word]), word


def provider_status_line(word: str) -> str:
    """Return both in one line: « suspendu (SUSPENDED) »."""
    said, raw = provider_status(word)
    return f"{said} ({raw})" if raw else word


ACTION: Final[Mapping[Action, LazyString]] = {
    Action.CANCEL: _l("Cancel the subscription"),
    Action.COMPLETE: _l("Mark as completed"),
    Action.ABANDON: _l("Mark as abandoned"),
}

# The button under the preview says its effect; the one of an end that is over already at PayPal stops nothing.
CONFIRM_END: Final[Mapping[Action, LazyString]] = {
    Action.CANCEL: ACTION[Action.CANCEL],
    Action.COMPLETE: _l("End the subscription and mark it as completed"),
    Action.ABANDON: _l("End the subscription and mark it as abandoned"),
}

# Once it has come.
SAID_OVER: Final[Mapping[Status, LazyString]] = {
    Status.CANCELLED: _l("Subscription cancelled."),
    Status.COMPLETED: _l("Subscription completed."),
    Status.ABANDONED: _l("Subscription abandoned."),
}

END_TITLE: Final[Mapping[Action, LazyString]] = {
    Action.CANCEL: _l("Cancel this subscription?"),
    Action.COMPLETE: _l("Mark this subscription as completed?"),
    Action.ABANDON: _l("Mark this subscription as abandoned?"),
}

MEANING: Final[Mapping[Action, LazyString]] = {
    Action.COMPLETE: _l("The commitment then counts as completed."),
    Action.ABANDON: _l("Ended early, and the portal never invites the customer to come back."),
}

RELAUNCH: Final[Mapping[Status, LazyString]] = {
    Status.CANCELLED: _l("The customer may be invited to come back."),
    Status.COMPLETED: _l("No invitation to come back: those are for cancelled subscriptions only."),
    Status.ABANDONED: _l(
        "The customer will never be invited to come back: no email, no banner, no button. This is final."
    ),
}

REQUEST_STATE: Final[Mapping[RequestState, LazyString]] = {
    **labels.REQUEST_STATE,
    RequestState.NEEDS_MERCHANT: _l("Needs your attention"),
}


REPLACED: Final = _l("Replaced by another request")


def request_state(state: RequestState, basis: Basis | None, *, is_replaced: bool = False) -> LazyString:
    """Return where a request stands: PayPal confirms nothing of a subscription that never began there.

    `is_replaced`: nobody took it back, another one took its place.
    """
    if is_replaced and state is RequestState.WITHDRAWN:
        return REPLACED
    return labels.ENDED[basis] if basis is Basis.NEVER_STARTED else REQUEST_STATE[state]


WAIT_REASON: Final[Mapping[WaitReason, LazyString]] = {
    WaitReason.COMMITMENT: _l("Waits for the end of the commitment"),
    WaitReason.NOTICE: _l("Waits for the end of the notice period"),
    WaitReason.WISH: _l("Waits for the day that was chosen"),
}

TODO: Final[Mapping[Trouble, LazyString]] = {
    Trouble.UNAVAILABLE: _l(
        "The next payment is near and PayPal does not answer. Cancel the subscription in your PayPal account, then "
        "press “Try again now”."
    ),
    Trouble.RATE_LIMITED: _l("Wait a few minutes, then press “Try again now”."),
    Trouble.STILL_LIVE: _l(
        "Open the subscription in your PayPal account and cancel it there, then press “Try again now”."
    ),
    Trouble.BAD_CREDENTIALS: _l("Enter a new key on the PayPal page. Every waiting request is then tried again."),
    Trouble.FORBIDDEN: _l(
        "Tick “Subscriptions” in your PayPal application, then test the key again on the PayPal page."
    ),
    Trouble.NOT_FOUND: _l(
        "Look for the subscription in your PayPal account: it may belong to another account or environment, or have "
        "been sold by a classic button. Cancel it there, and tell the customer. Enter the key of that account on the "
        "PayPal page, then press “Try again now”."
    ),
    Trouble.ACCOUNT_CLOSED: _l("Check your PayPal account, and contact PayPal with the reference given here."),
    Trouble.NO_KEY: _l("Enter a key on the PayPal page. Every waiting request is then tried again."),
    Trouble.UNKNOWN_WORD: _l("Look at the subscription in your PayPal account, and tell whoever runs this portal."),
    Trouble.REFUSED: _l("Cancel the subscription in your PayPal account, then press “Try again now”."),
}

LATE_TODO: Final = _l(
    "Press “Try again now”. If nothing changes, cancel the subscription in your PayPal account before the next payment."
)

FINDING: Final[Mapping[Finding, LazyString]] = {
    Finding.WORKS: _l("The key works."),
    Finding.WRONG_KEY: _l("PayPal does not know this key: the client ID or the secret is wrong."),
    Finding.OTHER_ENVIRONMENT: _l("This key belongs to the other environment."),
    Finding.MISSING_RIGHT: _l(
        "PayPal knows the key, but it may not read subscriptions. Tick “Subscriptions” in your PayPal application, "
        "save, and test again."
    ),
    Finding.ACCOUNT_REFUSED: _l(
        "PayPal knows the key, but refuses to show the account’s subscriptions. The account itself may be limited: "
        "log in to PayPal and look for a message."
    ),
    Finding.NO_ANSWER: _l("PayPal did not answer. Nothing was saved and nothing is lost: try again in a few minutes."),
    Finding.TOO_MANY_CALLS: _l(
        "PayPal asks us to slow down. Nothing was saved and nothing is lost: try again in a few minutes."
    ),
}
CLASSIC_FINDING: Final[Mapping[Finding, LazyString]] = {
    **FINDING,
    Finding.WRONG_KEY: _l("PayPal does not know this key: the API user name, the password or the signature is wrong."),
    Finding.MISSING_RIGHT: _l(
        "PayPal knows the key, but it lacks a right. If another PayPal account gave you this key, ask it for the right "
        "to read and manage recurring payments; otherwise ask for a new API signature in your own account."
    ),
    Finding.ACCOUNT_REFUSED: _l(
        "PayPal knows the key, but refuses the call. The account itself may be limited: log in to PayPal and look for "
        "a message."
    ),
}
STORED_UNTESTED: Final[Mapping[Finding, LazyString]] = {
    Finding.NO_ANSWER: _l("PayPal did not answer, so nothing new is known. Try again in a few minutes."),
    Finding.TOO_MANY_CALLS: _l("PayPal asks us to slow down, so nothing new is known. Try again in a few minutes."),
}
OTHER_ENVIRONMENT: Final[Mapping[str, LazyString]] = {
    "sandbox": _l("This key belongs to the live environment: choose “Live”, or copy the sandbox key."),
    "live": _l("This key belongs to the sandbox: choose “Sandbox”, or copy the live key."),
}

KEY_UNREADABLE: Final = _l("The saved PayPal key can no longer be read here: enter it again.")

STOPPED: Final[Mapping[StopReason, LazyString]] = {
    StopReason.UNAVAILABLE: _l("PayPal stopped answering."),
    StopReason.RATE_LIMITED: _l("PayPal asked us to slow down."),
    StopReason.BAD_CREDENTIALS: _l("PayPal no longer accepts the key."),
    StopReason.FORBIDDEN: _l("The key may not read subscriptions."),
    StopReason.REFUSED: _l("PayPal refused the call."),
    StopReason.NO_KEY: _l("There is no PayPal key."),
    StopReason.KEY_UNREADABLE: KEY_UNREADABLE,
    StopReason.INTERRUPTED: _l("The import was interrupted."),
}

OVERRIDE: Final[Mapping[Override, LazyString]] = {
    Override.INHERIT: _l("As in the settings"),
    Override.ON: _l("Yes"),
    Override.OFF: _l("No"),
}

PAUSE_ACTION: Final[Mapping[PauseKind, LazyString]] = {
    PauseKind.PAUSE: _l("Pause the subscription"),
    PauseKind.RESUME: _l("Resume, or change the day"),
}
PAUSE_KIND: Final[Mapping[PauseKind, LazyString]] = {
    PauseKind.PAUSE: _l("Pause"),
    PauseKind.RESUME: _l("End of the pause"),
}
PAUSE_STATE: Final[Mapping[PauseState, LazyString]] = {
    PauseState.RECORDED: _l("Recorded"),
    PauseState.CALLING: _l("Being sent to PayPal"),
    PauseState.VERIFYING: _l("Being checked at PayPal"),
    PauseState.RETRYING: _l("Waiting for PayPal"),
    PauseState.NEEDS_MERCHANT: _l("Needs your attention"),
    PauseState.DONE: _l("Confirmed"),
    PauseState.REFUSED: _l("Not possible"),
    PauseState.WITHDRAWN: _l("Withdrawn"),
}
PAUSE_TROUBLE: Final[Mapping[Trouble, LazyString]] = {
    **labels.TROUBLE,
    Trouble.STILL_LIVE: _l("PayPal does not show the change yet"),
}

LOOK_AND_RETRY: Final = _l("Look at the subscription in your PayPal account, then press “Try again now”.")
PAUSE_TODO: Final[Mapping[Trouble, LazyString]] = {
    **TODO,
    Trouble.UNAVAILABLE: LOOK_AND_RETRY,
    Trouble.STILL_LIVE: LOOK_AND_RETRY,
    Trouble.REFUSED: LOOK_AND_RETRY,
    Trouble.NOT_FOUND: _l(
        "Look for the subscription in your PayPal account: it may belong to another account or environment. Enter the "
        "key of that account on the PayPal page, then press “Try again now”."
    ),
}

MAIL_KIND: Final[Mapping[str, LazyString]] = {
    "renewal_reminder": _l("Reminder before a renewal"),
    "end_recorded": _l("Cancellation request received"),
    "request_received": _l("Cancellation notice received another way"),
    "declaration_received": _l("Declaration on the public page received"),
    "declaration_link": _l("Question whether a declaration is theirs"),
    "request_dismissed": _l("Cancellation notice closed, nothing ended"),
    "end_dated": _l("Last day of access"),
    "end_moved": _l("Planned end moved to another day"),
    "end_withdrawn": _l("Request withdrawn"),
    "end_plan_withdrawn": _l("Planned end withdrawn"),
    "end_confirmed": _l("End confirmed"),
    "end_already_over": _l("Already ended"),
    "end_overdue": _l("Not confirmed after a day"),
    "access_ends_soon": _l("Access ends in three days"),
    "access_ended": _l("Access has ended"),
    "merchant_notified": _l("To you: cancellation notice"),
    "merchant_end_requested": _l("To you: cancellation requested"),
    "merchant_end_confirmed": _l("To you: end confirmed"),
    "merchant_end_withdrawn": _l("To you: request withdrawn"),
    "merchant_needs_you": _l("To you: something to finish"),
    "merchant_end_late": _l("To you: a planned time was missed"),
    "merchant_overdue": _l("To you: not confirmed after a day"),
    "merchant_key_broken": _l("To you: a PayPal key no longer works"),
    "merchant_endpoint_stopped": _l("To you: events no longer reach one of your systems"),
    "pause_confirmed": _l("Pause confirmed"),
    "pause_refused": _l("Pause or its end not possible"),
    "pause_taken_back": _l("Pause or its end withdrawn"),
    "resume_soon": _l("The pause ends tomorrow"),
    "resume_confirmed": _l("Running again"),
    "merchant_pause": _l("To you: a customer’s pause"),
    "merchant_pause_stuck": _l("To you: a pause not confirmed"),
    "comeback_approved": _l("Back with a new subscription"),
    "merchant_comeback_approved": _l("To you: a customer is back"),
    "late_payment": _l("Payment after the end"),
    "late_payment_refunded": _l("Payment refunded"),
    "payment_refunded": _l("Payment refunded"),
    "payment_missed": _l("A payment is missing"),
    "access_closes_soon": _l("Access closes for want of a payment"),
    "payment_settled": _l("The missing payment has arrived"),
    "price_changed": _l("New price"),
    "settlement_failed": _l("Unpaid amount not taken"),
    "late_payment_open": _l("Payment after the end: what is open"),
    "late_payment_kept": _l("Payment not refunded"),
    "withdrawal_accepted": _l("Withdrawal from the contract"),
    "merchant_withdrawal": _l("To you: withdrawal from a contract"),
    "merchant_withdrawal_due": _l("To you: the refund of a withdrawal is due"),
    "merchant_renewal_refund": _l("To you: a refund after an end free of charge"),
    "merchant_late_payments": _l("To you: payments after an end"),
    "address_confirm": _l("New email address: to be confirmed"),
    "address_asked": _l("New email address entered: to the current one"),
    "access_given": _l("Access given"),
    "access_changed": _l("Access changed"),
    "access_withdrawn": _l("Access withdrawn"),
    "address_set": _l("New email address: to the new one"),
    "data_ready": _l("Own data ready to download"),
    "data_failed": _l("Own data that could not be prepared"),
    "erasure_recorded": _l("Erasure request received"),
    "erasure_soon": _l("Warning: account about to be erased"),
    "erasure_withdrawn": _l("Erasure request withdrawn"),
    "erasure_done": _l("Data erased"),
    "address_left": _l("New email address: to the former one"),
    "address_moved": _l("Email address changed by the customer: to the former one"),
    "address_kept": _l("Contested change of address: it stands"),
    "merchant_address_held": _l("To you: a change of address is contested"),
    "customers_joined": _l("Two records merged"),
    "customers_split": _l("Two records separated again"),
    "login_code": _l("Log-in code"),
    "task_link": _l("Link to one page"),
    "account_invitation": _l("Invitation to an account"),
    "account_member_joined": _l("Somebody new has access to the account"),
    "staff_unlock": _l("To the team: log-in page unlocked"),
    "staff_password": _l("To the team: forgotten password"),
    "staff_password_changed": _l("To the team: password changed"),
    "staff_factor_changed": _l("To the team: second factor changed"),
    "staff_passkey_added": _l("To the team: passkey added"),
    "staff_passkey_removed": _l("To the team: passkey removed"),
    "staff_passkey_copied": _l("To the team: passkey refused, perhaps copied"),
    "staff_invitation": _l("To the team: invitation"),
    "staff_list_ready": _l("To the team: list ready as a file"),
    "staff_list_failed": _l("To the team: list that could not be made into a file"),
    "staff_archive_failed": _l("To the team: archive that could not be made"),
    "staff_archive_ready": _l("To the team: archive ready"),
    "staff_import_failed": _l("To the team: file that could not be checked or imported"),
    "staff_import_finished": _l("To the team: file checked or imported"),
    "staff_suspended": _l("To the team: suspension by the operator"),
    "staff_leaving": _l("To the team: the merchant’s departure"),
    "staff_renewal_asked": _l("To the team: renewal of a lost access announced"),
    "staff_renewal": _l("To the team: renewal of a lost access"),
    "staff_refusals": _l("To the team: refused log-ins"),
    "staff_new_device": _l("To the team: log-in from a new browser"),
    "staff_recovery_code": _l("To the team: recovery code used"),
    "staff_api_key_reported": _l("To the team: API key reported as public"),
}

MAIL_STATE: Final[Mapping[str, LazyString]] = {
    "waiting": _l("Waiting to be sent"),
    "sent": _l("Accepted by the mail server"),  # what becomes of it there, nobody tells
    "refused": _l("Refused by the mail server"),
    "superseded": _l("Not sent: no longer needed"),
    "returned": _l("Returned: not delivered"),
}

RETURNED_FOR: Final[Mapping[Reason, LazyString]] = {
    Reason.NO_MAILBOX: _l("this address does not exist"),
    Reason.NO_DOMAIN: _l("what follows the @ does not exist, or takes no email"),
    Reason.MAILBOX_FULL: _l("the mailbox is full"),
    Reason.MAILBOX_CLOSED: _l("the mailbox is closed"),
    Reason.TOO_BIG: _l("the message is too big for the mailbox"),
    Reason.UNREACHABLE: _l("the recipient’s mail server could not be reached for days"),
    Reason.UNWANTED: _l("the recipient’s mail server refuses the message as unwanted"),
    Reason.OTHER: _l("the recipient’s mail server did not take it"),
}


CODE: Final = re.compile(r"\d\.\d{1,3}\.\d{1,3}", re.ASCII)


def returned_for(code: str) -> str:
    """Return why a message came back, with the code that the operator may look for."""
    said = str(RETURNED_FOR[reason_of(code)])
    return f"{said} ({code})" if CODE.fullmatch(code) else said
