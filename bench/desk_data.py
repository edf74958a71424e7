"""A merchant whose subscriptions look like real ones, written by COPY: accents and hyphens, rare states, a past."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import column
from sqlalchemy.dialects import postgresql

from portal.models.names import reading_order

FIRST: Final = tuple(
    """
    Marie Jean Claire Éric Zoé Léa Chloé Hélène François Agnès Nathalie Anne-Sophie Jean-Pierre Marie-Claude Loïc
    Maël Inès Théo Noémie Aurélie Benoît Cédric Danièle Élodie Fabienne Gaël Hugo Isabelle Jérôme Karine Laurent
    Mathilde Nicolas Océane Pascal Quentin Raphaël Sébastien Thérèse Ulysse Valérie William Xavier Yann Amélie Björn
    Søren Mohamed Fatou Nguyễn Željko Łucja Iñaki Ana João
    """.split()  # noqa: SIM905 - to be read
)
LAST: Final = tuple(
    """
    Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia David
    Bertrand Roux Vincent Fournier Morel Girard André Mercier Dupont Lambert Bonnet François Martinez Legrand
    Garnier Faure Rousseau Blanc Guérin Müller Henry Roussel Nicolas Perrin Morin Mathieu Clément Gauthier Dumont
    López Fontaine Chevalier Robin Masson Sanchez Gérard Nguyen Boyer Denis Lemaire Duval Joly Gautier Roger Roche
    Roy Noël Meyer Lucas Meunier Jean Pérez Marchand Dufour Blanchard Marie Barbier Brun Dumas Brunet Schmitt Leroux
    Colin Fernández D’Angelo L’Hôpital Le-Gall Saint-Rémy O’Neil De-La-Tour Œuvrard Cœurdeuil Strauß Ærø
    """.split()  # noqa: SIM905 - to be read
)
DOMAINS: Final = (
    ("gmail.com", 34), ("orange.fr", 14), ("free.fr", 11), ("hotmail.fr", 10), ("wanadoo.fr", 7), ("yahoo.fr", 7),
    ("outlook.com", 6), ("laposte.net", 5), ("sfr.fr", 4), ("mairie-de-lyon.example", 1), ("mail.atelier.example", 1),
)  # fmt: skip
STATES: Final = (
    ("active", "ACTIVE", 560), ("cancelled", "CANCELLED", 300), ("completed", "EXPIRED", 80),
    ("past_due", "ACTIVE", 30),
    ("paused", "SUSPENDED", 20), ("pending", "APPROVAL_PENDING", 9), ("abandoned", "CANCELLED", 1),
)  # fmt: skip
KINDS: Final = (("customer", 700), ("paypal", 250), ("staff", 40), ("failed", 10))  # of what was cancelled
ENDED: Final = ("cancelled", "completed", "abandoned")
PRODUCTS: Final = (
    ("Cours de piano", 500),
    ("Atelier photo", 300),
    ("Magazine", 150),
    ("Yoga", 49),
    ("Œuvre complète", 1),
)
WITH_A_PAST: Final = 50  # one subscription of so many has payments, a request and a timeline
STUCK: Final = 60  # of the first, as many as a page of what there is to do, and one more of so many later
NOW: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

CUSTOMERS: Final = ("id", "merchant_id", "name", "email", "payer_id", "contact_allowed", "created_at")
SUBSCRIPTIONS: Final = (
    "id", "merchant_id", "customer_id", "product_id", "status", "provider", "provider_id", "environment",
    "provider_status", "provider_read_at", "failed_payments", "failure_threshold", "interval_count", "interval_unit",
    "amount", "currency", "relaunch_allowed", "created_at", "started_at", "next_payment_at", "paid_until", "ended_at",
    "stopped_at_provider_at", "ended_by",
)  # fmt: skip
PAYMENTS: Final = (
    "id", "merchant_id", "subscription_id", "environment", "provider_id", "state", "amount", "currency", "refunded",
    "refunds", "paid_at", "created_at",
)  # fmt: skip
TIMELINE: Final = ("id", "merchant_id", "subscription_id", "at", "kind", "key", "actor", "actor_name", "details")
REQUESTS: Final = (
    "id", "merchant_id", "subscription_id", "reference", "state", "outcome", "actor", "actor_name", "channel",
    "reason_code", "reason_text", "provider_note", "shown", "attempts", "created_at", "confirmed_at", "basis",
)  # fmt: skip

# As the trigger writes them.
WORDS: Final = """
    INSERT INTO search_words (merchant_id, word, customer_id)
    SELECT merchant_id, unnest(search_words_of(concat_ws(' ', name, email, payer_id))), id FROM customers
"""
INDEXES: Final = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('customers', 'subscriptions', 'search_words')
    AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
KEY: Final = "pk_search_words PRIMARY KEY (merchant_id, word, customer_id)"

COLUMNS: Final = {
    "customers": CUSTOMERS,
    "subscriptions": SUBSCRIPTIONS,
    "payments": PAYMENTS,
    "timeline_entries": TIMELINE,
    "end_requests": REQUESTS,
}

# Customers are listed in this order (portal/models/names.py).
ORDER: Final = str(reading_order(column("name")).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]

Rows = list[tuple[Any, ...]]


@dataclass
class Made:
    """What one stretch of subscriptions consists of, by table."""

    customers: Rows = field(default_factory=list)
    subscriptions: Rows = field(default_factory=list)
    payments: Rows = field(default_factory=list)
    timeline_entries: Rows = field(default_factory=list)
    end_requests: Rows = field(default_factory=list)


def fill(connection: psycopg.Connection[Any], merchant_id: uuid.UUID, count: int, *, at_once: int = 20_000) -> None:
    """Write the merchant's products and so many subscriptions, each with a customer of its own."""
    chance = random.Random(count)  # noqa: S311 - no secret
    products = [(uuid.UUID(int=chance.getrandbits(128), version=4), name) for name, _share in PRODUCTS]
    for product_id, name in products:
        connection.execute(
            "INSERT INTO products (id, merchant_id, name, keep_after_completion, keep_after_cancellation,"
            " stops_at_once, kept_while_paused, grace_days, commitment_binds, self_cancellation, created_at,"
            " notice_days, pause_offered, pause_longest_days)"
            " VALUES (%s, %s, %s, true, false, false, true, 3, false, 'inherit', %s, 0, false, 90)",
            (product_id, merchant_id, name, NOW),
        )
    with _unindexed(connection):
        for start in range(0, count, at_once):
            made = Made()
            for number in range(start, min(start + at_once, count)):
                _make(made, chance, merchant_id, [one for one, _name in products], number)
            for table, columns in COLUMNS.items():
                _copy(connection, table, columns, getattr(made, table))
        connection.execute(WORDS)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM (ANALYZE)")


