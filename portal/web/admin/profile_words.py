"""The sentences of the pages on lists of classic profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.services.imports.profile_import_files import BadFile, FileFault, RowFault
from portal.services.imports.profile_imports import OwnIdFault, RowResult

STATE: Final[Mapping[str, LazyString]] = {
    "waiting": _l("Still to be read"),
    "added": _l("Added"),
    "known": _l("Already here"),
    "failed": _l("Not added"),
}

REASON: Final[Mapping[str, LazyString]] = {
    RowFault.NO_ID: _l("There is no profile ID in this line."),
    RowFault.NOT_AN_ID: _l("This is not a profile ID: they begin with “I-”, such as I-WCJA1MBC3CWY."),
    RowFault.OLD_ID: _l(
        "An old profile (“S-…”): PayPal’s API cannot manage these. It has to be cancelled in your PayPal account."
    ),
    RowFault.DUPLICATE: _l("The same ID is on an earlier line."),
    RowResult.UNKNOWN_PROFILE: _l(
        "PayPal does not know this profile under your classic key: it belongs to another account, or to a REST key."
    ),
    RowResult.NO_ANSWER: _l("PayPal did not answer for this profile, though it did for others. Try it again later."),
    RowResult.REFUSED: _l("PayPal refused to show this profile."),
    RowResult.NOT_WRITTEN: _l("What PayPal shows could not be saved here. Tell whoever runs this portal."),
    RowResult.GIVEN_UP: _l("Not read: the list was closed first."),
    OwnIdFault.BAD: _l("Its external_id was not written: at most 128 visible characters."),
    OwnIdFault.TAKEN: _l("Its external_id was not written: another of your customers has it."),
    OwnIdFault.OTHER: _l("Its external_id was not written: this customer has another one. Change it on their record."),
}

FILE: Final[Mapping[FileFault, LazyString]] = {
    FileFault.EMPTY: _l("The file is empty."),
    FileFault.TOO_LARGE: _l("The file is larger than 5 MB. Keep only the column of profile IDs, or split it."),
    FileFault.NOT_TEXT: _l(
        "This file is not text. If it comes from a spreadsheet, save it as “CSV UTF-8”, then choose that file."
    ),
    FileFault.TOO_MANY_COLUMNS: _l(
        "The first line has more than 1,000 columns. Put each profile ID on a line of its own."
    ),
    FileFault.COLUMNS: _l("The file has no column of profile IDs."),
    FileFault.NO_ROWS: _l("The file has a header, but no profile ID below it."),
    FileFault.TOO_MANY_ROWS: _l("The file has more than 200,000 rows. Split it and upload one part at a time."),
    FileFault.QUOTES: _l("A quotation mark is never closed, or is in the wrong place."),
    FileFault.SEVERAL_COLUMNS: _l(
        "There is more than one value in this line. With several columns, the first line must name them."
    ),
}


def of_file(bad: BadFile) -> str:
    """Return why a file cannot be taken, where, and what stood there instead."""
    parts = [str(FILE[bad.fault])]
    if bad.line is not None:
        parts.insert(0, _("Line %(line)s:", line=bad.line))
    if bad.seen:
        parts.append(_("Its first line says: %(columns)s.", columns=" · ".join(bad.seen)))
    parts.append(_("Nothing was saved: correct the file and choose it again."))
    return " ".join(parts)
