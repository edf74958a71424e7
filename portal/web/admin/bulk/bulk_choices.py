"""From the ticked rows of the list, or from its filters, to the draft of an act on many subscriptions."""

from __future__ import annotations

import uuid
from typing import Final

from flask import request
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.bulk_acts import MOST_ROWS
from portal.domain.duties import Duty, may
from portal.domain.subscriptions import Status
from portal.queries import bulk_choices as chosen
from portal.queries import desk, products
from portal.services.bulk import bulk_choices
from portal.services.bulk.bulk_choices import BadChoice, Choice
from portal.web.admin.bulk import bulk_words
from portal.web.admin.bulk.bulk_acts import who
from portal.web.admin.bulk.bulk_forms import ChoiceForm
from portal.web.identity import context, person
from portal.web.typed_text import as_id

UNCOUNTED: Final = -1  # there are more than are shown


def matching(
    session: Session, shown: desk.Slice, *, status: Status | None, product_id: uuid.UUID | None, search: str
) -> int:
    """Count what the filters find, up to one more than a bulk action takes; 0 for those who only look.

    What a search finds beyond one page is counted by the preview alone.
    """
    if not may(person().role, Duty.ENDS):
        return 0
    if shown.is_whole or search:
        return len(shown.rows) if shown.is_whole else UNCOUNTED
    most = MOST_ROWS + 1
    found = chosen.matching(session, person().merchant_id, status=status, product_id=product_id, search="", most=most)
    return chosen.count(session, found)


def draft(form: ChoiceForm, *, status: Status | None, product_id: uuid.UUID | None, search: str) -> uuid.UUID | None:
    """Freeze what was chosen, or have it gathered; None when it cannot be an act: the form then says why."""
    if request.form.get("scope") == "all":
        choice = Choice(status=status, product_id=product_id, product=_name(product_id), search=search)
    else:
        choice = Choice(ids=_ids())
    try:
        return bulk_choices.draft(context(), who(), form.action.data, choice, now=utc_now())
    except BadChoice as bad:
        form.form_errors.append(str(bulk_words.FAULT[bad.fault]))
        return None


def _name(product_id: uuid.UUID | None) -> str:
    if product_id is None:
        return ""
    with context().db.read() as session:
        return next((row.name for row in products.names(session, person().merchant_id) if row.id == product_id), "")


def _ids() -> list[uuid.UUID]:
    """Return the ticked ids, as many as one page offers; what is no id is left out."""
    ids = map(as_id, request.form.getlist("ids")[: 2 * desk.PAGE])
    return [one for one in ids if one is not None]
