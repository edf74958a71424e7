"""The words of acts on many subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.domain.ends.end_requests import Basis
from portal.domain.subscriptions import Action
from portal.queries.ends.bulk_results import BulkState, Hold, Result
from portal.services.bulk.bulk_choices import Fault
from portal.services.bulk.bulk_running import RowReason
from portal.web import labels

ACTION: Final[Mapping[Action, LazyString]] = {
    Action.CANCEL: _l("Cancel"),
    Action.COMPLETE: _l("Mark as completed"),
    Action.ABANDON: _l("Mark as abandoned"),
}

STATE: Final[Mapping[BulkState, LazyString]] = {
    BulkState.PREPARING: _l("Being prepared"),
    BulkState.UNFIT: _l("Not possible"),
    BulkState.DRAFT: _l("Not confirmed"),
    BulkState.RUNNING: _l("Running"),
    BulkState.STOPPED: _l("Stopped"),
    BulkState.DONE: _l("Finished"),
    BulkState.DROPPED: _l("Closed early"),
}

RESULT: Final[Mapping[Result, LazyString]] = {
    Result.WAITING: _l("Not sent yet"),
    Result.CONFIRMED: _l("End confirmed"),
    Result.NEVER_STARTED: labels.ENDED[Basis.NEVER_STARTED],
    Result.UNDER_WAY: _l("Recorded, waiting for PayPal"),
    Result.NEEDS_MERCHANT: _l("Needs your attention"),
    Result.LOCAL: _l("Changed here only"),
    Result.SKIPPED: _l("Unchanged"),
    Result.TAKEN_BACK: _l("Request withdrawn"),
}

REASON: Final[Mapping[str, LazyString]] = {
    RowReason.HAS_REQUEST: _l("A request was already open: it continues by itself."),
    RowReason.NOTIFIED: _l("The customer has requested cancellation: cancel it, and that answers them."),
    RowReason.WISHED_LATER: _l("The customer has asked for a later date: end it on that date, on its own page."),
    RowReason.IS_OVER: _l("Already ended: nothing was changed."),
    RowReason.NOT_POSSIBLE: _l("Not possible in its current status."),
    RowReason.NOT_ALLOWED: _l("The person who confirmed is not allowed to do this."),
    RowReason.DROPPED: _l("The bulk action was closed before it came to this one."),
    RowReason.DEFECT: _l("An error in the portal: nothing was changed. Tell whoever runs this portal."),
}

HOLD: Final[Mapping[Hold, LazyString]] = {
    Hold.CALM: _l("PayPal asked us to slow down. It continues by itself in a few minutes."),
    Hold.KEY: _l("PayPal refuses the API key. It continues by itself as soon as a key works."),
    Hold.SILENCE: _l("PayPal is not answering just now. It continues by itself when PayPal does."),
    Hold.TURN: _l("Another of your bulk actions is running. This one starts when that one has finished."),
}

FAULT: Final[Mapping[Fault, LazyString]] = {
    Fault.NOTHING: _l("Tick at least one subscription."),
    Fault.TOO_MANY: _l(
        "A bulk action takes at most 10,000 subscriptions. Filter the list first, then do it in several parts."
    ),
}
