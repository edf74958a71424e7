"""A journal whose entries say something else: other moments, as by a clock that was off, or an older release's rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from portal.journal import segments
from portal.journal.gathering import Journal
from portal.models import Installation
from portal.services.context import Context


def written_anew(
    ctx: Context,
    journal: Journal,
    *,
    earlier: timedelta = timedelta(0),
    as_told: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> None:
    """Take the segments away, and write what they said once more: so much earlier, and as `as_told` makes of it."""
    journal.close()
    entries = []
    for path in journal.folder.paths():
        entries += segments.read(path, journal.folder.vault).entries
        path.unlink()
    with ctx.db.read() as session:
        name = session.get_one(Installation, 1).name.hex
    said = [as_told(asdict(one)) for one in entries]
    for one in said:
        one["at"] = (datetime.fromisoformat(one["at"]) - earlier).isoformat()
    journal._pen.write(name, [(one["number"], one["at"], json.dumps(one)) for one in said])
