"""After its last day a merchant waits for what is open, is closed, and a day later erased but for what is proven."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import String, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.law.withdrawals import RefundDuty
from portal.domain.policies import Role
from portal.domain.subscriptions import Status
from portal.models import (
    AuditEntry,
    Base,
    Customer,
    Hold,
    Mail,
    MailState,
    Merchant,
    PayPalAccount,
    Staff,
    Subscription,
    Withdrawal,
)
from portal.queries.law import proofs
from portal.queries.merchants import erasures
from portal.queries.merchants.departures import of as standing_of
from portal.queries.people import account_visits
from portal.services import grants
from portal.services.audit import audit_checks
from portal.services.bulk import bulk_acts
from portal.services.grants import Gift
from portal.services.merchants import departures, standings
from portal.services.merchants.standings import TooLate
from portal.services.people import memberships
from tests.services.bulk.test_bulk_acts import act_of, hired, plan, start
from tests.services.carrying.carried import ask, carry
from tests.services.ends.withdrawing import declare, request_of
from tests.services.inbox.notified import by_letter
from tests.services.money.settling import aged, click, try_it

MONTH, DAY = timedelta(days=30), timedelta(days=1)


@pytest.fixture
def merchant(make):
    return make.merchant(receipt_text="TVA FR12 345678901")


def leave(ctx, merchant, now):
    return standings.leave(ctx, merchant.id, leave_live=True, by=OPERATOR, now=now)


def row_of(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id)


def counts(ctx, merchant):
    """How many rows of the merchant each table has that says whose they are."""
    with ctx.db.read() as session:
        found = {
            table.name: session.scalar(
                select(func.count()).select_from(table).where(table.c.merchant_id == merchant.id)
            )
            for table in Base.metadata.sorted_tables
            if "merchant_id" in table.c
        }
    return {name: count for name, count in found.items() if count}


def held_back(ctx, merchant):
    with ctx.db.read() as session:
        return standing_of(session, merchant.id, now=utc_now()).holds_back


def waiting(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Mail).where(Mail.state == MailState.WAITING)).all()


def gone(ctx, merchant, now, left):
    """Let it leave, and let the daily job come when the month is over and the day after."""
    last = leave(ctx, merchant, now)
    left(utc_now())
    departures.run(ctx, now=last)
    departures.run(ctx, now=last + DAY)
    return last


def test_every_table_is_erased_kept_or_follows_another():
    named = {table.name for table in erasures.tables()}
    assert named | erasures.KEPT_WHOLE | erasures.FOLLOWS == set(Base.metadata.tables)
    assert not named & (erasures.KEPT_WHOLE | erasures.FOLLOWS)


def test_nothing_happens_before_the_last_day_and_a_kept_one_stays(ctx, make, merchant, now):
    make.subscription(merchant=merchant)
    before = counts(ctx, merchant)
    last = leave(ctx, merchant, now)
    assert departures.run(ctx, now=last - timedelta(seconds=1)) == 0
    standings.keep(ctx, merchant.id, by=OPERATOR, now=now)
    departures.run(ctx, now=last + DAY)
    departures.run(ctx, now=last + 3 * DAY)
    after = counts(ctx, merchant)
    assert {name: count for name, count in after.items() if not name.startswith("audit")} == {
        name: count for name, count in before.items() if not name.startswith("audit")
    }


def test_nothing_goes_while_an_end_is_open_or_its_mail_unsent_and_both_still_run(
    ctx, make, paypal, left, merchant, now
):
    subscription = make.subscription(merchant=merchant)
    request = ask(ctx, make, subscription)
    last = leave(ctx, merchant, now)
    departures.run(ctx, now=last)
    departures.run(ctx, now=last + DAY)
    assert row_of(ctx, merchant).closed_at is None
    carry(ctx, request)
    assert make.reload(subscription).status == "cancelled", "what is recorded runs while the merchant leaves"
    departures.run(ctx, now=last + 2 * DAY)
    assert row_of(ctx, merchant).closed_at is None, "the customer has not been told yet"
    assert "end_confirmed" in {letter.kind for letter in waiting(ctx)}
    assert left(utc_now())
    departures.run(ctx, now=last + 3 * DAY)
    assert row_of(ctx, merchant).closed_at == last + 3 * DAY


def test_a_settlement_is_waited_for_while_something_may_be_sent_then_it_goes_too(ctx, make, paypal, merchant, now):
    """Of one of which PayPal has said nothing for a day nothing is left to be done here."""
    late = make.subscription(merchant=merchant, status=Status.PAST_DUE, outstanding=29.9, failed_payments=1)
    paypal.rule("capture", "202")
    settlement_id = click(ctx, late)
    last = leave(ctx, merchant, now)
    departures.run(ctx, now=last)
    assert row_of(ctx, merchant).closed_at is None
    with ctx.db.read() as session:
        assert standing_of(session, merchant.id, now=now).holds_back == {"settlements": 1}
    try_it(ctx, late, settlement_id)
    aged(ctx, settlement_id, DAY)
    assert try_it(ctx, late, settlement_id).is_open
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.SENT))
    departures.run(ctx, now=last + DAY)
    departures.run(ctx, now=last + 2 * DAY)
    assert "settlements" not in counts(ctx, merchant)


def test_ends_confirmed_in_bulk_are_waited_for_though_something_holds_the_act(ctx, make, merchant, now):
    """The key is broken, so no row has a request yet: without its rows there would be nothing to be seen."""
    anne = hired(ctx, merchant)
    act_id = start(ctx, anne, [make.subscription(merchant=merchant) for _ in range(3)])
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(broken_since=now))
    plan(ctx, act_id)
    assert act_of(ctx, act_id).held is Hold.KEY
    last = leave(ctx, merchant, now)
    departures.run(ctx, now=last)
    departures.run(ctx, now=last + DAY)
    assert row_of(ctx, merchant).closed_at is None
    with ctx.db.read() as session:
        assert standing_of(session, merchant.id, now=now).holds_back == {"bulk_rows": 3}
    bulk_acts.stop(ctx, anne, act_id, now=now)
    departures.run(ctx, now=last + 2 * DAY)
    assert row_of(ctx, merchant).closed_at == last + 2 * DAY, "somebody has stopped it"


def test_a_declaration_that_nobody_has_settled_is_waited_for(ctx, make, left, merchant, now):
    """Whoever declared, by letter or on a public page, is not erased with their merchant (law.md R-FR-13)."""
    zoe = make.customer(merchant, email="zoe@client.test")
    by_letter(ctx, zoe, now=now)
    gone(ctx, merchant, now, left)
    assert row_of(ctx, merchant).erased_at is None
    assert held_back(ctx, merchant)["received"] == 1


def test_the_money_of_a_withdrawal_is_waited_for(ctx, make, left, merchant, now):
    """It is owed by law (R-FR-33), whoever leaves."""
    held = make.subscription(merchant=merchant)
    carry(ctx, request_of(ctx, declare(ctx, held, now=now)))
    with ctx.db.begin() as session:
        session.execute(update(Withdrawal).values(refund=RefundDuty.OPEN))
    gone(ctx, merchant, now, left)
    assert row_of(ctx, merchant).erased_at is None
    assert held_back(ctx, merchant)["refunds"] == 1


def test_its_own_host_is_free_again(ctx, make, left, merchant, now):
    """Whoever has the domain may be a merchant here once more."""
    with ctx.db.begin() as session:
        session.execute(update(Merchant).values(own_host="compte.atelier.example"))
    gone(ctx, merchant, now, left)
    assert row_of(ctx, merchant).erased_at is not None
    assert row_of(ctx, merchant).own_host is None


# What stays of the row: whose address it was, what a proof is read with, and answers that are no words of its own.
OF_PROOFS = {"slug", "name", "locale", "time_zone", "leaving_reasons"}
ANSWERS = {"country", "sells_to", "retention", "hidden_sections", "notices_left_out", "accent"}


def test_what_a_merchant_wrote_of_itself_goes_with_it(ctx, left, merchant, now):
    """A sole trader's own address among it.  A column that comes later is looked at here, or this fails."""
    wrote = {
        **dict.fromkeys(("site_url", "terms_url", "privacy_url", "legal_url"), "https://atelier.example"),
        **dict.fromkeys(("sender_name", "cancellation_text", "receipt_text", "postal_address"), "12 rue des Lilas"),
        "return_addresses": ["https://atelier.example/back"],
        "leaving_offer": {"offer_text_fr": "Un mois offert"},
        "placed_links": {"account": "2026-11-01"},
    }
    with ctx.db.begin() as session:
        session.execute(update(Merchant).values(**wrote))
    gone(ctx, merchant, now, left)
    row, texts = row_of(ctx, merchant), (String, JSONB)
    assert row.erased_at is not None
    said = {column.key for column in Merchant.__table__.columns if isinstance(column.type, texts)}
    assert {name for name in said - OF_PROOFS - ANSWERS if getattr(row, name)} == set()
    assert wrote.keys() <= said - OF_PROOFS - ANSWERS


