"""The PayPal REST client: `SubscriptionGateway` for one merchant account, and the factory that makes it.

A strict writer (what we send fits PayPal's published limits) and a lenient reader (mapping.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
import structlog
from requests.auth import AuthBase, HTTPBasicAuth

from portal.clock import utc_now
from portal.providers.paypal import errors, mapping, transport
from portal.providers.paypal.tokens import Bearer, read_token, usable
from portal.providers.paypal.transport import Answer, Call
from portal.providers.ports import (
    Credentials,
    GatewayRefused,
    Page,
    PaymentReading,
    PlanReading,
    Reading,
    Refusal,
    Token,
    TokenStore,
)

BASE_URLS: Final[Mapping[str, str]] = {
    "live": "https://api-m.paypal.com",
    "sandbox": "https://api-m.sandbox.paypal.com",
}
PAGE_SIZE: Final = 20  # PayPal's largest page (FACTS.md 5)
REASON_LENGTH: Final = 128  # characters (FACTS.md 1.2)
NEUTRAL_REASON: Final = "Requested through the subscription portal."
WINDOW: Final = timedelta(days=31)  # the longest span asked for transactions (FACTS.md 1.3)

SUBSCRIPTIONS: Final = "/v1/billing/subscriptions"
PLANS: Final = "/v1/billing/plans"

log = structlog.get_logger()


class PayPalGateways:
    """Makes the gateway of an account. One HTTP session an environment, shared by the process's threads."""

    def __init__(
        self,
        base_urls: Mapping[str, str] | None = None,
        *,
        new_session: Callable[[str], requests.Session] = transport.new_session,
    ) -> None:
        """`base_urls` overrides the address of an environment; plain http only to this machine."""
        self._base_urls = {**BASE_URLS, **{name: url.rstrip("/") for name, url in (base_urls or {}).items()}}
        for url in self._base_urls.values():
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in transport.LOOPBACK:
                raise ValueError(f"the key would travel unencrypted to {url}")
        self._sessions = {name: new_session(url) for name, url in self._base_urls.items()}

    def __call__(self, credentials: Credentials, tokens: TokenStore, *, patience: float = 20.0) -> PayPalGateway:
        """Return the gateway for `credentials`; ValueError when their environment has no address."""
        environment = credentials.environment
        if environment not in self._base_urls:
            raise ValueError(f"no PayPal address for the environment {environment!r}")
        return PayPalGateway(
            self._sessions[environment],
            self._base_urls[environment],
            credentials=credentials,
            tokens=tokens,
            patience=patience,
        )


