"""From PayPal's JSON to the port's readings: a lenient reader (FACTS.md 1.3, 6).

Real answers carry unknown keys, miss documented ones and spell amounts in several ways.  What cannot
be read is None, never an exception and never a guess; only an id and a status word are demanded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from portal.domain.dates.billing import Trial
from portal.domain.dates.periods import Interval
from portal.domain.money.money import Money
from portal.providers.ports import PaymentReading, PlanReading, Reading

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9-]{3,50}")  # FACTS.md 1.3: ids are 3-50, `I-…`, `P-…`
LONGEST_INTERVAL: Final = {"DAY": 365, "WEEK": 52, "MONTH": 12, "YEAR": 1}  # at most so many (FACTS.md 1.3)
MOST: Final = 999  # cycles, failed payments (FACTS.md 1.3)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
TOO_MUCH: Final = Decimal(10) ** 14  # more than any price, and than what is stored

_AMOUNT = re.compile(r"-?[0-9]*\.?[0-9]+")  # the pattern of PayPal's money, without exponents
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def read_subscription(body: object) -> Reading | None:
    """Return the subscription in `body`; None when it has no usable id or no status word."""
    row = _object(body)
    provider_id, status = identifier(row.get("id")), text(row.get("status"), longest=64)
    if provider_id is None or status is None:
        return None
    billing, subscriber = _object(row.get("billing_info")), _object(row.get("subscriber"))
    paid = _object(billing.get("last_payment"))
    plan_id = identifier(row.get("plan_id"))
    return Reading(
        provider_id=provider_id,
        status=status,
        status_at=moment(row.get("status_update_time")),
        plan_id=plan_id,
        custom_id=text(row.get("custom_id"), longest=127),
        started_at=moment(row.get("start_time")),
        created_at=moment(row.get("create_time")),
        next_billing_at=moment(billing.get("next_billing_time")),
        last_payment_at=moment(paid.get("time")),
        last_payment=money(paid.get("amount")),
        final_payment_at=moment(billing.get("final_payment_time")),
        outstanding=money(billing.get("outstanding_balance")),
        failed_payments=_failures(billing.get("failed_payments_count")),
        last_failed_at=moment(_object(billing.get("last_failed_payment")).get("time")),
        in_trial=_in_trial(billing.get("cycle_executions")),
        quantity=_quantity(row.get("quantity")),
        payer_id=text(subscriber.get("payer_id"), longest=13),
        payer_email=_email(subscriber.get("email_address")),
        payer_name=_name(subscriber.get("name")),
        plan=read_plan(row.get("plan"), plan_id=plan_id),
        plan_overridden=row.get("plan_overridden") is True,
    )


def read_plan(body: object, *, plan_id: str | None = None) -> PlanReading | None:
    """Return the plan in `body`; None when there is none or nothing names it.

    `plan_id` is used when the plan stands inside a subscription, where PayPal leaves its id out.
    Price and rhythm are those of the regular cycle; a plan with tiers has no single price: None.
    """
    row = _object(body)
    provider_id = identifier(row.get("id")) or plan_id
    if not row or provider_id is None:
        return None
    cycle = _regular_cycle(row.get("billing_cycles"))
    frequency, scheme = _object(cycle.get("frequency")), _object(cycle.get("pricing_scheme"))
    preferences = _object(row.get("payment_preferences"))
    unit, every = _rhythm(frequency)
    return PlanReading(
        provider_id=provider_id,
        name=text(row.get("name"), longest=127) or "",
        status=text(row.get("status"), longest=64) or "",
        product_id=text(row.get("product_id"), longest=50),
        description=text(row.get("description"), longest=127),
        price=money(scheme.get("fixed_price")),
        interval_unit=unit,
        interval_count=every,
        total_cycles=_cycles(cycle),
        failure_threshold=_failures(preferences.get("payment_failure_threshold")),
        setup_fee=_fee(preferences.get("setup_fee")),
        trials=_trials(row.get("billing_cycles")),
    )


def read_payment(body: object) -> PaymentReading | None:
    """Return one transaction; None when it has no id or no readable time."""
    row = _object(body)
    provider_id, at = text(row.get("id"), longest=50), moment(row.get("time"))
    if provider_id is None or at is None:
        return None
    return PaymentReading(
        provider_id=provider_id,
        status=text(row.get("status"), longest=64) or "",
        amount=money(_object(row.get("amount_with_breakdown")).get("gross_amount")),
        at=at,
    )


def identifier(value: object) -> str | None:
    """Return `value` if it has the form of a PayPal id, which is also safe in a URL; else None."""
    return value if isinstance(value, str) and IDENTIFIER.fullmatch(value) else None


def moment(value: object) -> datetime | None:
    """Read an RFC 3339 date-time with any offset and any fraction, as UTC; None when it is not one.

    Nor is one that no subscription can have, before 1970 or from 2200 on: a month could not be added to the last
    day of the year 9999.
    """
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        read = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{'+00:00' if zone in 'Zz' else zone}")
        read = read.astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February, second 60, the year 0 shifted by its offset
        return None
    return read if EARLIEST <= read < LATEST else None


def money(value: object) -> Money | None:
    """Read PayPal's money object ("0.0", "29.9", "1500"); None when it is not money, or absurdly much (10^14)."""
    row = _object(value)
    amount = row.get("value")
    if isinstance(amount, int | Decimal) and not isinstance(amount, bool):
        amount = str(amount)  # a number where the text should be: still exact, floats are parsed as Decimal
    if not isinstance(amount, str) or len(amount) > 32 or not _AMOUNT.fullmatch(amount):
        return None
    read = Money.parse(amount, row.get("currency_code"))
    return read if read is not None and abs(read.amount) < TOO_MUCH else None


