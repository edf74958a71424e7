"""A customer is erased once nothing waits, and only what the law keeps is left; nothing brings the person back."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.documents.declarations import declared_rows
from portal.domain.audit import By
from portal.domain.ends.end_requests import RequestState
from portal.domain.errors import NotAllowed
from portal.domain.integrations.task_links import TaskKind
from portal.domain.law.countries import Country, Function, strategy
from portal.domain.money.late_payments import LateState
from portal.domain.people.address_holds import HoldOutcome
from portal.domain.people.customer_erasures import ErasureState, Hold
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.models import (
    AddressHold,
    AuditEntry,
    Customer,
    CustomerNote,
    EndRequest,
    EventSource,
    EventState,
    Grant,
    LatePayment,
    LoginSession,
    Mail,
    MailState,
    Merchant,
    Payment,
    PayPalEvent,
    Proof,
    ReceivedRequest,
    SearchWord,
    Subscription,
    TaskLink,
)
from portal.queries.merchants import customer_erasures as stored
from portal.queries.people.people import Kind
from portal.services import aging, grants, task_links
from portal.services.declarations import deciding, declarations
from portal.services.declarations.declarations import Declared
from portal.services.grants import Gift
from portal.services.inbox import lost_log_ins, received_requests
from portal.services.inbox.lost_log_ins import Word
from portal.services.own_data import customer_erasures, erasing
from portal.services.people import address_changes, customer_notes
from portal.services.people.sessions import Visitor, open_for
from tests.services.ends.withdrawing import declare
from tests.services.ends.withdrawing import stored as stored_withdrawal
from tests.services.imports.importing import bring_in
from tests.services.own_data.wishing import LATER, again, carry_ends, erasure_of, row_of, whole_database, wish

PAYER = "ZEPAYER234567"
ANNE = By(actor=Actor.STAFF, actor_id=uuid.uuid4(), channel="staff", name="Anne")


@pytest.fixture
def customer(make):
    return make.customer(make.merchant(), name="Zoé Rousseau", email="zoe.rousseau@client.test", payer_id=PAYER)


def holds(ctx, customer, now):
    with ctx.db.read() as session:
        return stored.holds(session, session.get_one(Customer, customer.id), now=now)


def merchant_of(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Merchant, customer.merchant_id)


def all_of(ctx, row):
    with ctx.db.read() as session:
        return session.scalars(select(row)).all()


def erased(ctx, customer, left, now):
    erasure = wish(ctx, customer, now)
    carry_ends(ctx)
    left(utc_now())
    assert again(ctx, erasure, now + LATER)
    left(now + 2 * LATER)
    return erasure


def test_without_a_subscription_it_is_done_after_a_day_and_said_in_a_last_mail(ctx, customer, left, now):
    erasure = wish(ctx, customer, now)
    left(utc_now())
    assert not again(ctx, erasure, now + timedelta(hours=23))
    assert row_of(ctx, customer).email == "zoe.rousseau@client.test"
    assert again(ctx, erasure, now + LATER)
    (letter,) = left(now + 2 * LATER)
    assert letter.to == "zoe.rousseau@client.test"
    assert erasure.reference in letter.subject
    assert erasure_of(ctx, customer).state is ErasureState.DONE
    assert again(ctx, erasure, now + 2 * LATER), "done once, it stays so"
    assert left(now + 4 * LATER) == []


def test_what_lives_is_ended_at_paypal_first_and_paypals_word_is_waited_for(ctx, make, customer, paypal, left, now):
    held = make.subscription(customer=customer)
    erasure = wish(ctx, customer, now)
    (request,) = make.requests(held)
    assert request.actor is Actor.CUSTOMER
    left(utc_now())
    assert not again(ctx, erasure, now + LATER)
    assert holds(ctx, customer, utc_now()) == {Hold.END: 1}
    paypal.rule("show", "500")
    carry_ends(ctx)
    assert not again(ctx, erasure, now + LATER), "PayPal is down: nobody is forgotten, and nobody is erased"
    paypal.clear_rules()
    carry_ends(ctx)
    left(utc_now())
    assert again(ctx, erasure, now + LATER)
    assert make.reload(held).status is Status.CANCELLED
    assert paypal.subscriptions[held.provider_id].status == "CANCELLED"


@pytest.mark.law("R-GD-2")
def test_a_withdrawal_stays_without_the_name_of_who_declared_it(ctx, make, customer, left, now):
    begun = now - timedelta(days=3)
    held = make.subscription(customer=customer, started_at=begun, paid_until=begun)
    declare(ctx, held, now=now)
    erased(ctx, customer, left, now)
    withdrawal = stored_withdrawal(ctx)
    assert (withdrawal.actor_name, withdrawal.declared_at) == ("", now)


@pytest.mark.law("R-GD-2")
def test_nothing_says_any_more_who_it_was_but_the_proof(ctx, make, customer, left, now):
    held, over = make.subscription(customer=customer), make.subscription(customer=customer, status=Status.COMPLETED)
    make.payment(held, 5)
    make.payment(over, 60)
    customer_notes.write(ctx, customer.merchant_id, customer.id, "Zoé Rousseau likes jazz", by=ANNE, now=now)
    gift = Gift(product_id=held.product_id, since=now, until=None, note="for Zoé Rousseau", is_told=True)
    grants.give(ctx, customer.merchant_id, customer.id, gift, by=ANNE, now=now)
    with ctx.db.begin() as session:
        open_for(session, Kind.CUSTOMER, customer.merchant_id, customer.id, visitor=Visitor(), now=now)
        row = session.get_one(Customer, customer.id)
        address_changes.ask(ctx, session, row, "zoe.rousseau@neuf.example", by=ANNE, now=now)
    erased(ctx, customer, left, now)
    nobody = row_of(ctx, customer)
    assert (nobody.name, nobody.email, nobody.payer_id, nobody.paypal_email) == ("", None, None, None)
    assert nobody.erased_at == now + LATER
    for row in (LoginSession, CustomerNote, Grant, SearchWord):
        assert all_of(ctx, row) == [], row
    lines = [line for line in whole_database(ctx).splitlines() if "ousseau" in line or PAYER in line]
    assert [line.split()[0] for line in lines] == ["proofs"], lines
    assert len(all_of(ctx, Proof)) == 1


@pytest.mark.law("R-GD-2")
def test_what_the_merchant_noted_on_a_subscription_goes_with_its_customer_alone(ctx, make, customer, now):
    """A reference of the merchant's, and columns brought by file, name people as well as a note does."""
    noted = {"reference": "ROUSSEAU-7", "extra": {"teacher": "Zoé Rousseau", "instrument": "oboe"}}
    theirs = [make.subscription(customer=customer, **noted | {"reference": f"ROUSSEAU-{place}"}) for place in (1, 2)]
    plain = make.subscription(customer=customer)
    stranger = make.subscription(customer=make.customer(merchant_of(ctx, customer)), **noted)
    with ctx.db.begin() as session:
        counts = erasing.erase(session, session.get_one(Customer, customer.id), now=now)
    assert counts["own_words_of_subscriptions"] == 2
    for one in (*theirs, plain):
        row = make.reload(one)
        assert (row.reference, row.extra) == (None, {})
    row = make.reload(stranger)
    assert (row.reference, row.extra) == (noted["reference"], noted["extra"])


