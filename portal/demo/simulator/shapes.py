"""PayPal's JSON: objects and errors in the shapes of FACTS.md 1.3 to 1.5."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from portal.demo.simulator.records import Payment, Plan, Subscription, billing_date, moment, stamp

WITHOUT_CENTS: Final = frozenset({"HUF", "JPY", "TWD"})
# The older host name, as PayPal really writes it: a client that follows a link goes astray.
LINKS: Final = {"sandbox": "https://api.sandbox.paypal.com", "live": "https://api.paypal.com"}
DOCUMENTATION: Final = "https://developer.paypal.com/docs/api/v1/billing/subscriptions"
ALLOWED: Final = {
    "APPROVAL_PENDING": ("edit", "self"),
    "APPROVED": ("edit", "self"),
    "ACTIVE": ("cancel", "edit", "self", "suspend", "capture"),
    "SUSPENDED": ("activate", "cancel", "edit", "self", "capture"),
}
BUSINESS: Final = "The requested action could not be performed, semantically incorrect, or failed business validation."
MESSAGES: Final = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    405: ("METHOD_NOT_SUPPORTED", "The server does not implement the requested HTTP method."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    415: (
        "UNSUPPORTED_MEDIA_TYPE",
        "The server does not support the request payload’s media type.",
    ),
    422: ("UNPROCESSABLE_ENTITY", BUSINESS),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}
DESCRIPTIONS: Final = {
    "PERMISSION_DENIED": "You do not have permission to access or perform operations on this resource.",
    "INVALID_RESOURCE_ID": ("Specified resource ID does not exist. Please check the resource ID and try again."),
    "USER_ACCOUNT_CLOSED": "User account locked or closed.",
    "INVALID_STRING_MAX_LENGTH": "The value of a field is too long.",
    "INVALID_STRING_MIN_LENGTH": "The value of a field is too short.",
    "MISSING_REQUEST_BODY": "Request body is missing.",
    "MISSING_REQUIRED_PARAMETER": "A required field is missing.",
    "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
    "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
    "INVALID_PARAMETER_VALUE": "The value of a field is invalid.",
    "SUBSCRIBER_ACCOUNT_LOCKED": "Subscriber Account Locked.",
    "ZERO_OUTSTANDING_BALANCE": "Current outstanding balance should be greater than zero.",
    "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE": (
        "The capture amount can not be greater than the current outstanding balance."
    ),
    "CURRENCY_MISMATCH": "The currency code is different from the subscription's currency code.",
    "PLAN_STATUS_INVALID": "Invalid plan status for subscription creation; plan status should be active.",
}
STATUS_NEEDED: Final = {
    "cancel": "active or suspended",
    "suspend": "active",
    "activate": "suspended",
    "capture": "active or suspended or expired",
}
AFTER_THRESHOLD: Final = "Subscription cannot be activated after payment failure threshold has reached."
IN_THE_PAST: Final = "Start time must be a valid future date and time."
BY_THE_SYSTEM: Final = "This subscription should be activated by the system."


@dataclass
class PayPalError(Exception):
    """An error answer on its way out."""

    status: int
    issue: str = ""
    description: str = ""
    field: str = ""

    def body(self, debug_id: str) -> dict[str, Any]:
        """Return the error's JSON (FACTS.md 1.5)."""
        name, message = MESSAGES[self.status]
        body: dict[str, Any] = {"name": name, "message": message, "debug_id": debug_id}
        if self.issue:
            detail = {"issue": self.issue, "description": self.description or DESCRIPTIONS[self.issue]}
            if self.field:
                detail |= {"field": self.field, "location": "body" if self.field[0] == "/" else "query"}
            body["details"] = [detail]
        link = {"href": f"{DOCUMENTATION}#{name}", "rel": "information_link", "method": "GET"}
        return body | {"links": [] if self.status == 429 else [link]}


def status_invalid(action: str) -> PayPalError:
    """Return PayPal's 422 for an act that the status does not allow."""
    needed = STATUS_NEEDED.get(action, "active")
    return PayPalError(
        422,
        "SUBSCRIPTION_STATUS_INVALID",
        f"Invalid subscription status for {action} action; subscription status should be {needed}.",
    )


