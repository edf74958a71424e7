"""What whoever means harm, or has bad luck, tries with a declaration: races, floods, addresses that moved."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import update
from sqlalchemy.exc import NoResultFound

from portal.domain.law.countries import Country, Function, strategy
from portal.domain.law.declarations import Carrying
from portal.domain.subscriptions import Status
from portal.models import Customer, Mail, MailState
from portal.queries.law import declarations as stored
from portal.services.declarations import answering, carrying, deciding, declarations
from portal.services.declarations.declarations import Declared
from tests.services.declarations.test_carrying import DAY, HOUR, in_inbox, mails, one, token


def moved(ctx, customer, email):
    with ctx.db.begin() as session:
        session.execute(update(Customer).where(Customer.id == customer.id).values(email=email))


def test_a_no_that_comes_while_the_delay_is_being_carried_out_stops_it_or_is_told_that_it_is_over(
    ctx, make, merchant, subscription, declare, now, monkeypatch
):
    """« It was not me » is pressed after the job has seen that nobody has answered, before it asks for the end."""
    received_id, wish, said = declare(contract=subscription.provider_id), carrying._wish, token(ctx)
    answered = []

    def press():
        try:
            answering.refuse(ctx, merchant.id, said, now=now + DAY)
            answered.append("refused")
        except NoResultFound:
            answered.append("over")

    pressing = Thread(target=press)

    def pressed(*given, **more):
        pressing.start()
        pressing.join(1)
        return wish(*given, **more)

    monkeypatch.setattr(carrying, "_wish", pressed)
    carrying.carry(ctx, received_id, now=now + DAY)
    pressing.join()
    assert (answered, len(make.requests(subscription))) in ((["refused"], 0), (["over"], 1))


def test_whose_address_was_changed_meanwhile_is_not_ended_by_the_delay(ctx, make, subscription, claire, declare, now):
    """The mail with « it was not me » went to a mailbox that is not on file any more."""
    received_id = declare(contract=subscription.provider_id)
    moved(ctx, claire, "claire@new.test")
    deciding.run(ctx, now=now + DAY)
    received, declared = one(ctx, received_id)
    assert make.requests(subscription) == []
    assert (received.is_open, declared.carrying, declared.due_at) == (True, Carrying.BY_MERCHANT, None)


def test_what_nobody_could_be_asked_of_does_not_end_by_the_delay(ctx, make, subscription, declare, now):
    received_id = declare(contract=subscription.provider_id)
    with ctx.db.begin() as session:
        session.execute(update(Mail).where(Mail.kind == "declaration_link").values(state=MailState.RETURNED))
    deciding.run(ctx, now=now + DAY)
    assert make.requests(subscription) == []
    assert one(ctx, received_id)[1].carrying is Carrying.BY_MERCHANT


def test_a_question_that_never_left_ends_nothing_by_itself_and_the_merchant_has_it_dated_as_it_was(
    ctx, make, mailer, merchant, subscription, declare, left, now
):
    mailer.away = True
    received_id = declare(contract=subscription.provider_id)
    deciding.run(ctx, now=now + DAY)
    received, declared = one(ctx, received_id)
    assert make.requests(subscription) == []
    assert (received.is_open, received.received_at) == (True, now)
    assert (declared.carrying, declared.due_at) == (Carrying.BY_MERCHANT, None)
    mailer.away = False
    letters = left(now + 2 * DAY)
    (question,) = [letter for letter in letters if "/declarations/" in letter.text]
    assert "by itself" not in question.text, "silence is no answer any more"
    (link,) = re.findall(r"/atelier/declarations/(\S+)", question.text)
    answering.confirm(ctx, merchant.id, link, subscription.id, now=now + 2 * DAY)
    (request,) = make.requests(subscription)
    assert request.notified_at == now


def test_the_day_to_say_no_begins_when_the_mail_server_has_taken_the_question(
    ctx, make, mailer, subscription, declare, left, now
):
    mailer.away = True
    received_id = declare(contract=subscription.provider_id)
    mailer.away = False
    left(now + 20 * HOUR)
    deciding.run(ctx, now=now + DAY)
    assert make.requests(subscription) == []
    assert one(ctx, received_id)[1].due_at == now + 20 * HOUR + DAY
    deciding.run(ctx, now=now + 2 * DAY)
    (request,) = make.requests(subscription)
    assert request.notified_at == now


def test_a_flood_of_one_network_keeps_nobody_from_their_own_mail(ctx, subscription, declare, monkeypatch):
    monkeypatch.setattr(declarations, "OF_MERCHANT", 2 * declarations.OF_NETWORK)  # else it takes hundreds
    for number in range(declarations.OF_MERCHANT + 5):
        declare(f"n{number}@client.test", network="one", is_decided=False)
    received_id = declare(network="hers")
    assert one(ctx, received_id)[1].carrying is Carrying.BY_MAIL
    assert len(mails(ctx, "declaration_link")) == 1


def test_no_message_makes_a_link_of_a_strangers_words_not_even_that_to_the_merchant(ctx, subscription, declare):
    declare("thief@client.test", "See http://evil.example/x", contract="www.evil.example", message="evil.example")
    sent = [mail.text for kind in ("declaration_received", "merchant_notified") for _to, mail in mails(ctx, kind)]
    assert len(sent) == 2
    for text in sent:
        assert "evil.example" not in text
        assert "evil.\u200bexample" in text, "it is read all the same"
    assert "thief@client.test" in sent[1], "who is to be answered"


def test_one_mailbox_by_many_spellings_is_not_flooded(ctx, subscription, declare):
    for number in range(12):
        declare(f"Victim+{number}@Client.test", network=f"n{number}", is_decided=False)
    assert len(mails(ctx, "declaration_received")) == declarations.OF_ADDRESS


@pytest.mark.parametrize("left", [timedelta(hours=6), timedelta(hours=3), timedelta(minutes=40)])
def test_who_reads_the_mailbox_always_has_a_while_to_say_no(ctx, make, merchant, claire, declare, now, left):
    near = make.subscription(merchant=merchant, customer=claire, next_payment_at=now + left)
    received_id = declare(contract=near.provider_id)
    due_at = one(ctx, received_id)[1].due_at
    assert now + min(left / 2, HOUR) <= due_at < now + left, "and no payment is let through"
    deciding.run(ctx, now=now + timedelta(minutes=5))
    assert make.requests(near) == []


@pytest.mark.parametrize("country", [Country.FR, Country.DE])
def test_a_ground_of_who_is_logged_in_is_read_by_somebody(ctx, make, merchant, claire, declare, now, country):
    product = make.product(merchant, commitment_months=12, commitment_binds=True)
    bound = make.subscription(customer=claire, product=product, committed_until=now + 200 * DAY)
    said = {"ground": "I move"} | ({"kind": "extraordinary"} if country is Country.DE else {})
    received_id = declare(subscription_id=bound.id, particulars=said, message="I move")
    received, declared = one(ctx, received_id)
    assert (received.is_open, declared.carrying) == (True, Carrying.BY_MERCHANT)
    assert received.suggested_subscription_id == bound.id
    deciding.run(ctx, now=now + DAY)
    assert make.requests(bound) == []
    assert len(in_inbox(ctx, merchant, now)) == 1


def test_a_withdrawal_from_what_ended_without_a_request_here_is_done_once(ctx, make, merchant, claire, left, now):
    over = make.subscription(
        merchant=merchant, customer=claire, status=Status.CANCELLED, started_at=now - 5 * DAY, ended_at=now - DAY
    )
    wish = Declared(
        merchant_id=merchant.id,
        strategy=strategy(Country.FR, Function.WITHDRAWAL),
        language="fr",
        page_token="page",
        name="Claire Martin",
        email="claire@client.test",
        contract=over.provider_id,
    )
    received_id = declarations.declare(ctx, wish, network="n", now=now)
    deciding.decide(ctx, received_id, now=now)
    left(now)
    deciding.run(ctx, now=now + DAY)
    assert make.reload(over).withdrawn_at == now
    with ctx.db.read() as session:
        assert list(stored.due(session, now=now + 2 * DAY, lost_before=now + 2 * DAY, limit=9)) == []