def test_messages_keep_that_they_left_and_not_what_they_said(ctx, make, customer, left, now):
    make.subscription(customer=customer)
    erased(ctx, customer, left, now)
    found = all_of(ctx, Mail)
    assert {one.kind for one in found} >= {
        "end_confirmed",
        "merchant_end_confirmed",
        "erasure_recorded",
        "erasure_done",
    }
    assert [one.kind for one in found if one.content is not None] == []
    assert {one.recipient for one in found if not one.kind.startswith("merchant_")} == {""}
    assert all(one.sent_at for one in found if one.state is MailState.SENT)


def test_a_day_that_an_end_waits_for_is_waited_for(ctx, make, customer, left, now):
    product = make.product(merchant_of(ctx, customer), commitment_binds=True)
    make.subscription(customer=customer, product=product, committed_until=now + timedelta(days=90))
    erasure = wish(ctx, customer, now)
    left(now + LATER)
    assert not again(ctx, erasure, now + LATER)
    assert holds(ctx, customer, now + LATER) == {Hold.PLANNED_END: 1}
    with ctx.db.read() as session:
        assert stored.last_day_of_wait(session, customer.id, now=now) > now + timedelta(days=60)


def test_where_customers_may_not_end_by_themselves_the_merchant_is_notified(ctx, make, left, now):
    merchant = make.merchant(self_cancellation=False)
    customer = make.customer(merchant)
    held = make.subscription(merchant=merchant, customer=customer)
    erasure = wish(ctx, customer, now)
    assert make.requests(held) == []
    (notice,) = all_of(ctx, ReceivedRequest)
    assert notice.subscription_id == held.id
    left(utc_now())
    assert not again(ctx, erasure, now + LATER)
    assert len(all_of(ctx, ReceivedRequest)) == 1, "told once"
    assert holds(ctx, customer, utc_now()) == {Hold.NOTICE: 1}


