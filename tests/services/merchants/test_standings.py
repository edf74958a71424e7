"""Suspend, resume, leave, keep: each in the audit chain, none twice, and no subscription ended by any."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit import OPERATOR
from portal.domain.merchants.merchants import IllegalStep
from portal.domain.policies import Role
from portal.domain.subscriptions import Status
from portal.models import AuditEntry, Mail, Merchant
from portal.queries.merchants import departures
from portal.services.merchants import standings
from portal.services.merchants.standings import LiveSubscriptions
from tests.waiting_mails import said


@pytest.fixture
def merchant(make):
    return make.merchant()


def stands(ctx, merchant):
    with ctx.db.read() as session:
        row = session.get_one(Merchant, merchant.id)
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.number)).all()
        return row, list(acts)


def test_a_suspension_is_lifted_and_both_are_in_the_chain_without_the_reason(ctx, merchant, now):
    standings.suspend(ctx, merchant.id, why="unpaid bill of Mr. X", by=OPERATOR, now=now)
    row, _ = stands(ctx, merchant)
    assert (row.state, row.suspended_why) == ("suspended", "unpaid bill of Mr. X")
    with pytest.raises(IllegalStep):
        standings.suspend(ctx, merchant.id, why="again", by=OPERATOR, now=now)
    standings.resume(ctx, merchant.id, by=OPERATOR, now=now)
    row, acts = stands(ctx, merchant)
    assert (row.state, row.suspended_why, acts) == ("open", "", ["merchant.suspended", "merchant.resumed"])
    with pytest.raises(IllegalStep):
        standings.resume(ctx, merchant.id, by=OPERATOR, now=now)
    with ctx.db.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
    assert [(one.channel, one.details) for one in entries] == [("command_line", {}), ("command_line", {})]


def test_leaving_takes_thirty_days_and_can_be_taken_back(ctx, merchant, now):
    standings.suspend(ctx, merchant.id, why="x", by=OPERATOR, now=now)
    assert standings.leave(ctx, merchant.id, leave_live=False, by=OPERATOR, now=now) == now + timedelta(days=30)
    with pytest.raises(IllegalStep):
        standings.leave(ctx, merchant.id, leave_live=False, by=OPERATOR, now=now)
    assert stands(ctx, merchant)[0].state == "leaving"
    assert standings.keep(ctx, merchant.id, by=OPERATOR, now=now) == "suspended", "as it was before"
    row, acts = stands(ctx, merchant)
    assert (row.leaving_at, row.gone_at) == (None, None)
    assert acts == ["merchant.suspended", "merchant.leaving", "merchant.kept"]
    with pytest.raises(IllegalStep):
        standings.keep(ctx, merchant.id, by=OPERATOR, now=now)


def test_live_subscriptions_have_to_be_accepted_and_are_not_touched(ctx, make, paypal, merchant, now):
    live = [make.subscription(merchant=merchant, status=status) for status in (Status.ACTIVE, Status.PAUSED)]
    make.subscription(merchant=merchant, status=Status.CANCELLED)
    with pytest.raises(LiveSubscriptions) as refused:
        standings.leave(ctx, merchant.id, leave_live=False, by=OPERATOR, now=now)
    assert refused.value.count == 2
    assert stands(ctx, merchant)[0].state == "open"
    standings.leave(ctx, merchant.id, leave_live=True, by=OPERATOR, now=now)
    assert [make.reload(one).status for one in live] == [Status.ACTIVE, Status.PAUSED]
    assert paypal.count("cancel") == 0


def test_every_owner_is_told_and_nobody_else(ctx, make, hire, merchant, now):
    for number, role in enumerate((Role.OWNER, Role.OWNER, Role.MANAGER)):
        hire(merchant, role=role, email=f"p{number}@atelier.test", locale="en" if number else "fr")
    make.subscription(merchant=merchant)
    standings.suspend(ctx, merchant.id, why="The invoice of May is unpaid.", by=OPERATOR, now=now)
    standings.leave(ctx, merchant.id, leave_live=True, by=OPERATOR, now=now)
    with ctx.db.read() as session:
        mails = session.scalars(select(Mail).order_by(Mail.kind, Mail.recipient)).all()
    assert [(one.kind, one.recipient) for one in mails] == [
        (kind, f"p{number}@atelier.test") for kind in ("staff_leaving", "staff_suspended") for number in (0, 1)
    ]
    leaving, suspended = said(ctx, mails[1]).text, said(ctx, mails[3]).text
    assert "portal: The invoice of May is unpaid.\n" in suspended
    assert "PayPal keeps taking the payments of 1 live subscription." in leaving
    assert f"{now + timedelta(days=30):%B %Y}" in leaving


def test_what_is_counted_is_this_merchants_own(ctx, make, merchant, now):
    make.subscription(merchant=make.merchant())
    with ctx.db.read() as session:
        found = departures.of(session, merchant.id, now=now)
    assert (found.live_in_all, found.customers, found.holds_back) == (0, 0, {})
