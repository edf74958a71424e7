"""A customer's address: two spellings are one, PayPal's newer one is offered and not obeyed (issue 10, B14 and B15)."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, NoResultFound

from portal.domain.audit import Act, By
from portal.domain.errors import NotAllowed
from portal.domain.policies import Actor
from portal.models import AuditEntry, Customer, Grant, LoginChallenge, LoginSession, Mail, Subscription
from portal.queries import subscriptions
from portal.queries.people.people import Kind
from portal.services.ends import endings
from portal.services.own_data import customer_erasures
from portal.services.paypal.gateways import gateway_for
from portal.services.people import customer_addresses, customer_joining, logins
from portal.services.people.customer_addresses import AddressTaken
from portal.services.people.logins import Ask
from portal.services.people.sessions import Visitor, open_for
from tests.test_architecture import ROOT
from tests.web.conftest import letters  # noqa: F401 - what was promised, opened

BY = By(actor=Actor.STAFF, channel="staff")
ASCII, UNICODE = "zoe@xn--bcher-kva.example", "zoe@bücher.example"
NEW = "claire@neuf.example"


def reload(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id)


def mails_to(ctx, *, kind):
    with ctx.db.read() as session:
        return session.scalars(select(Mail.recipient).where(Mail.kind == kind)).all()


def acts(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(AuditEntry.act).order_by(AuditEntry.number)).all()


@pytest.mark.parametrize("typed", [UNICODE, ASCII, "Zoe@BÜCHER.example", "zoe@bu\u0308cher.example"])
@pytest.mark.parametrize("at_paypal", [UNICODE, ASCII])
def test_whoever_types_the_other_spelling_gets_the_code(ctx, make, now, typed, at_paypal):
    merchant = make.merchant()
    subscription = make.subscription(merchant=merchant, customer=make.customer(merchant, email=None))
    show(ctx, make, subscription, payer_email=at_paypal, now=now)
    wish = Ask(merchant_id=merchant.id, email=typed, browser_token="b", language="fr", network="n")
    logins.ask(ctx, wish, now=now)
    assert mails_to(ctx, kind="login_code") == [ASCII]


def show(ctx, make, subscription, *, now, **changes):
    """Take over what PayPal shows, with these changes: the way every read goes."""
    reading = replace(gateway_for(ctx, subscription.merchant_id).show_subscription(subscription.provider_id), **changes)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, reading, now=now)


def test_two_ends_that_learn_the_address_at_once_are_both_told(ctx, make, now):
    """Two subscriptions of one customer end at once: what the other end has just learned is nobody else's address."""
    merchant = make.merchant()
    customer = make.customer(merchant, email=None)
    one, other = (make.subscription(merchant=merchant, customer=customer) for _ in range(2))
    over = {"status": "CANCELLED", "status_at": now, "payer_email": NEW}
    seen = replace(gateway_for(ctx, merchant.id).show_subscription(one.provider_id), **over)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, merchant.id, one.id)
        show(ctx, make, other, now=now, **over)
        endings.record_reading(ctx, session, locked, seen, now=now)
    assert mails_to(ctx, kind="end_already_over") + mails_to(ctx, kind="end_confirmed") == [NEW, NEW]


@pytest.fixture
def claire(ctx, make, now):
    """A customer whose payer has another address at PayPal by now, and who is logged in."""
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant, email="claire@ancien.example", payer_id="PAYER12345678")
    subscription = make.subscription(merchant=merchant, customer=customer)
    with ctx.db.begin() as session:
        open_for(session, Kind.CUSTOMER, merchant.id, customer.id, visitor=Visitor(), now=now)
    show(ctx, make, subscription, payer_email="Claire@Neuf.example", payer_id="PAYER12345678", now=now)
    return merchant, customer, subscription