@contextmanager
def _unindexed(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Copy first and index afterwards: what is copied is whole, so no trigger and no foreign key looks at it either."""
    indexes = connection.execute(INDEXES).fetchall()
    connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    connection.execute("; ".join(f"DROP INDEX {name}" for name, _definition in indexes))
    connection.execute("ALTER TABLE search_words DROP CONSTRAINT pk_search_words")
    yield
    connection.execute(f"ALTER TABLE search_words ADD CONSTRAINT {KEY}")
    connection.execute("; ".join(definition for _name, definition in indexes))
    connection.execute("SET session_replication_role = origin")


def _copy(connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Rows) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _make(made: Made, chance: random.Random, merchant_id: uuid.UUID, products: list[uuid.UUID], number: int) -> None:
    customer_id, subscription_id = (uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(2))
    begun = NOW - timedelta(seconds=chance.randrange(5 * 365 * 86_400))
    first, last = _mostly_common(chance, FIRST), _mostly_common(chance, LAST)
    local = f"{first}{chance.choice(('.', '-', '_', ''))}{last}{number}".lower().replace("’", "")
    email = f"{local}@{_one_of(chance, DOMAINS)[0]}" if number % 20 else None
    payer = _code(chance, 13)
    made.customers.append((customer_id, merchant_id, f"{first} {last}", email, payer, True, begun))
    status, word, _share = _one_of(chance, STATES)
    product = products[PRODUCTS.index(_one_of(chance, PRODUCTS))]
    over = begun + (NOW - begun) * chance.random() if status in ENDED else None
    kind = status if status in ("completed", "abandoned") else _one_of(chance, KINDS)[0] if over else None
    failed = 2 if status == "past_due" else 0
    due = None if over else NOW + timedelta(days=chance.randrange(1, 30))
    made.subscriptions.append(
        (subscription_id, merchant_id, customer_id, product, status, "paypal_rest", f"I-{_code(chance, 12)}", "sandbox",
         word, NOW, failed, 3, 1, "MONTH", "29.90", "EUR", status != "abandoned", begun, begun, due,
         due or over, over, over, kind)
    )  # fmt: skip
    if number < STUCK or number % (WITH_A_PAST * STUCK) == 0:
        made.end_requests.append(_request(chance, merchant_id, subscription_id, begun, "needs_merchant", None))
    elif number % WITH_A_PAST == 0:
        _past(made, chance, merchant_id, subscription_id, begun, over)


def _past(
    made: Made,
    chance: random.Random,
    merchant_id: uuid.UUID,
    subscription_id: uuid.UUID,
    begun: datetime,
    over: datetime | None,
) -> None:
    for month in range(12):
        paid = begun + timedelta(days=30 * month)
        made.payments.append(
            (uuid.uuid4(), merchant_id, subscription_id, "sandbox", _code(chance, 17), "completed", "29.90", "EUR", "0",
             "{}", paid, paid)
        )  # fmt: skip
    for kind, at in (("imported", begun), ("status_seen", begun), ("end_requested", over), ("ended", over)):
        if at is not None:
            made.timeline_entries.append(
                (uuid.uuid4(), merchant_id, subscription_id, at, kind, kind, "provider", "", '{"word": "ACTIVE"}')
            )
    if over is not None:
        made.end_requests.append(_request(chance, merchant_id, subscription_id, over, "confirmed", over))


def _request(
    chance: random.Random,
    merchant_id: uuid.UUID,
    subscription_id: uuid.UUID,
    at: datetime,
    state: str,
    confirmed_at: datetime | None,
) -> tuple[Any, ...]:
    reference = _code(chance, 8)
    return (
        uuid.uuid4(), merchant_id, subscription_id, f"{reference[:4]}-{reference[4:]}", state, "cancelled", "customer",
        "", "portal", "", "", "", "{}", 1, at, confirmed_at, "read_after_call" if confirmed_at else None,
    )  # fmt: skip


def _mostly_common(chance: random.Random, names: Sequence[str]) -> str:
    return names[min(int(chance.expovariate(8) * len(names)), len(names) - 1)]


def _one_of(chance: random.Random, shares: Sequence[Any]) -> Any:
    """Return one of the tuples, as often as its last part says."""
    return chance.choices(shares, cum_weights=_cumulated(shares))[0]


@cache
def _cumulated(shares: Sequence[Any]) -> list[int]:
    return list(accumulate(share[-1] for share in shares))


def _code(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(LETTERS, k=length))


def sizes(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, int, int]]:
    """Yield each table with its bytes, indexes among them, and its rows."""
    yield from connection.execute(
        "SELECT relname, pg_total_relation_size(oid), reltuples::bigint FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 0 ORDER BY 2 DESC"
    ).fetchall()
