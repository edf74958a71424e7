"""Raw looks at PayPal behind `portal.providers.probing`: any status is an answer, nothing personal comes out.

Masked by a list of what may be shown: a key that PayPal adds tomorrow is named, its value is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from portal.clock import utc_now
from portal.providers.paypal import transport
from portal.providers.paypal.addresses import Addresses
from portal.providers.paypal.tokens import Bearer, read_token
from portal.providers.paypal.transport import Arrived, Call
from portal.providers.ports import ClassicCredentials, Credentials, Token
from portal.providers.probing import Seen

NVP_VERSION: Final = "204.0"  # FACTS.md 3.1
PERSONAL: Final = frozenset(
    {"subscriber", "payer", "payer_info", "shipping_address", "shipping", "payment_source", "address"}
)
SHOWN: Final = frozenset(
    {
        *("id", "status", "state", "time", "quantity", "plan_id", "product_id", "sale_id", "parent_payment"),
        *("billing_agreement_id", "plan_overridden", "currency_code", "currency", "value", "total", "tenure_type"),
        *("sequence", "cycles_completed", "cycles_remaining", "total_cycles", "current_pricing_scheme_version"),
        *("failed_payments_count", "payment_failure_threshold", "reason_code", "rel", "method", "encType"),
        *("interval_unit", "interval_count", "service_type", "total_items", "total_pages", "count"),
        *("event_type", "resource_type", "event_version", "resource_version", "verification_status"),
        *("name", "message", "issue", "field", "location", "description", "debug_id", "error", "error_description"),
        *("scope", "app_id", "token_type", "expires_in", "payment_mode", "transmission_id", "http_status"),
    }
)
CLASSIC_SHOWN: Final = re.compile(
    r"(L_(ERRORCODE|SHORTMESSAGE|LONGMESSAGE|SEVERITYCODE)\d+|L_(AMT|CURRENCYCODE)\d+|ACK|VERSION|BUILD|TIMESTAMP"
    r"|CORRELATIONID|STATUS|PROFILEID|.*DATE|AUTOBILLOUTAMT|.*AMT|.*AMTPAID|OUTSTANDINGBALANCE|AGGREGATEOPTIONALAMT"
    r"|MAXFAILEDPAYMENTS|FAILEDPAYMENTCOUNT|NUMCYCLES(COMPLETED|REMAINING)|.*BILLING(PERIOD|FREQUENCY)"
    r"|.*TOTALBILLINGCYCLES|.*CURRENCYCODE)"
)
SHOWN_HEADERS: Final = re.compile(
    r"(paypal-debug-id|retry-after|content-type|date|cache-control|allow|.*ratelimit.*|http_x_pp_.*|sl-violations)",
    re.I,
)
_ADDRESS = re.compile(r"\S+@\S+")


class PayPalRestProbe:
    """Asks the REST API as one account; its token is fetched anew and stays here."""

    def __init__(
        self, http: requests.Session, where: Addresses, *, credentials: Credentials, patience: float = 20.0
    ) -> None:
        self._http, self._where, self._credentials, self._patience = http, where, credentials, patience
        self._token: Token | None = None

    def token(self, *, grant: bool = True) -> Seen:
        """Ask for a token and show the answer without it."""
        key = HTTPBasicAuth(self._credentials.client_id.encode(), self._credentials.secret.encode())
        form = {"grant_type": "client_credentials"} if grant else {"response_type": "token"}
        seen, body = self._send(Call(operation="probe", method="POST", path="/v1/oauth2/token", form=form), key)
        self._token = read_token(body or {}, now=utc_now()) or self._token
        return seen

    def ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, json: Mapping[str, Any] | None = None
    ) -> Seen:
        """Make one call; when no token can be had, the answer shown is the one that refused it."""
        if self._token is None:
            refused = self.token()
            if self._token is None:
                return refused
        headers = {"Content-Type": "application/json"} if method != "GET" else None
        call = Call(operation="probe", method=method, path=path, query=query, json=json, headers=headers)
        return self._send(call, Bearer(self._token))[0]

    def _send(self, call: Call, auth: AuthBase) -> tuple[Seen, Mapping[str, Any] | None]:
        arrived = transport.fetch(self._http, self._where.rest + call.path, call, auth=auth, patience=self._patience)
        body = transport.json_object(arrived.raw)
        kind = "json" if body is not None else "empty" if arrived.raw == b"" else "other"
        seen = _seen(f"{call.method} {call.path}", arrived, fields=tuple(leaves(body or {})), kind=kind)
        return seen, body


class PayPalClassicProbe:
    """Asks the classic API as one account."""

    def __init__(
        self, http: requests.Session, where: Addresses, *, credentials: ClassicCredentials, patience: float = 20.0
    ) -> None:
        self._http, self._where, self._credentials, self._patience = http, where, credentials, patience

    def ask(self, method: str, fields: Mapping[str, str] | None = None) -> Seen:
        """Make one call and show which keys came back."""
        key = {
            "USER": self._credentials.user,
            "PWD": self._credentials.password,
            "SIGNATURE": self._credentials.signature,
            "VERSION": NVP_VERSION,
            "METHOD": method,
        }
        call = Call(operation="probe", method="POST", path="", form={**key, **(fields or {})})
        arrived = transport.fetch(self._http, self._where.nvp, call, patience=self._patience)
        pairs = parse_qsl((arrived.raw or b"").decode("utf-8", "replace"), keep_blank_values=True)
        shown = tuple((name, _value(value) if CLASSIC_SHOWN.fullmatch(name) else _kind(value)) for name, value in pairs)
        return _seen(f"NVP {method}", arrived, fields=shown, kind="form" if pairs else "other")


def leaves(value: object, path: str = "", *, shown: bool = True) -> Iterator[tuple[str, str]]:
    """Yield each leaf of a JSON body with its path; a value that may be personal or secret is replaced by its kind."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key, shown=shown and key not in PERSONAL)
        if not value:
            yield path, "{}"
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]", shown=shown)
        if not value:
            yield path, "[]"
    else:
        key = path.rsplit(".", 1)[-1].partition("[")[0]
        yield path, _leaf(key, value, shown=shown)


def _leaf(key: str, value: object, *, shown: bool) -> str:
    if key in ("href", "url") and isinstance(value, str):
        return f"{urlsplit(value).scheme}://{urlsplit(value).hostname}/…"  # a path may hold what opens something
    if shown and (key in SHOWN or key.endswith("_time")):
        return _value(value)
    return _kind(value)


def _value(value: object) -> str:
    text = str(value).lower() if value is None or isinstance(value, bool) else " ".join(str(value).split())
    return _ADDRESS.sub("(masked)", text)[:200]


def _kind(value: object) -> str:
    if isinstance(value, str):
        return f"(text, {len(value)} characters)" if value else "(empty text)"
    return _value(value) if value is None or isinstance(value, bool) else "(number)"


def _seen(asked: str, arrived: Arrived, *, fields: tuple[tuple[str, str], ...], kind: str) -> Seen:
    return Seen(
        asked=asked,
        status=arrived.status,
        milliseconds=arrived.milliseconds,
        headers={
            name.lower(): _value(value) if SHOWN_HEADERS.fullmatch(name.lower()) else ""
            for name, value in arrived.headers.items()
        },
        fields=fields,
        kind=kind,
    )
