"""flask sessions: everybody is logged out, and whoever was may log in again."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.models import AuditEntry, LoginSession, Staff
from portal.queries.people.people import Kind
from portal.services.people.sessions import Visitor, open_for
from tests.web.conftest import app, applications, config  # noqa: F401 - the application that has the commands


@pytest.fixture
def flask(app):  # noqa: F811
    def run(*arguments):
        result = app.test_cli_runner().invoke(args=["sessions", "end-all", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output, result.exit_code

    return run


@pytest.fixture
def merchants(ctx, make):
    """Two, each with somebody of the desk and two customers who are logged in, and a third whom nobody visits."""
    found = [make.merchant(slug="atelier"), make.merchant(slug="studio")]
    make.merchant(slug="empty")
    for number, merchant in enumerate(found):
        staff = Staff(id=uuid.uuid4(), merchant_id=merchant.id, email=f"s{number}@desk.test", name="Anne")
        staff.password_hash, staff.totp_secret = "x", b"x"
        make.add(staff)
        people = [(Kind.STAFF, staff.id), *((Kind.CUSTOMER, make.customer(merchant).id) for _ in range(2))]
        with ctx.db.begin() as session:
            for kind, person_id in people:
                open_for(session, kind, merchant.id, person_id, visitor=Visitor(), now=utc_now())
    return found


def running(ctx, merchant):
    with ctx.db.read() as session:
        mine = select(LoginSession).where(LoginSession.merchant_id == merchant.id, LoginSession.revoked_at.is_(None))
        return len(session.scalars(mine).all())


def said(ctx):
    with ctx.db.read() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.act == "merchant.sessions_ended")).all()
    return {row.merchant_id: (row.details, str(row.actor), row.channel) for row in rows}


def test_everybody_is_logged_out_and_the_chain_says_so(ctx, flask, merchants):
    text, code = flask()
    assert (text.strip(), code) == ("Logged out: 2 of the desks, 4 of customers.", 0)
    assert [running(ctx, one) for one in merchants] == [0, 0]
    ended = {one.id: ({"staff": 1, "customers": 2}, "system", "command_line") for one in merchants}
    assert said(ctx) == ended
    assert flask()[0].strip() == "Logged out: 0 of the desks, 0 of customers."
    assert said(ctx) == ended, "nothing happened the second time"


def test_of_one_merchant_alone(ctx, flask, merchants):
    assert flask("--merchant", "studio")[0].strip() == "Logged out: 1 of the desks, 2 of customers."
    assert [running(ctx, one) for one in merchants] == [3, 0]
    assert set(said(ctx)) == {merchants[1].id}
    assert flask("--merchant", "nobody")[1] == 1
