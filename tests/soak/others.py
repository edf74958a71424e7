"""Everybody beside the salon's customers: staff, strangers at the public pages, the merchant's programs, PayPal."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from portal.domain.integrations.public_ids import Kind as IdKind
from portal.domain.integrations.public_ids import public
from portal.queries.people.people import Kind
from tests.chaos.browsing import form_of
from tests.chaos.world import Seat, World
from tests.soak.salon import SLUG, Regular, Salon
from tests.soak.visits import Visitor, walk

DESK: Final = (
    *("/admin/", "/admin/subscriptions", "/admin/customers", "/admin/payments", "/admin/requests"),
    *("/admin/audit", "/admin/paypal/events", "/admin/received"),
)
DESK_STEPS: Final = 8
BATCH: Final = 100
LISTS: Final = ("/v1/subscriptions", "/v1/customers", "/v1/payments", "/v1/products", "/v1/events", "/v1/end_requests")
DECLARATIONS: Final = ("resilier", "renoncer")
# What happens at PayPal, and how often: mostly somebody pays.
HAPPENINGS: Final = {
    "charge": 20,
    "decline-payment": 3,
    "fix-payments": 3,
    "raise-price": 1,
    "refund-part": 2,
    "reverse-part": 1,
}
REPEATED: Final = 5  # one in so many times PayPal sends the last messages again


@dataclass
class Desk:
    """The salon's owner, and the other merchants' who read their lists."""

    world: World
    salon: Salon
    tokens: dict[str, str] = field(default_factory=dict)

    def look_around(self, visitor: Visitor, chance: random.Random) -> None:
        """Read lists, records and settings."""
        slug = chance.choice(sorted(self.world.staff))
        if slug not in self.tokens:
            whose = self.salon.merchant_id if slug == SLUG else self._merchant_of(slug)
            self.tokens[slug] = self.salon.token(Kind.STAFF, self.world.staff[slug], whose)
        visitor.http.cookies.set("portal_staff", self.tokens[slug])
        walk(visitor, chance, begin=chance.choice(DESK), within="/admin/", steps=DESK_STEPS)

    def _merchant_of(self, slug: str) -> uuid.UUID:
        return next(seat.merchant_id for seat in self.world.seats if seat.slug == slug)


def declare(visitor: Visitor, chance: random.Random) -> bool:
    """A stranger declares at the public page that they cancel, or withdraw, and confirms; say whether it was taken."""
    path = f"/{SLUG}/{chance.choice(DECLARATIONS)}"
    number = chance.randrange(10**6)
    typed = {"name": f"Unique Passante {number}", "email": f"unique.passante{number}@client.example"}
    fields = {**form_of(visitor.text(path), path), **typed, "contract": f"I-{number}", "step": "check"}
    for step in ("check", "notify"):
        answer = visitor.post(path, {**fields, "step": step})
        if answer is None or answer.status_code not in (200, 303):
            return False
        if answer.status_code == 303:
            visitor.get(answer.headers["Location"])
            return True
        fields = form_of(answer.text, path)
    return False


@dataclass
class Program:
    """A merchant's own site, by the API."""

    salon: Salon

    def check(self, visitor: Visitor, chance: random.Random) -> None:
        """Ask whether some may open the course, once more by the mark of the answer, and of many at once."""
        self._key(visitor, SLUG)
        for one in chance.sample(self.salon.regulars, 5):
            path = f"/v1/access?customer={one.public_id}&product={self.salon.product}"
            answer = visitor.get(path)
            if answer is not None and answer.status_code == 200:
                visitor.ask("GET", path, headers={"If-None-Match": answer.headers.get("ETag", "")})
        asked = [
            {"customer": one.public_id, "product": self.salon.product}
            for one in chance.sample(self.salon.regulars, BATCH)
        ]
        visitor.ask("POST", "/v1/access/batch", json={"checks": asked})

    def read(self, visitor: Visitor, chance: random.Random) -> None:
        """Read two pages of a list."""
        self._key(visitor, chance.choice(sorted(self.salon.keys)))
        path, cursor = chance.choice(LISTS), ""
        for _ in range(2):
            answer = visitor.get(f"{path}?limit=50{cursor}")
            if answer is None or answer.status_code != 200 or not answer.json()["has_more"]:
                return
            cursor = f"&cursor={answer.json()['next_cursor']}"

    def send_in(self, visitor: Visitor, regular: Regular, chance: random.Random) -> None:
        """Send a customer who is logged in at the merchant's to the portal; the call is made twice."""
        self._key(visitor, SLUG)
        asked = {"customer": regular.public_id, "return_url": "https://salon.example/compte"}
        name = {"Idempotency-Key": f"session-{uuid.uuid4()}"}
        for _ in range(2):
            visitor.ask("POST", "/v1/portal_sessions", json=asked, headers=name)

    def end(self, visitor: Visitor, seat: Seat) -> list[int]:
        """Ask for the end of a subscription, twice under one key; return how both were answered, 0 for not at all."""
        self._key(visitor, seat.slug)
        asked = {"subscription": public(IdKind.SUBSCRIPTION, seat.subscription_id)}
        name = {"Idempotency-Key": f"end-{seat.subscription_id}"}
        answers = [visitor.ask("POST", "/v1/end_requests", json=asked, headers=name) for _ in range(2)]
        return [answer.status_code if answer is not None else 0 for answer in answers]

    def _key(self, visitor: Visitor, slug: str) -> None:
        visitor.http.headers["Authorization"] = f"Bearer {self.salon.keys[slug]}"


def happen(world: World, charged: list[str], salon: Salon, chance: random.Random, counts: Counter[str]) -> None:
    """Let something happen at PayPal, which tells of it: `charged`, subscriptions that are only paid for."""
    kind = chance.choices(list(HAPPENINGS), list(HAPPENINGS.values()))[0]
    if kind == "charge" and chance.random() < 0.3:
        provider_id = chance.choice(charged)
    else:
        provider_id = chance.choice(salon.regulars).provider_id
    world.simulated.post(f"subscriptions/{provider_id}/{kind}")
    if chance.randrange(REPEATED) == 0:
        world.simulated.post("deliveries/repeat", last=3)
    counts[f"PayPal: {kind}"] += 1
