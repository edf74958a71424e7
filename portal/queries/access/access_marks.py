"""Marks of access that are due, and the statements that make them so (services/outgoing_access.py)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.models import AccessMark

DUE = "ON CONFLICT (customer_id, product_id, environment) DO UPDATE SET due_at = LEAST(access_marks.due_at, :now)"
# One pair, or all of some customers or products: what is held, what was given, and what is remembered of either.
OF_PAIR = text(f"""
INSERT INTO access_marks (merchant_id, customer_id, product_id, environment, due_at)
VALUES (:merchant_id, :customer_id, :product_id, :environment, :now) {DUE}
""")  # noqa: S608 - our own words
OF_SEVERAL = text(f"""
INSERT INTO access_marks (merchant_id, customer_id, product_id, environment, due_at)
SELECT :merchant_id, customer_id, product_id, environment, CAST(:now AS timestamptz) FROM (
    SELECT customer_id, product_id, environment FROM subscriptions
    WHERE merchant_id = :merchant_id AND (customer_id = ANY(:customers) OR product_id = ANY(:products))
    UNION SELECT grants.customer_id, grants.product_id, COALESCE(world.environment, 'live')
    FROM grants LEFT JOIN LATERAL (
        SELECT environment FROM paypal_accounts WHERE merchant_id = :merchant_id ORDER BY provider DESC LIMIT 1
    ) AS world ON true
    WHERE grants.merchant_id = :merchant_id AND (customer_id = ANY(:customers) OR product_id = ANY(:products))
    UNION SELECT customer_id, product_id, environment FROM access_marks
    WHERE merchant_id = :merchant_id AND (customer_id = ANY(:customers) OR product_id = ANY(:products))
) AS pairs ORDER BY customer_id, product_id, environment {DUE}
""")  # noqa: S608 - our own words
# Of a merchant for whom nobody watched so far: everything as it stands is no news.
FORGET = text("""
UPDATE access_marks SET told = NULL, is_silent = true, due_at = :now WHERE merchant_id = :merchant_id
""")
SEED = text("""
INSERT INTO access_marks (merchant_id, customer_id, product_id, environment, due_at, is_silent)
SELECT :merchant_id, customer_id, product_id, environment, CAST(:now AS timestamptz), true FROM (
    SELECT customer_id, product_id, environment FROM subscriptions WHERE merchant_id = :merchant_id
    UNION SELECT grants.customer_id, grants.product_id, COALESCE(world.environment, 'live')
    FROM grants LEFT JOIN LATERAL (
        SELECT environment FROM paypal_accounts WHERE merchant_id = :merchant_id ORDER BY provider DESC LIMIT 1
    ) AS world ON true
    WHERE grants.merchant_id = :merchant_id
) AS pairs ON CONFLICT DO NOTHING
""")


def lock_due(session: Session, *, now: datetime, limit: int) -> list[AccessMark]:
    """Return so many that are due, locked; what another worker has is left to it."""
    due = select(AccessMark).where(AccessMark.due_at <= now).order_by(AccessMark.due_at).limit(limit)
    return list(session.scalars(due.with_for_update(key_share=True, skip_locked=True)))
