"""`make demo-large`: the demo's two merchants with very many subscriptions, past their first steps.

They are written as they would stand after fourteen months, by COPY; PayPal's simulator knows those that are not over,
the figures of each day are counted by the product's own service.  Made once: a second start finds them.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

import psycopg
import requests
from sqlalchemy import func, select

from portal.clock import utc_now
from portal.demo import crowd
from portal.demo.crowd import Crowd
from portal.demo.crowd.offers import ATELIER, STUDIO
from portal.demo.seed import ATELIER_KEY, STUDIO_KEY, take_first_steps
from portal.models import Merchant, Product, Subscription
from portal.services import figures
from portal.services.context import Context
from portal.services.imports import imports
from portal.services.keys import paypal_keys

AT_ONCE: Final = 2_000  # of a call to the simulator, which reads a megabyte at most
SHOPS: Final = (("atelier", ATELIER, ATELIER_KEY, 19), ("studio", STUDIO, STUDIO_KEY, 1))  # of twenty, so many


def fill(ctx: Context, database_url: str, *, simulator: str, number: int) -> None:
    """Give both merchants their part of so many subscriptions, unless they have them."""
    for slug, shop, key, share in SHOPS:
        with ctx.db.read() as session:
            merchant_id = session.scalars(select(Merchant.id).where(Merchant.slug == slug)).one()
            has = session.scalar(select(func.count()).where(Subscription.merchant_id == merchant_id)) or 0
        count = number * share // 20
        if has < count:
            _connect(ctx, merchant_id, key)
            _fill(database_url, simulator, merchant_id, count, shop, key[0])
            take_first_steps(ctx, merchant_id)
            figures.bring_up(ctx, merchant_id, now=utc_now(), whole=True)  # what is copied, no trigger has noted


def _connect(ctx: Context, merchant_id: uuid.UUID, key: tuple[str, str]) -> None:
    """Let the merchant have done what the ordinary demo leaves to whoever plays it."""
    with ctx.db.read() as session:
        is_connected = session.scalars(select(Product.id).where(Product.merchant_id == merchant_id).limit(1)).first()
    if is_connected is None:
        client_id, secret = key
        paypal_keys.save(ctx, merchant_id, environment="sandbox", client_id=client_id, secret=secret, now=utc_now())
        imports.run_import(ctx, imports.start_or_resume(ctx, merchant_id).id)
        with ctx.db.begin() as session:
            session.get_one(Merchant, merchant_id).self_cancellation = True


def _fill(url: str, simulator: str, merchant_id: uuid.UUID, count: int, shop: Crowd, client_id: str) -> None:
    def tell(what: str, **fields: Any) -> None:
        requests.post(f"{simulator}/_simulator/{what}", json=fields, timeout=60).raise_for_status()

    for offer in shop.offers:
        tell(
            "plans",
            client_id=client_id,
            plan_id=offer.plan_id,
            name=offer.product,
            amount=offer.amount,
            currency=offer.currency,
            interval_unit=offer.unit,
            total_cycles=offer.cycles,
        )

    def tell_paypal(rows: list[dict[str, Any]]) -> None:
        for start in range(0, len(rows), AT_ONCE):
            tell("known", rows=rows[start : start + AT_ONCE])
        tell("flush")  # a large state is written now and then: what the database keeps, PayPal has to know

    with psycopg.connect(url) as connection:
        crowd.fill(connection, merchant_id, count, shop, now=utc_now(), tell_paypal=tell_paypal)