def test_asked_twice_it_is_one_wish(ctx, make, customer, now):
    held = make.subscription(customer=customer)
    first, second = wish(ctx, customer, now), wish(ctx, customer, now)
    assert (second.id, second.reference) == (first.id, first.reference)
    assert len(make.requests(held)) == 1
    assert [one.kind for one in all_of(ctx, Mail)].count("erasure_recorded") == 1


def test_taken_back_the_ends_that_were_not_sent_are_taken_back_too(ctx, make, customer, left, now):
    held = make.subscription(customer=customer)
    erasure = wish(ctx, customer, now)
    assert customer_erasures.withdraw(ctx, customer.merchant_id, customer.id, now=now)
    assert not customer_erasures.withdraw(ctx, customer.merchant_id, customer.id, now=now), "a second click"
    (request,) = make.requests(held)
    assert request.state is RequestState.WITHDRAWN
    carry_ends(ctx)
    left(utc_now())
    assert not again(ctx, erasure, now + LATER)
    assert make.reload(held).status is Status.ACTIVE
    assert row_of(ctx, customer).name == "Zoé Rousseau"
    assert wish(ctx, customer, now).id != erasure.id, "they may ask anew"


def test_once_an_end_was_sent_it_is_too_late_to_take_it_back(ctx, make, customer, now):
    make.subscription(customer=customer)
    wish(ctx, customer, now)
    carry_ends(ctx)
    with pytest.raises(NotAllowed):
        customer_erasures.withdraw(ctx, customer.merchant_id, customer.id, now=now)
    assert erasure_of(ctx, customer).state is ErasureState.OPEN


def test_a_mail_that_cannot_leave_is_waited_for(ctx, customer, mailer, left, now):
    erasure = wish(ctx, customer, now)
    assert not again(ctx, erasure, now + LATER)
    assert holds(ctx, customer, now + LATER) == {Hold.MAIL: 1}
    left(utc_now())
    assert again(ctx, erasure, now + LATER)


def test_a_mail_that_was_put_off_or_is_leaving_just_now_is_waited_for_too(ctx, customer, mailer, left, now):
    """Its next try lies ahead, or a worker has it in hand: it must neither be lost nor arrive after the last one."""
    erasure = wish(ctx, customer, now)
    mailer.away = True
    left(now + LATER)
    (mail,) = all_of(ctx, Mail)
    assert (mail.state, mail.send_at > now + LATER) == (MailState.WAITING, True)
    assert not again(ctx, erasure, now + LATER)
    assert holds(ctx, customer, now + LATER) == {Hold.MAIL: 1}
    mailer.away = False
    assert len(left(now + 2 * LATER)) == 1
    assert again(ctx, erasure, now + 2 * LATER)


