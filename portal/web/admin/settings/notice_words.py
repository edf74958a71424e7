"""What the desk says of each mail: when it leaves, why it always does, and why its words are what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.merchants.notice_texts import LONGEST_SUBJECT, LONGEST_TEXT, Flaw, Part, Problem
from portal.domain.merchants.notices import Name, Topic, Why

TOPIC: Final[Mapping[Topic, LazyString]] = {
    Topic.ENDS: _l("Cancellations"),
    Topic.ACCESS: _l("Access"),
    Topic.PAYMENTS: _l("Payments"),
    Topic.PAUSES: _l("Pauses and new subscriptions"),
    Topic.DATA: _l("Personal data"),
    Topic.LOG_IN: _l("Log-in and email address"),
    Topic.MERCHANT: _l("To your team"),
    Topic.STAFF: _l("To one person of the team"),
}
ALWAYS: Final[Mapping[Why, LazyString]] = {
    Why.PROMISE: _l("Always: whoever asks to cancel is told what became of it."),
    Why.LAW: _l("Always: required by law."),
    Why.MONEY: _l("Always: it is about the customer’s money."),
    Why.LOSS: _l("Always: nobody loses something without being told."),
    Why.ASKED: _l("Always: it answers a request."),
    Why.SECURITY: _l("Always: it protects an account."),
    Why.WORK: _l("Always: somebody has something to do."),
}
FIXED: Final[Mapping[Why, LazyString]] = {
    Why.LAW: _l("The law wants this reminder to say this and nothing else. Its words are therefore the portal’s."),
    Why.SECURITY: _l(
        "This email opens or protects an account. It reads the same for everybody, so that a forged one stands out. "
        "Its words are therefore the portal’s."
    ),
    Why.PORTAL: _l("Here the portal writes to your team. Its words are therefore the portal’s."),
}
WHEN: Final[Mapping[str, LazyString]] = {
    "request_received": _l("When a cancellation notice has come another way: letter, telephone, log-in page."),
    "declaration_received": _l("As soon as somebody has declared something on your public page."),
    "declaration_link": _l("After a declaration on your public page: asks the address on file whether it is theirs."),
    "request_dismissed": _l("When you close a cancellation notice without ending anything."),
    "end_recorded": _l("A minute after a customer asks to cancel, unless PayPal has confirmed by then."),
    "end_overdue": _l("When PayPal has not confirmed after 24 hours."),
    "end_moved": _l("When a planned end moves because a payment moved."),
    "end_withdrawn": _l("When a customer takes a request back."),
    "end_plan_withdrawn": _l("When you withdraw a planned end that somebody had asked for."),
    "end_confirmed": _l("When PayPal confirms the end. The proof is attached."),
    "end_already_over": _l("When a customer asks to cancel what had already ended. The proof is attached."),
    "end_dated": _l("When the last day of access becomes known after the end."),
    "withdrawal_accepted": _l("When a customer withdraws from a contract within the period."),
    "renewal_reminder": _l("Between three months and one month before a term renews itself."),
    "access_ends_soon": _l("Three days before access ends."),
    "access_ended": _l("On the day access ends."),
    "access_given": _l("When you give access by hand."),
    "access_changed": _l("When you change the days of an access given by hand."),
    "access_withdrawn": _l("When you withdraw an access given by hand."),
    "payment_missed": _l("When PayPal could not take a payment."),
    "access_closes_soon": _l("Before access closes because a payment is missing."),
    "payment_settled": _l("When a missing payment has arrived."),
    "price_changed": _l("When PayPal shows another price for a running subscription."),
    "settlement_failed": _l("When PayPal could not take an outstanding amount that the customer wanted to pay."),
    "payment_refunded": _l("When PayPal confirms a refund."),
    "late_payment": _l("When PayPal takes a payment after the confirmed end."),
    "late_payment_refunded": _l("When a payment after the end has gone back whole."),
    "late_payment_open": _l("When a part of a payment after the end has gone back, or has come again."),
    "late_payment_kept": _l("When you keep a payment after the end because it was owed."),
    "pause_confirmed": _l("When PayPal confirms a pause."),
    "pause_refused": _l("When a pause, or its end, is not possible."),
    "pause_taken_back": _l("When you withdraw a pause that a customer wanted, or the day it ends."),
    "resume_soon": _l("The day before payments start again."),
    "resume_confirmed": _l("When PayPal confirms that a subscription runs again."),
    "comeback_approved": _l("When a new subscription of a former customer is approved at PayPal."),
    "data_ready": _l("When the file of somebody’s own data can be downloaded."),
    "data_failed": _l("When the file of somebody’s own data could not be made, after several tries."),
    "erasure_recorded": _l("When a customer asks to be erased."),
    "erasure_withdrawn": _l("When that request is taken back."),
    "erasure_done": _l("When the data is erased."),
    "erasure_soon": _l("Before an account that nobody has used for years is erased."),
    "login_code": _l("When somebody wants to log in."),
    "task_link": _l("When a link to one page is asked for, or sent by you."),
    "account_invitation": _l("When a customer invites somebody into their account."),
    "account_member_joined": _l("When an invited person has come in."),
    "address_confirm": _l("To a new address, which has to be confirmed."),
    "address_asked": _l("To the current address, when another one was entered."),
    "address_set": _l("To the new address, when it has been taken over."),
    "address_left": _l("To the former address, when you have changed it."),
    "address_moved": _l("To the former address, when the customer has changed it."),
    "address_kept": _l("When a contested change of address stands."),
    "customers_joined": _l("When you merge two records."),
    "customers_split": _l("When you separate merged records."),
    "merchant_end_requested": _l("When customers ask to cancel and PayPal has not confirmed yet."),
    "merchant_end_withdrawn": _l("When a customer takes a request back."),
    "merchant_end_confirmed": _l("When PayPal confirms an end that your team did not ask for."),
    "merchant_pause": _l("When a customer’s pause, or its end, is confirmed or refused."),
    "merchant_comeback_approved": _l("When a former customer has subscribed again."),
    "merchant_needs_you": _l("When the portal cannot finish a request by itself."),
    "merchant_overdue": _l("When PayPal has not confirmed after 24 hours, or a payment is near."),
    "merchant_end_late": _l("When PayPal was not told of a planned end in time."),
    "merchant_notified": _l("When a cancellation notice has come another way."),
    "merchant_key_broken": _l("When a PayPal key no longer works."),
    "merchant_endpoint_stopped": _l("When events no longer reach one of your systems."),
    "merchant_pause_stuck": _l("When PayPal does not confirm a pause, or its end."),
    "merchant_late_payments": _l("When payments arrive after an end."),
    "merchant_withdrawal": _l("When a customer withdraws from a contract."),
    "merchant_withdrawal_due": _l("When the refund of a withdrawal is due."),
    "merchant_renewal_refund": _l("When a refund is due after an end free of charge."),
    "merchant_address_held": _l("When a change of address is contested."),
    "staff_list_ready": _l("When a list that somebody of the team asked for as a file can be downloaded."),
    "staff_list_failed": _l(
        "When a list that somebody of the team asked for could not be made into a file, after several tries."
    ),
    "staff_archive_failed": _l("When the archive of everything could not be made, after several tries."),
    "staff_archive_ready": _l("When the archive of everything that an owner asked for can be downloaded."),
    "staff_import_failed": _l("When a file could not be checked, or its import stopped, after several tries."),
    "staff_import_finished": _l("When a file is imported, and when a long one is checked."),
    "staff_invitation": _l("When somebody is invited to the team."),
    "staff_unlock": _l("When strangers have used up the log-in tries of an address."),
    "staff_password": _l("When a password is forgotten."),
    "staff_password_changed": _l("When a password has changed."),
    "staff_factor_changed": _l("When a second factor has changed."),
    "staff_recovery_code": _l("When a recovery code was used."),
    "staff_passkey_added": _l("When a passkey was added."),
    "staff_passkey_removed": _l("When a passkey was removed."),
    "staff_passkey_copied": _l("When a passkey may have been copied."),
    "staff_renewal_asked": _l("Before somebody’s lost access is renewed."),
    "staff_renewal": _l("When somebody’s lost access is renewed."),
    "staff_refusals": _l("After several refused log-ins."),
    "staff_new_device": _l("After a log-in from a new browser."),
    "staff_api_key_reported": _l("When one of your API keys was found in public."),
    "staff_suspended": _l("When the operator suspends you."),
    "staff_leaving": _l("When the operator has recorded that you leave."),
}


NAME: Final[Mapping[Name, LazyString]] = {
    Name.FACT: _l("The portal’s own subject, which says what happened"),
    Name.HELLO: _l("“Hello” with the customer’s name, where one is known"),
    Name.MERCHANT: _l("Your name"),
    Name.PRODUCT: _l("The product"),
    Name.REFERENCE: _l("The reference of the request"),
    Name.AMOUNT: _l("The amount with its currency"),
    Name.DATE: _l("The date"),
}


def sentences(part: Part, problems: Sequence[Problem]) -> list[str]:
    """Return what is wrong with a part, in sentences that say what to do; all that its subject misses in one."""
    missing = [one.found for one in problems if one.flaw is Flaw.MISSING]
    others = [said(part, one) for one in problems if one.flaw is not Flaw.MISSING]
    return [*others, _missing(missing)] if missing else others


def said(part: Part, problem: Problem) -> str:
    """Return one flaw as a sentence that says what to do."""
    offered = _listed(problem)
    if problem.flaw is Flaw.EMPTY:
        return _("Enter a subject.") if part is Part.SUBJECT else _("Enter how the email begins, for example {hello}.")
    if problem.flaw is Flaw.TOO_LONG:
        return _("Write at most %(most)s characters.", most=LONGEST_SUBJECT if part is Part.SUBJECT else LONGEST_TEXT)
    if problem.flaw is Flaw.CODE:
        return _(
            "“%(found)s” looks like program code, which is not run here. Write a name in single braces: %(offered)s.",
            found=problem.found,
            offered=offered,
        )
    if problem.flaw is Flaw.BRACE:
        return _("A brace stands alone here. Braces hold one of these names: %(offered)s.", offered=offered)
    if problem.flaw is Flaw.UNKNOWN:
        return _("There is no {%(found)s} here. You can use: %(offered)s.", found=problem.found, offered=offered)
    if problem.flaw is Flaw.TAG:
        return _("“%(found)s” is HTML, which is not read here. Write plain text.", found=problem.found)
    if problem.flaw is Flaw.ADDRESS:
        return _(
            "“%(found)s” is no page of yours. Use the https address of a page on your own site, as entered under "
            "Addresses.",
            found=problem.found,
        )
    return _(
        "“%(found)s” must not stand here: this email may leave before PayPal has confirmed anything.",
        found=problem.found,
    )


def _missing(names: Sequence[str]) -> str:
    if Name.FACT in names:
        return _("The subject needs {fact}: it says what really happened, which you cannot know beforehand.")
    return _(
        "The subject needs %(names)s, or {fact}, which holds that: your customer has to see what the email is about.",
        names=", ".join(f"{{{name}}}" for name in names),
    )


def _listed(problem: Problem) -> str:
    return ", ".join(f"{{{name}}}" for name in problem.offered)
