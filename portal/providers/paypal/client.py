"""The PayPal REST client: subscriptions, plans and payments of one merchant account.

A strict writer (what we send fits PayPal's published limits) and a lenient reader (mapping.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from portal.clock import utc_now
from portal.domain.money.money import Money
from portal.domain.subscriptions import PROVIDER_OVER, ProviderStatus
from portal.providers.paypal import errors, mapping
from portal.providers.paypal.pages import approval_page, next_link, rows, stamp
from portal.providers.paypal.refunds import RefundCalls, in_decimals
from portal.providers.paypal.transport import Answer
from portal.providers.paypal.webhooks import WebhookCalls
from portal.providers.ports import (
    CreatedSubscription,
    GatewayRefused,
    GatewayUnavailable,
    NewSubscription,
    Page,
    PaymentReading,
    PlanReading,
    Reading,
    Token,
)

PAGE_SIZE: Final = 20  # PayPal's largest page (FACTS.md 5)
REASON_LENGTH: Final = 128  # characters (FACTS.md 1.2)
NEUTRAL_REASON: Final = "Requested through the subscription portal."
LOCALES: Final = {"fr": "fr-FR", "en": "en-GB"}  # PayPal wants language and country
WINDOW: Final = timedelta(days=31)  # the longest span asked for transactions (FACTS.md 1.3)

HISTORY: Final = timedelta(days=93)  # the longest history read beside a subscription: three of those spans
EARLY: Final = timedelta(days=1)  # PayPal's clock and ours, and a first payment that came before the start
FIELDS: Final = "last_failed_payment,plan"  # left out unless asked for (FACTS.md 1.3)

SUBSCRIPTIONS: Final = "/v1/billing/subscriptions"
PLANS: Final = "/v1/billing/plans"

log = structlog.get_logger()


class PayPalGateway(WebhookCalls, RefundCalls):
    """PayPal for one merchant account. Every call may raise GatewayRefused or GatewayUnavailable."""

    def check_key(self) -> Token:
        """Ask PayPal for a token now and return it. The store is neither read nor written."""
        return self._fetch_token()

    def show_subscription(self, provider_id: str) -> Reading:
        """Read one subscription, with its own plan: an overridden plan has another price than the shared one.

        Where it has begun and shows no payment, PayPal is asked whether there was any: never paid is not unknown.
        """
        answer = self._call("show", "GET", SUBSCRIPTIONS, provider_id=provider_id, query={"fields": FIELDS})
        reading = mapping.read_subscription(answer.body)
        if reading is None or reading.provider_id != provider_id:
            raise errors.unavailable("show: not the subscription asked for", status=200, debug_id=answer.debug_id)
        return replace(reading, payments=self._history(reading)) if _lacks_payments(reading) else reading

    def list_subscriptions(
        self, *, page: int, page_size: int = PAGE_SIZE, changed_since: datetime | None = None
    ) -> Page:
        """Read one page, from 1. `has_next` is PayPal's own link `next`: it gives no total (FACTS.md 1.2).

        `changed_since` (aware) leaves out those whose status has not changed after it.
        """
        query = {"page": str(page), "page_size": str(_page_size(page_size))}
        if changed_since is not None:
            query["status_updated_after"] = stamp(changed_since.astimezone(UTC))
        answer = self._call("list", "GET", SUBSCRIPTIONS, query=query)
        listed = rows(answer, "subscriptions", operation="list")
        readings = [mapping.read_subscription(row) for row in listed]
        kept = tuple(reading for reading in readings if reading is not None)
        return Page(readings=kept, has_next=next_link(answer.body) is not None, unreadable=len(listed) - len(kept))

    def create_subscription(self, wanted: NewSubscription, *, request_id: str) -> CreatedSubscription:
        """Make a subscription for the buyer to approve; the same `request_id` within 72 hours gives the same one."""
        body: dict[str, object] = {
            "plan_id": wanted.plan_id,
            "custom_id": wanted.custom_id,
            "application_context": {
                "locale": LOCALES[wanted.language],
                "shipping_preference": "NO_SHIPPING",
                "user_action": "SUBSCRIBE_NOW",
                "return_url": wanted.return_url,
                "cancel_url": wanted.cancel_url,
            },
        }
        if wanted.start_at is not None:
            body["start_time"] = stamp(wanted.start_at.astimezone(UTC), up=True)
        headers = {"PayPal-Request-Id": request_id, "Prefer": "return=minimal"}
        # A repeated call is answered 200 (FACTS.md 1.2).
        answer = self._call("create", "POST", SUBSCRIPTIONS, json=body, headers=headers, expected=201, repeated=200)
        reading = mapping.read_subscription(answer.body)
        if reading is None:
            raise errors.unavailable("create: no subscription in the answer", debug_id=answer.debug_id)
        return CreatedSubscription(
            provider_id=reading.provider_id,
            status=reading.status,
            approval_url=approval_page(answer.body, self._where.page_origins),
            debug_id=answer.debug_id,
        )

    def cancel_subscription(self, provider_id: str, *, reason: str) -> str:
        """Cancel at once and for ever; return the debug id. The payer may read `reason` (1-128 characters)."""
        return self._act("cancel", provider_id, reason=reason)

    def suspend_subscription(self, provider_id: str, *, reason: str) -> str:
        """Stop payments until activated again; return the debug id."""
        return self._act("suspend", provider_id, reason=reason)

    def activate_subscription(self, provider_id: str, *, reason: str) -> str:
        """Resume a suspended subscription; return the debug id."""
        return self._act("activate", provider_id, reason=reason)

    def capture_outstanding(
        self, provider_id: str, *, amount: Money, note: str, request_id: str
    ) -> PaymentReading | None:
        """Take `amount` of what is outstanding; None where PayPal only says that it has accepted the call (202).

        PayPal keeps `request_id` for 72 hours: the same call again takes nothing more.
        """
        body = {
            "note": clean_reason(note),
            "capture_type": "OUTSTANDING_BALANCE",
            "amount": {"currency_code": amount.currency, "value": in_decimals(amount)},
        }
        answer = self._call(
            "capture",
            "POST",
            SUBSCRIPTIONS,
            provider_id=provider_id,
            action="capture",
            json=body,
            headers={"PayPal-Request-Id": request_id},
            expected=200,
            repeated=202,
        )
        taken = mapping.read_payment(answer.body)
        if taken is None and answer.body:
            log.warning("paypal unreadable rows", operation="capture", count=1)
        return taken

    def show_plan(self, plan_id: str) -> PlanReading:
        """Read one plan, with its price and rhythm."""
        answer = self._call("show_plan", "GET", PLANS, provider_id=plan_id)
        plan = mapping.read_plan(answer.body)
        if plan is None or plan.provider_id != plan_id:
            raise errors.unavailable("show_plan: not the plan asked for", status=200, debug_id=answer.debug_id)
        return plan

    def list_plans(self) -> Iterator[PlanReading]:
        """Yield every plan once, page by page. A price is None where PayPal's list leaves it out."""
        seen: set[str] = set()
        page, more = 1, True
        while more:
            answer = self._plans_page(page)
            plans = [mapping.read_plan(row) for row in rows(answer, "plans", operation="list_plans")]
            fresh = {plan.provider_id: plan for plan in plans if plan and plan.provider_id not in seen}
            seen.update(fresh)
            yield from fresh.values()
            # A page that brings nothing new ends the walk: `next` alone could lead round for ever.
            more, page = next_link(answer.body) is not None and bool(fresh), page + 1

    def list_payments(self, provider_id: str, *, start: datetime, end: datetime) -> tuple[PaymentReading, ...]:
        """Read the transactions from `start` to `end` (aware), oldest first, in windows of 31 days."""
        found: dict[str, PaymentReading] = {}
        since, last = start.astimezone(UTC), end.astimezone(UTC)
        while since < last:
            until = min(since + WINDOW, last)
            found.update((row.provider_id, row) for row in self._payments(provider_id, since, until))
            since = until
        return tuple(sorted(found.values(), key=lambda row: (row.at, row.provider_id)))

    def _plans_page(self, page: int) -> Answer:
        query = {"page": str(page), "page_size": str(PAGE_SIZE), "total_required": "true"}
        # Without `representation` the rows carry no billing cycles, so no price (FACTS.md 1.2).
        return self._call("list_plans", "GET", PLANS, query=query, headers={"Prefer": "return=representation"})

    def _payments(self, provider_id: str, since: datetime, until: datetime) -> list[PaymentReading]:
        answer = self._call(
            "transactions",
            "GET",
            SUBSCRIPTIONS,
            provider_id=provider_id,
            action="transactions",
            query={"start_time": stamp(since), "end_time": stamp(until, up=True)},
        )
        listed = rows(answer, "transactions", operation="transactions")
        read = [mapping.read_payment(row) for row in listed]
        kept = [row for row in read if row is not None]
        if len(kept) < len(listed):
            log.warning("paypal unreadable rows", operation="transactions", count=len(listed) - len(kept))
        return kept

    def _history(self, reading: Reading) -> tuple[PaymentReading, ...] | None:
        """Return every payment since the start; None, unread, where PayPal does not say or there were months of it."""
        now = utc_now()
        if reading.started_at is None or not now - HISTORY < reading.started_at <= now:
            return None
        try:
            return self.list_payments(reading.provider_id, start=reading.started_at - EARLY, end=now + EARLY)
        except (GatewayRefused, GatewayUnavailable):
            return None

    def _act(self, action: str, provider_id: str, *, reason: str) -> str:
        answer = self._call(
            action,
            "POST",
            SUBSCRIPTIONS,
            provider_id=provider_id,
            action=action,
            json={"reason": clean_reason(reason)},
            expected=204,
        )
        return answer.debug_id


def _lacks_payments(reading: Reading) -> bool:
    begun = reading.status in (ProviderStatus.ACTIVE, ProviderStatus.SUSPENDED, *PROVIDER_OVER)
    return begun and reading.last_payment_at is None and not reading.in_trial


def clean_reason(reason: str) -> str:
    """Return `reason` as PayPal takes it: one line, 1-128 characters, neutral when nothing is left.

    Counted in UTF-16 units, of which there are never fewer than characters, as PayPal does not say which.
    """
    line = mapping.text(reason, longest=REASON_LENGTH) or ""
    line = "".join(sign for sign in line if unicodedata.category(sign) != "Cf" or sign in "\u200c\u200d")
    while len(line.encode("utf-16-le")) > 2 * REASON_LENGTH:
        line = line[:-1]
    return line.strip() or NEUTRAL_REASON


def _page_size(size: int) -> int:
    if not 1 <= size <= PAGE_SIZE:
        raise ValueError(f"PayPal's pages hold 1 to {PAGE_SIZE} rows, not {size}")
    return size