def test_a_mailbox_that_never_takes_anything_keeps_nobody_for_ever(ctx, customer, mailer, left, now):
    """It is full, or its domain is gone: the law's month to answer goes by, and the address would stay for good."""
    erasure = wish(ctx, customer, now)
    mailer.away = True
    for hours in range(0, 4 * 24, 7):
        left(now + timedelta(hours=hours))
    assert not again(ctx, erasure, now + timedelta(days=4)), "a mailbox may be full for some days"
    left(now + timedelta(days=5))
    assert again(ctx, erasure, now + timedelta(days=6))
    for hours in range(6 * 24, 13 * 24, 7):
        left(now + timedelta(hours=hours))
    farewell = next(one for one in all_of(ctx, Mail) if one.kind == "erasure_done")
    assert (farewell.state, farewell.recipient) == (MailState.REFUSED, "")
    assert farewell.seen_at is not None, "nobody can do anything about it"
    assert row_of(ctx, customer).email is None


def test_a_mail_that_was_written_since_somebody_looked_at_the_clock_is_waited_for(ctx, customer, left, now):
    """An end is confirmed while the erasure waits for its locks."""
    erasure = wish(ctx, customer, now)
    just_now = now + LATER + timedelta(seconds=2)
    with ctx.db.begin() as session:
        mail = session.scalars(select(Mail)).one()
        mail.created_at = mail.send_at = just_now
    assert not again(ctx, erasure, now + LATER)
    left(just_now)
    assert again(ctx, erasure, now + LATER)


def test_what_tells_the_merchant_of_them_is_waited_for_once_it_is_leaving(ctx, make, customer, left, now):
    """Its words were written when it was first tried: they name the customer."""
    held = make.subscription(customer=customer)
    erasure = wish(ctx, customer, now)
    carry_ends(ctx)
    left(utc_now())
    with ctx.db.begin() as session:
        told = session.scalars(select(Mail).where(Mail.kind == "merchant_end_confirmed")).one()
        told.key, told.end_request_id, told.customer_id = f"told:{held.id}", None, None
        told.state, told.attempts, told.send_at = MailState.WAITING, 1, now + 2 * LATER
    assert not again(ctx, erasure, now + LATER)
    left(now + 2 * LATER)
    assert again(ctx, erasure, now + LATER)


def test_it_is_dated_when_its_locks_are_held_not_when_somebody_looked_at_the_clock(ctx, customer, left):
    """An end is confirmed meanwhile: nothing is erased before it, and nothing may say so."""
    before, started = utc_now() - 2 * LATER, utc_now()
    erasure = wish(ctx, customer, before)
    left(utc_now())
    assert again(ctx, erasure, before + LATER)
    assert erasure_of(ctx, customer).done_at >= started
    assert row_of(ctx, customer).erased_at >= started


def test_a_reminder_for_later_is_not_waited_for(ctx, make, customer, left, now):
    erasure = wish(ctx, customer, now)
    left(utc_now())
    with ctx.db.begin() as session:
        mail = session.scalars(select(Mail)).one()
        mail.state, mail.attempts, mail.send_at = MailState.WAITING, 0, now + 2 * LATER
    assert again(ctx, erasure, now + LATER)
    assert [one.state for one in all_of(ctx, Mail) if one.kind == "erasure_recorded"] == [MailState.SUPERSEDED]


def test_the_last_mail_keeps_the_address_only_until_it_has_left(ctx, customer, mailer, left, now):
    erasure = wish(ctx, customer, now)
    left(utc_now())
    again(ctx, erasure, now + LATER)
    (last,) = [one for one in all_of(ctx, Mail) if one.kind == "erasure_done"]
    assert (last.recipient, last.customer_id) == ("zoe.rousseau@client.test", None)
    left(now + 2 * LATER)
    (last,) = [one for one in all_of(ctx, Mail) if one.kind == "erasure_done"]
    assert (last.recipient, last.content, last.state) == ("", None, MailState.SENT)