def test_what_comes_in_while_the_pages_close_opens_them_again(ctx, make, merchant, now):
    subscription = make.subscription(merchant=merchant)
    last = leave(ctx, merchant, now)
    departures.run(ctx, now=last)
    assert row_of(ctx, merchant).closed_at == last
    with pytest.raises(TooLate):
        standings.keep(ctx, merchant.id, by=OPERATOR, now=now)
    ask(ctx, make, subscription)
    departures.run(ctx, now=last + DAY)
    assert row_of(ctx, merchant).closed_at is None
    assert make.reload(subscription).id == subscription.id


def test_a_closed_one_lets_nobody_in(ctx, hire, left, merchant, now):
    hire(merchant)
    last = leave(ctx, merchant, now)
    left(utc_now())
    departures.run(ctx, now=last)
    assert row_of(ctx, merchant).closed_at == last
    with ctx.db.once() as connection, pytest.raises(NoResultFound):
        account_visits.at_account(connection, merchant.slug, "x", now=now, seen_after=now)


def test_the_proven_end_stays_with_all_it_needs_and_the_rest_goes(ctx, make, hire, paypal, left, merchant, now):
    neighbour = make.subscription(merchant=make.merchant())
    product = make.product(merchant, contents=(("Leçon", 0),))
    proven = carry(ctx, ask(ctx, make, make.subscription(merchant=merchant, product=product)))
    live = make.subscription(merchant=merchant, predecessor_id=proven.subscription_id)
    make.payment(live, 5)
    make.customer(merchant)
    gift = Gift(product_id=product.id, since=now, until=None, note="", is_told=True)
    grants.give(ctx, merchant.id, live.customer_id, gift, by=OPERATOR, now=now)
    hire(merchant)
    theirs = counts(ctx, type("M", (), {"id": neighbour.merchant_id}))
    gone(ctx, merchant, now, left)
    stays = counts(ctx, merchant)
    assert set(stays) <= {
        *("audit_entries", "audit_heads", "proofs", "proof_files", "end_requests"),
        *("subscriptions", "timeline_entries", "customers", "products", "plans"),
    }
    assert (stays["proofs"], stays["end_requests"], stays["subscriptions"], stays["customers"]) == (1, 1, 1, 1)
    assert (stays["products"], stays["plans"]) == (1, 1)
    with ctx.db.read() as session:
        proof = proofs.by_reference(session, proven.reference)
        assert proof is not None
        ended = session.get_one(Subscription, proven.subscription_id)
        assert (ended.status, ended.next_watch_at, ended.history_due_at) == ("cancelled", None, None)
        assert session.scalars(select(Subscription.id)).all().count(live.id) == 0
        assert session.scalars(select(Staff)).all() == []
        kept = session.scalars(select(Customer.id).where(Customer.merchant_id == merchant.id)).one()
        assert kept == session.get_one(Subscription, proven.subscription_id).customer_id
        mine = select(AuditEntry.act).where(AuditEntry.merchant_id == merchant.id).order_by(AuditEntry.number)
        assert session.scalars(mine).all()[-3:] == ["merchant.leaving", "merchant.closed", "merchant.erased"]
    assert counts(ctx, type("M", (), {"id": neighbour.merchant_id})) == theirs
    assert audit_checks.check(ctx.db, merchant.id).found is None
    row = row_of(ctx, merchant)
    assert (row.support_email, row.receipt_text, row.erased_at is not None) == (None, "", True)
    assert departures.run(ctx, now=utc_now() + 60 * DAY) == 0, "it is done once"


