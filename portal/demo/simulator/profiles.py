"""Classic profiles as the classic API shows them (FACTS.md 3.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from portal.demo.simulator.records import Plan, Subscription, stamp
from portal.demo.simulator.shapes import WITHOUT_CENTS, final_date

STATUS: Final = {
    "ACTIVE": "Active",
    "APPROVAL_PENDING": "Pending",
    "CANCELLED": "Cancelled",
    "SUSPENDED": "Suspended",
    "EXPIRED": "Expired",
}
OWN_PLAN: Final = "P-CLASSIC"  # how the plans begin that hold one profile's terms each
PERIODS: Final = {"DAY": "Day", "WEEK": "Week", "MONTH": "Month", "YEAR": "Year"}
NONE: Final = "1970-01-01T00:00:00Z"


def profile_fields(row: Subscription, plan: Plan) -> dict[str, str]:
    """Lay a profile out as GetRecurringPaymentsProfileDetails does; `extra` is laid over it, None takes away."""
    amount = profile_amount(row.own_amount or plan.amount, plan)
    name = " ".join(part for part in (row.given_name, row.surname) if part)
    terms = {
        "BILLINGPERIOD": PERIODS.get(plan.interval_unit, plan.interval_unit),
        "BILLINGFREQUENCY": str(plan.interval_count),
        "TOTALBILLINGCYCLES": str(plan.total_cycles),
        "CURRENCYCODE": plan.currency,
        "AMT": amount,
    }
    finite = plan.total_cycles and row.status == "ACTIVE"
    fields = {
        "PROFILEID": row.id,
        "STATUS": STATUS.get(row.status, row.status),
        "AUTOBILLOUTAMT": "AddToNextBilling",
        "DESC": plan.name,
        "MAXFAILEDPAYMENTS": str(plan.failure_threshold),
        "SUBSCRIBERNAME": name,
        "PROFILESTARTDATE": row.start_time if row.classic == "express" else "",
        "PROFILEREFERENCE": row.custom_id or "",
        "NEXTBILLINGDATE": row.next_billing_time or "",
        "NUMCYCLESCOMPLETED": str(row.cycles_completed),
        "NUMCYCLESREMAINING": str(max(plan.total_cycles - row.cycles_completed, 0)),
        "OUTSTANDINGBALANCE": profile_amount(row.outstanding, plan),
        "FAILEDPAYMENTCOUNT": str(row.failed_in_all),
        "LASTPAYMENTDATE": row.last_payment["time"] if row.last_payment else "",
        "LASTPAYMENTAMT": profile_amount(row.last_payment["amount"], plan) if row.last_payment else "",
        "FINALPAYMENTDUEDATE": stamp(final_date(row, plan)) if finite else NONE,
        "EMAIL": row.email or "",
        **terms,
        **{f"REGULAR{key}": value for key, value in terms.items()},
    }
    return {key: value for key, value in (fields | row.extra).items() if value}


def profile_amount(value: str, plan: Plan) -> str:
    return f"{Decimal(value):.0f}" if plan.currency in WITHOUT_CENTS else f"{Decimal(value):.2f}"
