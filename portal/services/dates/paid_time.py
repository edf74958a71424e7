"""Until when a subscription is paid: domain/dates/paid_time.py, asked with what is stored and what PayPal shows.

What a read cannot show again is kept with the subscription: its trials, its last declined and its pending payment, and
which way with month ends was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from portal import queue
from portal.domain.dates import billing, paid_time
from portal.domain.dates.billing import Terms, Trial
from portal.domain.dates.paid_time import Money
from portal.domain.dates.periods import Interval, add_months
from portal.domain.money.late_payments import SAME_RUN
from portal.domain.subscriptions import (
    PROVIDER_NOT_STARTED,
    PROVIDER_OVER,
    ProviderStatus,
    Status,
    status_from_provider,
)
from portal.models import Payment, PaymentState, Subscription
from portal.models.held import AnyPayment, AnySubscription
from portal.models.money.payments import STANDS
from portal.providers.ports import Reading
from portal.services.rules import write_end

CAME = (*STANDS, PaymentState.REFUNDED, PaymentState.REVERSED)
WORDS = {"COMPLETED", "PARTIALLY_REFUNDED"}  # PayPal's for a payment that came and stands
REFUSED = {"DECLINED", "FAILED"}
FOREVER = datetime.max.replace(tzinfo=UTC)
HALF_A_DAY = timedelta(hours=12)
SAME = timedelta(hours=1)  # the last payment that PayPal names and one of its payments, so near, are the same one


def status_of(reading: Reading, known: Subscription | None = None) -> Status | None:
    """Return what PayPal's word means here; None for one nobody has seen. `known` has taken the reading over.

    A declined payment is late at once, though PayPal counts it only after its last try.  Suspended within its tries,
    it was suspended on purpose: the count says whether failures did it.
    """
    money = seen(reading) if known is None else money_of(known)
    declined = reading.status == ProviderStatus.ACTIVE and money.is_late
    return status_from_provider(reading.status, failed_payments=max(reading.failed_payments, int(declined)))


def seen(reading: Reading) -> Money:
    """Return what an answer alone shows of the payments."""
    rows = reading.payments or ()
    completed = _last(reading.last_payment_at, *(row.at for row in rows if row.status in WORDS))
    back = sorted(row.at for row in rows if row.status == "REFUNDED" and (completed is None or row.at > completed))
    return Money(
        completed_at=completed,
        went_back=tuple(back),
        declined_at=_last(reading.last_failed_at, *(row.at for row in rows if row.status in REFUSED)),
        pending_at=_last(*(row.at for row in rows if row.status == "PENDING")),
        failures=reading.failed_payments,
        is_all=reading.payments is not None,
    )


def is_provisional(reading: Reading, *, now: datetime) -> bool:
    """Say whether PayPal still shows the sign-up to a trial for its next payment: it is read again after the hour."""
    has_trial = reading.in_trial or bool(reading.plan is not None and reading.plan.trials)
    has_begun = reading.started_at is not None and reading.started_at <= now
    return has_trial and has_begun and paid_time.is_sign_up(reading.next_billing_at, reading.started_at)


def read_again(session: Session, subscription: Subscription, reading: Reading, *, now: datetime) -> None:
    """Have a trial read again after its first hour: PayPal mends the date and sends no message (FACTS.md 1.3)."""
    if is_provisional(reading, now=now):
        reread(session, subscription, at=now + paid_time.FIRST_HOUR)


def reread(session: Session, subscription: Subscription, *, at: datetime) -> None:
    """Have PayPal read again then."""
    merchant_id, subscription_id = str(subscription.merchant_id), str(subscription.id)
    queue.defer(session, queue.REREAD, at=at, merchant_id=merchant_id, subscription_id=subscription_id)


def interval_of(subscription: AnySubscription) -> Interval | None:
    """Return the subscription's billing rhythm, None when its plan is unknown."""
    return Interval.parse(subscription.interval_unit, subscription.interval_count)


def terms_of(subscription: AnySubscription) -> Terms:
    """Return what the subscription's periods are reckoned from."""
    trials = [
        (Interval.parse(row["unit"], row["count"]), row["cycles"], row["is_free"]) for row in subscription.trials or ()
    ]
    return Terms(
        started_at=subscription.started_at,
        interval=interval_of(subscription),
        trials=tuple(Trial(interval, cycles, is_free) for interval, cycles, is_free in trials if interval is not None),
        clamps=subscription.keeps_month_ends,
    )


