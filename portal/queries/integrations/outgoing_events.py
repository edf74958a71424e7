"""The statement by which a fact becomes an event, and the objects that events are about."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

# One statement: a fact that stands there already changes nothing, not even the subscription's count.
TELL: Final = text("""
WITH given AS (
    SELECT CAST(:id AS uuid) AS id, CAST(:now AS timestamptz) AS now, CAST(:merchant_id AS uuid) AS merchant_id,
           CAST(:type AS text) AS type, CAST(:key AS text) AS key, CAST(:at AS timestamptz) AS at,
           CAST(:kind AS text) AS kind, CAST(:subject_id AS uuid) AS subject_id,
           CAST(:subscription_id AS uuid) AS subscription_id, CAST(:facts AS jsonb) AS facts,
           CAST(:only AS uuid) AS only, CAST(:environment AS text) AS environment
), fresh AS (
    SELECT * FROM given WHERE NOT EXISTS (
        SELECT FROM outgoing_events AS told
        WHERE told.merchant_id = given.merchant_id AND told.type = given.type AND told.key = given.key)
), counted AS (
    UPDATE subscriptions SET event_number = event_number + 1 FROM fresh
    WHERE subscriptions.id = fresh.subscription_id RETURNING event_number
), told AS (
    INSERT INTO outgoing_events (id, created_at, merchant_id, type, key, at, subject_kind, subject_id,
                                 subscription_id, sequence, facts)
    SELECT id, now, merchant_id, type, key, at, kind, subject_id, subscription_id,
           (SELECT event_number FROM counted), facts
    FROM fresh ON CONFLICT ON CONSTRAINT uq_outgoing_events_fact DO NOTHING RETURNING id
)
INSERT INTO event_deliveries (id, created_at, merchant_id, event_id, endpoint_id, state, failed, next_try_at)
SELECT gen_random_uuid(), given.now, given.merchant_id, told.id, endpoint.id, 'waiting', 0, given.now
FROM told CROSS JOIN given JOIN event_endpoints AS endpoint ON endpoint.merchant_id = given.merchant_id
WHERE CASE WHEN given.only IS NOT NULL THEN endpoint.id = given.only
           ELSE endpoint.state <> 'disabled'
                AND COALESCE(endpoint.environment = given.environment, true)
                AND (endpoint.types = '[]' OR endpoint.types @> to_jsonb(given.type)) END
""")


def objects(
    session: Session, row_type: type[Any], ids: Collection[uuid.UUID], merchants: Collection[uuid.UUID]
) -> list[Any]:
    """Return the rows of these ids that are one of these merchants'."""
    return list(session.scalars(select(row_type).where(row_type.id.in_(ids), row_type.merchant_id.in_(merchants))))
