"""The portal behind the WordPress of `make wordpress`: a merchant, two subscribers, two keys, web and worker."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import insert, select, update

from bench import simulated
from bench.stack import ROOT, Stack
from bench.stored import give_customers, store
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.api_keys import NOT_IN_TEST, Mode, Scope
from portal.domain.integrations.public_ids import Kind, private, public
from portal.domain.policies import Actor
from portal.models import Customer, EventEndpoint, Merchant, Product, ProductContent, Subscription
from portal.services import grants
from portal.services.api import api_keys
from portal.services.api.api_keys import Wanted
from portal.services.context import Context
from portal.services.grants import Gift
from tests.wordpress_site import NAMED, Site

NEEDED: Final = frozenset({Scope.ACCESS_READ, Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.SESSIONS_WRITE})


@dataclass(frozen=True)
class World:
    """What is played with: customers are Ada, who is named by hand, and Eve, who is found by her address."""

    site: Site
    portal: str
    key: str  # the plugin's
    strong: str  # a key that may end
    product: str
    ada: str
    subscription: str  # Ada's


def made(stack: Stack, url: str, simulator: str, site: Site, address: str) -> World:
    """Make the merchant with a product that closes at once, two subscribers, and two keys."""
    merchant_id = store(stack, url, simulator, list(simulated.subscriptions(4)))
    with stack.context(url, simulator) as ctx:
        give_customers(ctx)
        with ctx.db.begin() as session:
            session.execute(update(Merchant).values(return_addresses=[NAMED + "/"]))
            session.execute(update(Product).values(stops_at_once=True))
            product = session.scalars(select(Product.id)).one()
            session.execute(insert(ProductContent).values(product_id=product, title="Lesson"))
            ada, eve, *_ = session.scalars(select(Subscription.id).order_by(Subscription.provider_id)).all()
            session.execute(update(Customer).where(Customer.id == eve).values(email="eve@courses.example", name="Eve"))
            session.execute(update(Customer).where(Customer.id == ada).values(email="other@ada.example", name="Ada"))
        keys = [
            api_keys.make(ctx, merchant_id, Wanted(name=name, mode=Mode.TEST, scopes=scopes), by=By(), now=utc_now())[1]
            for name, scopes in (("WordPress", NEEDED), ("Shop", frozenset(Scope) - NOT_IN_TEST))
        ]
    return World(
        site=site,
        portal=address,
        key=keys[0],
        strong=keys[1],
        product=public(Kind.PRODUCT, product),
        ada=public(Kind.CUSTOMER, ada),
        subscription=public(Kind.SUBSCRIPTION, ada),
    )


def is_watched(ctx: Context) -> bool:
    """Say whether the worker remembers how everything stood when the endpoint came."""
    with ctx.db.read() as session:
        return session.scalars(select(EventEndpoint.access_since)).one() is not None


def give(ctx: Context, world: World) -> uuid.UUID:
    """Give Ada the product by hand, as staff do at the desk; return the gift's id."""
    wish = Gift(product_id=private(Kind.PRODUCT, world.product), since=utc_now(), until=None, note="", is_told=False)
    return grants.give(ctx, *_ada(ctx, world), wish, by=By(actor=Actor.STAFF), now=utc_now())


def take_back(ctx: Context, world: World, given: uuid.UUID) -> None:
    """Take it back."""
    grants.withdraw(ctx, *_ada(ctx, world), given, is_told=False, by=By(actor=Actor.STAFF), now=utc_now())


def _ada(ctx: Context, world: World) -> tuple[uuid.UUID, uuid.UUID]:
    with ctx.db.read() as session:
        return session.scalars(select(Merchant.id)).one(), private(Kind.CUSTOMER, world.ada)


@contextmanager
def portal(stack: Stack, address: str, settings: dict[str, str]) -> Iterator[None]:
    """The portal's web, at an address that stays the same."""
    bind = address.removeprefix("http://")
    command = ("-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "--bind", bind, "wsgi:app")
    with stack.child("portal", *command, ready=f"{address}/accessibility", environment=settings):
        yield


@contextmanager
def worker(stack: Stack, settings: dict[str, str]) -> Iterator[None]:
    """The portal's worker."""
    command = (sys.executable, "-m", "flask", "--app", "wsgi", "work")
    with (stack.folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
