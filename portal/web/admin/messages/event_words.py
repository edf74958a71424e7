"""The desk's words for PayPal's messages: their types, what became of them, what stands in their way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.provenances import Provenance
from portal.providers.deliveries import SignatureFault
from portal.queries.messages.event_lists import EventSource, EventState
from portal.queries.messages.webhook_endpoints import WebhookTrouble

PROVENANCE: Final[Mapping[Provenance, LazyString]] = {
    Provenance.FILE: _l("With the full certificate that PayPal serves"),
    Provenance.KEPT: _l("With PayPal’s certificate and a known intermediate one"),
    Provenance.ISSUER: _l("With PayPal’s certificate and the intermediate one from its issuer"),
    Provenance.ASKED: _l("PayPal was asked, since its certificate came without the intermediate one"),
    Provenance.OPEN: _l("PayPal is being asked, since its certificate came without the intermediate one"),
}

TYPE: Final[Mapping[str, LazyString]] = {
    "BILLING.SUBSCRIPTION.CREATED": _l("Subscription created"),
    "BILLING.SUBSCRIPTION.ACTIVATED": _l("Subscription started"),
    "BILLING.SUBSCRIPTION.RE-ACTIVATED": _l("Subscription resumed"),
    "BILLING.SUBSCRIPTION.RENEWED": _l("Subscription renewed"),
    "BILLING.SUBSCRIPTION.UPDATED": _l("Subscription changed"),
    "BILLING.SUBSCRIPTION.EXPIRED": _l("Subscription completed"),
    "BILLING.SUBSCRIPTION.CANCELLED": _l("Subscription cancelled"),
    "BILLING.SUBSCRIPTION.SUSPENDED": _l("Subscription suspended"),
    "BILLING.SUBSCRIPTION.PAYMENT.FAILED": _l("Payment failed"),
    "PAYMENT.SALE.COMPLETED": _l("Payment received"),
    "PAYMENT.SALE.REFUNDED": _l("Payment refunded"),
    "PAYMENT.SALE.REVERSED": _l("Payment reversed by PayPal"),
    "PAYMENT.SALE.PENDING": _l("Payment pending"),
    "PAYMENT.SALE.DENIED": _l("Payment refused"),
    # Classic accounts (FACTS.md 3.2): the type, else the payment's state
    "recurring_payment": _l("Payment received"),
    "recurring_payment_profile_created": _l("Subscription created"),
    "recurring_payment_profile_cancel": _l("Subscription cancelled"),
    "recurring_payment_expired": _l("Subscription completed"),
    "recurring_payment_failed": _l("Payment failed"),
    "recurring_payment_skipped": _l("Payment skipped"),
    "recurring_payment_suspended": _l("Subscription paused"),
    "recurring_payment_suspended_due_to_max_failed_payment": _l("Subscription paused after failed payments"),
    "recurring_payment_outstanding_payment": _l("Overdue payment received"),
    "recurring_payment_outstanding_payment_failed": _l("Overdue payment failed"),
    "subscr_signup": _l("Subscription created"),
    "subscr_payment": _l("Payment received"),
    "subscr_failed": _l("Payment failed"),
    "subscr_modify": _l("Subscription changed"),
    "subscr_cancel": _l("Subscription cancelled"),
    "subscr_eot": _l("Subscription completed"),
    "completed": _l("Payment received"),
    "processed": _l("Payment received"),
    "pending": _l("Payment pending"),
    "denied": _l("Payment refused"),
    "failed": _l("Payment failed"),
    "expired": _l("Payment lapsed"),
    "voided": _l("Payment lapsed"),
    "refunded": _l("Payment refunded"),
    "partially_refunded": _l("Payment partly refunded"),
    "reversed": _l("Payment reversed by PayPal"),
    "canceled_reversal": _l("Reversal undone by PayPal"),
    "unknown": _l("Message without a type"),
}

STATE: Final[Mapping[EventState, LazyString]] = {
    EventState.WAITING: _l("Waiting"),
    EventState.DONE: _l("Processed"),
    EventState.IGNORED: _l("Nothing to change"),
    EventState.REFUSED: _l("Set aside"),
    EventState.FAILED: _l("Given up"),
}
MARK: Final[Mapping[EventState, str]] = {  # the mark of components/status.html
    EventState.WAITING: "retrying",
    EventState.DONE: "ok",
    EventState.IGNORED: "info",
    EventState.REFUSED: "stop",
    EventState.FAILED: "stop",
}


def state_of(event: Any) -> LazyString:
    """Return the word of a message's state: one that was closed unprocessed had something to change, maybe."""
    is_set_aside = event.state is EventState.IGNORED and event.handled_at is None
    return STATE[EventState.REFUSED if is_set_aside else event.state]


