"""The words of acts on many subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.domain.subscriptions import Action
from portal.queries.bulk_results import BulkState, Hold, Result
from portal.services.bulk.bulk_acts import Fault
from portal.services.bulk.bulk_running import RowReason

ACTION: Final[Mapping[Action, LazyString]] = {
    Action.CANCEL: _l("Cancel"),
    Action.COMPLETE: _l("Mark as completed"),
    Action.ABANDON: _l("Mark as abandoned"),
}

STATE: Final[Mapping[BulkState, LazyString]] = {
    BulkState.DRAFT: _l("Not confirmed"),
    BulkState.RUNNING: _l("Running"),
    BulkState.STOPPED: _l("Stopped"),
    BulkState.DONE: _l("Finished"),
    BulkState.DROPPED: _l("Closed before its end"),
}

RESULT: Final[Mapping[Result, LazyString]] = {
    Result.WAITING: _l("Not asked yet"),
    Result.CONFIRMED: _l("End confirmed"),
    Result.UNDER_WAY: _l("Recorded, waiting for PayPal"),
    Result.NEEDS_MERCHANT: _l("Needs you"),
    Result.LOCAL: _l("Changed here only"),
    Result.SKIPPED: _l("Unchanged"),
    Result.TAKEN_BACK: _l("Request withdrawn"),
}

REASON: Final[Mapping[str, LazyString]] = {
    RowReason.HAS_REQUEST: _l("A request was already open: it goes on by itself."),
    RowReason.NOTIFIED: _l("Its customer has asked for the end: cancel it, and that answers them."),
    RowReason.WISHED_LATER: _l("Its customer has asked for a later day: end it on that day, on its own page."),
    RowReason.IS_OVER: _l("Already over: nothing was changed."),
    RowReason.NOT_POSSIBLE: _l("Not possible in its state."),
    RowReason.NOT_ALLOWED: _l("The person who confirmed may not do this."),
    RowReason.DROPPED: _l("The bulk action was closed before it came to this one."),
    RowReason.DEFECT: _l("An error in the portal: nothing was changed. Tell whoever runs this portal."),
}

HOLD: Final[Mapping[Hold, LazyString]] = {
    Hold.CALM: _l("PayPal asked us to slow down. It goes on by itself in a few minutes."),
    Hold.KEY: _l("PayPal refuses the API key. It goes on by itself as soon as a key works."),
    Hold.SILENCE: _l("PayPal does not answer just now. It goes on by itself when PayPal does."),
    Hold.TURN: _l("Another bulk action of yours is running. This one begins when that one is finished."),
}

FAULT: Final[Mapping[Fault, LazyString]] = {
    Fault.NOTHING: _l("Tick at least one subscription."),
    Fault.TOO_MANY: _l("A bulk action takes at most 10,000 subscriptions. Narrow the list first, then take several."),
}
