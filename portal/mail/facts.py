"""What a message may say: plain facts, gathered by `services.notices`, with no row and no query behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends.end_requests import Trouble
from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.letterhead import Clean, unlinked


@dataclass(frozen=True, kw_only=True)
class PlannedFacts(Clean):
    """An end that waits, as it is told before and after it is confirmed (cancellation.md, « A planned end »)."""

    merchant_name: str
    reason: WaitReason
    ends_on: date  # the contract's end: the day that was chosen, or that of the commitment or notice period
    wished_on: date | None  # the day that was chosen, though a commitment may reach further
    price: Money | None
    taken: tuple[datetime, ...]  # the payments that are still taken
    prevented_at: datetime | None  # the first one that is not; None while PayPal names none
    runs_out_at: datetime | None  # a finite plan's own end, that comes before any payment that could be prevented
    awaited_at: datetime | None  # the payment on which the earlier of the two moments depends
    earliest_at: datetime
    due_at: datetime
    avoidable_at: datetime | None  # the next payment that an earlier day would avoid
    avoid_on: date | None  # the last day to ask for one that does; None: only today
    access_until: datetime | None
    is_access_unknown: bool
    kept: tuple[str, ...]
    opens: Mapping[str, datetime]  # since when each of them is open, or will be
    now: datetime  # when it is told: access that ended before is said to have ended


@dataclass(frozen=True, kw_only=True)
class PlannedWords:
    """The same in words: the recap, the card, the result page and the mails print them."""

    ends_on: str
    ends_on_in_short: str  # for a table
    heading: str
    why: str
    taken_heading: str
    taken: tuple[str, ...]
    not_taken: str
    none_left: bool  # it comes before every further payment
    told: str
    avoid: str
    access: str


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
    takes_no_payment: bool = False  # PayPal has suspended it: the next payment is not unknown, there is none
    is_payment_near: bool = False  # a payment may come within 72 h
    reason: str = ""  # the customer's own words; never the staff's internal note
    wished_on: date | None = None  # the day that whoever asked chose for the end
    reason_label: str = ""  # what they chose of the list
    notified_under: str = ""  # the reference of the notification that it answers
    due_at: datetime | None = None  # PayPal is told only then
    planned: PlannedWords | None = None  # of one that waits for its day
    needs_merchant: bool = False
    trouble: Trouble | None = None
    in_place_of: str = ""  # the reference of the customer's own request, which this one replaced
    asked_by_name: str = ""  # who of the account's people asked; empty: the customer
    path: str  # the page with the proof, or the desk's page
    is_schedule: bool = False  # one price paid in instalments
    has_hour: bool = True  # of `asked_at`: it answers a letter of which only the day is known


@dataclass(frozen=True, kw_only=True)
class EffectFacts(Clean):
    """What the end changed: dates and access (domain.md, « five dates »)."""

    outcome: Status
    confirmed_at: datetime  # by PayPal's read, as recorded here
    stopped_at: datetime | None  # PayPal's own date
    ended_at: datetime | None
    last_payment_at: datetime | None
    was_at_provider: bool = False  # nobody asked here: it was done at PayPal
    is_withdrawn: bool = False  # the contract was undone
    never_started: bool = False  # not approved at PayPal: nothing could be charged
    access_until: datetime | None = None
    is_access_unknown: bool = False
    kept: tuple[str, ...] = ()
    opens: Mapping[str, datetime] = field(default_factory=dict)  # when those of them open that are still shut
    may_come_back: bool = False  # `subscriptions.may_invite_back`: never for abandoned
    comeback_path: str | None = None  # the page for it, where it can be done here


@dataclass(frozen=True, kw_only=True)
class RenewalFacts(Clean):
    """A fixed term that renews itself soon. `path`: the subscription's page, where it is ended."""

    customer_name: str
    product: str
    merchant_name: str
    support_email: str | None
    months: int  # of the next term
    renews_on: date
    deadline_on: date  # the last day on which that can be refused
    price: Money | None
    interval_unit: str | None
    interval_count: int
    path: str


@dataclass(frozen=True, kw_only=True)
class OrderWords:
    """What an order says: its lines, what it opens, and how one withdraws from it (documents.orders)."""

    rows: tuple[tuple[str, str], ...]
    contents: tuple[str, ...]
    withdrawal: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ComebackFacts(Clean):
    """A new subscription of somebody who came back, approved at PayPal."""

    product: str
    customer_name: str
    customer_email: str | None
    provider_id: str
    starts_at: datetime | None
    is_ahead: bool  # nothing is charged before `starts_at`
    price: Money | None
    interval_unit: str | None
    interval_count: int
    has_another: bool = False  # one of the same product runs beside it
    order: OrderWords | None = None  # what was ordered, as the page said it; None of one that kept nothing of it
    path: str


