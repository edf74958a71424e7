"""A journal whose entries bear other moments, as by a clock that was off, or after weeks."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta

from portal.journal import segments
from portal.journal.gathering import Journal
from portal.models import Installation
from portal.services.context import Context


def written_anew(ctx: Context, journal: Journal, *, earlier: timedelta) -> None:
    """Take the segments away, and write what they said once more, each entry so much earlier than it was."""
    journal.close()
    entries = []
    for path in journal.folder.paths():
        entries += segments.read(path, journal.folder.vault).entries
        path.unlink()
    with ctx.db.read() as session:
        name = session.get_one(Installation, 1).name.hex
    said = [{**asdict(one), "at": (datetime.fromisoformat(one.at) - earlier).isoformat()} for one in entries]
    journal._pen.write(name, [(one["number"], one["at"], json.dumps(one)) for one in said])
