"""Merchants that are suspended or leaving, by the operator's own commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portal.clock import utc_now
from tests.chaos.journal import Closed, Journal
from tests.chaos.stack import Stack

COMMANDS: Final = {
    "suspended": ("suspend", "resume"),
    "leaving": ("delete", "keep"),
}
MORE: Final = {
    "suspend": ("--why", "The invoice of May is unpaid."),
    "delete": ("--without-export", "--leave-live-subscriptions", "--yes"),
}


@dataclass
class Closing:
    """Suspends merchants, lets them leave, and takes that back."""

    stack: Stack
    journal: Journal

    def close(self, slug: str, state: str) -> None:
        """Bring a merchant into a state, unless it is not open."""
        if self._standing(slug) is not None:
            self.journal.count("merchant closed already")
            return
        began = utc_now()
        self._run(COMMANDS[state][0], slug)
        with self.journal.lock:
            self.journal.closed.append(Closed(slug, state, began, since=utc_now()))

    def open(self, state: str) -> None:
        """Take back what brought a merchant into that state, where one is in it."""
        for one in [found for found in self.journal.closed if found.until is None and found.state == state]:
            one.until = utc_now()
            self._run(COMMANDS[state][1], one.slug)
            one.ended = utc_now()

    def close_all(self, slugs: tuple[str, str]) -> None:
        """Leave no merchant open: what is promised goes on all the same."""
        for slug, state in zip(slugs, COMMANDS, strict=True):
            self.close(slug, state)

    def _standing(self, slug: str) -> Closed | None:
        return next((one for one in self.journal.closed if one.slug == slug and one.until is None), None)

    def _run(self, act: str, slug: str) -> None:
        done = self.stack.run("merchant", act, slug, *MORE.get(act, ()))
        if done.returncode:
            raise RuntimeError(f"flask merchant {act} {slug}: {done.stderr.decode()[-500:]}")