SOURCE: Final[Mapping[EventSource, LazyString]] = {
    EventSource.WEBHOOK: _l("Webhook (REST key)"),
    EventSource.IPN: _l("IPN (classic key)"),
}

TROUBLE: Final[Mapping[WebhookTrouble, LazyString]] = {
    WebhookTrouble.ADDRESS_NOT_PUBLIC: _l("PayPal cannot call this portal’s address"),
    WebhookTrouble.LIMIT_REACHED: _l("Your PayPal application already has ten webhooks"),
    WebhookTrouble.MISSING_RIGHT: _l("The key may not manage webhooks"),
    WebhookTrouble.KEY_REFUSED: _l("PayPal refuses the API key"),
    WebhookTrouble.NO_ANSWER: _l("PayPal did not answer"),
    WebhookTrouble.REFUSED: _l("PayPal refused to register the address"),
}
TODO: Final[Mapping[WebhookTrouble, LazyString]] = {
    WebhookTrouble.ADDRESS_NOT_PUBLIC: _l(
        "PayPal only calls public https addresses on port 443. Ask whoever runs this portal to set its public "
        "address. Until then changes made at PayPal are only seen by the nightly comparison."
    ),
    WebhookTrouble.LIMIT_REACHED: _l(
        "At developer.paypal.com open “Apps & Credentials”, your application, “Webhooks”, delete one that nobody uses "
        "any more, then press “Register again”. The portal never deletes one: another site may need it."
    ),
    WebhookTrouble.MISSING_RIGHT: _l(
        "At developer.paypal.com open your application, tick “Webhooks” under “Features” and save. "
        "After a few minutes press “Register again”."
    ),
    WebhookTrouble.KEY_REFUSED: _l("Test the key on the PayPal page, or enter a new one; then press “Register again”."),
    WebhookTrouble.NO_ANSWER: _l("The portal tries again within the hour. You can also press “Register again”."),
    WebhookTrouble.REFUSED: _l(
        "Press “Register again”. If PayPal refuses again, contact PayPal support with the debug ID given here."
    ),
}

# Why asking again for what was missed stands still, and what to do about it (missed_events.STOPS and WebhookTrouble).
STOPPED: Final[Mapping[str, LazyString]] = {
    **{word.value: said for word, said in TROUBLE.items()},
    WebhookTrouble.REFUSED: _l("PayPal refused the call"),
    "no_key": _l("No PayPal API key is set"),
    "key_unreadable": _l("The stored PayPal key can no longer be read here"),
    "not_registered": _l("PayPal is not sending messages to this portal"),
    "retrying": _l("PayPal did not answer"),
}
RESUME: Final[Mapping[str, LazyString]] = {
    WebhookTrouble.KEY_REFUSED: TODO[WebhookTrouble.KEY_REFUSED],
    WebhookTrouble.MISSING_RIGHT: TODO[WebhookTrouble.MISSING_RIGHT],
    "no_key": _l("Enter the key on the PayPal page."),
    "key_unreadable": _l("Enter the key again on the PayPal page."),
    "not_registered": _l("Press “Register again” first."),
}

