"""What nobody asks any more of a merchant's CSV is deleted by a worker, some rows at a time.

A million lines leave a million hashes with each check: no page waits until they are gone, and no single statement.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ColumnElement

from portal.domain.desk.file_imports import FileImportState
from portal.models import FileImport, FileImportFault, FileImportKey, FileImportPart
from portal.queries.people import file_imports
from portal.services.batches import delete_all
from portal.services.context import Context

Rows = tuple[type[Any], tuple[ColumnElement[bool], ...]]  # of which table, and of its rows of the file which


def tidy(ctx: Context, import_id: uuid.UUID) -> None:
    """Delete all of a file that somebody deleted; of any other what earlier attempts met, and hashes once it is done.

    Killed anywhere, it may run again.
    """
    with ctx.db.read() as session:
        held = file_imports.find(session, import_id)
    if held is None:
        return
    for row, which in _over(held):
        delete_all(ctx.db, row, row.file_import_id == import_id, *which)


def _over(held: FileImport) -> list[Rows]:
    if held.emptied_at is not None:
        return [(FileImportPart, ()), (FileImportKey, ()), (FileImportFault, ())]
    is_done = held.state is FileImportState.DONE
    return [
        (FileImportKey, () if is_done else (FileImportKey.attempt < held.attempt,)),
        (FileImportFault, (FileImportFault.attempt < held.attempt,)),
    ]
