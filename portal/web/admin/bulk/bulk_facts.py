"""From the counts of an act on many subscriptions to sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Row

from portal.domain.ends.bulk_acts import Effect
from portal.domain.subscriptions import Action, Status
from portal.queries.ends.bulk_results import Result
from portal.services.bulk.bulk_choices import filter_of
from portal.services.bulk.bulk_previews import AccessEffect, Counts
from portal.web import labels
from portal.web.admin import list_words
from portal.web.admin.bulk import bulk_words
from portal.web.formatting import formatter

Line = tuple[str, int]


def chosen(filters: Mapping[str, Any]) -> str:
    """Return what was chosen, in words."""
    if not filters:
        return _("Ticked one by one")
    wanted, names = filter_of(filters), filters.get("names") or {filters.get("product_id"): filters.get("product")}
    parts = [list_words.value(pair, names) for pair in wanted.narrowing()]
    parts += [_("“%(text)s”", text=wanted.search)] if wanted.search else []
    return ", ".join(parts) or _("All subscriptions")


def effects(counts: Counts) -> list[Line]:
    """Return what happens to how many; what happens to none is left out."""
    found = counts.effects
    lines = [
        (_("Ended at PayPal: no further payment is taken, and PayPal cannot undo it"), found[Effect.AT_PAYPAL]),
        (_("Ended: not approved at PayPal, so nothing can be charged"), found[Effect.NOT_BEGUN]),
        (_("Changed here only: already ended at PayPal"), found[Effect.LOCAL]),
        (
            _("Unchanged: the customer requested cancellation, which only “Cancel” answers"),
            found[Effect.NOTIFIED],
        ),
        (_("Unchanged: the customer asked for a later date"), found[Effect.WISHED_LATER]),
        (_("Unchanged: already ended"), found[Effect.IS_OVER]),
        (_("Unchanged: this end is not possible in its current status"), found[Effect.NOT_POSSIBLE]),
        (_("Unchanged: a request is already open and continues"), found[Effect.HAS_REQUEST]),
    ]
    return [line for line in lines if line[1]]


def access(counts: Counts) -> list[Line]:
    """Return what becomes of access for those that are asked to end, and what staff must know of them."""
    found = counts.access
    latest = formatter().last_day(counts.latest) if counts.latest is not None else ""
    lines = [
        (_("Access stops at once"), found[AccessEffect.AT_ONCE]),
        (
            _("Access lasts until the end of the paid time, %(date)s at the latest", date=latest),
            found[AccessEffect.LATER],
        ),
        (
            _("Access lasts until an unknown date: PayPal does not say until when it is paid"),
            found[AccessEffect.UNKNOWN],
        ),
        (_("Access is kept for good"), found[AccessEffect.KEPT]),
        (_("No access now, and none to come"), found[AccessEffect.NOTHING]),
        (_("The customer’s own planned request is replaced by yours"), counts.replaced),
    ]
    return [line for line in lines if line[1]]


def too_early(counts: Counts) -> str:
    """Return the warning that commitments still run, "" when none does."""
    if not counts.committed:
        return ""
    return ngettext(
        "The commitment of %(count)s of them is still running: you are ending it early.",
        "The commitments of %(count)s of them are still running: you are ending them early.",
        counts.committed,
        count=formatter().number(counts.committed),
    )


def press(counts: Counts, action: Action) -> str:
    """Return what the button does, and to how many."""
    num = counts.acts
    count = formatter().number(num)
    if action is Action.COMPLETE:
        return ngettext(
            "Complete %(count)s subscription and cancel it at PayPal",
            "Complete %(count)s subscriptions and cancel them at PayPal",
            num,
            count=count,
        )
    if action is Action.ABANDON:
        return ngettext(
            "Mark %(count)s subscription as abandoned", "Mark %(count)s subscriptions as abandoned", num, count=count
        )
    return ngettext("Cancel %(count)s subscription", "Cancel %(count)s subscriptions", num, count=count)


def relaunch(counts: Counts, outcome: Status) -> str:
    """Return who may be invited to come back."""
    if outcome is Status.CANCELLED and counts.invitable:
        return ngettext(
            "%(count)s customer may be invited to come back.",
            "%(count)s customers may be invited to come back.",
            counts.invitable,
            count=formatter().number(counts.invitable),
        )
    if outcome is Status.ABANDONED:
        return _("None of them will ever be invited to come back: no email, no banner, no button. This is final.")
    return _("None of them will be invited to come back.")


def note_of(row: Row[Any]) -> str | None:
    """Return why a row stands where it stands, and its reference."""
    shown = row.trouble if row.result in (Result.UNDER_WAY, Result.NEEDS_MERCHANT) else None
    parts = [
        str(bulk_words.REASON[row.reason]) if row.reason else "",
        str(labels.TROUBLE[shown]) if shown is not None else "",
        row.reference or "",
    ]
    return " – ".join(part for part in parts if part) or None
