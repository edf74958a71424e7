"""A merchant's logo: kept unseen when it is brought, shown to customers once it is published."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from sqlalchemy import delete

from portal.clock import utc_now
from portal.domain.audit import By
from portal.models import Logo
from portal.queries.merchants import logos
from portal.queries.people import merchants
from portal.services import pictures, settings
from portal.services.context import Context
from portal.services.settings import Sign

UNSEEN_FOR: Final = timedelta(days=1)  # that long a logo waits for its publication


def bring(ctx: Context, merchant_id: uuid.UUID, content: bytes) -> uuid.UUID:
    """Keep a picture that no customer sees yet, and return its id; raise BadPicture. Older unseen ones go."""
    picture = pictures.cleaned(content)
    now, logo_id = utc_now(), uuid.uuid4()
    with ctx.db.begin() as session:
        shown = merchants.lock(session, merchant_id).logo_id
        old = (Logo.merchant_id == merchant_id, Logo.created_at < now - UNSEEN_FOR, Logo.id.is_distinct_from(shown))
        session.execute(delete(Logo).where(*old))
        session.add(Logo(id=logo_id, merchant_id=merchant_id, content=picture, created_at=now))
    return logo_id


def publish(ctx: Context, merchant_id: uuid.UUID, logo_id: uuid.UUID | None, *, seen: int, by: By) -> None:
    """Show customers that logo, none for the plate; raises NoResultFound, and EditedMeanwhile as every setting."""
    if logo_id is not None:
        with ctx.db.read() as session:
            logos.check_of_merchant(session, merchant_id, logo_id)
    settings.save(ctx, merchant_id, Sign(logo_id=logo_id), seen=seen, by=by)
