"""Every mail that leaves: whose it is, why it always goes or may be left out, and what of its words is the merchant's.

A mail is a block of facts that the portal writes, and around it a subject, an opening and a closing.  Of customers'
mails these three are the merchant's (docs/decisions/0053); the block is not, nor is anything of a mail that guards an
account, or that the law wants to say one thing alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Topic(StrEnum):
    """What a mail is about: the desk lists them by it."""

    ENDS = "ends"
    ACCESS = "access"
    PAYMENTS = "payments"
    PAUSES = "pauses"
    DATA = "data"
    LOG_IN = "log_in"
    MERCHANT = "merchant"  # to the address of the merchant's team
    STAFF = "staff"  # to one of its people


class Why(StrEnum):
    """Why a mail always goes, or why its words are the portal's alone."""

    PROMISE = "promise"  # whoever asked to stop is told what became of it (product.md)
    LAW = "law"  # the law wants it, and says what it holds (law.md)
    MONEY = "money"  # it tells of somebody's money
    LOSS = "loss"  # it tells of something that is taken away
    ASKED = "asked"  # it answers what its reader has just asked for
    SECURITY = "security"  # it opens or guards an account: one that always reads the same is known from a forged one
    WORK = "work"  # somebody of the team has something to do
    PORTAL = "portal"  # the portal's own words to the team


