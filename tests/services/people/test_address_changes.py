"""An address that staff enter is the customer's once its own mailbox has said so, and not a moment before."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import Act, By
from portal.domain.policies import Actor
from portal.models import AddressChange, AuditEntry, Customer, LoginChallenge, LoginSession, Mail, MailState, Merchant
from portal.queries.people import customers
from portal.queries.people.people import Kind
from portal.services import aging
from portal.services.notices import leaving
from portal.services.people import address_changes, customer_addresses, customer_joining, logins
from portal.services.people.logins import Ask
from portal.services.people.sessions import Visitor, open_for
from tests.services.imports.importing import until_somebody_waits
from tests.services.people.test_customer_addresses import show
from tests.web.conftest import letters  # noqa: F401 - what was promised, opened

BY = By(actor=Actor.STAFF, channel="staff", name="Léa Martin")
OLD, NEW = "claire@ancien.example", "claire@neuf.example"


@pytest.fixture
def claire(ctx, make, now):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant, email=OLD, name="Claire Dupont")
    with ctx.db.begin() as session:
        open_for(session, Kind.CUSTOMER, merchant.id, customer.id, visitor=Visitor(), now=now)
    return customer


def ask(ctx, customer, email=NEW, *, now):
    with ctx.db.begin() as session:
        row = session.get_one(Customer, customer.id)
        address_changes.ask(ctx, session, row, email, by=BY, now=now)


def reload(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id)


def outcomes(ctx):
    with ctx.db.read() as session:
        rows = session.scalars(select(AddressChange).order_by(AddressChange.created_at, AddressChange.id))
        return [(row.email, row.outcome) for row in rows]


def acts(ctx):
    with ctx.db.read() as session:
        rows = session.execute(select(AuditEntry.act, AuditEntry.details, AuditEntry.actor).order_by(AuditEntry.number))
        return [tuple(row) for row in rows]


@pytest.fixture
def links(letters):  # noqa: F811
    """The link of each question, oldest first."""

    def read() -> list[str]:
        found = (re.search(r"/address/(\S+)", one.text) for one in letters())
        return [one[1] for one in found if one is not None]

    return read


def test_until_it_is_confirmed_everything_is_as_it_was(ctx, claire, now, letters):  # noqa: F811
    ask(ctx, claire, now=now)
    assert reload(ctx, claire).email == OLD
    wish = Ask(merchant_id=claire.merchant_id, email=OLD, browser_token="b", language="en", network="n")
    logins.ask(ctx, wish, now=now)
    assert [one.recipient for one in letters()].count(OLD) == 2, "told, and given a code"
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession.revoked_at)).all() == [None]


def test_the_former_address_is_told_and_learns_too_little_the_new_one_learns_no_name(ctx, claire, now, letters):  # noqa: F811
    ask(ctx, claire, now=now)
    told = {one.recipient: one for one in letters()}
    assert set(told) == {OLD, NEW}
    assert "c…@neuf.example" in told[OLD].text
    assert NEW not in told[OLD].text + told[OLD].html
    assert "write to" in told[OLD].text
    for word in ("Claire", "Dupont", "ancien"):
        assert word not in told[NEW].text + told[NEW].html


def test_confirmed_it_is_theirs_and_what_the_former_one_opened_is_shut(ctx, claire, now, links, letters):  # noqa: F811
    wish = Ask(merchant_id=claire.merchant_id, email=OLD, browser_token="b", language="en", network="n")
    logins.ask(ctx, wish, now=now)
    ask(ctx, claire, now=now)
    later = now + timedelta(hours=71)
    assert address_changes.confirm(ctx, claire.merchant_id, links()[0], now=later)

    assert reload(ctx, claire).email == NEW
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession.revoked_at)).all() == [later]
        assert session.scalars(select(LoginChallenge.consumed_at)).all() == [later]
    assert [one.recipient for one in letters()][-2:] in ([OLD, NEW], [NEW, OLD]), "both hear of it"
    assert not address_changes.confirm(ctx, claire.merchant_id, links()[0], now=later), "once"
    masked = ["c…@ancien.example", "c…@neuf.example"]
    asked, changed = acts(ctx)
    assert (asked[0], asked[1]["email"], asked[2]) == (Act.ADDRESS_ASKED, masked, "staff")
    assert (changed[0], changed[1]["email"], changed[2]) == (Act.ADDRESS_CHANGED, masked, "customer")


def test_the_address_that_paypal_names_is_offered_no_more_once_it_is_their_own(ctx, claire, now, links):
    """Staff would read that another customer has it, and be led to this very one."""
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(paypal_email=NEW, paypal_email_at=now))
    ask(ctx, claire, now=now)
    assert address_changes.confirm(ctx, claire.merchant_id, links()[0], now=now)
    after = reload(ctx, claire)
    assert (after.email, after.paypal_email, after.paypal_email_at) == (NEW, None, None)


@pytest.mark.parametrize(("hours", "opens"), [(71, True), (72, False), (200, False)])
def test_the_link_opens_for_three_days(ctx, claire, now, links, hours, opens):
    ask(ctx, claire, now=now)
    assert address_changes.confirm(ctx, claire.merchant_id, links()[0], now=now + timedelta(hours=hours)) is opens
    assert (reload(ctx, claire).email == NEW) is opens


def test_a_link_opens_nothing_at_another_merchant_s(ctx, make, claire, now, links):
    ask(ctx, claire, now=now)
    assert not address_changes.confirm(ctx, make.merchant().id, links()[0], now=now)
    assert not address_changes.confirm(ctx, claire.merchant_id, "x" * 43, now=now)


def test_of_two_changes_the_later_one_counts(ctx, claire, now, links):
    ask(ctx, claire, now=now)
    ask(ctx, claire, "claire@autre.example", now=now + timedelta(seconds=1))
    first, second = links()
    assert not address_changes.confirm(ctx, claire.merchant_id, first, now=now)
    assert address_changes.confirm(ctx, claire.merchant_id, second, now=now)
    assert reload(ctx, claire).email == "claire@autre.example"
    assert outcomes(ctx) == [(NEW, "replaced"), ("claire@autre.example", "confirmed")]


def test_paypals_address_taken_over_meanwhile_takes_its_place(ctx, claire, now, links):
    ask(ctx, claire, now=now)
    with ctx.db.begin() as session:
        row = session.get_one(Customer, claire.id)
        customer_addresses.change(ctx, session, row, "claire@paypal.example", by=BY, now=now)
    assert not address_changes.confirm(ctx, claire.merchant_id, links()[0], now=now)
    assert reload(ctx, claire).email == "claire@paypal.example"


def test_sent_again_the_last_mail_alone_opens_and_the_first_does_not_leave(ctx, claire, now, links):
    ask(ctx, claire, now=now)
    assert address_changes.ask_again(ctx, claire.merchant_id, claire.id, now=now + timedelta(minutes=4)) is None
    later = now + timedelta(hours=80)  # it has run out by then
    assert address_changes.ask_again(ctx, claire.merchant_id, claire.id, now=later).email == NEW
    first, second = links()
    with ctx.db.read() as session:
        states = select(Mail.state).where(Mail.kind == "address_confirm").order_by(Mail.created_at)
        assert session.scalars(states).all() == [MailState.SUPERSEDED, MailState.WAITING]
    assert not address_changes.confirm(ctx, claire.merchant_id, first, now=later)
    assert address_changes.confirm(ctx, claire.merchant_id, second, now=later)
    assert address_changes.ask_again(ctx, claire.merchant_id, claire.id, now=later + timedelta(days=1)) is None


def test_pressed_while_it_is_sent_again_the_former_link_opens_nothing(ctx, claire, now, links):
    ask(ctx, claire, now=now)
    with ThreadPoolExecutor(1) as others, ctx.db.begin() as session:
        customers.lock(session, claire.merchant_id, claire.id)
        answer = others.submit(address_changes.confirm, ctx, claire.merchant_id, links()[0], now=now)
        until_somebody_waits(ctx)
        session.execute(update(AddressChange).values(link_hash="of the mail that follows"))
    assert not answer.result()
    assert reload(ctx, claire).email == OLD


def test_taken_back_it_opens_nothing_and_no_mail_leaves(ctx, claire, now, links):
    ask(ctx, claire, now=now)
    assert address_changes.withdraw(ctx, claire.merchant_id, claire.id, by=BY, now=now)
    assert not address_changes.withdraw(ctx, claire.merchant_id, claire.id, by=BY, now=now)
    assert not address_changes.confirm(ctx, claire.merchant_id, links()[0], now=now)
    with ctx.db.read() as session:
        states = session.scalars(select(Mail.state).where(Mail.kind == "address_confirm")).all()
    assert states == [MailState.SUPERSEDED]
    assert acts(ctx)[-1][0] == Act.ADDRESS_WITHDRAWN


def test_a_customer_without_an_address_gets_one_the_same_way(ctx, make, now, links, letters):  # noqa: F811
    customer = make.customer(make.merchant(locale="en"), email=None)
    ask(ctx, customer, now=now)
    assert [one.recipient for one in letters()] == [NEW]
    assert reload(ctx, customer).email is None
    assert address_changes.confirm(ctx, customer.merchant_id, links()[0], now=now)
    assert reload(ctx, customer).email == NEW
    assert acts(ctx)[0][1]["email"] == [None, "c…@neuf.example"]


def test_another_customer_s_address_is_shared_once_confirmed_and_joined_afterwards(ctx, make, claire, now, links):
    with ctx.db.read() as session:
        merchant = session.get_one(Merchant, claire.merchant_id)
    other = make.customer(merchant, email=NEW, name="Claire bis")
    ask(ctx, claire, now=now)
    assert address_changes.confirm(ctx, merchant.id, links()[0], now=now)
    found = reload(ctx, claire)
    assert (found.email, found.email_place) == (NEW, 1)
    assert customer_joining.join(ctx, merchant.id, other.id, claire.id, by=BY, now=now)
    with ctx.db.read() as session:
        assert session.get(Customer, claire.id) is None
        assert session.scalars(select(AddressChange.customer_id)).all() == [other.id]
        assert set(session.scalars(select(Mail.customer_id)).all()) == {other.id}


def test_of_two_who_come_to_one_address_at_once_each_has_a_place(ctx, make, claire, now, links):
    with ctx.db.read() as session:
        merchant = session.get_one(Merchant, claire.merchant_id)
    other = make.customer(merchant, email="anna@client.test")
    ask(ctx, claire, now=now)
    with ThreadPoolExecutor(1) as others, ctx.db.begin() as session:
        row = session.get_one(Customer, other.id)
        customer_addresses.change(ctx, session, row, NEW, by=BY, now=now)
        answer = others.submit(address_changes.confirm, ctx, merchant.id, links()[0], now=now)
        until_somebody_waits(ctx)
    assert answer.result()
    assert [(one.email, one.email_place) for one in (reload(ctx, other), reload(ctx, claire))] == [(NEW, 0), (NEW, 1)]


def test_what_waits_for_a_customer_who_is_joined_to_another_waits_no_more(ctx, make, now, links):
    merchant = make.merchant(locale="en")
    kept = make.customer(merchant, email=OLD)
    other = make.customer(merchant, email=OLD, email_place=1)
    for customer, email in ((kept, NEW), (other, "x@neuf.example")):
        ask(ctx, customer, email, now=now)
    assert customer_joining.join(ctx, merchant.id, kept.id, other.id, by=BY, now=now)
    assert sorted(outcomes(ctx), key=str) == [(NEW, None), ("x@neuf.example", "replaced")]


def test_nobody_asks_again_or_takes_back_for_another_merchant(ctx, make, claire, now):
    ask(ctx, claire, now=now)
    stranger = make.merchant().id
    with pytest.raises(NoResultFound):
        address_changes.ask_again(ctx, stranger, claire.id, now=now)
    with pytest.raises(NoResultFound):
        address_changes.withdraw(ctx, stranger, claire.id, by=BY, now=now)


def test_the_link_is_not_kept_once_sent_nor_sent_once_it_opens_nothing(ctx, make, claire, now, mailer):
    ask(ctx, claire, now=now)
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id).where(Mail.kind == "address_confirm")).one()
    assert leaving.send(ctx, mail_id, now=now) is MailState.SENT
    address_changes.ask_again(ctx, claire.merchant_id, claire.id, now=now + timedelta(hours=1))
    with ctx.db.read() as session:
        second = session.scalars(select(Mail.id).where(Mail.kind == "address_confirm", Mail.id != mail_id)).one()
    assert leaving.send(ctx, second, now=now + timedelta(hours=73)) is MailState.SUPERSEDED
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.content).where(Mail.kind == "address_confirm")).all() == [None, None]
    assert len(mailer.sent) == 1


def test_addresses_nobody_confirmed_are_forgotten_after_a_month(ctx, claire, now):
    ask(ctx, claire, now=now)
    aging.forget_expired(ctx, now=now + timedelta(days=32))
    assert len(outcomes(ctx)) == 1
    aging.forget_expired(ctx, now=now + timedelta(days=34))
    assert outcomes(ctx) == []


def test_an_address_that_paypal_names_first_takes_the_place_of_one_that_waits(ctx, make, now):
    merchant = make.merchant(locale="en")
    nobody = make.customer(merchant, email=None)
    subscription = make.subscription(merchant=merchant, customer=nobody)
    ask(ctx, nobody, "asked@client.test", now=now)
    show(ctx, make, subscription, payer_email="paypal@client.test", now=now)
    assert reload(ctx, nobody).email == "paypal@client.test"
    assert [outcome for _email, outcome in outcomes(ctx)] == ["replaced"]
