"""What a message may say: plain facts, gathered by `services.notices`, with no row and no query behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.end_requests import Trouble
from portal.domain.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.letterhead import Clean


@dataclass(frozen=True, kw_only=True)
class EndFacts(Clean):
    """A request to end a subscription, as it stands when the message is written."""

    reference: str
    product: str
    customer_name: str
    customer_email: str | None
    asked_at: datetime
    asked_by: Actor
    price: Money | None
    interval_unit: str | None
    interval_count: int
    next_payment_at: datetime | None
    now: datetime  # when the message was written: a payment "due" before it is said to be past
    may_be_charged: bool = True  # False before the buyer approved at PayPal
    is_payment_near: bool = False  # a payment may come within 72 h
    reason: str = ""  # the customer's own words; never the staff's internal note
    due_at: datetime | None = None  # PayPal is told only then (commitment)
    needs_merchant: bool = False
    trouble: Trouble | None = None
    path: str  # the page with the proof, or the desk's page


@dataclass(frozen=True, kw_only=True)
class EffectFacts(Clean):
    """What the end changed: dates and access (domain.md, « five dates »)."""

    outcome: Status
    confirmed_at: datetime  # by PayPal's read, as recorded here
    stopped_at: datetime | None  # PayPal's own date
    ended_at: datetime | None
    last_payment_at: datetime | None
    was_at_provider: bool = False  # nobody asked here: it was done at PayPal
    never_started: bool = False  # not approved at PayPal: nothing could be charged
    access_until: datetime | None = None
    is_access_unknown: bool = False
    kept: tuple[str, ...] = ()
    may_come_back: bool = False  # `subscriptions.may_invite_back`: never for abandoned


@dataclass(frozen=True, kw_only=True)
class ProofWords:
    """What the proof of an end says, in words already: the page, the PDF and the mail print the same (documents)."""

    heading: str
    lede: str  # the sentence that matters, with access
    reference: str
    rows: tuple[tuple[str, str], ...]
    shown: tuple[tuple[str, tuple[str, ...]], ...]  # what the recap showed: each group with its lines
    check_url: str  # where somebody else can check it; empty while there is no code


@dataclass(frozen=True, kw_only=True)
class AccessFacts(Clean):
    """Access that ends, or has ended."""

    product: str
    customer_name: str
    until: datetime
    kept: tuple[str, ...]
    path: str


@dataclass(frozen=True, kw_only=True)
class WaitingFacts(Clean):
    """One request in a list of those that wait for the merchant."""

    reference: str
    product: str
    customer: str  # name, else address, else empty
    asked_at: datetime
    next_payment_at: datetime | None
