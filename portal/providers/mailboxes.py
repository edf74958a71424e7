"""Reads a Maildir or an mbox: each message once, whatever becomes of the process."""

from __future__ import annotations

import mailbox
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from portal.providers.delivery_reports import MOST_BYTES


class NoMailbox(Exception):
    """There is neither a Maildir nor an mbox."""


def messages(path: Path) -> Generator[bytes]:
    """Yield the beginning of each new message; asked for the next one, the former is over.

    In a Maildir it is then marked as read (new/ to cur/), out of an mbox it is taken. One whose reader failed stays.
    Raises NoMailbox, and mailbox.ExternalClashError while another program holds an mbox.
    """
    if (path / "new").is_dir():
        yield from _of_maildir(path)
    elif path.is_file():
        yield from _of_mbox(path)
    else:
        raise NoMailbox(f"{path} is neither a Maildir nor an mbox")


def _of_maildir(path: Path) -> Generator[bytes]:
    for file in sorted((path / "new").iterdir()):
        with suppress(FileNotFoundError):  # another reader has it
            with file.open("rb") as opened:
                raw = opened.read(MOST_BYTES)
            yield raw
            file.rename(path / "cur" / f"{file.name}:2,S")


def _of_mbox(path: Path) -> Generator[bytes]:
    box = mailbox.mbox(path, create=False)
    try:
        box.lock()
        for key in list(box.keys()):
            with box.get_file(key) as opened:
                raw = opened.read(MOST_BYTES)
            yield raw
            box.remove(key)
    finally:
        box.close()  # writes what is left, and lets others write