FAULT: Final[Mapping[SignatureFault, LazyString]] = {
    SignatureFault.MISSING_HEADER: _l("the signature was missing"),
    SignatureFault.ALGORITHM: _l("it was signed in a way that PayPal does not use"),
    SignatureFault.CERTIFICATE_ADDRESS: _l("its certificate was not at PayPal’s address"),
    SignatureFault.CERTIFICATE: _l("its certificate was not PayPal’s, or out of date"),
    SignatureFault.SIGNATURE: _l("the signature did not fit the message, or it was meant for another webhook"),
    SignatureFault.TIME: _l("its date was missing, too old, or in the future"),
}

# The first word of an event's `error`: a refusal's word, or the portal's own.
REASON: Final[Mapping[str, LazyString]] = {
    "unavailable": _l("PayPal did not answer"),
    "bad_credentials": _l("PayPal refuses the API key"),
    "forbidden": _l("The API key lacks a right at PayPal"),
    "not_found": _l("PayPal does not know what the message is about"),
    "status_invalid": _l("PayPal says that the subscription’s status does not allow it"),
    "account_closed": _l("The customer’s PayPal account is closed"),
    "cannot_be_activated": _l("PayPal does not let the subscription start again"),
    "plan_status_invalid": _l("PayPal no longer sells this plan"),
    "webhook_limit": TROUBLE[WebhookTrouble.LIMIT_REACHED],
    "webhook_exists": _l("PayPal already knows this portal’s address"),
    "nothing_outstanding": _l("PayPal says that nothing is outstanding"),
    "other_sum": _l("PayPal says that less is outstanding"),
    "other": STOPPED[WebhookTrouble.REFUSED],
    "no_key": STOPPED["no_key"],
    "key_unreadable": STOPPED["key_unreadable"],
    "not_yet": _l("PayPal does not show yet what the message is about"),
    "unreadable": _l("The message cannot be read"),
    "type": _l("Messages of this type change nothing here"),
    "asked_often": _l("Many messages are being checked with PayPal: this one is waiting its turn"),
    "other_environment": _l("The PayPal key now belongs to the other environment"),
    "not_at_paypal": _l("PayPal does not know the subscription under this key"),
    "no_subscription": _l("It does not name a subscription"),
    "one_off_sale": _l("It is about a payment without a subscription"),
    "sale_unknown": _l("It is about a payment that is not known here"),
    "sale_not_shown": _l("PayPal does not show the payment yet"),
    "refund_not_shown": _l("PayPal does not show the refund yet"),
    "not_written": _l("The subscription it is about is not here yet"),
    "contended": _l("The same subscription was being changed"),
    "rest_subscription": _l("The subscription belongs to the REST key, which has its own messages"),
    "old_profile": _l("The subscription ended long ago"),
    "not_paypal": _l("PayPal does not recognise the message as its own"),
    "other_receiver": _l("It was meant for another PayPal account"),
    "body_purged": _l("The text of the message was deleted"),
}


def type_of(event_type: str) -> str:
    """Return what a message says in words; PayPal's own word where we have none."""
    return str(TYPE[event_type]) if event_type in TYPE else event_type or _("Message without a type")


def type_with_word(event_type: str) -> tuple[str, str | None]:
    """Return the type in words, and PayPal's own word to stand in small beside it, where the two differ."""
    return type_of(event_type), event_type if event_type in TYPE else None


def reason_of(error: str) -> tuple[str, str]:
    """Return why a message was not handled, and what whoever looks into it asks for: PayPal's debug id, or our word."""
    word, _space, debug_id = error.partition(" ")
    if word in REASON:
        return str(REASON[word]), debug_id
    return _("Something went wrong here. Tell whoever runs this portal."), error


def stop_of(word: str) -> tuple[str, str]:
    """Return why asking again for what was missed stands still, and what to do about it."""
    said = str(STOPPED.get(word, STOPPED[WebhookTrouble.REFUSED]))
    if word == "retrying":
        return said, _("The portal asks again by itself.")
    first = f"{RESUME[word]} " if word in RESUME else ""
    return said, first + _("Press “Fetch what was missed” again.")


def fault_of(word: str) -> str:
    """Return why a message was turned away at the door."""
    return str(FAULT[SignatureFault(word)]) if word in set(SignatureFault) else word
