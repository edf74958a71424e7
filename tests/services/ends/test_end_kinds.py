"""Of which kind each end is, written by the door that it comes through."""

from __future__ import annotations

import pytest

from portal.clock import utc_now
from portal.domain.ends.ended_by import EndedBy
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action
from portal.services.ends import end_requests
from tests.services.carrying.carried import ask, carry, wish_of
from tests.services.ends.test_endings import show


@pytest.fixture
def subscription(make):
    make.merchant()
    return make.subscription()


def kind(make, subscription):
    return make.reload(subscription).ended_by


def test_what_runs_is_of_no_kind(make, subscription):
    assert kind(make, subscription) is None


def test_an_end_that_the_customer_asked_for(ctx, make, subscription):
    carry(ctx, ask(ctx, make, subscription))
    assert kind(make, subscription) is EndedBy.CUSTOMER


def test_an_end_by_staff_and_its_turning_into_abandoned(ctx, make, subscription):
    carry(ctx, ask(ctx, make, subscription, actor=Actor.STAFF))
    assert kind(make, subscription) is EndedBy.STAFF
    end_requests.mark_abandoned(ctx, wish_of(subscription, Action.ABANDON, actor=Actor.STAFF), now=utc_now())
    assert kind(make, subscription) is EndedBy.ABANDONED


@pytest.mark.parametrize(("failed", "expected"), [(0, EndedBy.PAYPAL), (2, EndedBy.FAILED)])
def test_an_end_that_is_found_at_paypal(ctx, make, subscription, failed, expected):
    show(ctx, subscription, "CANCELLED", at=utc_now(), failed_payments=failed)
    assert kind(make, subscription) is expected


def test_one_that_ran_its_course(ctx, make, subscription):
    show(ctx, subscription, "EXPIRED", at=utc_now())
    assert kind(make, subscription) is EndedBy.COMPLETED