def money(amount: str, currency: str) -> dict[str, str]:
    """Write an amount as PayPal does: "29.9", "15.0", "0.0", and "1500" for yen."""
    value = Decimal(amount)
    if currency in WITHOUT_CENTS:
        return {"currency_code": currency, "value": f"{value:.0f}"}
    text = f"{value.normalize():f}"
    return {"currency_code": currency, "value": text if "." in text else text + ".0"}


def total(amount: str, currency: str) -> str:
    """Write an amount as sales do: two decimals, none for yen."""
    return f"{Decimal(amount):.0f}" if currency in WITHOUT_CENTS else f"{Decimal(amount):.2f}"


def plan_body(plan: Plan, environment: str, *, minimal: bool = False) -> dict[str, Any]:
    """Return a plan; `minimal` as the list gives it without Prefer: return=representation."""
    body: dict[str, Any] = {"id": plan.id, "product_id": plan.product_id, "name": plan.name}
    body |= {"status": plan.status, "usage_type": "LICENSED", "create_time": plan.create_time}
    if plan.description:
        body["description"] = plan.description
    if not minimal:
        body |= _terms(plan, plan.amount) | {"update_time": plan.create_time}
    body["links"] = [_link(f"{LINKS[environment]}/v1/billing/plans/{plan.id}", "self")]
    return body


def subscription_body(
    row: Subscription, plan: Plan | None, environment: str, *, fields: Collection[str] = ()
) -> dict[str, Any]:
    """Return a subscription as PayPal would show it in its present state."""
    body: dict[str, Any] = {
        "status": row.status,
        "status_change_note": row.status_change_note,
        "status_update_time": row.status_update_time,
        "id": row.id,
        "plan_id": row.plan_id,
        "start_time": row.start_time,
        "quantity": row.quantity,
        "custom_id": row.custom_id,
        "create_time": row.create_time,
        "update_time": row.update_time,
        "plan_overridden": row.own_amount is not None,
        "links": _links(row, environment),
    }
    if row.status != "APPROVAL_PENDING":
        body["subscriber"] = _subscriber(row)
    if plan and (row.periods or row.status in ("ACTIVE", "SUSPENDED", "EXPIRED")):
        body["shipping_amount"] = money("0", plan.currency)
        body["billing_info"] = _billing(row, plan, fields)
    if plan and "plan" in fields:
        amount = row.own_amount or plan.amount
        body["plan"] = {"name": plan.name, "product_id": plan.product_id, **_terms(plan, amount)}
    body |= row.extra
    return {key: value for key, value in body.items() if value is not None}


def payment_body(paid: Payment, row: Subscription) -> dict[str, Any]:
    """Return one transaction."""
    fee = Decimal(paid.amount) * Decimal("0.029")
    net = Decimal(paid.amount) - fee.quantize(Decimal("0.01"))
    cents = {"currency_code": paid.currency, "value": f"{net:.2f}"}
    amounts = {"gross_amount": money(paid.amount, paid.currency)}
    if paid.currency not in WITHOUT_CENTS:
        amounts["net_amount"] = cents
    body = {"status": paid.status, "id": paid.id, "amount_with_breakdown": amounts, "time": paid.time}
    subscriber = _subscriber(row)
    known = {"payer_email": subscriber.get("email_address"), "payer_name": subscriber.get("name")}
    return body | {key: value for key, value in known.items() if value}


def _billing(row: Subscription, plan: Plan, fields: Collection[str]) -> dict[str, Any]:
    billing: dict[str, Any] = {
        "outstanding_balance": money(row.outstanding, plan.currency),
        "cycle_executions": [*_trial_execution(row, plan), _execution(row, plan)],
        "failed_payments_count": row.failed_payments,
    }
    if row.last_payment:
        amount = money(row.last_payment["amount"], plan.currency)
        billing["last_payment"] = {"amount": amount, "time": row.last_payment["time"]}
    if row.next_billing_time:
        billing["next_billing_time"] = row.start_time if row.shows_sign_up else row.next_billing_time
        if plan.total_cycles:
            billing["final_payment_time"] = stamp(final_date(row, plan))
    if row.last_failed_payment and "last_failed_payment" in fields:
        failed = row.last_failed_payment
        billing["last_failed_payment"] = {
            "amount": money(failed["amount"], plan.currency),
            "time": failed["time"],
            "reason_code": "PAYMENT_DENIED",
        }
        if row.retry_at:
            billing["last_failed_payment"]["next_payment_retry_time"] = row.retry_at
    return billing


