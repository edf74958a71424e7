"""From the ticked rows of the list, or from its filters, to the draft of an act on many subscriptions."""

from __future__ import annotations

import uuid

from flask import request
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.queries.desk.keyset import PAGE
from portal.services.bulk import bulk_choices
from portal.services.bulk.bulk_choices import BadChoice, Choice
from portal.web.admin.bulk import bulk_words
from portal.web.admin.bulk.bulk_acts import who
from portal.web.admin.bulk.bulk_forms import ChoiceForm
from portal.web.admin.list_pages import Asked
from portal.web.identity import context
from portal.web.typed_text import as_id


def draft(form: ChoiceForm, asked: Asked[SubscriptionFilter]) -> uuid.UUID | None:
    """Freeze what was chosen, or have it gathered; None when it cannot be an act: the form then says why."""
    if request.form.get("scope") == "all":
        if asked.faults:  # another list than the one that was shown: something of it went meanwhile
            form.form_errors.append(_("This is no longer the list you chose from. Check it, then choose again."))
            return None
        choice = Choice(filter=asked.filter, names=asked.names)
    else:
        choice = Choice(ids=_ids())
    try:
        return bulk_choices.draft(context(), who(), form.action.data, choice, now=utc_now())
    except BadChoice as bad:
        form.form_errors.append(str(bulk_words.FAULT[bad.fault]))
        return None


def _ids() -> list[uuid.UUID]:
    """Return the ticked ids, as many as one page offers; what is no id is left out."""
    ids = map(as_id, request.form.getlist("ids")[: 2 * PAGE])
    return [one for one in ids if one is not None]
