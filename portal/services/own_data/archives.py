"""One customer's data as one archive: all of it as JSON, and each part as CSV (law.md R-GD-1)."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.documents.own_data import readme
from portal.domain.access import access
from portal.models import Merchant
from portal.queries import subscriptions
from portal.queries.access import grants
from portal.queries.account import own_data
from portal.services.archives import plain
from portal.services.csv_files import MARK, line_of
from portal.services.rules import grants_of, rule_of


def zipped(session: Session, merchant: Merchant, customer_id: uuid.UUID, *, language: str, now: datetime) -> bytes:
    """Return the archive as it stands in the session's transaction."""
    held = io.BytesIO()
    whole: dict[str, Any] = {"merchant": merchant.name, "made_at": plain(now)}
    parts = {part: own_data.rows(session, part, customer_id) for part in own_data.PARTS}
    parts["access"] = _access(session, merchant.id, customer_id, now=now)
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", readme(merchant.name, language=language, now=now))
        for part, (names, found) in parts.items():
            rows = [{name: plain(value) for name, value in row.items()} for row in found]
            whole[part] = rows
            lines = [line_of(names), *(line_of(_cell(row[name]) for name in names) for row in rows)]
            archive.writestr(f"csv/{part}.csv", MARK + "".join(lines))
        archive.writestr("data.json", json.dumps(whole, ensure_ascii=False, indent=2))
    return held.getvalue()


def _cell(value: Any) -> object:
    return "" if value is None else json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _access(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return what each subscription opens, from when until when, as the account page reckons it."""
    names = ["subscription_id", "title", "since", "until", "is_open"]
    given = grants.of_customer(session, merchant_id, customer_id)
    rows = [
        dict(zip(names, (one.id, window.title, window.since, window.until, window.is_open(now)), strict=True))
        for one in subscriptions.all_of_customer(session, merchant_id, customer_id)
        for window in access.windows(one.facts, rule_of(one), grants_of(one.product, given))
    ]
    return names, rows
