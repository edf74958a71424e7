"""The settings and this machine, as `flask check` sees them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config import Config
from portal.domain.installation import Finding, free_space, mend, ok

MOUNTS: Final = Path("/proc/mounts")  # a line a file system: what, where, of which kind; the last one counts


def findings(config: Config) -> Iterator[Finding]:
    """Look at what the settings say beyond their form, at the folders that are written to, and at their disks."""
    yield _environment(config)
    yield _sender(config)
    if config.database_url is None:
        yield _folder(
            "data folder", config.data_folder, "can be written; the embedded database is there (good for one machine)"
        )
        yield _disk("disk of the data", config.data_folder)
    yield from _journal(config.journal_folder)
    temporary = Path(tempfile.gettempdir())
    yield _disk("disk of /tmp", temporary, is_in_memory=_is_in_memory(temporary))


def _environment(config: Config) -> Finding:
    """The form of each setting, and how good the secrets are, were seen as they were read."""
    if config.environment == "production":
        return ok("settings", "Each setting can be read; the secrets are long and made at random.")
    return mend(
        "settings",
        f"PORTAL_ENV is {config.environment}: a simulator may stand in PayPal's place, and every page says so.",
        "Leave PORTAL_ENV out where real people come.",
    )


def _sender(config: Config) -> Finding:
    host = config.mail_from.rpartition("@")[2].strip("> ")
    if host.endswith(".example") or host in ("example.com", "localhost"):
        return mend(
            "sender", f"MAIL_FROM is of {host}, which is nobody's.", "Set MAIL_FROM to an address of a domain of yours."
        )
    return ok("sender", f"Mails come from an address of {host}.")


def _journal(folder: Path | None) -> Iterator[Finding]:
    if folder is None:
        yield mend(
            "journal",
            "What people are told stands in the database alone: whoever restores a backup forgets who came after it.",
            "Set PORTAL_JOURNAL to a folder on another disk (docs/backup.md).",
        )
        return
    yield _folder("journal", folder, "can be written; see that it is not on the database's disk")
    yield _disk("disk of the journal", folder)


def _folder(subject: str, folder: Path, good: str) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return mend(
            subject,
            f"{folder} cannot be written by user {os.getuid()}{_owner(folder)} ({error.strerror}).",
            _folder_remedy(error, folder),
        )
    return ok(subject, f"{folder} {good}.")


def _folder_remedy(error: OSError, folder: Path) -> str:
    """Return what helps: a disk that is full or read-only is not mended by giving it away."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"Make room at {folder}: bytes (`df`) or files (`df -i`)."
        case errno.EROFS:
            return f"Mount {folder} so that it can be written; why it is not, `dmesg` may say."
        case _:
            owner = f"{os.getuid()}:{os.getgid()}"
            return (
                f"As root: `mkdir -p {folder} && chown -R {owner} {folder}`. A volume belongs to root when it is new."
            )


def _owner(folder: Path) -> str:
    try:
        return f", it belongs to user {folder.stat().st_uid}"
    except OSError:
        return ""


def _disk(subject: str, place: Path, *, is_in_memory: bool = False) -> Finding:
    while not place.exists() and place != place.parent:
        place = place.parent
    return free_space(subject, str(place), shutil.disk_usage(place).free, is_in_memory=is_in_memory)


def _is_in_memory(place: Path) -> bool:
    """Say whether a folder lies on a tmpfs; where the system does not tell, it is a disk's."""
    try:
        lines = [line.split() for line in MOUNTS.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return False
    kinds = {line[1].replace("\\040", " "): line[2] for line in lines if len(line) > 2}
    place = place.resolve()
    return next((kinds[str(one)] for one in (place, *place.parents) if str(one) in kinds), "") == "tmpfs"
