"""One truth of access: the page of accesses, the recap before a cancel, and the proof after it, for every rule."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from portal.domain.access.access import End
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import Grant
from portal.services import accesses
from portal.services.accesses import Ending
from portal.services.dates.end_schedules import expectation, plan
from portal.services.rules import access_left, grants_of, write_end

CONTENTS = (("Now", 0), ("Later", 400))
RULES = list(itertools.product((Status.ACTIVE, Status.PAST_DUE, Status.PAUSED), *[(False, True)] * 4))


@pytest.mark.parametrize(("status", "keeps", "at_once", "binds", "granted"), RULES)
def test_what_is_said_before_an_end_is_what_the_recap_reckons_and_the_proof_finds(
    ctx, make, status, keeps, at_once, binds, granted
):
    merchant, now = make.merchant(), make.now()
    product = make.product(
        merchant,
        contents=CONTENTS,
        keep_after_cancellation=keeps,
        stops_at_once=at_once,
        commitment_binds=binds,
    )
    row = make.subscription(product=product, status=status, committed_until=now + timedelta(days=70), at_paypal=False)
    given = []
    if granted:
        own = {"merchant_id": merchant.id, "customer_id": row.customer_id, "product_id": product.id}
        given = [Grant(**own, since=now - timedelta(days=2), until=None)]
    held = make.reload(row)
    told = accesses.of_subscription(held, None, given, time_zone=merchant.time_zone, now=now)
    assert told.ending is Ending.IF_CANCELLED

    planned = plan(held, Actor.CUSTOMER, time_zone=merchant.time_zone, now=now)
    hands = grants_of(held.product, given)
    preview, _payment = expectation(held, Status.CANCELLED, planned=planned, given=hands, now=now)
    assert set(told.left.kept) == {window.title for window in preview.stays if window.end is End.KEPT}
    ends = {window.until for window in preview.stops}
    assert told.left.until in ends or not ends

    at = planned.earliest_at if planned is not None else now
    if planned is not None and planned.taken:
        held.paid_until = planned.paid_until
    write_end(held, held.facts, Status.CANCELLED, at)
    proven = access_left(held, given)
    assert (proven.until, proven.kept, proven.opens) == (told.left.until, told.left.kept, told.left.opens)
    over = accesses.of_subscription(held, None, given, time_zone=merchant.time_zone, now=at)
    assert over.ending is Ending.HAS_COME
    assert over.left == proven


def test_what_has_not_begun_leaves_nothing_to_tell(make):
    held = make.reload(make.subscription(status=Status.PENDING, at_paypal=False))
    told = accesses.of_subscription(held, None, time_zone="Europe/Paris", now=make.now())
    assert told.ending is Ending.NONE
