"""One subscription after the other, with its customer and what hangs on it, as rows of the tables."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

from portal.demo.crowd.offers import Crowd, Offer
from portal.demo.crowd.people import TONGUES, Tongue, code, named, one_of
from portal.demo.simulator.records import Plan, billing_date, stamp
from portal.domain.dates.billing import Due
from portal.domain.dates.end_dates import Schedule, WaitReason, schedule

DAYS: Final = 425  # fourteen months
WERE_THERE, OLDER = 0.35, 800  # the share of those that had begun before, within so many days
STATES: Final = (
    ("active", "ACTIVE", 560), ("cancelled", "CANCELLED", 300), ("completed", "EXPIRED", 80),
    ("past_due", "ACTIVE", 30),
    ("paused", "SUSPENDED", 20), ("pending", "APPROVAL_PENDING", 9), ("abandoned", "CANCELLED", 1),
)  # fmt: skip
KINDS: Final = (("customer", 700), ("paypal", 220), ("staff", 40), ("failed", 40))  # of what was cancelled
ENDED: Final = ("cancelled", "completed", "abandoned")
REASONS: Final = (
    ("not_used", 25), ("too_expensive", 22), ("finished", 14), ("technical", 6), ("not_expected", 5), ("other", 6),
    ("", 22),
)  # fmt: skip
SAID_ONE_OF: Final = 6  # of those who give a reason, one of so many writes why
PLANNED_ONE_OF: Final = 60  # of the active ones: their end waits for the day that the customer chose
PAYMENTS_LEFT: Final = ((0, 80), (1, 15), (2, 5))  # until then, each with its share
GIVEN_ONE_OF: Final = 400  # has something by hand
ERASED_ONE_OF: Final = 250  # of those that are over: their customer is erased
OLD_KEY_ONE_OF: Final = 20  # of those that are over: bought through the classic API
PROVEN_FOR: Final = timedelta(days=90)  # of older ends the proof is gone, and what was said: none is to be made
WITHOUT_ADDRESS_ONE_OF: Final = 20

Rows = list[tuple[Any, ...]]


@dataclass
class Made:
    """What one stretch of subscriptions consists of, by table; and `living`, what PayPal knows of those not over."""

    customers: Rows = field(default_factory=list)
    subscriptions: Rows = field(default_factory=list)
    payments: Rows = field(default_factory=list)
    timeline_entries: Rows = field(default_factory=list)
    end_requests: Rows = field(default_factory=list)
    received_requests: Rows = field(default_factory=list)
    grants: Rows = field(default_factory=list)
    living: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Sold:
    """An offer with the rows that it has."""

    offer: Offer
    product_id: uuid.UUID
    plan_id: uuid.UUID
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class Life:
    """One subscription's dates. `paid`: the billing dates that have passed, of which the last may have failed."""

    status: str
    word: str
    sold: Sold
    begun: datetime
    over: datetime | None
    kind: str | None
    paid: tuple[datetime, ...]
    following: datetime

    @property
    def failed(self) -> bool:
        return self.status == "past_due" or self.kind == "failed"