def test_the_chain_tells_of_it_and_names_nobody(ctx, customer, left, now):
    erasure = erased(ctx, customer, left, now)
    told = [row for row in all_of(ctx, AuditEntry) if row.act.startswith("customer.eras")]
    assert [row.act for row in told] == ["customer.erasure_asked", "customer.erased"]
    assert {row.details["reference"] for row in told} == {erasure.reference}
    assert {row.subject_id for row in told} == {customer.id}


def test_paypal_brings_neither_name_nor_address_back(ctx, make, paypal, customer, left, now):
    """Not by a read of what is known, nor by an import of what was bought before; what is bought later is new."""
    held = make.subscription(customer=customer)
    at_paypal = paypal.subscriptions[held.provider_id]
    at_paypal.email, at_paypal.payer_id, at_paypal.surname = "zoe.rousseau@client.test", PAYER, "Rousseau"
    erased(ctx, customer, left, utc_now() - LATER)
    plan = paypal.add_plan()
    before = paypal.add_subscription(
        plan_id=plan.id, email="zoe.rousseau@client.test", status="CANCELLED", started_at=now - timedelta(days=400)
    )
    before.payer_id = PAYER
    bring_in(ctx, merchant_of(ctx, customer))
    people = all_of(ctx, Customer)
    assert [(one.id, one.name, one.email, one.payer_id) for one in people] == [(customer.id, "", None, None)]
    assert {one.customer_id for one in all_of(ctx, Subscription)} == {customer.id}
    assert {one.payer_id for one in all_of(ctx, Subscription)} == {None}


def test_after_it_time_does_its_work_without_anybody_to_tell(ctx, make, customer, left, now):
    held = make.subscription(customer=customer)
    erased(ctx, customer, left, now)
    aging.run(ctx, now=held.paid_until + timedelta(days=1))
    (request,) = all_of(ctx, EndRequest)
    assert request.state is RequestState.CLOSED
    assert [one for one in left(held.paid_until + timedelta(days=1)) if "atelier.test" not in one.to] == []


def test_who_changed_the_address_lately_may_have_taken_it_and_is_waited_for(ctx, make, customer, left, now):
    """Whoever reads a mailbox for an hour must not move the account to another one and have it erased there."""
    hold = AddressHold(
        merchant_id=customer.merchant_id,
        customer_id=customer.id,
        former_email="owner@client.test",
        email=customer.email,
        link_hash="h",
        expires_at=now + timedelta(days=7),
    )
    make.add(hold)
    erasure = wish(ctx, customer, now)
    left(now + LATER)
    assert not again(ctx, erasure, now + LATER)
    assert holds(ctx, customer, now + LATER) == {Hold.ADDRESS: 1}
    with ctx.db.begin() as session:
        session.get_one(AddressHold, hold.id).held_at = now + LATER
    assert not again(ctx, erasure, now + timedelta(days=30)), "contested, until somebody of the team decides"
    with ctx.db.begin() as session:
        session.get_one(AddressHold, hold.id).decide(HoldOutcome.KEPT, by="Anne", at=now + LATER)
    assert again(ctx, erasure, now + timedelta(days=30))
    assert all_of(ctx, AddressHold) == []


def test_links_and_own_answers_go_with_the_person(ctx, make, customer, left, now):
    with ctx.db.begin() as session:
        row = session.get_one(Customer, customer.id)
        row.time_zone, row.own_answers = "Asia/Tokyo", ["name"]
        merchant = session.get_one(Merchant, customer.merchant_id)
        task_links.make(session, merchant, row, next(iter(TaskKind)), now=now)
    erased(ctx, customer, left, now)
    nobody = row_of(ctx, customer)
    assert (nobody.time_zone, nobody.own_answers, nobody.reminders_allowed) == (None, [], False)
    assert all_of(ctx, TaskLink) == []


