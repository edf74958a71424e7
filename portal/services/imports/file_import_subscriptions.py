"""Lines that say what the merchant's own systems know of a subscription: a reference, and columns by their names."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from portal.domain.audit import Act
from portal.domain.desk.file_import_lines import Said
from portal.domain.desk.file_imports import Field, Wrong
from portal.models import Subscription
from portal.queries.people import file_imports
from portal.services.audit import audit
from portal.services.imports.file_import_plans import Effect, Look, Outcome, Refused

OURS: Final = re.compile(r"(?:sub_)?([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)


class SubscriptionLook(Look):
    """What is said of subscriptions that are known; nothing of it reaches PayPal."""

    def prepare(self, lines: Sequence[Said]) -> None:
        named = {said.values[Field.SUBSCRIPTION] for said in lines}
        found = file_imports.subscriptions(
            self.work.session,
            self.work.merchant_id,
            ids={uuid.UUID(ours[1]) for text in named if (ours := OURS.fullmatch(text))},
            provider_ids=named,
            locked=self.work.is_run,
        )
        self.known: dict[str, list[Subscription]] = defaultdict(list)
        for one in found:
            self.known[one.id.hex].append(one)
            self.known[one.provider_id].append(one)
        # Looked at once the rows are locked: an erasure at the same moment is seen, or takes away what is written.
        self.erased = file_imports.erased(self.work.session, {one.customer_id for one in found})

    def keys(self, said: Said) -> Iterable[str]:
        yield self._one(said).id.hex

    def effect(self, said: Said) -> Effect:
        found = self._one(said)
        reference = said.get(Field.REFERENCE) or found.reference
        extra = {**found.extra, **said.extra}
        names = sorted(name for name, value in said.extra.items() if found.extra.get(name) != value)
        if reference != found.reference:
            names.insert(0, Field.REFERENCE.value)
        if not names:
            return Effect(outcome=Outcome.SAME)
        return Effect(outcome=Outcome.CHANGED, write=partial(self._write, found, reference, extra, names))

    def _one(self, said: Said) -> Subscription:
        text = said.values[Field.SUBSCRIPTION]
        ours = OURS.fullmatch(text)
        found = self.known.get(uuid.UUID(ours[1]).hex if ours else text, [])
        if len(found) > 1:
            raise Refused(Wrong.SEVERAL_SUBSCRIPTIONS, Field.SUBSCRIPTION)
        if not found:
            raise Refused(Wrong.UNKNOWN_SUBSCRIPTION, Field.SUBSCRIPTION)
        if found[0].customer_id in self.erased:
            raise Refused(Wrong.ERASED, Field.SUBSCRIPTION)
        return found[0]

    def _write(self, found: Subscription, reference: str | None, extra: dict[str, str], names: list[str]) -> None:
        work = self.work
        found.reference, found.extra = reference, extra
        subject = ("subscription", found.id)
        act = Act.SUBSCRIPTION_NOTED
        audit.append(work.session, work.merchant_id, act, by=work.by, at=work.now, subject=subject, texts=names)