def test_a_newer_address_of_the_same_payer_is_offered_and_not_obeyed(ctx, claire, now):
    _merchant, customer, _subscription = claire
    found = reload(ctx, customer)
    assert (found.email, found.paypal_email, found.paypal_email_at) == ("claire@ancien.example", NEW, now)
    assert mails_to(ctx, kind="address_set") == []


@pytest.mark.parametrize("payer_id", ["ANOTHERPAYER1", None])
def test_the_address_of_another_paypal_account_is_nobody_s_here(ctx, make, now, payer_id):
    customer = make.customer(make.merchant(), email="claire@ancien.example", payer_id="PAYER12345678")
    subscription = make.subscription(customer=customer)
    show(ctx, make, subscription, payer_email=NEW, payer_id=payer_id, now=now)
    assert reload(ctx, customer).paypal_email is None


def test_taken_over_both_addresses_are_told_and_the_former_one_opens_nothing(ctx, make, claire, now, letters):  # noqa: F811
    merchant, customer, _subscription = claire
    wish = Ask(merchant_id=merchant.id, email="claire@ancien.example", browser_token="b", language="fr", network="n")
    logins.ask(ctx, wish, now=now)
    assert customer_addresses.take_over(ctx, merchant.id, customer.id, NEW, by=BY, now=now)

    assert reload(ctx, customer).email == NEW
    assert mails_to(ctx, kind="address_set") == [NEW]
    assert mails_to(ctx, kind="address_left") == ["claire@ancien.example"]
    former = next(letter for letter in letters() if "c…@neuf.example" in letter.text)
    assert NEW not in former.text + former.html
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession.revoked_at)).all() == [now]
        assert session.scalars(select(LoginChallenge.consumed_at)).all() == [now]
    assert acts(ctx)[-1] == Act.ADDRESS_CHANGED
    logins.ask(ctx, wish, now=now + timedelta(minutes=20))
    assert len(mails_to(ctx, kind="login_code")) == 1, "the former address gets no further code"


def test_an_answer_of_the_desk_stands_whatever_paypal_repeats(ctx, make, claire, now):
    merchant, customer, subscription = claire
    assert customer_addresses.decline(ctx, merchant.id, customer.id, NEW, by=BY, now=now)
    show(ctx, make, subscription, payer_email=NEW, payer_id="PAYER12345678", now=now)
    assert reload(ctx, customer).paypal_email_declined
    assert not customer_addresses.take_over(ctx, merchant.id, customer.id, NEW, by=BY, now=now)

    show(ctx, make, subscription, payer_email="third@neuf.example", payer_id="PAYER12345678", now=now)
    assert customer_addresses.take_over(ctx, merchant.id, customer.id, "third@neuf.example", by=BY, now=now)
    for repeated in ("claire@ancien.example", "third@neuf.example", "claire@ancien.example"):
        show(ctx, make, subscription, payer_email=repeated, payer_id="PAYER12345678", now=now)
    found = reload(ctx, customer)
    assert (found.email, found.paypal_email_declined) == ("third@neuf.example", True)


def test_an_old_page_does_not_take_over_what_it_did_not_show(ctx, make, claire, now):
    merchant, customer, subscription = claire
    show(ctx, make, subscription, payer_email="third@neuf.example", payer_id="PAYER12345678", now=now)
    assert not customer_addresses.take_over(ctx, merchant.id, customer.id, NEW, by=BY, now=now)
    assert reload(ctx, customer).email == "claire@ancien.example"


def test_an_address_that_another_customer_has_is_not_taken_from_them(ctx, make, claire, now):
    merchant, customer, _subscription = claire
    other = make.customer(merchant, email=NEW)
    with pytest.raises(AddressTaken) as refused:
        customer_addresses.take_over(ctx, merchant.id, customer.id, NEW, by=BY, now=now)
    assert refused.value.customer_id == other.id
    assert reload(ctx, customer).email == "claire@ancien.example"


def test_nobody_takes_over_for_another_merchant(ctx, make, claire, now):
    with pytest.raises(NoResultFound):
        customer_addresses.take_over(ctx, make.merchant().id, claire[1].id, NEW, by=BY, now=now)


