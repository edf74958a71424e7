"""The merchant whose desk is measured: the demo's crowd (portal/demo/crowd), with every kind of row in it."""

from __future__ import annotations

import uuid
from typing import Any, Final

import psycopg
from sqlalchemy import column
from sqlalchemy.dialects import postgresql

from portal.clock import utc_now
from portal.demo import crowd
from portal.demo.crowd.offers import BENCH
from portal.models.names import reading_order

# Customers are listed in this order (portal/models/names.py).
ORDER: Final = str(reading_order(column("name")).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]

sizes = crowd.sizes


def fill(connection: psycopg.Connection[Any], merchant_id: uuid.UUID, count: int) -> None:
    """Write so many subscriptions, begun within the fourteen months before now."""
    crowd.fill(connection, merchant_id, count, BENCH, now=utc_now())