@dataclass(frozen=True, kw_only=True)
class ProofWords:
    """What the proof of an end says, in words already: the page, the PDF and the mail print the same (documents)."""

    heading: str
    lede: str  # the sentence that matters, with access
    reference: str
    lines: tuple[tuple[str, str], ...]  # for people, one with the zone: the page's first, all of the mail's
    rows: tuple[tuple[str, str], ...]  # everything, of which the page folds the rest away and the PDF prints all
    shown: tuple[tuple[str, tuple[str, ...]], ...]  # what the recap showed: each group with its lines
    check_url: str  # where somebody else can check it; empty while there is no code


@dataclass(frozen=True, kw_only=True)
class AccessFacts(Clean):
    """Access that ends, or has ended."""

    product: str
    customer_name: str
    until: datetime
    kept: tuple[str, ...]
    opens: Mapping[str, datetime] = field(default_factory=dict)  # when those of them open that are still shut
    path: str


@dataclass(frozen=True, kw_only=True)
class WaitingFacts(Clean):
    """One request in a list of those that wait for the merchant."""

    reference: str
    product: str
    customer: str  # name, else address, else empty
    asked_at: datetime
    next_payment_at: datetime | None
    trouble: Trouble | None = None
    issue: str = ""  # PayPal's own word for the refusal
    is_schedule: bool = False  # one price paid in instalments
    has_hour: bool = True  # of `asked_at`


@dataclass(frozen=True, kw_only=True)
class PauseFacts(Clean):
    """A request to pause or to resume, as it stands when the message is written."""

    kind: PauseKind
    product: str
    customer_name: str
    customer_email: str | None
    asked_by: Actor
    asked_at: datetime
    state: PauseState
    refused_for: PauseRefusal | None = None
    is_suspended: bool = False  # no payment is taken as long as that lasts
    resumes_at: datetime | None = None  # the day on which payments start again; empty: none was chosen
    price: Money | None
    interval_unit: str | None
    interval_count: int
    next_payment_at: datetime | None  # PayPal shows none during a pause
    access_until: datetime | None = None  # during the pause
    access_stays: bool = False
    is_access_unknown: bool = False
    is_schedule: bool = False  # one price paid in instalments
    trouble: Trouble | None = None
    path: str


@dataclass(frozen=True, kw_only=True)
class ReceivedFacts(Clean):
    """A request to end that came by another way, as it was declared."""

    reference: str
    name: str
    email: str | None
    received_at: datetime
    contract: str
    wished_on: date | None
    message: str
    path: str  # the desk's page, or the customer's
    is_theirs: bool = False  # notified on the customer's own page: nobody has to look for the subscription
    has_hour: bool = True  # of `received_at`: staff record the day of a letter
    is_lost: bool = False  # left by somebody who could not log in: nobody was proven
    is_withdrawal: bool = False  # of a contract, which is undone; else its end is asked for
    over_on: date | None = None  # it is closed, and what it was about has ended that day, since it came


@dataclass(frozen=True, kw_only=True)
class NotifiedFacts(Clean):
    """A request to end that came by another way and waits for the merchant, as the merchant's mail lists it."""

    reference: str
    name: str
    email: str | None
    contract: str  # what they say of it
    product: str  # of the subscription that it names; empty: somebody has to find it
    way_label: str  # in English: translated when it is said
    is_theirs: bool  # notified on the customer's own page
    planned_on: date | None  # the day of the end that staff have planned, which does not wait for theirs
    received_at: datetime
    wished_on: date | None
    message: str
    recorded_by: str
    next_payment_at: datetime | None  # the payment at risk
    waits_again: bool  # it was told before: this brings it back to mind
    path: str
    is_schedule: bool = False  # one price paid in instalments
    has_hour: bool = True
    is_withdrawal: bool = False
    is_lost: bool = False  # left by somebody who could not log in: nobody was proven
    is_declared: bool = False  # on the public page: nobody was proven either

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.is_declared or self.is_lost:  # whoever reads it at the desk may do more than a customer
            for name in ("name", "contract", "message"):
                object.__setattr__(self, name, unlinked(getattr(self, name)))
