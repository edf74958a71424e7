"""A merchant's server asks for a session of a customer's: only what its page would offer, and back to no stranger."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.errors import NotAllowed
from portal.domain.integrations.portal_sessions import CannotMake, Flaw
from portal.domain.integrations.task_links import After, TaskKind
from portal.domain.subscriptions import IllegalTransition, Status
from portal.models import AuditEntry, Customer, TaskLink
from portal.secrets import token_hash
from portal.services import aging, portal_sessions, task_links
from portal.services.own_data import erasing
from portal.services.people import task_visits
from portal.services.people.sessions import Visitor
from portal.services.portal_sessions import Flow

SHOP = "https://shop.example/me"
KEY = By(channel=Channel.API, name="Course site")


@pytest.fixture
def merchant(make):
    return make.merchant(return_addresses=[SHOP])


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email="zoe@client.test")


@pytest.fixture
def held(make, merchant, zoe):
    return make.subscription(merchant=merchant, customer=zoe)


def create(ctx, customer, kind=TaskKind.NONE, subscription=None, *, now, return_url=SHOP, merchant=None, **more):
    flow = Flow(
        type=kind, subscription_id=subscription.id if subscription else None, after=more.pop("after", After.STAY)
    )
    whose = merchant.id if merchant else customer.merchant_id
    return portal_sessions.create(ctx, whose, customer.id, return_url=return_url, flow=flow, by=KEY, now=now, **more)


def test_its_address_holds_a_token_of_which_only_the_hash_is_kept(ctx, merchant, zoe, held, now):
    row, address = create(ctx, zoe, TaskKind.CANCEL, held, locale="fr", after=After.REDIRECT, now=now)
    start = f"http://portal.test/account/{merchant.slug}/session/"
    assert address.startswith(start)
    token = address.removeprefix(start)
    assert len(token) >= 40
    assert (row.token_hash, row.vouched_by) == (token_hash(token), "Course site")
    assert (row.kind, row.subscription_id, row.locale, row.after) == ("cancel", held.id, "fr", "redirect")
    assert row.expires_at - now == timedelta(minutes=10)
    with ctx.db.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.act == Act.PORTAL_SESSION_MADE))
    assert (entry.channel, entry.subject_id) == ("api", zoe.id)
    assert entry.details == {"link": str(row.id), "kind": "cancel", "return_to": SHOP, "subscription": str(held.id)}
    assert token not in str(vars(entry))


@pytest.mark.parametrize(
    "address",
    [
        *("", "shop.example/me", "http://shop.example/me", "https://shop.example", "https://shop.example/mean"),
        *(
            "https://shop.example.evil.example/me",
            "https://shop.example@evil.example/me",
            "https://shop.example:8443/me",
        ),
        *("https://evil.example\\@shop.example/me", "https:\\\\shop.example/me", "//shop.example/me"),
        *("https://shop.example/me/../admin", "https://shop.example/me//evil", "javascript:alert(1)//shop.example/me"),
        *("https://ѕhop.example/me", "https://shop。example/me", "https://xn--hop-2na.example/me", "data:text/html,x"),
        *(
            "https://shop.example/me\n",
            "https://shop.example/me%2e%2e",
            "HTTPS://SHOP.EXAMPLE/me",
            "https://127.0.0.1/me",
        ),
    ],
)
def test_it_leads_back_to_no_address_that_only_looks_like_a_named_one(ctx, zoe, now, address):
    with pytest.raises(CannotMake) as refused:
        create(ctx, zoe, return_url=address, now=now)
    assert refused.value.flaw is Flaw.RETURN_URL


@pytest.mark.parametrize("address", [SHOP, f"{SHOP}/", f"{SHOP}/lessons/3?from=portal"])
def test_a_named_address_and_what_lies_below_it_is_taken(ctx, zoe, now, address):
    row, _address = create(ctx, zoe, return_url=address, now=now)
    assert row.return_to == address


def test_what_is_another_s_does_not_exist(ctx, make, merchant, zoe, held, now):
    elsewhere = make.merchant(return_addresses=[SHOP])
    theirs = make.subscription(merchant=merchant)
    for how in (
        {"merchant": elsewhere},
        {"kind": TaskKind.CANCEL, "subscription": theirs},
        {"kind": TaskKind.LATE, "subscription": theirs},
    ):
        with pytest.raises(NoResultFound):
            create(ctx, zoe, now=now, **how)
    with pytest.raises(NoResultFound):
        portal_sessions.create(ctx, merchant.id, uuid.uuid4(), return_url=SHOP, flow=Flow(), by=KEY, now=now)


@pytest.mark.parametrize("kind", TaskKind)
def test_a_task_is_about_one_subscription_or_about_none(ctx, zoe, held, now, kind):
    is_about_one = kind in (TaskKind.CANCEL, TaskKind.LATE)
    create(ctx, zoe, kind, held if is_about_one else None, now=now)
    with pytest.raises(CannotMake) as refused:
        create(ctx, zoe, kind, None if is_about_one else held, now=now)
    assert refused.value.flaw is (Flaw.SUBSCRIPTION_MISSING if is_about_one else Flaw.SUBSCRIPTION_UNWANTED)


def test_what_its_page_would_refuse_is_refused_at_once(ctx, make, zoe, held, now):
    over = make.subscription(merchant=make.merchant(return_addresses=[SHOP]), status=Status.CANCELLED)
    with pytest.raises(IllegalTransition):
        create(ctx, over.customer, TaskKind.CANCEL, over, now=now)
    by_hand = make.merchant(return_addresses=[SHOP], self_cancellation=False, hidden_sections=["payments", "access"])
    theirs = make.subscription(merchant=by_hand)
    with pytest.raises(NotAllowed):
        create(ctx, theirs.customer, TaskKind.CANCEL, theirs, now=now)
    for kind in (TaskKind.PAYMENTS, TaskKind.ACCESS):
        with pytest.raises(CannotMake) as refused:
            create(ctx, theirs.customer, kind, now=now)
        assert refused.value.flaw is Flaw.SECTION_HIDDEN
    create(ctx, theirs.customer, TaskKind.NONE, now=now)


def test_none_is_made_for_who_is_erased_and_those_made_are_gone(ctx, zoe, now):
    create(ctx, zoe, now=now)
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, zoe.id), now=now)
        assert session.scalars(select(TaskLink)).all() == []
    with pytest.raises(NotAllowed):
        create(ctx, zoe, now=now)


def test_what_nobody_opened_goes_after_a_day_and_the_rest_with_old_log_ins(ctx, merchant, zoe, now):
    _unopened, opened = (create(ctx, zoe, now=now)[1].rpartition("/")[2] for _number in range(2))
    assert task_visits.begin(ctx, merchant.id, opened, is_vouched=True, visitor=Visitor(), now=now)
    with ctx.db.begin() as session:
        task_links.make(session, merchant, session.get_one(Customer, zoe.id), TaskKind.ACCESS, now=now)
    left = []
    for days in (1, 2, 29, 33):
        aging.forget_expired(ctx, now=now + timedelta(days=days))
        with ctx.db.read() as session:
            left.append(len(session.scalars(select(TaskLink.id)).all()))
    assert left == [3, 2, 2, 0], "a link that a mail holds stays for as long as it did"


def test_a_session_s_token_opens_no_task_and_a_link_s_no_session(ctx, merchant, zoe, now):
    token = create(ctx, zoe, TaskKind.ACCESS, now=now)[1].rpartition("/")[2]
    with ctx.db.begin() as session:
        link = task_links.make(session, merchant, session.get_one(Customer, zoe.id), TaskKind.ACCESS, now=now)
    other = link.path.rpartition("/")[2]
    for wrong, is_vouched in ((token, False), (other, True)):
        assert task_visits.look(ctx, merchant.id, wrong, is_vouched=is_vouched, now=now) is None
        assert task_visits.begin(ctx, merchant.id, wrong, is_vouched=is_vouched, visitor=Visitor(), now=now) is None


def test_two_browsers_press_at_once_and_one_has_it(ctx, merchant, zoe, now):
    for _time in range(5):
        token = create(ctx, zoe, now=now)[1].rpartition("/")[2]
        both, opened = threading.Barrier(2), []

        def press(token=token, both=both, opened=opened):
            both.wait(timeout=30)
            opened.append(task_visits.begin(ctx, merchant.id, token, is_vouched=True, visitor=Visitor(), now=now))

        threads = [threading.Thread(target=press) for _number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert sorted(one is None for one in opened) == [False, True]