def take_over(subscription: Subscription, reading: Reading, *, now: datetime) -> None:
    """Write what PayPal shows of the payments, and the paid time that follows.

    After an end, and during a pause, PayPal names no next payment: what was read before stands unless a payment came,
    was declined or went back since.
    """
    before, told = money_of(subscription), seen(reading)
    _take_over_trials(subscription, reading)
    subscription.last_payment_at = _last(subscription.last_payment_at, told.completed_at)
    subscription.declined_at = _last(subscription.declined_at, told.declined_at)
    if told.is_all or told.pending_at is not None:
        subscription.pending_at = told.pending_at
    _take_over_month_ends(subscription, subscription.last_payment_at, reading.next_billing_at)
    if reading.status in PROVIDER_NOT_STARTED or subscription.started_at is None or subscription.started_at > now:
        return
    is_over = reading.status in PROVIDER_OVER
    stopped = subscription.stopped_at_provider_at or (reading.status_at if is_over else None)
    money = money_of(subscription, stopped_at=stopped, is_all=told.is_all)
    silent = is_over or (reading.next_billing_at is None and not money.is_late)
    if silent and subscription.paid_until is not None and not money.is_news_to(before):
        return
    named = None if is_over else reading.next_billing_at
    _reckon(subscription, money, before, named=named, in_trial=reading.in_trial, now=now)


def money_of(subscription: AnySubscription, *, stopped_at: datetime | None = None, is_all: bool = False) -> Money:
    """Return what is known of the payments until the stop, those after it being late money.

    The last payment that PayPal names counts where the payments do not say what became of it.
    """
    end = _end_of_payments(subscription, stopped_at)
    rows = [row for row in subscription.payments if row.paid_at <= end]
    came = [(row.paid_at, row.state in STANDS) for row in rows if row.state in CAME]
    named = subscription.last_payment_at
    if named is not None and named <= end and not _is_known(named, rows):
        came.append((named, True))
    completed = _last(*(at for at, stands in came if stands))
    back = tuple(sorted(at for at, stands in came if not stands and (completed is None or at > completed)))
    return Money(
        completed_at=completed,
        went_back=back,
        earlier=tuple(sorted(at for at, _ in came if at not in back)),
        declined_at=_until(subscription.declined_at, end),
        pending_at=_until(subscription.pending_at, end),
        failures=subscription.failed_payments,
        is_all=is_all,
    )


def follow_payments(subscription: Subscription, before: Money, *, now: datetime) -> None:
    """Take over what the payments tell: one declined, on its way, cleared, or gone back; `before` is how it was known.

    A pending payment that clears pays its period also after the end, and one that goes back takes it; then the end
    is computed again, by the function that the end itself used.
    """
    end = _end_of_payments(subscription)
    rows = [row for row in subscription.payments if row.paid_at <= end]
    came = [row.paid_at for row in rows if row.state in CAME]
    _take_over_month_ends(subscription, *came)
    denied = (row.paid_at for row in rows if row.state is PaymentState.DENIED)
    subscription.declined_at = _last(subscription.declined_at, *denied)
    subscription.pending_at = _last(*(row.paid_at for row in rows if row.state is PaymentState.PENDING))
    subscription.last_payment_at = _last(subscription.last_payment_at, *came)
    money = money_of(subscription)
    if not money.is_news_to(before) or subscription.started_at is None or subscription.started_at > now:
        return
    named = subscription.unbilled_at if subscription.is_over else subscription.next_payment_at
    named = None if named == subscription.stopped_at_provider_at else named
    _reckon(subscription, money, before, named=named, now=now)
    if subscription.provider_status == ProviderStatus.ACTIVE and not subscription.is_over:
        if money.is_late:
            subscription.follow(Status.PAST_DUE, at=late_since(subscription, now=now))
        elif subscription.status is Status.PAST_DUE:  # the read that came before did not know it as paid
            subscription.follow(Status.ACTIVE, at=now)


def follow_late(subscription: Subscription, late: Sequence[Payment]) -> None:
    """Add to what was paid at the stop the period that money after it pays for; what goes back whole takes it again.

    Where that period was paid already, it is one more from the payment on.
    """
    terms, interval, base = terms_of(subscription), interval_of(subscription), subscription.stop_paid_until
    end, named = _end_of_payments(subscription), subscription.last_payment_at
    stands = [row.paid_at for row in late if row.state in STANDS and row.amount > 0 and row.paid_at > end]
    if named is not None and named > end and not _is_known(named, subscription.payments):
        stands.append(named)
    if subscription.started_at is None or not (late or stands):
        return
    paid = None
    if stands and interval is not None:
        came = [row.paid_at for row in subscription.payments if row.state in CAME and row.paid_at < max(stands)]
        paid = billing.period_end(billing.anchored(terms, [*came, max(stands)]), max(stands))
        if paid is not None and base is not None and paid < base + HALF_A_DAY:
            paid = interval.moved(max(stands), 1)
    subscription.paid_until = _last(base, paid)


