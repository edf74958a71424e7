"""What a member of staff is told of their own log-in, and an owner of what the operator does with the merchant."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Letterhead

SESSIONS: Final = "/admin/sessions"
FORGOTTEN: Final = "/admin/password"
PASSKEYS: Final = "/admin/account/passkeys"
DESK: Final = "/admin/"
API_KEYS: Final = "/admin/integrations/keys"
ARCHIVE: Final = "/admin/data/archive"


def refusals(head: Letterhead, *, number: int, at: datetime) -> Composed:
    """Compose the warning that somebody tries to log in with the person's address."""
    return compose("staff_refusals", head, number=number, at=at, path=SESSIONS)


def new_device(head: Letterhead, *, browser: str, network: str, at: datetime) -> Composed:
    """Compose the news of a log-in on a browser never seen."""
    return compose("staff_new_device", head, browser=browser, network=network, at=at, path=SESSIONS)


def password_changed(head: Letterhead, *, at: datetime) -> Composed:
    """Compose the news that the person's password is another one."""
    return compose("staff_password_changed", head, at=at, path=FORGOTTEN)


def factor_changed(head: Letterhead, *, at: datetime) -> Composed:
    """Compose the news that the person's second factor and recovery codes are new ones."""
    return compose("staff_factor_changed", head, at=at, path=SESSIONS)


def recovery_code(head: Letterhead, *, left: int, at: datetime) -> Composed:
    """Compose the news that a recovery code was used; `left` are still good."""
    return compose("staff_recovery_code", head, left=left, at=at, path=SESSIONS)


def passkey_added(head: Letterhead, *, name: str, at: datetime) -> Composed:
    """Compose the news that one more passkey opens the person's log-in."""
    return compose("staff_passkey_added", head, name=name, at=at, path=PASSKEYS)


def passkey_removed(head: Letterhead, *, name: str, at: datetime) -> Composed:
    """Compose the news that a passkey opens nothing any more."""
    return compose("staff_passkey_removed", head, name=name, at=at, path=PASSKEYS)


def passkey_copied(head: Letterhead, *, name: str, at: datetime) -> Composed:
    """Compose the warning that a passkey was refused because there may be two of it."""
    return compose("staff_passkey_copied", head, name=name, at=at, path=PASSKEYS)


def list_ready(head: Letterhead, *, path: str, rows: int, until: datetime) -> Composed:
    """Compose the news that a list can be taken as a file, until a day."""
    return compose("staff_list_ready", head, rows=rows, until=until, path=path)


def list_failed(head: Letterhead, *, path: str) -> Composed:
    """Compose the news that a list could not be made into a file, and where it is started again."""
    return compose("staff_list_failed", head, path=path)


def archive_ready(head: Letterhead, *, until: datetime) -> Composed:
    """Compose the news that the archive of everything can be taken, until a day."""
    return compose("staff_archive_ready", head, until=until, path=ARCHIVE)


def archive_failed(head: Letterhead) -> Composed:
    """Compose the news that the archive of everything could not be made, and where it is started again."""
    return compose("staff_archive_failed", head, path=ARCHIVE)


def import_finished(head: Letterhead, *, path: str, name: str, lines: int, refused: int, is_check: bool) -> Composed:
    """Compose the news that the lines of a file are imported, or checked, and how many were refused."""
    told = {"name": name, "lines": lines, "refused": refused, "is_check": is_check}
    return compose("staff_import_finished", head, path=path, **told)


def import_failed(head: Letterhead, *, path: str, name: str, is_check: bool) -> Composed:
    """Compose the news that a file could not be checked, or that its import stopped, and where it is started again."""
    return compose("staff_import_failed", head, path=path, name=name, is_check=is_check)


def suspended(head: Letterhead, *, why: str) -> Composed:
    """Compose the news that the operator has suspended the merchant, in the operator's words."""
    return compose("staff_suspended", head, why=why, path=DESK)


def api_key_reported(head: Letterhead, *, name: str, prefix: str, is_revoked: bool) -> Composed:
    """Compose the warning that a key of the API was found in the open; shown whole, it is revoked already."""
    return compose("staff_api_key_reported", head, name=name, prefix=prefix, is_revoked=is_revoked, path=API_KEYS)


def leaving(head: Letterhead, *, day: datetime, live: int) -> Composed:
    """Compose the news that the merchant leaves on a day; `live` subscriptions go on being charged at PayPal."""
    return compose("staff_leaving", head, day=day, live=live, path=DESK)
