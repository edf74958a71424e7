"""A merchant whose subscriptions look like real ones, written by COPY: accents and hyphens, rare states, a past."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql

from portal.demo.crowd.making import Made, Maker, Rows, Sold
from portal.demo.crowd.offers import Crowd, Offer
from portal.demo.simulator.records import Plan, stamp

CUSTOMERS: Final = (
    "id", "merchant_id", "email", "payer_id", "name", "locale", "contact_allowed", "created_at", "erased_at",
)  # fmt: skip
SUBSCRIPTIONS: Final = (
    "id", "merchant_id", "customer_id", "product_id", "plan_id", "status", "provider", "provider_id", "environment",
    "payer_id", "provider_status", "provider_status_at", "provider_read_at", "failed_payments", "failure_threshold",
    "outstanding", "interval_count", "interval_unit", "amount", "currency", "relaunch_allowed", "created_at",
    "started_at", "next_payment_at", "last_payment_at", "past_due_since", "paid_until", "access_until", "ended_at",
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
    "closed_at", "archived_at", "wished_on", "due_at", "awaited_at", "owed_until", "wait_reason", "next_try_at",
)  # fmt: skip
LETTERS: Final = (
    "id", "merchant_id", "reference", "received_at", "way", "name", "email", "contract", "message", "recorded_by",
    "state", "dismissal", "settled_by", "created_at", "open_since",
)  # fmt: skip
GRANTS: Final = (
    "id", "merchant_id", "customer_id", "product_id", "since", "until", "note", "actor_name", "created_at",
)  # fmt: skip
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "customers": CUSTOMERS,
    "subscriptions": SUBSCRIPTIONS,
    "payments": PAYMENTS,
    "timeline_entries": TIMELINE,
    "end_requests": REQUESTS,
    "received_requests": LETTERS,
    "grants": GRANTS,
}

# As the trigger writes them; who was there before has theirs, which are looked up once: a look for each customer would
# go through all that this very statement has written.
WORDS: Final = """
    WITH known AS MATERIALIZED (SELECT DISTINCT customer_id FROM search_words WHERE merchant_id = %(merchant_id)s)
    INSERT INTO search_words (merchant_id, word, customer_id)
    SELECT merchant_id, unnest(search_words_of(concat_ws(' ', name, email, payer_id))), id FROM customers
    WHERE merchant_id = %(merchant_id)s AND NOT EXISTS (SELECT FROM known WHERE customer_id = customers.id)
"""
INDEXES: Final = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('customers', 'subscriptions', 'search_words')
    AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
KEY: Final = "pk_search_words PRIMARY KEY (merchant_id, word, customer_id)"

Told = Callable[[list[dict[str, Any]]], None]


def fill(
    connection: psycopg.Connection[Any],
    merchant_id: uuid.UUID,
    count: int,
    crowd: Crowd,
    *,
    now: datetime,
    tell_paypal: Told = lambda _rows: None,
    at_once: int = 20_000,
) -> None:
    """Write the crowd's products and so many subscriptions, each with a customer of its own.

    `tell_paypal` is given what PayPal knows of those that are not over, a stretch at a time.
    """
    chance = random.Random(count)  # noqa: S311 - no secret
    sold = [_sold(connection, chance, merchant_id, offer, now) for offer in crowd.offers]
    maker = Maker(crowd, chance, merchant_id, sold, now)
    with _unindexed(connection):
        for start in range(0, count, at_once):
            made = Made()
            for number in range(start, min(start + at_once, count)):
                maker.add(made, number)
            for table, columns in COLUMNS.items():
                _copy(connection, table, columns, getattr(made, table))
            tell_paypal(made.living)
        connection.execute(WORDS, {"merchant_id": merchant_id})
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM (ANALYZE)")
    connection.autocommit = False


def _sold(
    connection: psycopg.Connection[Any], chance: random.Random, merchant_id: uuid.UUID, offer: Offer, now: datetime
) -> Sold:
    """Find the plan of an offer, or write it, with its product."""
    known = connection.execute(
        "SELECT product_id, id FROM plans WHERE merchant_id = %s AND provider_id = %s", (merchant_id, offer.plan_id)
    ).fetchone()
    product_id, plan_id = known or (_id(chance), _id(chance))
    if known is None:
        connection.execute(
            "INSERT INTO products (id, merchant_id, name, keep_after_completion, keep_after_cancellation,"
            " stops_at_once, kept_while_paused, grace_days, commitment_binds, self_cancellation, created_at,"
            " notice_days, pause_offered, pause_longest_days)"
            " VALUES (%s, %s, %s, true, false, false, true, 3, false, 'inherit', %s, 0, false, 90)",
            (product_id, merchant_id, offer.product, now),
        )
        connection.execute(
            "INSERT INTO plans (id, merchant_id, product_id, environment, provider_id, name, amount, currency,"
            " interval_unit, interval_count, total_cycles, failure_threshold, read_at, created_at)"
            " VALUES (%s, %s, %s, 'sandbox', %s, %s, %s, %s, %s, 1, %s, 3, %s, %s)",
            (plan_id, merchant_id, product_id, offer.plan_id, offer.product, offer.amount, offer.currency, offer.unit,
             offer.cycles, now, now),
        )  # fmt: skip
    plan = Plan(
        offer.plan_id, "", offer.product, offer.amount, offer.currency, offer.unit, 1, offer.cycles, 3, "", "ACTIVE",
        None, stamp(now),
    )  # fmt: skip
    return Sold(offer, product_id, plan_id, plan)


def _id(chance: random.Random) -> uuid.UUID:
    return uuid.UUID(int=chance.getrandbits(128), version=4)


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


def sizes(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, int, int]]:
    """Yield each table with its bytes, indexes among them, and its rows."""
    yield from connection.execute(
        "SELECT relname, pg_total_relation_size(oid), reltuples::bigint FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 0 ORDER BY 2 DESC"
    ).fetchall()
