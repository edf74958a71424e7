"""An address that the customer changes: the former mailbox may hold it for a week, and only staff put it back."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import Act, By
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.address_holds import HoldOutcome
from portal.domain.policies import Actor
from portal.models import AddressChange, AddressHold, AuditEntry, Customer, LoginSession
from portal.queries import inbox
from portal.queries.people.people import Kind
from portal.services import aging
from portal.services.people import address_changes, address_holds, customer_joining
from portal.services.people.address_changes import Own
from portal.services.people.sessions import Visitor, open_for
from portal.services.throttles import TooManyTries
from tests.web.conftest import letters  # noqa: F401 - what was promised, opened

BY = By(actor=Actor.STAFF, channel="staff", name="Léa Martin")
# The outbox is read in the order of its moments: what is compared happens at different ones.
OLD, NEW, THIRD = "claire@ancien.example", "claire@neuf.example", "claire@autre.example"


@pytest.fixture
def claire(make):
    return make.customer(make.merchant(locale="en"), email=OLD, name="Claire Dupont")


@pytest.fixture
def world(ctx, claire, letters, now):  # noqa: F811
    """What a customer, the two mailboxes and the desk can do."""

    class World:
        merchant_id = claire.merchant_id

        def ask(self, email=NEW, *, at=now):
            return address_changes.ask_own(ctx, claire.merchant_id, claire.id, email, now=at)

        def links(self, kind, to):
            found = [re.search(rf"/address/{kind}(\S{{20,}})", one.text) for one in letters() if one.recipient == to]
            return [one[1] for one in found if one is not None]

        def confirm(self, to=NEW, *, at=now):
            return address_changes.confirm(ctx, claire.merchant_id, self.links("", to)[-1], now=at)

        def move(self, to=NEW, *, at=now):
            self.ask(to, at=at)
            assert self.confirm(to, at=at)

        def hold(self, of=OLD, *, at=now + timedelta(minutes=1)):
            return address_holds.hold(ctx, claire.merchant_id, self.links("hold/", of)[-1], now=at)

        def email(self):
            with ctx.db.read() as session:
                return session.get_one(Customer, claire.id).email

        def waiting(self):
            with ctx.db.read() as session:
                found = inbox.page(session, claire.merchant_id, now=now)
                assert inbox.count(session, claire.merchant_id, now=now) == len(found.items)
            return [item.about[0] for item in found.items]

        def decide(self, outcome, *, at=now + timedelta(minutes=2)):
            (held,) = self.waiting()
            return address_holds.decide(ctx, claire.merchant_id, held.id, outcome, by=BY, now=at)

        def told(self, since):
            return [(one.recipient, one.subject) for one in letters()[since:]]

        def open_session(self):
            with ctx.db.begin() as session:
                open_for(session, Kind.CUSTOMER, claire.merchant_id, claire.id, visitor=Visitor(), now=now)

        def live_sessions(self):
            with ctx.db.read() as session:
                rows = session.scalars(select(LoginSession.id).where(LoginSession.revoked_at.is_(None)))
                return len(rows.all())

        def acts(self):
            with ctx.db.read() as session:
                return session.scalars(select(AuditEntry.act).order_by(AuditEntry.number)).all()

    return World()


def test_confirmed_the_new_address_counts_and_the_former_one_is_told_how_to_hold_it(world, letters):  # noqa: F811
    assert world.ask() is Own.ASKED
    assert world.email() == OLD
    assert sorted(one.recipient for one in letters()) == [OLD, NEW]
    assert world.confirm()
    assert world.email() == NEW
    (told,) = [one for one in letters() if one.recipient == OLD and "This was not me" in one.text]
    assert NEW not in told.text + told.html
    assert world.waiting() == [], "nobody has to do anything yet"


def test_staff_s_own_change_cannot_be_held_from_the_former_mailbox(ctx, claire, world, now):
    with ctx.db.begin() as session:
        address_changes.ask(ctx, session, session.get_one(Customer, claire.id), NEW, by=BY, now=now)
    assert world.confirm()
    assert world.links("hold/", OLD) == []


def test_held_nothing_goes_back_everything_open_ends_and_the_desk_hears_of_it(world, claire, letters):  # noqa: F811
    world.move()
    world.open_session()
    before = len(letters())
    assert world.hold()
    assert world.email() == NEW, "nothing goes back by itself"
    assert world.live_sessions() == 0, "and the link opened none"
    (held,) = world.waiting()
    assert (held.customer_id, held.former_email) == (claire.id, OLD)
    assert [subject for _to, subject in world.told(before)] == ["A change of email address is contested"]
    assert world.acts()[-1] == Act.ADDRESS_HELD
    assert world.ask(THIRD) is Own.HELD, "no further change"
    assert not world.hold(), "once"


def test_a_change_that_waited_when_it_was_held_confirms_nothing_any_more(world):
    world.move()
    world.ask(THIRD)
    assert world.hold()
    assert not world.confirm(THIRD)
    assert world.email() == NEW


@pytest.mark.parametrize(("days", "holds"), [(0, True), (6.99, True), (7, False), (30, False)])
def test_the_former_address_has_seven_days(world, now, days, holds):
    world.move()
    assert world.hold(at=now + timedelta(days=days)) is holds
    assert len(world.waiting()) == holds


def test_restored_the_former_address_counts_again_and_both_are_told(world, letters):  # noqa: F811
    world.move()
    world.hold()
    world.open_session()
    before = len(letters())
    assert world.decide(HoldOutcome.RESTORED)
    assert (world.email(), world.live_sessions(), world.waiting()) == (OLD, 0, [])
    assert {to for to, _subject in world.told(before)} == {OLD, NEW}
    assert not world.links("hold/", NEW), "who took it over holds nothing"
    assert Act.HOLD_DECIDED in world.acts()
    assert world.ask(THIRD) is Own.ASKED, "the customer may change it again"


def test_kept_the_address_stays_and_both_are_told(world, letters):  # noqa: F811
    world.move()
    world.hold()
    before = len(letters())
    assert world.decide(HoldOutcome.KEPT)
    assert (world.email(), world.waiting()) == (NEW, [])
    assert sorted(world.told(before)) == sorted((to, world.told(before)[0][1]) for to in (OLD, NEW))
    assert "stays as it is" in world.told(before)[0][1]
    assert not world.hold(), "decided"


def test_the_first_mailbox_holds_a_chain_of_changes_and_one_answer_decides_all_of_it(ctx, world, now):
    world.move(NEW)
    world.move(THIRD, at=now + timedelta(minutes=10))
    assert world.hold(OLD, at=now + timedelta(minutes=20))
    assert world.decide(HoldOutcome.RESTORED, at=now + timedelta(minutes=30))
    assert world.email() == OLD
    assert not world.hold(NEW, at=now + timedelta(minutes=40))
    with ctx.db.read() as session:
        said = session.execute(select(AddressHold.former_email, AddressHold.outcome)).all()
    assert sorted(said) == [(OLD, "restored"), (NEW, "replaced")]


def test_a_decision_is_taken_once_and_only_at_its_own_merchant_s(ctx, make, world, now):
    world.move()
    with ctx.db.read() as session:
        (not_held,) = session.scalars(select(AddressHold.id))
    with pytest.raises(NoResultFound):
        address_holds.decide(ctx, world.merchant_id, not_held, HoldOutcome.KEPT, by=BY, now=now)
    world.hold()
    with pytest.raises(NoResultFound):
        address_holds.decide(ctx, make.merchant().id, not_held, HoldOutcome.KEPT, by=BY, now=now)
    assert world.decide(HoldOutcome.KEPT)
    assert not address_holds.decide(ctx, world.merchant_id, not_held, HoldOutcome.RESTORED, by=BY, now=now)
    assert world.email() == NEW


def test_a_link_of_another_merchant_an_altered_one_and_one_of_nobody_hold_nothing(ctx, make, world, now):
    world.move()
    (link,) = world.links("hold/", OLD)
    for merchant_id, tried in ((make.merchant().id, link), (world.merchant_id, link + "x"), (world.merchant_id, "")):
        assert not address_holds.hold(ctx, merchant_id, tried, now=now)
        assert address_holds.of_link(ctx, merchant_id, tried) is None


def test_the_same_address_is_said_to_be_it_in_any_spelling(world, letters):  # noqa: F811
    assert world.ask(" Claire@Ancien.Example ") is Own.SAME
    assert letters() == []


def test_another_customer_s_address_gets_the_same_answer_and_the_same_mails(ctx, make, claire, world, letters, now):  # noqa: F811
    other = make.customer(make.merchant(locale="en"), email=OLD)
    make.customer(ctx_merchant(ctx, claire), email=NEW, name="Anna")
    assert world.ask() is Own.ASKED
    used = [(one.recipient, one.subject) for one in letters()]
    assert world.confirm(), "its mailbox has spoken for both"
    before = len(letters())
    assert address_changes.ask_own(ctx, other.merchant_id, other.id, NEW, now=now + timedelta(minutes=1)) is Own.ASKED
    free = [(one.recipient, one.subject) for one in letters()[before:]]
    assert sorted(to for to, _ in used) == sorted(to for to, _ in free)
    with ctx.db.read() as session:
        sharing = session.scalars(select(Customer).where(Customer.email == NEW).order_by(Customer.email_place)).all()
    assert [one.name for one in sharing] == ["Anna", "Claire Dupont"]


def ctx_merchant(ctx, customer):
    from portal.models import Merchant

    with ctx.db.read() as session:
        return session.get_one(Merchant, customer.merchant_id)


def test_of_two_the_newer_counts_and_the_same_one_asked_twice_is_mailed_once(world, letters, now):  # noqa: F811
    world.ask(NEW)
    world.ask(NEW)
    assert [one.recipient for one in letters()].count(NEW) == 1
    first = world.links("", NEW)[-1]
    world.ask(THIRD)
    assert world.confirm(THIRD)
    assert world.email() == THIRD
    assert world.links("", NEW) == [first]
    assert not world.confirm(NEW)


def test_withdrawn_before_it_is_confirmed_it_confirms_nothing(ctx, world, claire, now):
    world.ask()
    assert address_changes.withdraw_own(ctx, claire.merchant_id, claire.id, now=now)
    assert not world.confirm()
    assert world.email() == OLD


def test_after_the_session_ended_it_still_counts_and_after_the_customer_is_gone_it_does_not(ctx, claire, world, now):
    world.ask()
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(revoked_at=now))
    assert world.confirm()
    world.ask(THIRD, at=now + timedelta(hours=1))
    with ctx.db.begin() as session:
        session.execute(delete(Customer).where(Customer.id == claire.id))
    assert not world.confirm(THIRD)
    with ctx.db.read() as session:
        assert session.scalars(select(AddressHold)).all() == []
        assert session.scalars(select(AddressChange)).all() == []


def test_a_customer_cannot_have_strangers_written_to_all_day(world):
    for number in range(5):
        world.ask(f"n{number}@ailleurs.example")
    with pytest.raises(TooManyTries):
        world.ask("n6@ailleurs.example")


def test_what_is_over_is_forgotten_and_what_waits_for_staff_is_not(ctx, world, now):
    world.move()
    aging.forget_expired(ctx, now=now + timedelta(days=36))
    world.hold()
    aging.forget_expired(ctx, now=now + timedelta(days=200))
    (_held,) = world.waiting()
    world.decide(HoldOutcome.KEPT)
    aging.forget_expired(ctx, now=now + timedelta(days=31))
    with ctx.db.read() as session:
        assert session.scalars(select(AddressHold)).all() == []


@pytest.mark.parametrize("is_contested", [True, False])
def test_whose_address_is_contested_is_joined_with_nobody(ctx, world, make, claire, now, is_contested):
    """The address that makes them look like one person is the very one that somebody may have stolen."""
    other = Customer(id=uuid.uuid4(), merchant_id=claire.merchant_id, email=NEW, name="Eve")
    make.add(other)
    world.move()
    if is_contested:
        world.hold()
    for kept, gone in ((claire, other), (other, claire)):
        if is_contested:
            with pytest.raises(NotAllowed) as refused:
                customer_joining.join(ctx, claire.merchant_id, kept.id, gone.id, by=BY, now=now)
            assert refused.value.denial is Denial.ADDRESS_HELD
    if is_contested:
        world.decide(HoldOutcome.KEPT)
    assert customer_joining.join(ctx, claire.merchant_id, claire.id, other.id, by=BY, now=now)
