"""Who is there: two merchants with a key and a webhook, their staff, and customers whose subscriptions were imported.

Sessions are opened by the product's own function: a thousand log-ins by mail would measure patience.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import requests
from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError

from portal.clock import utc_now
from portal.demo.run import HOST
from portal.domain.audit import By
from portal.domain.ends.end_requests import OPEN as OPEN_ENDS
from portal.domain.money.refunds import OPEN
from portal.domain.policies import Override, Role
from portal.domain.subscriptions import Status
from portal.extensions import Database
from portal.models import (
    Customer,
    EndRequest,
    KeyState,
    Mail,
    MailState,
    Membership,
    Merchant,
    Payment,
    PayPalAccount,
    Product,
    Refund,
    Staff,
    Subscription,
)
from portal.providers.event_posts import HttpEventPosts
from portal.providers.paypal import PayPalGateways, PayPalIpns, PayPalSignatures
from portal.queries.people.people import Kind
from portal.secrets import Vault
from portal.services.context import Context
from portal.services.imports import imports
from portal.services.messages import webhook_endpoints
from portal.services.notices import envelopes
from portal.services.outgoing import event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from portal.services.paypal.gateways import SECRET
from portal.services.people import sessions
from portal.services.people.sessions import Visitor
from tests.chaos.cluster import PATIENCE
from tests.chaos.outside import Outside
from tests.chaos.stack import MASTER_KEY, Stack
from tests.fakes.mailer import RememberingMailer

MERCHANTS: Final = (("atelier", "L’Atelier", "fr"), ("studio", "Studio Yoga", "en"))


class Simulated:
    """The simulator's control address."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"

    def post(self, what: str, /, **given: Any) -> Any:
        """Change something there; return what it answers."""
        answer = requests.post(f"{self.url}/_simulator/{what}", json=given, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    def get(self, what: str) -> list[dict[str, Any]]:
        """Return one of its lists."""
        answer = requests.get(f"{self.url}/_simulator/{what}", timeout=60)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()[what]
        return rows

    def subscription(self, provider_id: str) -> dict[str, Any]:
        """Return one subscription as PayPal has it."""
        return next(row for row in self.get("subscriptions") if row["id"] == provider_id)

    def back_to_normal(self) -> None:
        """Take every rule back."""
        requests.delete(f"{self.url}/_simulator/rules", timeout=30).raise_for_status()


@dataclass(frozen=True)
class Seat:
    """One customer with one subscription."""

    subscription_id: uuid.UUID
    provider_id: str
    customer_id: uuid.UUID
    merchant_id: uuid.UUID
    slug: str


@dataclass
class World:
    """What the people need to know."""

    context: Context
    simulated: Simulated
    web: str
    seats: list[Seat] = field(default_factory=list)
    outside: Outside = field(default_factory=Outside)
    staff: dict[str, uuid.UUID] = field(default_factory=dict)  # the owner of each merchant, by its slug
    addresses: dict[str, str] = field(default_factory=dict)  # of those who are nobody else's namesake, by PayPal's id

    def token_of(self, seat: Seat) -> str:
        """Open a session for the customer and return the cookie's value; wait while PostgreSQL is being restarted."""
        return patiently(lambda: self._open(seat, Kind.CUSTOMER, seat.customer_id))

    def staff_token_of(self, seat: Seat) -> str:
        """The same for the owner of the seat's merchant, who has given both factors just now."""
        return patiently(lambda: self._open(seat, Kind.STAFF, self.staff[seat.slug]))

    def payment_id(self, sale: str) -> uuid.UUID | None:
        """Return the portal's id of a payment by PayPal's, None while it does not know it."""
        return patiently(lambda: self._scalar(select(Payment.id).where(Payment.provider_id == sale)))

    def refunds_of(self, sale: str) -> int:
        """Return how many refunds of a payment were asked for at the desk so far."""
        asked = select(func.count()).select_from(Refund).join(Payment, Payment.id == Refund.payment_id)
        return patiently(lambda: self._scalar(asked.where(Payment.provider_id == sale))) or 0

    def has_open_refund(self, sale: str) -> bool:
        """Say whether one of them is not yet done, and has not failed."""
        is_open = Refund.state.in_(OPEN)
        asked = select(Refund.id).join(Payment, Payment.id == Refund.payment_id).where(Payment.provider_id == sale)
        return patiently(lambda: self._scalar(asked.where(is_open))) is not None

    def mail_about(self, reference: str, kinds: Collection[str]) -> tuple[uuid.UUID, str] | None:
        """Return a mail of these kinds about a request to end that has left, with the address that reports come to."""
        found = (
            select(Mail)
            .join(EndRequest, EndRequest.id == Mail.end_request_id)
            .where(EndRequest.reference == reference, Mail.kind.in_(kinds), Mail.state == MailState.SENT)
        )
        mail = patiently(lambda: self._scalar(found))
        return (mail.id, envelopes.sender_of(self.context, mail)) if mail is not None else None

    def is_open(self, reference: str) -> bool:
        """Say whether a request to end is neither confirmed nor taken back."""
        found = select(EndRequest.id).where(EndRequest.reference == reference, EndRequest.state.in_(OPEN_ENDS))
        return patiently(lambda: self._scalar(found)) is not None

    def owes(self, seat: Seat) -> bool:
        """Say whether the portal knows that something is outstanding."""
        mine = select(Subscription.id).where(Subscription.id == seat.subscription_id, Subscription.outstanding > 0)
        return patiently(lambda: self._scalar(mine.where(Subscription.status == Status.PAST_DUE))) is not None

    def is_erased(self, seat: Seat) -> bool:
        """Say whether nothing is kept of the customer any more."""
        gone = Customer.id == seat.customer_id, Customer.erased_at.is_not(None)
        return patiently(lambda: self._scalar(select(Customer.id).where(*gone))) is not None

    def _scalar(self, query: Any) -> Any:
        with self.context.db.read() as session:
            return session.scalars(query).first()

    def switch_off(self, seats: Collection[int]) -> None:
        """Let these subscriptions be of a product whose customers may not cancel by themselves."""
        merchants = {self.seats[seat].merchant_id for seat in seats}
        products = {merchant_id: uuid.uuid4() for merchant_id in merchants}
        with self.context.db.begin() as session:
            session.add_all(
                Product(id=product_id, merchant_id=merchant_id, name="Cours", self_cancellation=Override.OFF)
                for merchant_id, product_id in products.items()
            )
            session.flush()
            for seat in seats:
                row = session.get_one(Subscription, self.seats[seat].subscription_id)
                row.product_id = products[row.merchant_id]

    def _open(self, seat: Seat, kind: Kind, person_id: uuid.UUID) -> str:
        with self.context.db.begin() as session:
            return sessions.open_for(session, kind, seat.merchant_id, person_id, visitor=Visitor(), now=utc_now())


T = TypeVar("T")


def patiently(act: Callable[[], T]) -> T:
    """Do something with the database, again while that is being restarted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def build(stack: Stack, count: int, *, seed: int, pending: int = 0, named: Collection[int] = ()) -> World:
    """Make `count` subscriptions at the simulator, import them, and give everybody a seat in the seed's order.

    The last `pending` of the first merchant's were never approved at PayPal.  Those at the seats `named` have a name
    and an address of their own.
    """
    world = World(
        context=_context(stack),
        simulated=Simulated(stack.ports["simulator"]),
        web=f"http://{HOST}:{stack.ports['web']}",
    )
    ids: list[str] = []
    for place, (slug, name, locale) in enumerate(MERCHANTS):
        share = count // 2 + (count % 2 if place == 0 else 0)
        ids += add_merchant(
            *(world, slug, name, locale),
            share=share,
            seed=seed * 10 + place,
            pending=pending if place == 0 else 0,
            named=sorted(seat - len(ids) for seat in named if 0 <= seat - len(ids) < share),
        )
    with world.context.db.read() as session:
        rows = {row.provider_id: row for row in session.scalars(select(Subscription))}
        slugs = dict(session.execute(select(Merchant.id, Merchant.slug)).all())
    for provider_id in ids:
        row = rows[provider_id]
        world.seats.append(Seat(row.id, provider_id, row.customer_id, row.merchant_id, slugs[row.merchant_id]))
    return world


def add_merchant(
    world: World, slug: str, name: str, locale: str, *, share: int, seed: int, pending: int, named: Sequence[int]
) -> list[str]:
    """Make a merchant and its subscriptions as `build` does; return PayPal's ids of them."""
    client, secret, plan = f"client-{slug}", f"secret-of-{slug}", f"P-CHAOS{slug.upper():0<20}"
    world.simulated.post("accounts", client_id=client, secret=secret)
    world.simulated.post("plans", name=f"Cours {name}", plan_id=plan, client_id=client)
    ids = world.simulated.post("many", count=share - pending - len(named), plan_id=plan, seed=seed)["ids"]
    for place in named:
        who = {
            "given_name": "Camille",
            "surname": f"Unique{slug}{place:05}",
            "email": f"unique{place:05}@{slug}.example",
        }
        made = world.simulated.post("subscriptions", plan_id=plan, **who)["id"]
        world.addresses[made] = who["email"]
        ids.insert(place, made)
    for number in range(pending):
        given = {"plan_id": plan, "status": "APPROVAL_PENDING", "email": f"pending{number}@example.com"}
        ids.append(world.simulated.post("subscriptions", **given)["id"])
    ctx, now = world.context, utc_now()
    merchant = Merchant(
        id=uuid.uuid4(),
        slug=slug,
        name=name,
        locale=locale,
        support_email=f"aide@{slug}.example",
        self_cancellation=True,
    )
    with ctx.db.begin() as session:
        session.add(merchant)
        session.flush()
        staff = Staff(
            id=uuid.uuid4(), merchant_id=merchant.id, email=f"anne@{slug}.example", name="Anne",
            locale=locale, password_hash="none", totp_secret=b"none",
        )  # fmt: skip
        session.add(staff)
        session.flush()
        session.add(Membership(merchant_id=merchant.id, staff_id=staff.id, role=Role.OWNER))
        session.add(
            PayPalAccount(
                merchant_id=merchant.id, environment="sandbox", client_id=client, set_at=now, state=KeyState.WORKING,
                secret=ctx.vault.seal(secret, purpose=SECRET), secret_ending="cret", checked_at=now, check_result={},
            )
        )  # fmt: skip
        session.flush()
        endpoint = webhook_endpoints.endpoint_of(session, merchant.id, "sandbox")
        endpoint.url = webhook_endpoints.webhook_url(ctx, endpoint)
        world.staff[slug] = staff.id
        # Its messages begin to come now, before the import: one about an unknown subscription brings it in.
        endpoint.webhook_id = world.simulated.post("webhooks", url=endpoint.url, client_id=client)["id"]
        endpoint.registered_at = endpoint.checked_at = now
    told = Wish(address=f"{world.outside.url}/{slug}", is_full=True)
    event_endpoints.make(replace(ctx, event_posts=HttpEventPosts(loopback=True)), merchant.id, told, by=By(), now=now)
    imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
    return ids


def _context(stack: Stack) -> Context:
    """The product's own wiring, for setting up: import, sessions, sealed keys."""
    urls = {name: stack.environment[f"PAYPAL_{name.upper()}_URL"] for name in ("sandbox", "live")}
    return Context(
        db=Database(stack.cluster.url),
        vault=Vault((("chaos", MASTER_KEY),)),
        gateways=PayPalGateways(urls),
        webhooks=PayPalSignatures(urls, trust=stack.folder / "authority.pem"),
        ipns=PayPalIpns(urls),
        mailer=RememberingMailer(),
        base_url=stack.environment["PORTAL_BASE_URL"],
        mail_from=stack.environment["MAIL_FROM"],
        bounce_address=stack.environment["MAIL_BOUNCE_ADDRESS"],
    )
