"""Merchants that are suspended or leaving, as the operator's commands do it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.models import Merchant
from portal.services.context import Context
from portal.services.merchants import standings
from tests.chaos.journal import Closed, Journal
from tests.chaos.world import World, patiently

STATES: Final = ("suspended", "leaving")


@dataclass
class Closing:
    """Suspends merchants, lets them leave, and takes that back."""

    world: World
    journal: Journal

    def close(self, slug: str, state: str) -> None:
        """Bring a merchant into a state, unless it is not open."""
        if any(one.slug == slug and one.until is None for one in self.journal.closed):
            self.journal.count("merchant closed already")
            return
        began = utc_now()
        patiently(lambda: self._close(slug, state))
        with self.journal.lock:
            self.journal.closed.append(Closed(slug, state, began, since=utc_now()))

    def open(self, state: str) -> None:
        """Take back what brought a merchant into that state, where one is in it."""
        for one in [found for found in self.journal.closed if found.until is None and found.state == state]:
            one.until = utc_now()
            act = standings.resume if state == "suspended" else standings.keep
            patiently(lambda act=act, slug=one.slug: act(*self._of(slug), by=OPERATOR, now=utc_now()))
            one.ended = utc_now()

    def close_all(self, slugs: tuple[str, str]) -> None:
        """Leave no merchant open: what is promised goes on all the same."""
        for slug, state in zip(slugs, STATES, strict=True):
            self.close(slug, state)

    def _close(self, slug: str, state: str) -> None:
        ctx, merchant_id = self._of(slug)
        if state == "suspended":
            standings.suspend(ctx, merchant_id, why="The invoice of May is unpaid.", by=OPERATOR, now=utc_now())
        else:
            standings.leave(ctx, merchant_id, leave_live=True, by=OPERATOR, now=utc_now())

    def _of(self, slug: str) -> tuple[Context, uuid.UUID]:
        with self.world.context.db.read() as session:
            found = session.scalars(select(Merchant.id).where(Merchant.slug == slug)).one()
        return self.world.context, found