def is_unsettled(subscription: Subscription) -> bool:
    """Say whether it is over while a payment begun before was on its way: until when it is paid is not known."""
    return subscription.is_over and subscription.started_at is not None and money_of(subscription).is_pending


def late_since(subscription: Subscription, *, now: datetime) -> datetime:
    """Return since when a late one is late: the end of what is paid, where that is known and past.

    PayPal's own status time does not tell: it stays that of the activation while payments fail.
    """
    paid = subscription.paid_until
    return paid if paid is not None and paid < now else now


def commitment(subscription: Subscription, cycles: int) -> datetime | None:
    """Return the commitment's end after a read; one that is known stands, unless a way with month ends was seen since.

    So card, commitment and proof name one day.
    """
    months, known = subscription.product.commitment_months, subscription.committed_until
    if months:
        return known or commitment_end(subscription, months=months, cycles=cycles)
    ways = [billing.term_end(replace(terms_of(subscription), clamps=way), cycles) for way in (True, False)]
    if not cycles or (known is not None and known not in ways):
        return known
    return commitment_end(subscription, months=None, cycles=cycles)


def commitment_end(subscription: Subscription, *, months: int | None, cycles: int) -> datetime | None:
    """Return the commitment's end from the start: the product's months, else a finite plan's length; None: no end."""
    if months and subscription.started_at is not None:
        return add_months(subscription.started_at, months)
    return billing.term_end(terms_of(subscription), cycles) if cycles else None


def _reckon(
    subscription: Subscription,
    money: Money,
    known: Money,
    *,
    named: datetime | None,
    in_trial: bool = False,
    now: datetime,
) -> None:
    """Write the paid time that follows; of one that is over also the end, as if it had been known then.

    `known`: what was known of the payments before.
    """
    is_over, before = subscription.is_over, subscription.paid_until
    is_same = money.completed_at == known.completed_at and not (known.went_back or known.is_pending)
    found = paid_time.paid_until(
        terms_of(subscription),
        money,
        next_billing_at=named,
        in_trial=in_trial,
        stored=subscription.stop_paid_until if is_over else before,
        is_same=is_same,
        now=now,
    )
    subscription.paid_until = found.at
    at = subscription.stopped_at_provider_at
    if is_over and at is not None:
        subscription.stop_paid_until = found.at
        write_end(subscription, subscription.facts_before_the_end, subscription.status, at)


def _end_of_payments(subscription: AnySubscription, stopped_at: datetime | None = None) -> datetime:
    """Return until when a payment is none of late money's (domain/money/late_payments.py)."""
    stopped = stopped_at or subscription.stopped_at_provider_at
    if stopped is None:
        return FOREVER
    return stopped + (SAME_RUN if subscription.provider_status == ProviderStatus.EXPIRED else timedelta(0))


def _is_known(named: datetime, rows: Iterable[AnyPayment]) -> bool:
    """Say whether a known payment is the one that PayPal names: of one gone back the two times may be hours apart."""
    gone = (PaymentState.REFUNDED, PaymentState.REVERSED)
    return any(abs(row.paid_at - named) < (HALF_A_DAY if row.state in gone else SAME) for row in rows)


def _until(at: datetime | None, end: datetime) -> datetime | None:
    return at if at is not None and at <= end else None


def _take_over_trials(subscription: Subscription, reading: Reading) -> None:
    if reading.plan is not None and reading.plan.trials is not None:
        subscription.trials = [
            {
                "unit": trial.interval.unit.value,
                "count": trial.interval.count,
                "cycles": trial.cycles,
                "is_free": trial.is_free,
            }
            for trial in reading.plan.trials
        ]


def _take_over_month_ends(subscription: Subscription, *moments: datetime | None) -> None:
    """Remember which way with month ends was seen; the last one that tells counts."""
    terms = terms_of(subscription)
    for at in moments:
        told = billing.seen_clamping(terms, at)
        if told is not None:
            subscription.keeps_month_ends = told


def _last(*moments: datetime | None) -> datetime | None:
    return max((at for at in moments if at is not None), default=None)