def test_who_works_elsewhere_too_keeps_their_log_in(ctx, make, hire, left, merchant, now):
    other, person = make.merchant(), hire(merchant).staff
    with ctx.db.begin() as session:
        memberships.join(session, session.get_one(Staff, person.id), other.id, Role.SUPPORT, by=OPERATOR, at=now)
    gone(ctx, merchant, now, left)
    with ctx.db.read() as session:
        assert session.get_one(Staff, person.id).merchant_id == other.id


def test_one_that_is_cut_off_is_gone_on_with_and_keeps_none_of_the_others(ctx, make, merchant, now, monkeypatch):
    monkeypatch.setattr(departures, "BATCH", 2)
    other = make.merchant()
    for _ in range(5):
        make.subscription(merchant=merchant)
    last = leave(ctx, merchant, now)
    leave(ctx, other, now)
    departures.run(ctx, now=last)
    with monkeypatch.context() as patch:
        finish = departures._finish
        patch.setattr(departures, "_finish", lambda *a, **k: 1 / 0 if a[1] == merchant.id else finish(*a, **k))
        departures.run(ctx, now=last + DAY)
    assert row_of(ctx, merchant).erased_at is None
    assert row_of(ctx, other).erased_at == last + DAY
    departures.run(ctx, now=last + 2 * DAY)
    assert row_of(ctx, merchant).erased_at == last + 2 * DAY
    assert set(counts(ctx, merchant)) == {"audit_entries", "audit_heads"}