class Name(StrEnum):
    """What a text may put in braces. `FACT` is the portal's own subject, whole."""

    FACT = "fact"
    HELLO = "hello"
    MERCHANT = "merchant"
    PRODUCT = "product"
    REFERENCE = "reference"
    AMOUNT = "amount"
    DATE = "date"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One mail. `always`: why it cannot be left out, None where it may; `fixed`: why none of its words can be edited.

    `names`: what its subject names, so that a reader of several mails knows which is about what; `is_spoken`: its
    subject says what happened, otherwise for each way in which it can happen, and stays in what the merchant writes.
    `is_after`: PayPal has spoken, or nothing is asked of it: such a mail alone may call something ended.
    `is_german`: it exists in German too.
    """

    topic: Topic
    always: Why | None = None
    fixed: Why | None = None
    names: tuple[Name, ...] = ()
    is_spoken: bool = False
    is_after: bool = False
    is_german: bool = False

    def languages(self, *, german: bool) -> tuple[str, ...]:
        """Return in which languages it is sent; `german`: the merchant sells to Germany."""
        return ("fr", "en", "de") if german and self.is_german else ("fr", "en")

    @property
    def in_subject(self) -> tuple[Name, ...]:
        """What its subject may put in braces."""
        return (Name.FACT, Name.MERCHANT, *self.names)

    @property
    def in_text(self) -> tuple[Name, ...]:
        """What its opening and its closing may."""
        return (Name.HELLO, Name.MERCHANT, *self.names)


_BOTH, _ONE, _PAID = (Name.PRODUCT, Name.REFERENCE), (Name.PRODUCT,), (Name.AMOUNT, Name.PRODUCT)
_REFERENCE = (Name.REFERENCE,)


def _end(*, spoken: bool = False, after: bool = False) -> Notice:
    return Notice(topic=Topic.ENDS, always=Why.PROMISE, names=_BOTH, is_spoken=spoken, is_after=after, is_german=True)


def _declared() -> Notice:
    return Notice(topic=Topic.ENDS, always=Why.LAW, names=_REFERENCE, is_spoken=True, is_german=True)


def _access(always: Why | None = None, *, german: bool = False) -> Notice:
    return Notice(topic=Topic.ACCESS, always=always, names=_ONE, is_after=True, is_german=german)


def _money(always: Why | None = Why.MONEY, *, spoken: bool = False, after: bool = True) -> Notice:
    return Notice(topic=Topic.PAYMENTS, always=always, names=_PAID, is_spoken=spoken, is_after=after)


def _late(always: Why | None) -> Notice:
    return Notice(topic=Topic.PAYMENTS, always=always, names=_ONE)


def _pause(always: Why = Why.ASKED, *, spoken: bool = False) -> Notice:
    return Notice(topic=Topic.PAUSES, always=always, names=_ONE, is_spoken=spoken)


def _data(*names: Name) -> Notice:
    return Notice(topic=Topic.DATA, always=Why.LAW, names=names, is_after=True)


def _guarding() -> Notice:
    return Notice(topic=Topic.LOG_IN, always=Why.SECURITY, fixed=Why.SECURITY)


def _to_merchant(always: Why | None = Why.WORK) -> Notice:
    return Notice(topic=Topic.MERCHANT, always=always, fixed=Why.PORTAL)


def _to_staff() -> Notice:
    return Notice(topic=Topic.STAFF, always=Why.SECURITY, fixed=Why.SECURITY)


NOTICES: Final[Mapping[str, Notice]] = {
    "request_received": _declared(),
    "declaration_received": _declared(),
    "declaration_link": _declared(),
    "request_dismissed": _declared(),
    "end_recorded": _end(),
    "end_overdue": _end(spoken=True),
    "end_moved": _end(),
    "end_withdrawn": _end(),
    "end_plan_withdrawn": _end(),
    "end_confirmed": _end(spoken=True, after=True),
    "end_already_over": _end(spoken=True, after=True),
    "end_dated": _end(after=True),
    "withdrawal_accepted": _end(spoken=True, after=True),
    "renewal_reminder": Notice(topic=Topic.ENDS, always=Why.LAW, fixed=Why.LAW),
    "access_ends_soon": _access(german=True),
    "access_ended": _access(german=True),
    "access_given": _access(),
    "access_changed": _access(),
    "access_withdrawn": _access(Why.LOSS),
    "payment_missed": _late(None),
    "access_closes_soon": _late(Why.LOSS),
    "payment_settled": _late(None),
    "price_changed": Notice(topic=Topic.PAYMENTS, always=Why.MONEY, names=_PAID),
    "settlement_failed": _money(after=False),
    "payment_refunded": _money(),
    "late_payment": _money(),
    "late_payment_refunded": _money(spoken=True),
    "late_payment_open": _money(spoken=True),
    "late_payment_kept": _money(),
    "pause_confirmed": _pause(),
    "pause_refused": _pause(spoken=True),
    "pause_taken_back": _pause(spoken=True),
    "resume_soon": _pause(Why.MONEY),
    "resume_confirmed": _pause(Why.MONEY),
    "comeback_approved": _pause(Why.LAW),
    "data_ready": _data(),
    "data_failed": _data(),
    "erasure_recorded": _data(Name.REFERENCE),
    "erasure_withdrawn": _data(Name.REFERENCE),
    "erasure_done": _data(Name.REFERENCE),
    "erasure_soon": _data(Name.DATE),
    **{
        kind: _guarding()
        for kind in (
            *("login_code", "task_link", "account_invitation", "account_member_joined"),
            *("address_confirm", "address_asked", "address_set", "address_left", "address_moved", "address_kept"),
            *("customers_joined", "customers_split"),
        )
    },
    **{
        f"merchant_{kind}": _to_merchant(None)
        for kind in ("end_requested", "end_withdrawn", "end_confirmed", "pause", "comeback_approved")
    },
    **{
        f"merchant_{kind}": _to_merchant()
        for kind in (
            *("needs_you", "overdue", "end_late", "notified", "key_broken", "endpoint_stopped", "pause_stuck"),
            *("late_payments", "withdrawal", "withdrawal_due", "renewal_refund", "address_held"),
        )
    },
    **{
        f"staff_{kind}": _to_staff()
        for kind in (
            *("invitation", "unlock", "password", "password_changed", "factor_changed", "recovery_code"),
            *("passkey_added", "passkey_removed", "passkey_copied", "renewal_asked", "renewal"),
            *("refusals", "new_device", "api_key_reported"),
        )
    },
    **{
        f"staff_{kind}": Notice(topic=Topic.STAFF, always=Why.WORK, fixed=Why.PORTAL)
        for kind in ("suspended", "leaving")
    },
    **{
        f"staff_{kind}": Notice(topic=Topic.STAFF, always=Why.ASKED, fixed=Why.PORTAL)
        for kind in ("list_ready", "list_failed", "archive_ready", "archive_failed", "import_failed", "import_finished")
    },
}
OPTIONAL: Final = tuple(kind for kind, one in NOTICES.items() if one.always is None)  # these may be left out
EDITED: Final = tuple(kind for kind, one in NOTICES.items() if one.fixed is None)  # of these the merchant writes a part


def is_sent(kind: str, left_out: Collection[str]) -> bool:
    """Say whether a mail of that kind leaves; what must not be left out does, whatever is stored."""
    return kind not in left_out or kind not in OPTIONAL


def left_out_with(left_out: Collection[str], kind: str, *, sent: bool) -> list[str]:
    """Return what is left out when one of them is sent or not, in one order; words of a later release stay."""
    return sorted({*left_out} - {kind} | (set() if sent else {kind}))
