"""Classic profiles: as the classic API shows them, and how one is added (FACTS.md 3.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from portal.demo.simulator.records import ClassicAccount, Plan, Subscription, new_id, new_payer_id, stamp
from portal.demo.simulator.shapes import WITHOUT_CENTS, final_date

if TYPE_CHECKING:
    from portal.demo.simulator.preparing import Preparing

STATUS: Final = {
    "ACTIVE": "Active",
    "APPROVAL_PENDING": "Pending",
    "CANCELLED": "Cancelled",
    "SUSPENDED": "Suspended",
    "EXPIRED": "Expired",
}
TERMS: Final = "P-CLASSIC"  # how the plans begin that hold one profile's terms each
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


def add_account(
    simulator: Preparing,
    user: str = "seller_api1.demo.example",
    password: str = "demo-password",  # noqa: S107 - made up, of a simulated account
    signature: str = "demo-signature",
    *,
    environment: str = "sandbox",
    email: str = "seller@demo.example",
    ipn_url: str = "",
    balance: str = "1250.40",
    currency: str = "EUR",
) -> ClassicAccount:
    """Add a merchant's classic key; the first one is the default of profiles. Its IPNs go to `ipn_url`."""
    if environment not in ("sandbox", "live"):
        raise ValueError("environment is sandbox or live")
    account = ClassicAccount(
        user=user,
        password=password,
        signature=signature,
        environment=environment,
        email=email,
        payer_id=new_payer_id(),
        ipn_url=ipn_url,
        balance=balance,
        currency=currency,
    )
    with simulator.lock:
        rows = simulator.state.classic_accounts
        simulator.state.classic_accounts = [row for row in rows if row.user != user] + [account]
        simulator.save()
    return account


def add_profile(
    simulator: Preparing,
    *,
    user: str | None = None,
    kind: str = "express",
    name: str = "Club",
    amount: str = "29.90",
    currency: str = "EUR",
    interval_unit: str = "MONTH",
    interval_count: int = 1,
    total_cycles: int = 0,
    failure_threshold: int = 3,
    **subscription: Any,
) -> Subscription:
    """Add a profile: the arguments of Simulator.add_subscription, and its own terms in place of a plan.

    `kind` is express (Express Checkout) or button (a subscribe button). REST knows neither.
    """
    if kind not in ("express", "button"):
        raise ValueError("kind is express or button")
    with simulator.lock:
        accounts = simulator.state.classic_accounts
        plan = simulator.add_plan(
            name,
            amount=amount,
            currency=currency,
            interval_unit=interval_unit,
            interval_count=interval_count,
            total_cycles=total_cycles,
            failure_threshold=failure_threshold,
            plan_id=new_id(TERMS, 17),
            client_id=user or (accounts[0].user if accounts else add_account(simulator).user),
        )
        return simulator.add_subscription(plan_id=plan.id, classic=kind, **subscription)
