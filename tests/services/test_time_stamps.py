"""Chains' ends once a day and proofs are stamped; a failure is tried again and stands in nobody's way."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from portal.domain.audit import OPERATOR, Act
from portal.domain.law import court_files
from portal.models import AuditEntry, Proof, TimeStamp
from portal.providers.time_stamps import TimeStamps
from portal.services import time_stamps
from portal.services.audit import audit, audit_checks
from tests.fakes.time_stamps import Authority, Server
from tests.services.audit.test_audit import tamper
from tests.services.carrying.carried import ask, carry


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority):
    running = Server(authority)
    yield running
    running.close()


@pytest.fixture
def stamped(ctx, server):
    """The context with an authority."""
    return replace(ctx, time_stamps=TimeStamps(server.url, server.authority.trust, loopback=True))


def stamps(ctx, *where):
    with ctx.db.read() as session:
        return session.scalars(select(TimeStamp).where(*where).order_by(TimeStamp.created_at)).all()


def act(ctx, merchant, now):
    with ctx.db.begin() as session:
        audit.append(session, merchant.id, Act.LOGGED_IN, by=OPERATOR, at=now)


@pytest.mark.law("R-GD-5")
def test_the_chains_end_and_the_proof_are_stamped_and_both_hold(stamped, make, now):
    held = make.subscription()
    request = carry(stamped, ask(stamped, make, held))
    assert time_stamps.run(stamped, now=now) == 2
    with stamped.db.read() as session:
        proof = session.scalars(select(Proof).where(Proof.end_request_id == request.id)).one()
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).one()
    chain, one = sorted(stamps(stamped), key=lambda stamp: stamp.number is None)
    assert (chain.number, chain.hash, one.proof_id) == (last.number, last.hash, proof.id)
    assert time_stamps.check(stamped, held.merchant_id) == time_stamps.Checked(whole=2, wrong=(), unchecked=0)


def test_the_proofs_fingerprint_stands_in_the_chain(ctx, make):
    held = make.subscription()
    carry(ctx, ask(ctx, make, held))
    with ctx.db.read() as session:
        facts = session.scalars(select(Proof.facts)).one()
        told = session.scalars(select(AuditEntry.details).where(AuditEntry.act == "proof.written")).one()
    assert told["sha256"] == hashlib.sha256(court_files.proof_content(facts)).hexdigest()
    assert held.customer.name not in str(told)


def test_a_chain_is_stamped_once_a_day_and_only_when_it_moved_on(stamped, make, now):
    merchant = make.merchant()
    act(stamped, merchant, now)
    assert [time_stamps.run(stamped, now=now + timedelta(hours=hours)) for hours in (0, 1, 30)] == [1, 0, 0]
    act(stamped, merchant, now)
    # The authority signs now, and says so: a run whose clock is a day ahead is told apart.
    assert time_stamps.run(stamped, now=now + timedelta(hours=31)) == 0
    assert [one.problem for one in stamps(stamped)] == ["", "clock"]


def test_an_authority_that_is_away_is_asked_once_a_run_and_again_later(stamped, server, make, now):
    for _merchant in range(3):
        act(stamped, make.merchant(), now)
    server.status = 503
    assert time_stamps.run(stamped, now=now) == 0
    assert len(server.queries) == 1, "the others need not find out that it is away"
    assert sorted(one.failed for one in stamps(stamped)) == [0, 0, 1]
    server.status = 200
    assert time_stamps.run(stamped, now=now + timedelta(minutes=1)) == 2
    assert time_stamps.run(stamped, now=now + timedelta(minutes=9)) == 0, "the first waits for its time"
    assert time_stamps.run(stamped, now=now + timedelta(minutes=9, seconds=59)) == 0


def test_a_wrong_answer_keeps_no_other_and_is_kept_with_its_reason(stamped, server, make, now):
    for _merchant in range(2):
        act(stamped, make.merchant(), now)
    first = []
    server.spoil_answer = lambda body: body if first else first.append(1) or b"<html>"
    assert time_stamps.run(stamped, now=now) == 1
    (wrong,) = stamps(stamped, TimeStamp.reply.is_(None))
    assert (wrong.problem, wrong.failed) == ("no_answer", 1)
    assert wrong.next_try_at == now + timedelta(minutes=10)


def test_a_confirmation_never_waits_for_it(stamped, server, make):
    server.status = 503
    request = carry(stamped, ask(stamped, make, make.subscription()))
    assert request.state == "confirmed"
    assert server.queries == []


def test_off_nothing_is_written(ctx, make, now):
    act(ctx, make.merchant(), now)
    assert time_stamps.run(ctx, now=now) == 0
    assert stamps(ctx) == []


def test_a_proof_that_was_changed_since_is_found(stamped, make, now):
    held = make.subscription()
    carry(stamped, ask(stamped, make, held))
    time_stamps.run(stamped, now=now)
    with stamped.db.begin() as session:
        facts = {**session.scalars(select(Proof.facts)).one(), "customer_name": "Somebody else"}
        session.execute(update(Proof).values(facts=facts))
        proof_id = session.scalars(select(Proof.id)).one()
    found = time_stamps.check(stamped, held.merchant_id)
    assert (found.whole, found.wrong) == (1, (f"proof {proof_id}",))


def test_a_token_of_another_row_is_found(stamped, make, now):
    merchants = [make.merchant(), make.merchant()]
    for merchant in merchants:
        act(stamped, merchant, now)
    time_stamps.run(stamped, now=now)
    one, other = stamps(stamped)
    with stamped.db.begin() as session:
        session.execute(update(TimeStamp).where(TimeStamp.id == one.id).values(reply=other.reply))
    assert time_stamps.check(stamped, one.merchant_id).wrong == ("chain 1",)
    assert time_stamps.check(stamped, other.merchant_id).whole == 1


def test_a_chain_that_was_written_anew_is_found_though_it_holds_together(stamped, make, now):
    merchant = make.merchant()
    act(stamped, merchant, now)
    time_stamps.run(stamped, now=now)
    tamper(stamped, "DELETE FROM audit_entries", "DELETE FROM audit_heads")
    act(stamped, merchant, now + timedelta(seconds=1))
    assert audit_checks.check(stamped.db, merchant.id).is_whole
    assert time_stamps.check(stamped, merchant.id).wrong == ("chain 1",)


def test_without_certificates_the_stamps_are_said_to_be_unchecked(ctx, stamped, make, now):
    merchant = make.merchant()
    act(stamped, merchant, now)
    time_stamps.run(stamped, now=now)
    assert time_stamps.check(ctx, merchant.id) == time_stamps.Checked(whole=0, wrong=(), unchecked=1)


def test_a_stamp_goes_with_its_proof(stamped, make, now):
    carry(stamped, ask(stamped, make, make.subscription()))
    time_stamps.run(stamped, now=now)
    with stamped.db.begin() as session:
        session.execute(delete(Proof))
        assert session.scalar(select(func.count()).select_from(TimeStamp).where(TimeStamp.proof_id.is_not(None))) == 0
