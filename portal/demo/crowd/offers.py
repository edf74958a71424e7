"""What is sold, and how many of what there are: the shops that very many subscriptions belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A plan of a product, sold as often as its share says. `cycles`: paid so often, then it is completed."""

    product: str
    plan_id: str
    amount: str
    share: int
    currency: str = "EUR"
    unit: str = "MONTH"
    cycles: int = 0


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """A merchant's shop, and one of how many subscriptions has what hangs on it.

    `stuck`: ends that need the merchant, the first ones and one of so many; `letters`: requests that came by letter.
    """

    offers: tuple[Offer, ...]
    tongues: tuple[tuple[str, int], ...]
    stuck: int
    stuck_one_of: int = 0
    letters: int = 0
    paid_one_of: int = 50
    time_zone: str = "Europe/Paris"

    @property
    def limited(self) -> Offer:
        """What runs its course by itself."""
        return next(offer for offer in self.offers if offer.cycles)


BENCH: Final = Crowd(
    offers=(
        Offer(product="Cours de piano", plan_id="P-BENCHPIANO", amount="29.90", share=500),
        Offer(product="Atelier photo", plan_id="P-BENCHPHOTO", amount="12.00", share=300),
        Offer(product="Magazine", plan_id="P-BENCHMAGAZINE", amount="60.00", share=150, unit="YEAR"),
        Offer(product="Yoga", plan_id="P-BENCHYOGA", amount="49.00", share=49, cycles=6),
        Offer(product="Œuvre complète", plan_id="P-BENCHOEUVRE", amount="35.00", share=1, currency="CHF"),
    ),
    tongues=(("fr", 85), ("de", 10), ("en", 5)),
    stuck=60,
    stuck_one_of=3_000,
    letters=20,
)
# The plans that the ordinary demo sells as well have its ids (demo/seed.py).
ATELIER: Final = Crowd(
    offers=(
        Offer(product="Cours de piano en ligne", plan_id="P-DEMOPIANO000000000000000", amount="29.90", share=42),
        Offer(product="Club photo", plan_id="P-DEMOPHOTO000000000000000", amount="120.00", share=20, unit="YEAR"),
        Offer(product="Formation dessin", plan_id="P-DEMOSIXMOIS0000000000000", amount="49.00", share=9, cycles=6),
        Offer(product="Carnet d’aquarelle", plan_id="P-DEMOAQUARELLE00000000000", amount="9.50", share=19),
        Offer(product="Klavierkurs", plan_id="P-DEMOKLAVIER0000000000000", amount="34.00", share=7, currency="CHF"),
        Offer(product="Cercle des mécènes", plan_id="P-DEMOMECENES0000000000000", amount="250.00", share=3),
    ),
    tongues=(("fr", 78), ("de", 14), ("en", 8)),
    stuck=9,
    letters=34,
    paid_one_of=10,
)
STUDIO: Final = Crowd(
    offers=(
        Offer(product="Yoga at home", plan_id="P-DEMOYOGA0000000000000000", amount="19.00", share=30),
        Offer(product="Sketch club", plan_id="P-DEMOSKETCH00000000000000", amount="1800", share=15, currency="JPY"),
        Offer(product="Stretching", plan_id="P-DEMOSTRETCH0000000000000", amount="12.00", share=30, currency="GBP"),
        Offer(product="Meditation", plan_id="P-DEMOMEDITATION0000000000", amount="9.00", share=17, currency="USD"),
        Offer(product="Retreats", plan_id="P-DEMORETREATS000000000000", amount="150.00", share=8, cycles=6),
    ),
    tongues=(("en", 72), ("de", 14), ("fr", 14)),
    stuck=2,
    letters=6,
    paid_one_of=4,
)
