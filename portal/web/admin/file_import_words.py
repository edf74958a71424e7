"""The sentences of the pages on files that the team brings: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.desk.file_imports import BadMatch, Brought, DateOrder, Field, FileImportState, MatchFault, Wrong
from portal.queries.people.file_imports import FileImport
from portal.services.imports.file_import_reading import BadFile, Encoding, FileFault

BROUGHT: Final[Mapping[Brought, LazyString]] = {
    Brought.CUSTOMERS: _l("Customers"),
    Brought.SUBSCRIPTIONS: _l("Own data of subscriptions"),
    Brought.GRANTS: _l("Access given by hand"),
}
BROUGHT_HINT: Final[Mapping[Brought, LazyString]] = {
    Brought.CUSTOMERS: _l("Email address, name, language, and the ID that your systems use. New customers are added."),
    Brought.SUBSCRIPTIONS: _l("Your reference and other columns of your own, for subscriptions that are already here."),
    Brought.GRANTS: _l("A product for a customer, from one day to another. Nobody is emailed."),
}
STATE: Final[Mapping[FileImportState, LazyString]] = {
    FileImportState.UPLOADED: _l("Columns to be matched"),
    FileImportState.CHECKING: _l("Being checked"),
    FileImportState.CHECKED: _l("Checked: nothing is imported yet"),
    FileImportState.RUNNING: _l("Being imported"),
    FileImportState.STOPPED: _l("Stopped before the end"),
    FileImportState.DONE: _l("Imported"),
}
BY: Final[Mapping[FileImportState, LazyString]] = {
    FileImportState.UPLOADED: _l("Uploaded by"),
    **dict.fromkeys((FileImportState.CHECKING, FileImportState.CHECKED), _l("Checked by")),
    **dict.fromkeys((FileImportState.RUNNING, FileImportState.STOPPED, FileImportState.DONE), _l("Imported by")),
}
FIELD: Final[Mapping[Field, LazyString]] = {
    Field.CUSTOMER: _l("Customer ID of the portal"),
    Field.EXTERNAL_ID: _l("Customer ID in your systems"),
    Field.EMAIL: _l("Email address"),
    Field.NAME: _l("Name"),
    Field.LANGUAGE: _l("Language"),
    Field.SUBSCRIPTION: _l("PayPal subscription ID, or the portal’s"),
    Field.REFERENCE: _l("Your reference"),
    Field.EXTRA: _l("Keep under its own name"),
    Field.PRODUCT: _l("Product (name or ID)"),
    Field.SINCE: _l("First day"),
    Field.UNTIL: _l("Last day"),
    Field.NOTE: _l("Internal note"),
}
ORDER: Final[Mapping[DateOrder, LazyString]] = {
    DateOrder.DAY_FIRST: _l("Day first: 03/04/2027 is 3 April 2027"),
    DateOrder.MONTH_FIRST: _l("Month first: 03/04/2027 is 4 March 2027"),
}
ENCODING: Final[Mapping[Encoding, LazyString]] = {
    Encoding.UTF_8: _l("UTF-8"),
    Encoding.UTF_8_MARKED: _l("UTF-8"),
    Encoding.UTF_16: _l("UTF-16"),
    Encoding.UTF_16_LE: _l("UTF-16"),
    Encoding.UTF_16_BE: _l("UTF-16"),
    Encoding.WINDOWS: _l("Windows-1252 (Latin-1): check the accents below"),
}
DELIMITER: Final[Mapping[str, LazyString]] = {
    ";": _l("semicolon"),
    ",": _l("comma"),
    "\t": _l("tab"),
    "|": _l("vertical bar"),
}
FILE: Final[Mapping[FileFault, LazyString]] = {
    FileFault.EMPTY: _l("The file is empty."),
    FileFault.TOO_LARGE: _l("The file is larger than 200 MB. Split it and import one part after the other."),
    FileFault.NOT_TEXT: _l(
        "This file is not text. If it comes from a spreadsheet, save it as “CSV UTF-8”, then choose that file."
    ),
    FileFault.MIXED: _l(
        "An accent of this line is not UTF-8 as those above it are. Save the file as “CSV UTF-8”, then choose it again."
    ),
    FileFault.NUL: _l("There is a NUL byte, which no text holds. Save the file as “CSV UTF-8”, then choose it again."),
    FileFault.TOO_MANY_LINES: _l(
        "The file has more than 1,000,000 lines. Split it and import one part after the other."
    ),
    FileFault.TOO_MANY_COLUMNS: _l("The line has more than 100 columns. Keep only those to be imported."),
    FileFault.LONG_LINE: _l("The line is longer than 65,536 characters. Check the line ends of your file."),
    FileFault.QUOTES: _l("A quotation mark that begins here is never closed, or is in the wrong place. Correct it."),
    FileFault.NO_HEADER: _l("The first line must name the columns. Add such a line above this one."),
    FileFault.HEADER_TWICE: _l("Two columns have the same name. Rename or remove one of them."),
    FileFault.NO_LINES: _l("The file names its columns, but there is no line below."),
}
MATCH: Final[Mapping[MatchFault, LazyString]] = {
    MatchFault.NO_KEY: _l("Choose at least one column that says whom or what each line is about."),
    MatchFault.NOTHING: _l("Choose a column for what is to be imported: nothing is matched to it yet."),
    MatchFault.DATE_ORDER: _l("Say whether the day or the month comes first: your file has dates such as 03/04/2027."),
    MatchFault.TOO_MANY_EXTRAS: _l("Keep at most 20 columns under their own names."),
}
WRONG: Final[Mapping[Wrong, LazyString]] = {
    Wrong.CELLS: _l(
        "The line does not have as many columns as the first line. Check its separators and quotation marks."
    ),
    Wrong.BAD_TEXT: _l("The cell contains invisible characters. Type it again."),
    Wrong.TOO_LONG: _l("The text is too long. Shorten it."),
    Wrong.BAD_ID: _l("This is not an ID of the portal. Copy it from an export, or leave the column out."),
    Wrong.BAD_EMAIL: _l("This is not an email address. Correct it, for example name@example.com."),
    Wrong.BAD_EXTERNAL_ID: _l("An ID of your systems has at most 128 visible characters. Correct it."),
    Wrong.BAD_LANGUAGE: _l("The portal does not write in this language. Use fr or en, or leave the cell empty."),
    Wrong.BAD_DATE: _l(
        "This is not a date from 1970 to 2200. Write it as 2027-04-03; to give access for good, leave the last day "
        "empty."
    ),
    Wrong.NO_CUSTOMER: _l("The line does not say which customer. Add an email address or an ID."),
    Wrong.NO_SUBSCRIPTION: _l("The line does not say which subscription. Add its ID."),
    Wrong.NO_PRODUCT: _l("The line does not say which product. Add its name or ID."),
    Wrong.UNKNOWN_CUSTOMER: _l("None of your customers has this. Correct it, or import the customer first."),
    Wrong.NEEDS_EMAIL: _l("None of your customers has this ID. Add an email address to make a new customer."),
    Wrong.UNKNOWN_SUBSCRIPTION: _l("None of your subscriptions has this ID. Correct it, or import from PayPal first."),
    Wrong.UNKNOWN_PRODUCT: _l("None of your products has this name or ID. Correct it, or make the product first."),
    Wrong.SEVERAL_CUSTOMERS: _l("Several of your customers share this address. Add the customer ID."),
    Wrong.SEVERAL_SUBSCRIPTIONS: _l("Two of your subscriptions have this PayPal ID. Use the portal’s ID."),
    Wrong.SEVERAL_PRODUCTS: _l("Several of your products have this name. Use the product ID."),
    Wrong.TWO_CUSTOMERS: _l("The IDs on this line belong to two customers. Keep the right one."),
    Wrong.OTHER_ID: _l("This customer has another ID of your systems. Change it on the customer’s page."),
    Wrong.ADDRESS_CONFIRMED: _l(
        "The customer has confirmed another email address, and a file never replaces it. Correct your file."
    ),
    Wrong.ADDRESS_STANDS: _l(
        "This customer has another email address. Change it on the customer’s page: the new address confirms itself."
    ),
    Wrong.ADDRESS_TAKEN: _l("Another of your customers has this email address. Check which of the two is meant."),
    Wrong.ERASED: _l("This customer’s data was erased. Remove the line."),
    Wrong.ENDS_BEFORE_START: _l("The last day is before the first day. Correct one of them."),
    Wrong.OVER_ALREADY: _l("This access would be over already. Choose a later last day, or remove the line."),
    Wrong.OVERLAPS: _l(
        "The customer already has this product by hand during those days. Choose other days, or change that access."
    ),
}


def state(found: FileImport) -> LazyString:
    """Return where an import stands, as its list says it: whose file is gone stands nowhere."""
    is_gone = found.emptied_at is not None and found.state is not FileImportState.DONE
    return _l("File deleted") if is_gone else STATE[found.state]


def of_line(why: Wrong, other: int | None) -> str:
    """Return why a line is refused, and what to do."""
    if why is Wrong.SAID_OTHERWISE:
        return _("Line %(line)s says something else about the same one. Keep one of the two lines.", line=other)
    return str(WRONG[why])


def reason(why: Wrong) -> str:
    """Return the same of many lines together."""
    if why is Wrong.SAID_OTHERWISE:
        return _("An earlier line says something else about the same one. Keep one of the two lines.")
    return str(WRONG[why])


def of_file(bad: BadFile) -> str:
    """Return why a file cannot be taken, where, and what to do."""
    parts = [str(FILE[bad.fault])]
    if bad.line is not None:
        parts.insert(0, _("Line %(line)s:", line=bad.line))
    if bad.seen:
        parts.append(_("It says: %(text)s.", text=bad.seen))
    is_said = bad.fault in (FileFault.NOT_TEXT, FileFault.NUL, FileFault.MIXED)  # what to do
    parts.append(_("Nothing was saved.") if is_said else _("Nothing was saved: correct the file and choose it again."))
    return " ".join(parts)


def of_match(bad: BadMatch, header: Sequence[str]) -> str:
    """Return why columns cannot be matched so."""
    if bad.why is MatchFault.TWICE and bad.field is not None:
        names = ", ".join(column(header, place) for place in bad.columns)
        return _("Two columns are matched to “%(field)s”: %(names)s. Keep one.", field=FIELD[bad.field], names=names)
    if bad.why is MatchFault.EXTRA_NAME:
        return _(
            "%(name)s: a column that is kept needs a name of at most 60 characters.",
            name=column(header, bad.columns[0]),
        )
    if bad.why is MatchFault.NOTHING and bad.field is not None:
        return _("No column is matched to “%(field)s”.", field=FIELD[bad.field])
    return str(MATCH[bad.why])


def column(header: Sequence[str], place: int | None) -> str:
    """Return the name of a column: by its number, where it has none."""
    if place is None or place >= len(header):
        return _("whole line")
    return header[place] or _("Column %(number)s", number=place + 1)
