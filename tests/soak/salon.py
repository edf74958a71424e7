"""A third merchant, whose customers stay: they log in, look around, pause and resume; its own programs ask the API.

Its other system is told of every event at three addresses: one takes them, one is slow, one is dead.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.run import HOST
from portal.domain.audit import By
from portal.domain.integrations.api_keys import MOST_PER_MINUTE, Mode, Scope
from portal.domain.integrations.public_ids import Kind as IdKind
from portal.domain.integrations.public_ids import public
from portal.models import Customer, Merchant, Plan, Product, Subscription
from portal.providers.event_posts import HttpEventPosts
from portal.queries.people.people import Kind
from portal.services.api import api_keys
from portal.services.api.api_keys import Wanted
from portal.services.outgoing import event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from portal.services.people import sessions
from portal.services.people.sessions import Visitor
from tests.chaos.world import World, add_merchant, patiently
from tests.fakes.receivers import Receiver
from tests.ports import free_port

SLUG: Final = "salon"
REGULARS: Final = 200
SLOW: Final = 0.4  # seconds until the slow address answers: it keeps up with what happens, and not with much more


class Slow(Receiver):
    """Takes everything, late."""

    def next_status(self) -> int:
        """Answer after a while."""
        time.sleep(SLOW)
        self.got.clear()  # nobody asks what came
        return 204


@dataclass(frozen=True)
class Regular:
    """A customer who stays, with a subscription."""

    customer_id: uuid.UUID
    subscription_id: uuid.UUID
    provider_id: str
    email: str
    slug: str = SLUG

    @property
    def public_id(self) -> str:
        """Return the customer's id as the API has it."""
        return public(IdKind.CUSTOMER, self.customer_id)


@dataclass
class Salon:
    """The merchant, its people and what its programs hold."""

    world: World
    merchant_id: uuid.UUID
    product_id: uuid.UUID
    regulars: list[Regular]
    keys: dict[str, str] = field(default_factory=dict)  # of each merchant, by its slug
    dead: uuid.UUID | None = None

    @property
    def product(self) -> str:
        """Return the product's id as the API has it."""
        return public(IdKind.PRODUCT, self.product_id)

    def token(self, kind: Kind, person_id: uuid.UUID, merchant_id: uuid.UUID | None = None) -> str:
        """Open a session for somebody and return the cookie's value."""

        def opened() -> str:
            with self.world.context.db.begin() as session:
                whose = merchant_id or self.merchant_id
                return sessions.open_for(session, kind, whose, person_id, visitor=Visitor(), now=utc_now())

        return patiently(opened)

    def bury(self) -> None:
        """Take the dead address out, as staff do in the end: what waits for it goes with it."""
        if self.dead is not None:
            event_endpoints.remove(self.world.context, self.merchant_id, self.dead, by=By(), now=utc_now())


def opened(world: World, *, seed: int) -> Salon:
    """Make it."""
    add_merchant(
        world, SLUG, "Le Salon", "fr", share=REGULARS, seed=seed * 10 + 9, pending=0, named=range(REGULARS)
    )  # fmt: skip
    with world.context.db.begin() as session:
        merchant_id = session.scalars(select(Merchant.id).where(Merchant.slug == SLUG)).one()
        product = Product(id=uuid.uuid4(), merchant_id=merchant_id, name="Coupe", pause_offered=True)
        session.add(product)
        session.flush()
        for table in (Plan, Subscription):
            session.execute(update(table).where(table.merchant_id == merchant_id).values(product_id=product.id))
        found = session.execute(
            select(Subscription.customer_id, Subscription.id, Subscription.provider_id, Customer.email)
            .join(Customer, Customer.id == Subscription.customer_id)
            .where(Subscription.merchant_id == merchant_id)
        )
        salon = Salon(world, merchant_id, product.id, [Regular(*row) for row in found])
        merchants = dict(session.execute(select(Merchant.slug, Merchant.id)).tuples().all())
    for slug, one in merchants.items():
        wanted = Wanted(name="Site", mode=Mode.TEST, scopes=frozenset(Scope), per_minute=MOST_PER_MINUTE)
        _id, salon.keys[slug] = api_keys.make(world.context, one, wanted, by=By(), now=utc_now())
    _told_outside(salon)
    return salon


def _told_outside(salon: Salon) -> None:
    """Beside the address that every merchant of the harness has."""
    ctx = replace(salon.world.context, event_posts=HttpEventPosts(loopback=True))
    nobody = f"http://{HOST}:{free_port()}/dead"
    slow = Slow()
    for one in (salon.world.outside, slow):
        one.server.handle_error = lambda *_: None  # whoever calls may be killed meanwhile: nothing to print
    event_endpoints.make(ctx, salon.merchant_id, Wish(address=slow.url, is_full=True), by=By(), now=utc_now())
    dead = event_endpoints.make(ctx, salon.merchant_id, Wish(address=nobody, is_full=True), by=By(), now=utc_now())
    salon.dead = dead.endpoint_id
