"""Each mail that a merchant writes in, composed of a real subscription of theirs as if it were sent now; none is kept.

What the subscription does not know (a reference, a refund) is made up, and so is everything while there is no
subscription yet.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Basis
from portal.domain.ends.pauses import PauseRefusal, PauseState
from portal.domain.merchants.notice_texts import Text
from portal.domain.money.money import Money
from portal.i18n import Translator
from portal.mail import comebacks, customers, declarations, ends, late_payments, missed_payments, own_data, pauses
from portal.mail.composing import Composed
from portal.mail.prices import price_changed
from portal.mail.refunds import payment_refunded
from portal.mail.settlements import settlement_failed
from portal.mail.withdrawals import withdrawal_accepted
from portal.queries import subscriptions
from portal.services import throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import outbox
from portal.services.notices.recipients import Post
from portal.services.notices.sample_facts import facts_of
from portal.services.notices.sample_shapes import Model
from portal.services.throttles import Limit

TESTS: Final = 30  # that one person sends themselves in an hour


@dataclass(frozen=True)
class Sample:
    """A mail as it would leave; `is_made_up`: there is no subscription yet whose facts it could say."""

    mail: Composed
    is_made_up: bool


def of_kind(
    ctx: Context, merchant_id: uuid.UUID, kind: str, language: str, text: Text | None = None, *, now: datetime
) -> Sample:
    """Return a mail of that kind in a language, with a text that need not be saved."""
    with ctx.db.read() as session:
        post = Post.of(ctx, session, merchant_id, now=now)
        head = post.letterhead(language)
        if text is not None:
            head = replace(head, texts={**head.texts, kind: text})
        found = subscriptions.newest(session, merchant_id)
        model = Model(head, now, post.merchant.slug, facts_of(found, head, now))
    return Sample(COMPOSE[kind](model), is_made_up=found is None)


def send(
    ctx: Context, merchant_id: uuid.UUID, kind: str, language: str, *, recipient: str, by: By, now: datetime
) -> None:
    """Send a sample, in the words that are saved, to who asks for it. Raises TooManyTries.

    It is of the same kind, and says in its subject that it is a test; no customer's record shows it.
    """
    throttles.hit(
        ctx, Limit(name="notice_tests", who=str(by.actor_id), count=TESTS, window=timedelta(hours=1)), now=now
    )
    mail = of_kind(ctx, merchant_id, kind, language, now=now).mail
    test = replace(mail, subject=Translator(language).gettext("Test: %(subject)s", subject=mail.subject))
    with ctx.db.begin() as session:
        key = f"notice-test:{uuid.uuid4()}"
        outbox.put(
            ctx, session, test, merchant_id=merchant_id, key=key, recipient=recipient, language=language, now=now
        )
        about = ("merchant", merchant_id)
        audit.append(
            session, merchant_id, Act.NOTICE_TESTED, by=by, at=now, subject=about, mail=kind, language=language
        )


COMPOSE: Final[Mapping[str, Callable[[Model], Composed]]] = {
    "request_received": lambda one: ends.request_received(one.head, one.received),
    "declaration_received": lambda one: declarations.declaration_received(one.head, one.declared),
    "declaration_link": lambda one: declarations.declaration_link(one.head, one.link),
    "request_dismissed": lambda one: ends.request_dismissed(one.head, one.received),
    "end_recorded": lambda one: ends.end_recorded(one.head, one.end),
    "end_overdue": lambda one: ends.end_overdue(one.head, one.end),
    "end_moved": lambda one: ends.end_moved(one.head, replace(one.end, due_at=one.until)),
    "end_withdrawn": lambda one: ends.end_withdrawn(one.head, one.end),
    "end_plan_withdrawn": lambda one: ends.end_plan_withdrawn(one.head, one.end),
    "end_confirmed": lambda one: ends.end_confirmed(one.head, one.end, one.effects, one.proof(Basis.READ_AFTER_CALL)),
    "end_already_over": lambda one: ends.end_already_over(
        one.head, one.end, one.effects, one.proof(Basis.ALREADY_OVER)
    ),
    "end_dated": lambda one: ends.end_dated(one.head, one.end, one.effects, by_hand=True),
    "withdrawal_accepted": lambda one: withdrawal_accepted(one.head, one.withdrawal),
    "access_ends_soon": lambda one: ends.access_ends_soon(one.head, one.access),
    "access_ended": lambda one: ends.access_ended(one.head, replace(one.access, until=one.now)),
    "access_given": lambda one: customers.access_given(one.head, one.given),
    "access_changed": lambda one: customers.access_changed(one.head, one.given),
    "access_withdrawn": lambda one: customers.access_withdrawn(one.head, one.given),
    "payment_missed": lambda one: missed_payments.payment_missed(one.head, one.missed),
    "access_closes_soon": lambda one: missed_payments.access_closes_soon(one.head, one.missed),
    "payment_settled": lambda one: missed_payments.payment_settled(one.head, one.missed),
    "price_changed": lambda one: price_changed(one.head, one.new_price),
    "settlement_failed": lambda one: settlement_failed(one.head, one.settlement),
    "payment_refunded": lambda one: payment_refunded(one.head, one.refund),
    "late_payment": lambda one: late_payments.late_payment(one.head, one.late()),
    "late_payment_refunded": lambda one: late_payments.late_payment_refunded(one.head, one.late(back=one.price)),
    "late_payment_open": lambda one: late_payments.late_payment_open(
        one.head, one.late(back=Money(one.price.amount / 2, one.price.currency))
    ),
    "late_payment_kept": lambda one: late_payments.late_payment_kept(one.head, replace(one.late(), is_kept=True)),
    "pause_confirmed": lambda one: pauses.pause_confirmed(one.head, one.pause()),
    "pause_refused": lambda one: pauses.pause_refused(
        one.head, one.pause(state=PauseState.REFUSED, refused_for=PauseRefusal.OVER)
    ),
    "pause_taken_back": lambda one: pauses.pause_taken_back(one.head, one.pause()),
    "resume_soon": lambda one: pauses.resume_soon(one.head, one.pause()),
    "resume_confirmed": lambda one: pauses.resume_confirmed(one.head, one.resumed),
    "comeback_approved": lambda one: comebacks.comeback_approved(one.head, one.comeback),
    "data_ready": lambda one: own_data.data_ready(one.head, name=one.name, path=one.account, until=one.until),
    "data_failed": lambda one: own_data.data_failed(one.head, name=one.name, path=one.account),
    "erasure_recorded": lambda one: own_data.erasure_recorded(one.head, one.erasure),
    "erasure_withdrawn": lambda one: own_data.erasure_withdrawn(one.head, one.erasure),
    "erasure_done": lambda one: own_data.erasure_done(one.head, one.erasure),
    "erasure_soon": lambda one: own_data.erasure_soon(one.head, name=one.name, on=one.until, path=one.account),
}
