"""From a classic profile's name-value pairs to the port's reading (FACTS.md 3.1).

The pairs are laid out as REST would show them and read by the one lenient reader (mapping.py), so that money,
dates, rhythms and names have one set of rules, and the rest of the portal one set of words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from portal.domain.dates.periods import Interval
from portal.domain.subscriptions import ProviderStatus
from portal.providers.paypal import mapping
from portal.providers.ports import Reading

STATUS: Final[Mapping[str, ProviderStatus]] = {
    "ACTIVE": ProviderStatus.ACTIVE,
    "PENDING": ProviderStatus.PENDING,
    "CANCELLED": ProviderStatus.CANCELLED,
    "SUSPENDED": ProviderStatus.SUSPENDED,
    "EXPIRED": ProviderStatus.EXPIRED,
}
NO_DATE: Final = "1970-01-01"  # how PayPal writes « none »


def read_profile(fields: Mapping[str, str]) -> Reading | None:
    """Return the profile in an answer's fields; None without a usable id or a status word.

    PayPal gives no time of the status, no plan of its own and, for some, no email address.  The plan's id is the
    profile's: its terms are nobody else's.  A rhythm of half months has no equal and stays unknown.
    """
    word = mapping.text(fields.get("STATUS"), longest=64)
    if word is None:
        return None
    provider_id = fields.get("PROFILEID")
    reading = mapping.read_subscription(
        {
            "id": provider_id,
            "status": _status(word),
            "plan_id": provider_id,
            "start_time": _date(fields, "PROFILESTARTDATE"),
            "billing_info": {
                "next_billing_time": _date(fields, "NEXTBILLINGDATE"),
                "final_payment_time": _date(fields, "FINALPAYMENTDUEDATE"),
                "last_payment": {
                    "time": _date(fields, "LASTPAYMENTDATE"),
                    "amount": _money(fields, "LASTPAYMENTAMT"),
                },
                "outstanding_balance": _money(fields, "OUTSTANDINGBALANCE"),
                "failed_payments_count": _failed_now(fields),
            },
            "subscriber": {
                "payer_id": fields.get("PAYERID"),
                "email_address": fields.get("EMAIL"),
                "name": {"full_name": fields.get("SUBSCRIBERNAME")},
            },
            "plan": _plan(fields),
        }
    )
    return replace(reading, started_at=reading.started_at or _begun(reading, fields)) if reading else None


def _begun(reading: Reading, fields: Mapping[str, str]) -> datetime | None:
    """Work out the start of a profile that shows none (a button's, FACTS.md 3.1); None for one that never paid.

    Counted back from the last payment by the cycles completed, or that payment itself: without a start, somebody
    who pays would be shown nothing.
    """
    paid, plan = reading.last_payment_at, reading.plan
    interval = Interval.parse(plan.interval_unit, plan.interval_count) if plan else None
    if paid is None or interval is None:
        return paid
    try:
        first = interval.after(paid, 1 - min(max(_count(fields.get("NUMCYCLESCOMPLETED")), 1), mapping.MOST))
    except (ValueError, OverflowError):  # before the year 1
        return paid
    return first if first >= mapping.EARLIEST else paid


def _status(word: str) -> str:
    """Translate PayPal's word; SOAP's spelling ends in « Profile ». One nobody has seen is kept in capitals."""
    plain = word.upper()
    return STATUS.get(plain.removesuffix("PROFILE"), plain)


def _failed_now(fields: Mapping[str, str]) -> int:
    """Work out the failures in a row: FAILEDPAYMENTCOUNT counts every failed cycle since the beginning (FACTS.md 3.1).

    Each of them adds its amount to the outstanding balance, and a payment clears it: nothing outstanding, no failure
    now; else as many as the balance holds, so that old ones neither close access nor forbid to resume.
    """
    owed, price = mapping.money(_money(fields, "OUTSTANDINGBALANCE")), mapping.money(_price(fields))
    if owed is None or owed.amount <= 0:
        return 0
    in_all = _count(fields.get("FAILEDPAYMENTCOUNT"))
    return min(in_all, max(1, int(owed.amount // price.amount))) if price is not None and price.amount > 0 else in_all


def _price(fields: Mapping[str, str]) -> dict[str, str | None]:
    return _money(fields, "REGULARAMT" if fields.get("REGULARAMT") else "AMT")


def _plan(fields: Mapping[str, str]) -> dict[str, Any]:
    """Lay out the regular terms: the REGULAR… field where there is one, for the plain one may be a trial's."""
    period = _regular(fields, "BILLINGPERIOD")
    cycle = {
        "tenure_type": "REGULAR",
        "frequency": {
            "interval_unit": period.upper() if period else None,
            "interval_count": _count(_regular(fields, "BILLINGFREQUENCY") or "1"),
        },
        "pricing_scheme": {
            "fixed_price": _price(fields),
        },
        "total_cycles": _count(_regular(fields, "TOTALBILLINGCYCLES")),
    }
    return {
        "name": fields.get("DESC"),
        "billing_cycles": [cycle],
        "payment_preferences": {"payment_failure_threshold": _count(fields.get("MAXFAILEDPAYMENTS"))},
    }


def _regular(fields: Mapping[str, str], name: str) -> str | None:
    return fields.get("REGULAR" + name) or fields.get(name)


def _date(fields: Mapping[str, str], name: str) -> str | None:
    value = fields.get(name, "")
    return None if value.startswith(NO_DATE) else value


def _money(fields: Mapping[str, str], name: str) -> dict[str, str | None]:
    currency = fields.get("CURRENCYCODE") or fields.get("REGULARCURRENCYCODE")
    return {"value": fields.get(name), "currency_code": currency}


def _count(value: str | None) -> int:
    """Read a whole number; 0, which is « without end » or « never », when it is none."""
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,9}", value) else 0