@pytest.fixture
def twins(ctx, make):
    """Two customers who were one address in two spellings, as the migration leaves them."""
    merchant = make.merchant(locale="en")
    first = make.customer(merchant, email=ASCII, name="Zoé", payer_id="PAYER12345678")
    second = make.customer(merchant, email=ASCII, email_place=1, name="Zoe", contact_allowed=False)
    return merchant, first, second


def test_without_a_place_of_its_own_an_address_is_one_customer_s(make, twins):
    with pytest.raises(IntegrityError):
        make.customer(twins[0], email=ASCII)


def test_joined_the_second_one_s_belongings_are_the_first_one_s(ctx, make, twins, now):
    merchant, first, second = twins
    product = make.product(merchant)
    mine, hers = (make.subscription(merchant=merchant, customer=one, product=product) for one in (first, second))
    make.add(Grant(merchant_id=merchant.id, customer_id=second.id, product_id=product.id, since=now, created_at=now))
    assert customer_joining.join(ctx, merchant.id, first.id, second.id, by=BY, now=now)
    with ctx.db.read() as session:
        owners = select(Subscription.customer_id).where(Subscription.id.in_([mine.id, hers.id]))
        assert session.scalars(owners).all() == [first.id, first.id]
        assert session.scalars(select(Grant.customer_id)).all() == [first.id]
        assert session.get(Customer, second.id) is None
    assert not reload(ctx, first).contact_allowed
    assert acts(ctx)[-1] == Act.CUSTOMERS_JOINED


def test_joined_the_other_way_round_the_address_and_the_payer_are_kept(ctx, twins, now):
    merchant, first, second = twins
    assert customer_joining.join(ctx, merchant.id, second.id, first.id, by=BY, now=now)
    found = reload(ctx, second)
    assert (found.email, found.email_place, found.payer_id) == (ASCII, 0, "PAYER12345678")


def test_customers_of_two_addresses_are_not_joined(ctx, make, twins, now):
    merchant, first, _second = twins
    other = make.customer(merchant)
    assert not customer_joining.join(ctx, merchant.id, first.id, other.id, by=BY, now=now)
    assert not customer_joining.join(ctx, merchant.id, first.id, first.id, by=BY, now=now)


def test_all_that_names_a_customer_is_joined():
    tables = Customer.metadata.sorted_tables
    named = {table.name for table in tables for key in table.foreign_keys if key.column.table.name == "customers"}
    # Asked for anew, or of nobody any more.
    asked_anew = {"data_exports", "customer_erasures", "erased_payers"}
    assert {row.__tablename__ for row in customer_joining.BELONGINGS} == named - asked_anew


def test_who_is_to_be_erased_is_joined_with_nobody(ctx, twins, now):
    merchant, first, second = twins
    customer_erasures.ask(ctx, merchant.id, second.id, now=now)
    with pytest.raises(NotAllowed):
        customer_joining.join(ctx, merchant.id, first.id, second.id, by=BY, now=now)
    customer_erasures.withdraw(ctx, merchant.id, second.id, now=now)
    assert customer_joining.join(ctx, merchant.id, first.id, second.id, by=BY, now=now)


def test_whoever_leaves_a_shared_address_leaves_it_to_the_other(ctx, make, twins, now):
    _merchant, first, second = twins
    with ctx.db.begin() as session:
        customer_addresses.change(ctx, session, session.get_one(Customer, first.id), NEW, by=BY, now=now)
    assert reload(ctx, second).email_place == 0


def test_only_one_service_writes_an_address():
    """Every other writer of `.email` would change it without telling anybody."""
    writers = {
        path.name
        for layer in ("services", "web", "jobs", "cli", "queries", "models")
        for path in (ROOT / "portal" / layer).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "email" and isinstance(node.ctx, ast.Store)
    }
    assert writers == {"customer_addresses.py"}
