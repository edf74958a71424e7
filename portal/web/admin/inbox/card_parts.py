"""What every card of the inbox is made of, and whose it is; buttons that the role may not press are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import url_for
from flask_babel import gettext as _

from portal.domain.ends.end_requests import Trouble
from portal.domain.policies import ROLE_RANK, Role
from portal.queries.inbox import Item
from portal.queries.merchants.paypal_accounts import Provider
from portal.web.admin import presenting
from portal.web.admin.presenting import Row
from portal.web.timeline_words import Happening

KEY_TROUBLES: Final = frozenset({Trouble.BAD_CREDENTIALS, Trouble.FORBIDDEN, Trouble.NO_KEY, Trouble.NOT_FOUND})


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way on: a button that posts, or a link to the page that does it. `label` is whole for a screen reader.

    `kind` is its emphasis (buttons.html): primary is only what stops payments or gives money back.
    """

    label: str
    url: str
    posts: bool = False
    spoken: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One thing that needs the merchant, in words."""

    title: str
    url: str | None
    label: str
    state: str = "needs_merchant"  # a mark of components/status.html
    happened: str
    todo: str
    rows: list[Row]
    ways: list[Way]
    waiting: Sequence[str] = ()  # requests folded under a key
    more: int = 0
    kind: str = ""  # these are written by `inbox_cards`, for all kinds alike
    day: str = ""  # the margin's: of the next payment, or since when it is here; and what it is the day of
    day_of: str = ""
    history: Sequence[Happening] = ()


def record(item: Item) -> str | None:
    """Return the address of the subscription that it is about."""
    return url_for(".subscription", subscription_id=item.subscription.id) if item.subscription is not None else None


def whose(item: Item, otherwise: str = "") -> str:
    """Return customer and product as a title."""
    subscription = item.subscription
    if subscription is None:
        return otherwise
    customer = presenting.name_of(subscription.customer)
    return _("%(customer)s – %(product)s", customer=customer, product=subscription.product.name)


def may(role: Role, wanted: Role, *ways: Way) -> list[Way]:
    """Return the ways without the buttons that want a higher role."""
    return [way for way in ways if not way.posts or ROLE_RANK[role] >= ROLE_RANK[wanted]]


def key_page(item: Item, trouble: Trouble | None, role: Role) -> list[Way]:
    """Return the way to the key's page, for whoever may use it, where a key is the cause."""
    if trouble not in KEY_TROUBLES or ROLE_RANK[role] < ROLE_RANK[Role.OWNER] or item.subscription is None:
        return []
    return [Way(label=_("Open the key’s page"), url=key_url(item.subscription.provider))]


def key_url(provider: Provider | None) -> str:
    """Return the address of that key’s page."""
    return url_for(".paypal_classic" if provider is Provider.PAYPAL_CLASSIC else ".paypal_rest")