def final_date(row: Subscription, plan: Plan) -> datetime:
    """Return the date of a finite plan's last billing, each failed one pushing it back."""
    missed = row.periods - row.cycles_completed
    return billing_date(moment(row.start_time), plan, plan.total_cycles - 1 + missed)


def _execution(row: Subscription, plan: Plan) -> dict[str, Any]:
    left = max(plan.total_cycles - row.cycles_completed, 0)  # 0 also for a plan without end
    return {
        "tenure_type": "REGULAR",
        "sequence": 2 if plan.trial_days else 1,
        "cycles_completed": row.cycles_completed,
        "cycles_remaining": left,
        "current_pricing_scheme_version": 1,
        "total_cycles": plan.total_cycles,
    }


def _trial_execution(row: Subscription, plan: Plan) -> list[dict[str, Any]]:
    if not plan.trial_days:
        return []
    done = int(row.periods > 0)
    counts = {"cycles_completed": done, "cycles_remaining": 1 - done, "total_cycles": 1}
    return [{"tenure_type": "TRIAL", "sequence": 1, **counts}]


def _terms(plan: Plan, amount: str) -> dict[str, Any]:
    trial = {
        "frequency": {"interval_unit": "DAY", "interval_count": plan.trial_days},
        "tenure_type": "TRIAL",
        "sequence": 1,
        "total_cycles": 1,
    }
    cycle = {
        "pricing_scheme": {"version": 1, "fixed_price": money(amount, plan.currency)},
        "frequency": {"interval_unit": plan.interval_unit, "interval_count": plan.interval_count},
        "tenure_type": "REGULAR",
        "sequence": 2 if plan.trial_days else 1,
        "total_cycles": plan.total_cycles,
    }
    preferences = {
        "service_type": "PREPAID",  # real answers carry keys that no specification names (FACTS.md 1.3)
        "auto_bill_outstanding": True,
        "setup_fee_failure_action": "CANCEL",
        "payment_failure_threshold": plan.failure_threshold,
    }
    return {
        "billing_cycles": [trial, cycle] if plan.trial_days else [cycle],
        "payment_preferences": preferences,
        "quantity_supported": False,
    }


def _subscriber(row: Subscription) -> dict[str, Any]:
    name = {"given_name": row.given_name, "surname": row.surname}
    subscriber: dict[str, Any] = {"payer_id": row.payer_id}
    if row.email:
        subscriber["email_address"] = row.email
    if row.given_name or row.surname:
        subscriber["name"] = {key: value for key, value in name.items() if value}
    return subscriber


def _links(row: Subscription, environment: str) -> list[dict[str, str]]:
    own = f"{LINKS[environment]}/v1/billing/subscriptions/{row.id}"
    links = [
        _link(own, "self")
        if rel == "self"
        else _link(own, "edit", "PATCH")
        if rel == "edit"
        else _link(f"{own}/{rel}", rel, "POST")
        for rel in ALLOWED.get(row.status, ("self",))
    ]
    if row.status == "APPROVAL_PENDING":
        page = f"https://www.sandbox.paypal.com/webapps/billing/subscriptions?ba_token={row.id}"
        links.insert(0, _link(row.approve_url or page, "approve"))
    return links


def page_links(environment: str, path: str, *, page: int, size: int, more: bool) -> list[dict[str, str]]:
    """Return the links of a list's page: `next` only while there is one."""
    address = f"{LINKS[environment]}{path}?page_size={size}&page="
    links = [_link(f"{address}{page}", "self")]
    if page > 1:
        links.append(_link(f"{address}{page - 1}", "prev"))
    if more:
        links.append(_link(f"{address}{page + 1}", "next"))
    return links


def _link(href: str, rel: str, method: str = "GET") -> dict[str, str]:
    return {"href": href, "rel": rel, "method": method, "encType": "application/json"}