class PayPalGateway:
    """PayPal for one merchant account. Every call may raise GatewayRefused or GatewayUnavailable."""

    def __init__(
        self,
        http: requests.Session,
        base_url: str,
        *,
        credentials: Credentials,
        tokens: TokenStore,
        patience: float,
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._credentials = credentials
        self._tokens = tokens
        self._patience = patience

    def check_key(self) -> Token:
        """Ask PayPal for a token now and return it. The store is neither read nor written."""
        return self._fetch_token()

    def show_subscription(self, provider_id: str) -> Reading:
        """Read one subscription, with its own plan: an overridden plan has another price than the shared one."""
        answer = self._call("show", "GET", SUBSCRIPTIONS, provider_id=provider_id, query={"fields": "plan"})
        reading = mapping.read_subscription(answer.body)
        if reading is None or reading.provider_id != provider_id:
            raise errors.unavailable("show: not the subscription asked for", status=200, debug_id=answer.debug_id)
        return reading

    def list_subscriptions(self, *, page: int, page_size: int = PAGE_SIZE) -> Page:
        """Read one page, from 1. `has_next` is PayPal's own link `next`: it gives no total (FACTS.md 1.2)."""
        query = {"page": str(page), "page_size": str(_page_size(page_size))}
        answer = self._call("list", "GET", SUBSCRIPTIONS, query=query)
        rows = _rows(answer, "subscriptions", operation="list")
        readings = [mapping.read_subscription(row) for row in rows]
        kept = tuple(reading for reading in readings if reading is not None)
        return Page(readings=kept, has_next=_has_next(answer.body), unreadable=len(rows) - len(kept))

    def cancel_subscription(self, provider_id: str, *, reason: str) -> str:
        """Cancel at once and for ever; return the debug id. The payer may read `reason` (1-128 characters)."""
        return self._act("cancel", provider_id, reason=reason)

    def suspend_subscription(self, provider_id: str, *, reason: str) -> str:
        """Stop payments until activated again; return the debug id."""
        return self._act("suspend", provider_id, reason=reason)

    def activate_subscription(self, provider_id: str, *, reason: str) -> str:
        """Resume a suspended subscription; return the debug id."""
        return self._act("activate", provider_id, reason=reason)

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
            plans = [mapping.read_plan(row) for row in _rows(answer, "plans", operation="list_plans")]
            fresh = {plan.provider_id: plan for plan in plans if plan and plan.provider_id not in seen}
            seen.update(fresh)
            yield from fresh.values()
            # A page that brings nothing new ends the walk: `next` alone could lead round for ever.
            more, page = _has_next(answer.body) and bool(fresh), page + 1

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
            query={"start_time": _stamp(since), "end_time": _stamp(until, up=True)},
        )
        rows = [mapping.read_payment(row) for row in _rows(answer, "transactions", operation="transactions")]
        kept = [row for row in rows if row is not None]
        if len(kept) < len(rows):
            log.warning("paypal unreadable rows", operation="transactions", count=len(rows) - len(kept))
        return kept

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

    def _call(
        self, operation: str, method: str, path: str, *, provider_id: str | None = None, action: str = "", **rest: Any
    ) -> Answer:
        if provider_id is not None:  # an empty id must not turn one subscription into the list of all
            path += "/" + _in_path(provider_id)
        if action:
            path += "/" + action
        return self._with_token(
            Call(operation=operation, method=method, path=path, provider_id=provider_id or "", **rest)
        )

    def _with_token(self, call: Call) -> Answer:
        """Make the call; on 401 drop the token, fetch one, try once more (FACTS.md 1.1)."""
        token = self._token()
        try:
            return self._send(call, Bearer(token))
        except GatewayRefused as refusal:
            if refusal.refusal is not Refusal.BAD_CREDENTIALS:
                raise
        self._tokens.drop()
        token = self._token()  # outside the `try`: a key refused here is final
        try:
            return self._send(call, Bearer(token))
        except GatewayRefused as refusal:
            if refusal.refusal is Refusal.BAD_CREDENTIALS:
                self._tokens.drop()
            raise

    def _token(self) -> Token:
        token = self._tokens.get()
        if token is not None and usable(token, now=utc_now()):
            return token
        token = self._fetch_token()
        self._tokens.put(token)
        return token

    def _fetch_token(self) -> Token:
        asked_at = utc_now()
        key = HTTPBasicAuth(self._credentials.client_id.encode(), self._credentials.secret.encode())
        call = Call(
            operation="token", method="POST", path="/v1/oauth2/token", form={"grant_type": "client_credentials"}
        )
        answer = self._send(call, key)
        token = read_token(answer.body, now=asked_at)
        if token is None:
            raise errors.unavailable("token: no token in the answer", status=200, debug_id=answer.debug_id)
        return token

    def _send(self, call: Call, auth: AuthBase) -> Answer:
        return transport.send(self._http, self._base_url, call, auth=auth, patience=self._patience)


def clean_reason(reason: str) -> str:
    """Return `reason` as PayPal takes it: one line, 1-128 characters, neutral when nothing is left.

    Counted in UTF-16 units, of which there are never fewer than characters, as PayPal does not say which.
    """
    line = mapping.text(reason, longest=REASON_LENGTH) or ""
    line = "".join(sign for sign in line if unicodedata.category(sign) != "Cf" or sign in "\u200c\u200d")
    while len(line.encode("utf-16-le")) > 2 * REASON_LENGTH:
        line = line[:-1]
    return line.strip() or NEUTRAL_REASON


def _in_path(provider_id: str) -> str:
    """Return the id as a path segment; an id that cannot be PayPal's is refused before any call."""
    if mapping.identifier(provider_id) is None:
        raise GatewayRefused(Refusal.NOT_FOUND, http_status=0, issue="MALFORMED_ID")
    return quote(provider_id, safe="")


def _page_size(size: int) -> int:
    if not 1 <= size <= PAGE_SIZE:
        raise ValueError(f"PayPal's pages hold 1 to {PAGE_SIZE} rows, not {size}")
    return size


def _rows(answer: Answer, key: str, *, operation: str) -> list[object]:
    """Return the rows under `key`. Absent is empty only where `links` shows that this is a list's answer."""
    rows = answer.body.get(key)
    if rows is None and isinstance(answer.body.get("links"), list):
        return []
    if not isinstance(rows, list):
        raise errors.unavailable(f"{operation}: no {key} in the answer", status=200, debug_id=answer.debug_id)
    return rows


def _has_next(body: Mapping[str, Any]) -> bool:
    links = body.get("links")
    return isinstance(links, list) and any(isinstance(link, dict) and link.get("rel") == "next" for link in links)


def _stamp(at: datetime, *, up: bool = False) -> str:
    """Write a UTC moment with whole seconds, rounded down, or `up` so that a window loses nothing."""
    whole = at.replace(microsecond=0)
    if up and whole < at:
        whole += timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
