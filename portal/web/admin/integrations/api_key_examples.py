"""Calls of the API as they are typed, with this merchant's addresses and a product of theirs.

The key is no part of them: what is shown again and again must hold no secret. It stands in a variable, `PORTAL_KEY`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext as _
from sqlalchemy import Row

from portal.domain.integrations.api_keys import Scope
from portal.domain.integrations.public_ids import Kind, public

HEAD: Final = '-H "Authorization: Bearer $PORTAL_KEY"'


@dataclass(frozen=True, kw_only=True)
class Example:
    """One call: what it is for, how it is typed, and what is still to be filled in."""

    title: str
    call: str
    note: str = ""


def first(base_url: str) -> str:
    """Return the call that tells whether a key works."""
    return f"curl {HEAD} \\\n  {base_url}/v1/key"


def of(allowed: Collection[Scope], base_url: str, product: Row[Any] | None) -> list[Example]:
    """Return the calls that a key with these scopes can make. `product`: id and name of one that the merchant sells."""
    found = [Example(title=_("What may this key do?"), call=first(base_url))]
    if Scope.ACCESS_READ in allowed:
        found.append(access(base_url, product))
    if Scope.ENDS_WRITE in allowed:
        found.append(_end(base_url))
    return found


def access(base_url: str, product: Row[Any] | None) -> Example:
    """Return the call that asks whether somebody may open a product."""
    shown = public(Kind.PRODUCT, product.id) if product is not None else "prod_…"
    name = product.name if product is not None else "…"
    return Example(
        title=_("May this customer open “%(product)s”?", product=name),
        call=f'curl {HEAD} \\\n  "{base_url}/v1/access?customer=cus_…&product={shown}"',
        note=_("In place of cus_… put the customer’s ID, as /v1/customers lists it."),
    )


def _end(base_url: str) -> Example:
    body = '{"subscription": "sub_…", "outcome": "cancelled"}'
    return Example(
        title=_("Cancel a subscription"),
        call=(
            f"curl -X POST {HEAD} \\\n"
            '  -H "Content-Type: application/json" -H "Idempotency-Key: $(uuidgen)" \\\n'
            f"  -d '{body}' \\\n"
            f"  {base_url}/v1/end_requests"
        ),
        note=_("The answer is 202: the request is recorded. The subscription has ended once PayPal has confirmed it."),
    )