class Maker:
    """Makes a merchant's crowd; the same one for the same chance and moment."""

    def __init__(
        self, crowd: Crowd, chance: random.Random, merchant_id: uuid.UUID, sold: list[Sold], now: datetime
    ) -> None:
        self._crowd, self._chance, self._merchant_id, self._now = crowd, chance, merchant_id, now
        self._shares = tuple((one, one.offer.share) for one in sold)
        self._limited = next(one for one in sold if one.offer == crowd.limited)

    def add(self, made: Made, number: int) -> None:
        """Add the subscription of that number."""
        chance, life = self._chance, self._life(number)
        customer_id, subscription_id = self._id(), self._id()
        tongue = TONGUES[language := one_of(chance, self._crowd.tongues)[0]]
        name, address = named(chance, tongue, number)
        email = address if number % WITHOUT_ADDRESS_ONE_OF else None
        payer = code(chance, 13)
        erased = life.over if life.over is not None and chance.randrange(ERASED_ONE_OF) == 0 else None
        who = (None, None, "", None) if erased else (email, payer, name, language)
        made.customers.append((customer_id, self._merchant_id, *who, True, life.begun, erased))
        provider_id = f"I-{code(chance, 12)}"
        made.subscriptions.append(self._row(life, customer_id, subscription_id, provider_id, None if erased else payer))
        if life.over is None:
            made.living.append(_at_paypal(life, provider_id, payer, name, email))
        tongue = replace(tongue, said=("",)) if erased else tongue  # their words went with them
        self._hang(made, life, number, customer_id, subscription_id, name, email, tongue)

    def _life(self, number: int) -> Life:
        chance, now = self._chance, self._now
        status, word, _share = one_of(chance, STATES) if number >= self._crowd.stuck else STATES[0]
        sold = self._limited if status == "completed" else one_of(chance, self._shares)[0]
        age, length = DAYS * chance.random() ** 1.2, 31 * sold.offer.cycles
        if sold.offer.cycles:
            age = length + (DAYS - length) * chance.random() if status == "completed" else age * (length - 40) / DAYS
        elif status == "pending":
            age /= 100
        elif chance.random() < WERE_THERE:
            age = DAYS + OLDER * chance.random()
        begun = (now - timedelta(days=age)).replace(microsecond=0)
        over = None
        if status == "completed":
            over = billing_date(begun, sold.plan, sold.offer.cycles)
        elif status in ENDED:
            over = now - timedelta(days=min(age, DAYS)) * chance.random() ** 0.6
        cancelled = one_of(chance, KINDS)[0] if status == "cancelled" else status
        paid, following = _billed(begun, sold.plan, min(over or now, now))
        return Life(
            status=status,
            word=word,
            sold=sold,
            begun=begun,
            over=over,
            kind=cancelled if over else None,
            paid=paid[: sold.offer.cycles or None],
            following=over if over and status == "completed" else following,
        )

    def _row(
        self, life: Life, customer_id: uuid.UUID, subscription_id: uuid.UUID, provider_id: str, payer: str | None
    ) -> tuple[Any, ...]:
        offer, is_pending = life.sold.offer, life.status == "pending"
        is_old = life.over is not None and self._chance.randrange(OLD_KEY_ONE_OF) == 0
        taken = life.paid[:-1] if life.failed else life.paid
        last = None if is_pending or not taken else taken[-1]
        until = None if is_pending else life.paid[-1] if life.failed else life.following
        return (
            subscription_id, self._merchant_id, customer_id, life.sold.product_id, life.sold.plan_id, life.status,
            "paypal_classic" if is_old else "paypal_rest", provider_id, "sandbox", payer, life.word,
            life.over or life.begun, self._now, 2 if life.failed else 0, 3, offer.amount if life.failed else "0",
            1, offer.unit, offer.amount, offer.currency, life.status != "abandoned", life.begun,
            None if is_pending else life.begun,
            life.following if life.status in ("active", "past_due") else None, last,
            life.paid[-1] if life.status == "past_due" else None, until,
            until if life.over and life.status != "completed" else None, life.over, life.over, life.kind,
        )  # fmt: skip

    def _hang(
        self,
        made: Made,
        life: Life,
        number: int,
        customer_id: uuid.UUID,
        subscription_id: uuid.UUID,
        name: str,
        email: str | None,
        tongue: Tongue,
    ) -> None:
        chance, crowd = self._chance, self._crowd
        is_stuck = number < crowd.stuck or (crowd.stuck_one_of and number % crowd.stuck_one_of == 0)
        if is_stuck and life.over is None:
            asked = self._now - timedelta(hours=2 + number % 200)
            made.end_requests.append(self._request(subscription_id, asked, state="needs_merchant"))
        elif life.kind in ("customer", "staff") and life.over is not None:
            made.end_requests.append(self._ended(life, subscription_id, tongue))
        elif life.status == "active" and chance.randrange(PLANNED_ONE_OF) == 0:
            asked = self._now - (self._now - life.begun) * chance.random() / 10
            planned = self._planned(life, one_of(chance, PAYMENTS_LEFT)[0])
            if planned is not None and planned.due_at > self._now:
                made.end_requests.append(self._request(subscription_id, asked, state="recorded", planned=planned))
        elif life.status == "active" and number < crowd.stuck + crowd.letters:
            made.received_requests.append(self._letter(number, name, email, life, tongue))
        if number % crowd.paid_one_of == 0:
            self._past(made, life, subscription_id)
        if chance.randrange(GIVEN_ONE_OF) == 0:
            until = self._now + timedelta(days=chance.randrange(-60, 300))
            product = one_of(chance, self._shares)[0].product_id
            made.grants.append(
                (self._id(), self._merchant_id, customer_id, product, life.begun, until, "", "Anne Martin", life.begun)
            )

    def _past(self, made: Made, life: Life, subscription_id: uuid.UUID) -> None:
        offer, who = life.sold.offer, (self._merchant_id, subscription_id)
        for at in life.paid if life.status != "pending" else ():
            state = "denied" if life.failed and at == life.paid[-1] else "completed"
            made.payments.append(
                (self._id(), *who, "sandbox", code(self._chance, 17), state, offer.amount, offer.currency, "0", "{}",
                 at, at)
            )  # fmt: skip
        for kind, seen in (("imported", life.begun), ("status_seen", life.begun), ("ended", life.over)):
            if seen is not None:
                told = json.dumps({"word": life.word, "outcome": life.status})
                made.timeline_entries.append((self._id(), *who, seen, kind, kind, "provider", "", told))

    def _ended(self, life: Life, subscription_id: uuid.UUID, tongue: Tongue) -> tuple[Any, ...]:
        chance, over = self._chance, life.over or self._now
        seconds = chance.expovariate(1 / 8) if chance.randrange(50) else chance.expovariate(1 / 9_000)
        asked = max(over - timedelta(seconds=2 + seconds), life.begun)
        closed = life.following if life.following < self._now else None
        is_old = over < self._now - PROVEN_FOR
        ways: dict[str, Any] = {"state": "closed" if closed else "confirmed", "over": over, "closed": closed}
        if life.kind == "staff":
            return self._request(subscription_id, asked, **ways, archived=is_old, staff="Anne Martin")
        reason = one_of(chance, REASONS)[0]
        said = chance.choice(tongue.said) if reason and not is_old and chance.randrange(SAID_ONE_OF) == 0 else ""
        return self._request(subscription_id, asked, **ways, archived=is_old, reason=reason, said=said)

    def _planned(self, life: Life, payments: int) -> Schedule | None:
        """Return the plan of an end wished for the day of a payment, after so many; None where they come to an end."""
        plan, first = life.sold.plan, len(life.paid)
        if life.sold.offer.cycles:
            return None
        wished = billing_date(life.begun, plan, first + payments).astimezone(ZoneInfo(self._crowd.time_zone))
        owed_until = wished.replace(hour=0, minute=0, second=0).astimezone(UTC)
        dates = (billing_date(life.begun, plan, number) for number in count(first))
        return schedule(WaitReason.WISH, owed_until, (Due(at, at, at) for at in dates), is_wished=True)

    def _request(
        self,
        subscription_id: uuid.UUID,
        at: datetime,
        *,
        state: str,
        over: datetime | None = None,
        planned: Schedule | None = None,
        closed: datetime | None = None,
        archived: bool = False,
        staff: str = "",
        reason: str = "",
        said: str = "",
    ) -> tuple[Any, ...]:
        reference = code(self._chance, 8)
        waits: tuple[Any, ...] = (None,) * 6
        if planned is not None:
            due, owed_until = planned.due_at, planned.owed_until
            wished_on = owed_until.astimezone(ZoneInfo(self._crowd.time_zone)).date()
            waits = (wished_on, due, planned.awaited_at, owed_until, planned.reason.value, due)
        return (
            self._id(), self._merchant_id, subscription_id, f"{reference[:4]}-{reference[4:]}", state, "cancelled",
            "staff" if staff else "customer", staff, "staff" if staff else "portal", reason, said, "", "{}", 1, at,
            over, "read_after_call" if over else None, closed, closed if archived else None, *waits,
        )  # fmt: skip

    def _letter(self, number: int, name: str, email: str | None, life: Life, tongue: Tongue) -> tuple[Any, ...]:
        way = ("letter", "email", "telephone", "email")[number % 4]
        at = self._now - timedelta(hours=3 + 5 * (number % 40))
        return (
            self._id(), self._merchant_id, f"R{code(self._chance, 3)}-{code(self._chance, 4)}", at, way, name, email,
            life.sold.offer.product, self._chance.choice(tongue.said), "Anne Martin", "open", "", "", at, at,
        )  # fmt: skip

    def _id(self) -> uuid.UUID:
        return uuid.UUID(int=self._chance.getrandbits(128), version=4)


def _billed(begun: datetime, plan: Plan, until: datetime) -> tuple[tuple[datetime, ...], datetime]:
    """Return the billing dates up to a moment, and the one after it."""
    dates = [begun]
    while dates[-1] <= until:
        dates.append(billing_date(begun, plan, len(dates)))
    return tuple(dates[:-1]), dates[-1]


def _at_paypal(life: Life, provider_id: str, payer: str, name: str, email: str | None) -> dict[str, Any]:
    first, _space, last = name.partition(" ")
    return {
        "id": provider_id,
        "plan_id": life.sold.offer.plan_id,
        "status": life.word,
        "started_at": stamp(life.begun),
        "given_name": first,
        "surname": last,
        "email": email,
        "payer_id": payer,
        "failed_payments": 2 if life.failed else 0,
    }