def text(value: object, *, longest: int) -> str | None:
    """Return `value` as one clean line of at most `longest` characters; None when nothing is left.

    Control characters and lone surrogates go: PostgreSQL and mail headers refuse them.
    """
    if not isinstance(value, str):
        return None
    kept = "".join(" " if unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} else sign for sign in value)
    return " ".join(kept.split())[:longest].strip() or None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object, *, most: int) -> int | None:
    """Read a count; None when it is none or more than PayPal's own limit."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        return None
    return value


def _rhythm(frequency: Mapping[str, Any]) -> tuple[str | None, int]:
    """Read how often a plan bills; one beyond PayPal's limits is unknown. An absent count is one."""
    unit = frequency.get("interval_unit")
    longest = LONGEST_INTERVAL.get(unit) if isinstance(unit, str) else None
    every = _count(frequency.get("interval_count", 1), most=longest) if longest else None
    return (unit, every) if every else (None, 1)


def _cycles(cycle: Mapping[str, Any]) -> int:
    """Read how many payments a plan has; 0, no known end, when that cannot be read. PayPal's default is one."""
    return _count(cycle.get("total_cycles", 1), most=MOST) or 0 if cycle else 0


def _failures(value: object) -> int:
    """Read a number of failed payments: more than PayPal's limit are still failures."""
    return MOST if isinstance(value, int) and value > MOST else _count(value, most=MOST) or 0


def _quantity(value: object) -> Decimal:
    if isinstance(value, str) and len(value) <= 32 and re.fullmatch(r"[0-9]*\.?[0-9]+", value):
        return Decimal(value)
    return Decimal(1)


def _email(value: object) -> str | None:
    address = text(value, longest=255)
    if address is None or len(address) > 254 or " " in address:
        return None
    return address if re.fullmatch(r"[^@]+@[^@]+", address) else None


def _name(value: object) -> str | None:
    row = _object(value)
    parts = (text(row.get("given_name"), longest=140), text(row.get("surname"), longest=140))
    return " ".join(part for part in parts if part) or text(row.get("full_name"), longest=300)


def _regular_cycle(cycles: object) -> Mapping[str, Any]:
    return next((row for row in _rows(cycles) if row.get("tenure_type") == "REGULAR"), {})


def _fee(body: object) -> Money | None:
    fee = money(body)
    return fee if fee is not None and fee.amount > 0 else None


def _trials(cycles: object) -> tuple[Trial, ...] | None:
    """Read the trials in their order; None where there are no cycles, or one whose length is unreadable.

    A trial without a price is free (FACTS.md 1.3: `pricing_scheme` is left out).
    """
    rows = _rows(cycles)
    trials = [row for row in rows if row.get("tenure_type") == "TRIAL"]
    read = []
    for row in sorted(trials, key=lambda row: _count(row.get("sequence"), most=99) or 0):
        interval = Interval.parse(*_rhythm(_object(row.get("frequency"))))
        if interval is None:
            return None
        scheme = _object(row.get("pricing_scheme"))
        price = money(scheme.get("fixed_price"))
        read.append(Trial(interval, _cycles(row), is_free=price.amount == 0 if price is not None else not scheme))
    return tuple(read) if rows else None


def _in_trial(executions: object) -> bool:
    """Say whether a trial is running: it has cycles to come, which for a trial are never without end."""
    trials = [row for row in _rows(executions) if row.get("tenure_type") == "TRIAL"]
    return any((_count(row.get("cycles_remaining"), most=MOST) or 0) > 0 for row in trials)


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [_object(row) for row in value] if isinstance(value, list) else []
