"""Who carries out what anybody declares: the mailbox on file, the delay, or the merchant (law.md 8.3)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import OPERATOR, Act
from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.ends.received_requests import ReceivedState, Way
from portal.domain.law.court_files import Occasion
from portal.domain.law.declarations import Carrying
from portal.domain.policies import Actor, Override
from portal.domain.subscriptions import Status
from portal.models import AuditEntry, Mail, PublicDeclaration, ReceivedRequest
from portal.queries import inbox
from portal.queries.inbox import Kind
from portal.services import court_files
from portal.services.carrying import end_carrying
from portal.services.declarations import answering, deciding
from portal.services.declarations.answering import Standing
from portal.services.ends import end_requests, end_withdrawals
from portal.services.inbox import received_answers
from tests.services.carrying.carried import wish_of
from tests.services.inbox.notified import staff_ask
from tests.waiting_mails import said

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def rows(ctx, model):
    with ctx.db.read() as session:
        return list(session.scalars(select(model)))


def one(ctx, received_id):
    with ctx.db.read() as session:
        return session.get_one(ReceivedRequest, received_id), session.get_one(PublicDeclaration, received_id)


def mails(ctx, kind):
    return [(mail.recipient, said(ctx, mail)) for mail in rows(ctx, Mail) if mail.kind == kind]


def token(ctx):
    ((_to, mail),) = mails(ctx, "declaration_link")
    return re.search(r"/atelier/declarations/(\S+)", mail.text)[1]


def in_inbox(ctx, merchant, now):
    with ctx.db.read() as session:
        return inbox.page(session, merchant.id, now=now).items


@pytest.mark.law("R-FR-5", "R-FR-12", "R-FR-13")
def test_it_is_dated_and_acknowledged_at_once_whoever_declared_it(ctx, subscription, declare, now):
    received, declared = one(ctx, declare("stranger@client.test", "Somebody", is_decided=False))
    assert (received.way, received.received_at, received.state) == (Way.PUBLIC_FORM, now, ReceivedState.OPEN)
    assert (declared.text_version, declared.labels["confirm"]) == ("FR-2026-11", "Notification de la résiliation")
    ((to, mail),) = mails(ctx, "declaration_received")
    assert to == "stranger@client.test"
    assert received.reference in mail.text
    assert "Somebody" in mail.text


def test_the_mailbox_on_file_confirms_and_it_ends_without_anybodys_work(
    ctx, merchant, claire, subscription, declare, make, now
):
    received_id = declare()
    assert one(ctx, received_id)[1].carrying is Carrying.BY_MAIL
    asked = answering.look(ctx, merchant.id, token(ctx), now=now + HOUR)
    assert (asked.standing, [choice.id for choice in asked.choices]) == (Standing.ASKED, [subscription.id])
    assert make.requests(subscription) == [], "looking changes nothing"
    recorded = answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now + HOUR)
    end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
    received, _declared = one(ctx, received_id)
    (request,) = make.requests(subscription)
    assert (request.actor, request.channel) == (Actor.CUSTOMER, Channel.PUBLIC_PAGE)
    assert (request.notified_at, request.notified_reference) == (now, received.reference)
    assert request.notified_way is Way.PUBLIC_FORM
    assert received.state is ReceivedState.MATCHED
    assert make.reload(subscription).status is Status.CANCELLED
    assert {to for to, _mail in mails(ctx, "end_confirmed")} == {claire.email}


def test_a_yes_whose_process_was_stopped_is_carried_out_all_the_same(
    ctx, merchant, subscription, declare, make, now, monkeypatch
):
    received_id = declare()
    with monkeypatch.context() as stopped:
        stopped.setattr("portal.services.declarations.carrying.carry", lambda *_given, **_more: None)
        answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now + HOUR)
    assert make.requests(subscription) == []
    deciding.run(ctx, now=now + HOUR)
    assert make.requests(subscription) == [], "who confirmed may be carrying it out at this moment"
    deciding.run(ctx, now=now + HOUR + 2 * MINUTE)
    deciding.run(ctx, now=now + HOUR + 3 * MINUTE)
    (request,) = make.requests(subscription)
    assert request.notified_reference == one(ctx, received_id)[0].reference


@pytest.mark.law("R-GD-5")
def test_the_file_for_a_court_says_what_the_page_showed_and_who_answered(
    ctx, merchant, claire, subscription, declare, make, now
):
    declare(contract="Yoga")
    recorded = answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now + HOUR)
    end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
    file = court_files.export(ctx, merchant.id, recorded.request_id, Occasion.COURT, by=OPERATOR, now=now + DAY)
    with ZipFile(BytesIO(file.content)) as archive:
        whole = json.loads(archive.read("request.json"))
    (said,) = whole["declarations"]
    assert (said["contract"], said["page"]["text_version"]) == ("Yoga", "FR-2026-11")
    assert said["page"]["labels"]["confirm"] == "Notification de la résiliation"
    assert said["page"]["confirmed_at"] > said["received_at"]
    assert not [name for name in said["page"] if "hash" in name], "what opens a page is nobody's proof"
    sent = {message["kind"]: message for message in whole["messages"]}
    assert {"declaration_received", "declaration_link", "end_confirmed"} <= set(sent)
    assert (sent["declaration_received"]["recipient"], sent["declaration_received"]["state"]) == (
        claire.email,
        "waiting",
    )


def test_the_link_is_pressed_once_and_ends_only_what_is_theirs(ctx, make, merchant, subscription, declare, now):
    other = make.subscription(merchant=merchant)
    declare()
    with pytest.raises(NoResultFound):
        answering.confirm(ctx, merchant.id, token(ctx), other.id, now=now)
    answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now)
    for again in (
        lambda: answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now),
        lambda: answering.refuse(ctx, merchant.id, token(ctx), now=now),
    ):
        with pytest.raises(NoResultFound):
            again()
    assert make.requests(other) == []
    assert answering.look(ctx, merchant.id, "x" * 43, now=now) is None


def test_each_answer_of_the_mailbox_stands_in_the_chain(ctx, merchant, subscription, declare, now):
    declare(contract=subscription.provider_id)
    answering.refuse(ctx, merchant.id, token(ctx), now=now)
    acts = [entry.act for entry in rows(ctx, AuditEntry) if entry.merchant_id == merchant.id]
    assert acts.count(Act.RECEIVED_RECORDED) == acts.count(Act.RECEIVED_REFUSED) == 1


def test_several_subscriptions_are_chosen_from_and_the_inbox_has_it_meanwhile(
    ctx, make, merchant, claire, subscription, declare, now
):
    second = make.subscription(merchant=merchant, customer=claire)
    received_id = declare()
    _received, declared = one(ctx, received_id)
    assert (declared.carrying, declared.subscription_id, declared.due_at) == (Carrying.BY_MAIL, None, None)
    assert [item.kind for item in in_inbox(ctx, merchant, now)] == [Kind.RECEIVED]
    deciding.run(ctx, now=now + 30 * DAY)
    assert make.requests(second) == make.requests(subscription) == []
    answering.confirm(ctx, merchant.id, token(ctx), second.id, now=now)
    assert len(make.requests(second)) == 1
    assert make.requests(subscription) == []


def test_number_and_address_on_file_end_by_themselves_after_a_day(ctx, make, subscription, declare, now):
    received_id = declare(contract=f" {subscription.provider_id.lower()}")
    _received, declared = one(ctx, received_id)
    assert (declared.carrying, declared.due_at) == (Carrying.AFTER_DELAY, now + DAY)
    deciding.run(ctx, now=now + DAY - timedelta(minutes=1))
    assert make.requests(subscription) == []
    deciding.run(ctx, now=now + DAY)
    deciding.run(ctx, now=now + DAY)
    (request,) = make.requests(subscription)
    assert (request.notified_at, request.created_at) == (now, now + DAY)
    assert one(ctx, received_id)[0].end_request_id == request.id


def test_a_notice_runs_from_the_declaration_however_late_it_is_carried_out(ctx, make, merchant, claire, declare, now):
    """The payment falls half a day after thirty days from the declaration, and before thirty from carrying it out."""
    product, payment = make.product(merchant, notice_days=30), now + 30 * DAY + 12 * HOUR
    held = make.subscription(merchant=merchant, customer=claire, product=product, next_payment_at=payment)
    declare(contract=held.provider_id)
    deciding.run(ctx, now=now + DAY)
    (request,) = make.requests(held)
    assert (request.created_at, request.shown["payments_left"]) == (now + DAY, 0)
    assert request.shown["next_payment_at"] == payment.isoformat(), "the first that is not taken"


def test_earlier_before_the_next_payment(ctx, make, merchant, claire, declare, now):
    near = make.subscription(merchant=merchant, customer=claire, next_payment_at=now + 10 * HOUR)
    declare(contract=near.provider_id)
    deciding.run(ctx, now=now + 4 * HOUR)
    assert len(make.requests(near)) == 1


def test_it_was_not_me_ends_nothing_and_the_merchant_sees_it(ctx, make, merchant, subscription, declare, now):
    received_id = declare(contract=subscription.provider_id)
    answering.refuse(ctx, merchant.id, token(ctx), now=now + HOUR)
    deciding.run(ctx, now=now + 2 * DAY)
    received, declared = one(ctx, received_id)
    assert (received.is_open, declared.refused_at) == (True, now + HOUR)
    assert make.requests(subscription) == []
    assert [item.kind for item in in_inbox(ctx, merchant, now)] == [Kind.RECEIVED]
    assert answering.look(ctx, merchant.id, token(ctx), now=now + DAY).standing is Standing.REFUSED


@pytest.mark.parametrize("knows", ["name", "number", "another's number", "ground"])
def test_everything_else_is_the_merchants(ctx, make, merchant, subscription, declare, now, knows):
    other = make.subscription(merchant=merchant)
    told = {
        "name": {"email": "stranger@client.test"},
        "number": {"email": "stranger@client.test", "contract": subscription.provider_id},
        "another's number": {"contract": other.provider_id},
        "ground": {"contract": subscription.provider_id, "particulars": {"ground": "I move"}, "message": "I move"},
    }[knows]
    received_id = declare(**told)
    deciding.run(ctx, now=now + 10 * DAY)
    assert one(ctx, received_id)[1].carrying is Carrying.BY_MERCHANT
    assert make.requests(subscription) == make.requests(other) == []
    assert mails(ctx, "declaration_link") == []
    assert [item.kind for item in in_inbox(ctx, merchant, now)] == [Kind.RECEIVED]


@pytest.mark.parametrize("where", ["merchant", "product"])
def test_where_customers_do_not_end_by_themselves_it_is_always_the_merchants(ctx, make, declare, now, merchant, where):
    if where == "merchant":
        with ctx.db.begin() as session:
            session.merge(merchant).self_cancellation = False
    product = make.product(merchant, self_cancellation=Override.OFF if where == "product" else Override.INHERIT)
    claire = make.customer(merchant, email="claire@client.test")
    subscription = make.subscription(merchant=merchant, customer=claire, product=product)
    received_id = declare(contract=subscription.provider_id)
    deciding.run(ctx, now=now + 2 * DAY)
    received, declared = one(ctx, received_id)
    assert (declared.carrying, received.suggested_subscription_id) == (Carrying.BY_MERCHANT, subscription.id)
    assert make.requests(subscription) == []


def test_switched_off_meanwhile_it_becomes_the_merchants(ctx, make, merchant, subscription, declare, now):
    received_id = declare(contract=subscription.provider_id)
    with ctx.db.begin() as session:
        session.merge(merchant).self_cancellation = False
    deciding.run(ctx, now=now + DAY)
    received, declared = one(ctx, received_id)
    assert (received.is_open, declared.carrying, declared.due_at) == (True, Carrying.BY_MERCHANT, None)


@pytest.mark.parametrize("says", ["staff", "mailbox"])
@pytest.mark.parametrize("knows_number", [True, False])
def test_a_form_of_nobody_known_does_not_date_the_end_of_the_same_contract_until_somebody_says_whose_it_is(
    ctx, make, merchant, subscription, declare, now, knows_number, says
):
    received_id = declare(contract=subscription.provider_id if knows_number else "")
    staff_ask(ctx, subscription, now=now + HOUR)
    received, _declared = one(ctx, received_id)
    (request,) = make.requests(subscription)
    assert (request.notified_at, request.notified_reference) == (None, "")
    assert (received.is_open, received.suggested_subscription_id) == (True, subscription.id), "and nothing is forgotten"
    deciding.run(ctx, now=now + 2 * DAY)
    assert one(ctx, received_id)[0].is_open, "nor does the delay say it"
    if says == "staff":
        received_answers.match_standing(ctx, merchant.id, received_id, subscription.id, by="Anne", now=now + 2 * DAY)
    else:
        answering.confirm(ctx, merchant.id, token(ctx), subscription.id, now=now + 2 * DAY)
    (request,) = make.requests(subscription)
    assert (request.notified_at, request.notified_reference) == (now, received.reference)
    assert one(ctx, received_id)[0].state is ReceivedState.MATCHED
    assert answering.look(ctx, merchant.id, token(ctx), now=now + 3 * DAY).standing in (
        Standing.SETTLED,
        Standing.CONFIRMED,
    )


def test_who_takes_the_end_back_in_their_account_is_not_ended_again_by_the_delay(
    ctx, make, merchant, claire, subscription, declare, now
):
    received_id = declare(contract=subscription.provider_id)
    day = (now + 100 * DAY).date()
    asked = end_requests.record(ctx, wish_of(subscription, customer_id=claire.id, wished_on=day), now=now + HOUR)
    end_withdrawals.withdraw(ctx, merchant.id, claire.id, asked.reference, now=now + 2 * HOUR)
    deciding.run(ctx, now=now + 3 * DAY)
    received, _declared = one(ctx, received_id)
    assert received.is_open, "the merchant sees it"
    assert [request.state for request in make.requests(subscription)] == [RequestState.WITHDRAWN]


def test_two_notifications_for_one_contract_are_one_end(ctx, make, subscription, declare, now):
    ids = [declare(contract=subscription.provider_id) for _time in range(2)]
    deciding.run(ctx, now=now + 2 * DAY)
    (request,) = make.requests(subscription)
    assert {one(ctx, received_id)[0].end_request_id for received_id in ids} == {request.id}


def test_a_double_click_declares_once(ctx, declare):
    assert declare(page_token="same") == declare(page_token="same")
    assert len(rows(ctx, PublicDeclaration)) == 1
    assert len(mails(ctx, "declaration_received")) == 1


def test_a_flood_is_taken_down_and_dated_writes_no_mails_and_is_one_line(ctx, merchant, subscription, declare, now):
    for number in range(30):
        declare(f"n{number}@client.test", "Claire Martin", network="one")
    assert len(rows(ctx, ReceivedRequest)) == 30
    assert len(mails(ctx, "declaration_received")) == 10
    items = in_inbox(ctx, merchant, now)
    assert [item.waiting for item in items if item.kind is Kind.LOST] == [20]
    assert sum(item.kind is Kind.RECEIVED for item in items) == 10


def test_a_flood_with_somebodys_address_locks_nobody_out(ctx, subscription, declare):
    for number in range(20):
        declare(network=f"n{number}")
    assert len(rows(ctx, ReceivedRequest)) == 20
    assert len(mails(ctx, "declaration_link")) == 5


@pytest.mark.law("R-FR-13")
def test_one_that_lost_its_job_is_decided_within_minutes(ctx, subscription, declare, now):
    received_id = declare(is_decided=False)
    deciding.run(ctx, now=now + timedelta(minutes=2))
    assert one(ctx, received_id)[1].carrying is Carrying.BY_MAIL
    deciding.decide(ctx, received_id, now=now + HOUR)
    assert len(mails(ctx, "declaration_link")) == 1


def test_who_is_a_customer_costs_as_many_statements_as_who_is_not(ctx, subscription, declare, statements):
    declare("first@client.test")
    told = {}
    for email in ("claire@client.test", "stranger@client.test"):
        with statements() as seen:
            declare(email, is_decided=False, contract=subscription.provider_id)
        told[email] = [statement.partition("(")[0] for statement in seen]
    assert told["claire@client.test"] == told["stranger@client.test"]


def test_strangers_words_are_no_links_in_a_mail(ctx, declare):
    declare("stranger@client.test", "https://evil.test/x", is_decided=False)
    ((_to, mail),) = mails(ctx, "declaration_received")
    assert "https://evil.test" not in mail.text + mail.html
    assert "evil.test" not in mail.text + mail.html