@pytest.mark.parametrize("email", ["zoe.rousseau@client.test", "zoe@elsewhere.test"])
def test_the_page_of_a_declaration_keeps_its_date_and_says_no_word_of_the_person(ctx, make, customer, left, now, email):
    held = make.subscription(customer=customer)
    declared = Declared(
        merchant_id=customer.merchant_id,
        strategy=strategy(Country.FR, Function.CANCELLATION),
        language="fr",
        page_token="page",
        name="Zoé Rousseau",
        email=email,
        contract=held.provider_id,
        particulars={},
        subscription_id=held.id,
    )
    received_id = declarations.declare(ctx, declared, network="n", now=now)
    deciding.decide(ctx, received_id, now=now)
    before = declarations.page_of(ctx, customer.merchant_id, "atelier", "page")
    assert (before.name, before.email, before.is_erased) == ("Zoé Rousseau", email, False)
    erased(ctx, customer, left, now)
    after = declarations.page_of(ctx, customer.merchant_id, "atelier", "page")
    assert (after.reference, after.declared_at, after.heading) == (before.reference, now, before.heading)
    said = str(declared_rows(after, Translator("fr"), Formatter("fr", "Europe/Paris", Translator("fr")))) + str(after)
    for word in ("Zoé", "Rousseau", email, held.provider_id):
        assert word not in said


def test_a_message_that_names_a_payment_alone_says_nothing_of_its_payer_either(ctx, make, customer, now):
    """That of a refund names the sale; that of a cancelled reversal may name the reversal."""
    theirs = make.payment(make.subscription(customer=customer), 1)
    with ctx.db.begin() as session:
        session.get_one(Payment, theirs.id).reversals = {"REVERSAL00000001": "29.90", "CANCELLED0000001": "-29.90"}
    for parent in (theirs.provider_id, "REVERSAL00000001", "SALEOFANOTHERONE"):
        body = f"payment_status=Refunded&parent_txn_id={parent}&first_name=Zo%E9&payer_email=zoe@client.test".encode()
        told = {"source": EventSource.IPN, "event_type": "refunded", "event_id": parent, "environment": "sandbox"}
        make.add(
            PayPalEvent(merchant_id=customer.merchant_id, body=body, received_at=now, state=EventState.DONE, **told)
        )
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, customer.id), now=now)
    with_body = {row.event_id for row in all_of(ctx, PayPalEvent) if row.body is not None}
    assert with_body == {"SALEOFANOTHERONE"}


def test_a_message_of_who_is_erased_that_was_given_up_needs_nobody_any_more(ctx, make, customer, now):
    theirs = make.payment(make.subscription(customer=customer), 1)
    make.add(
        PayPalEvent(
            merchant_id=customer.merchant_id,
            body=f"payment_status=Refunded&parent_txn_id={theirs.provider_id}".encode(),
            received_at=now,
            state=EventState.FAILED,
            error="unavailable",
            source=EventSource.IPN,
            event_type="refunded",
            event_id="x",
            environment="sandbox",
        )
    )
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, customer.id), now=now)
    [row] = all_of(ctx, PayPalEvent)
    assert (row.body, row.state) == (None, EventState.IGNORED)


@pytest.mark.law("R-GD-2")
def test_what_staff_wrote_about_somebody_as_a_reason_goes_too(ctx, make, customer, now):
    """Why a payment was kept, and why a word of somebody who could not log in was closed: both stay as facts."""
    held = make.subscription(customer=customer)
    make.add(
        LatePayment(
            merchant_id=customer.merchant_id,
            payment_id=make.payment(held, 1).id,
            subscription_id=held.id,
            state=LateState.EXPLAINED,
            reason="Zoé Rousseau owed May",
            settled_at=now,
        )
    )
    word = Word(merchant_id=customer.merchant_id, name="Zoé", email=customer.email, number="", message="Help")
    left = lost_log_ins.leave(ctx, word, network="n", now=now)
    why = "Zoé Rousseau was called"
    received_requests.dismiss(ctx, customer.merchant_id, left.id, reason=why, by="Léa", is_told=False, now=now)
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, customer.id), now=now)
    (late,), (request,) = all_of(ctx, LatePayment), all_of(ctx, ReceivedRequest)
    assert (late.reason, late.state, late.settled_at) == ("–", LateState.EXPLAINED, now)
    assert (request.dismissal, request.name, request.email) == ("–", "", None)
