"""What both faces still say of a subscription that has ended, and of one whose end was taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import TimelineEntry, TimelineKind
from tests.web.admin.conftest import enter, merchant, support  # noqa: F401 - the desk's people serve here
from tests.web.customer.conftest import log_in  # noqa: F401
from tests.web.customer.test_notifications import fact


@pytest.fixture
def visit(make, merchant, log_in):  # noqa: F811
    return log_in(merchant, make.customer(merchant))


@pytest.fixture
def both(visit, support):  # noqa: F811
    def pages(subscription):
        return visit.browser.get(visit.page(subscription)), support.get(f"/admin/subscriptions/{subscription.id}")

    return pages


def terms(page) -> set[str]:
    return {term.get_text(strip=True) for term in page.select("dt")}


def test_a_commitment_is_named_while_it_runs_and_not_after_an_end(make, visit, both):
    until = make.now() + timedelta(days=90)
    for status in (Status.ACTIVE, Status.CANCELLED, Status.COMPLETED):
        subscription = make.subscription(customer=visit.customer, status=status, committed_until=until)
        for page in both(subscription):
            assert ("Commitment until" in terms(page)) == (status is Status.ACTIVE), status


def test_the_end_of_a_subscription_is_a_day_as_its_access_is(make, visit, both):
    until = make.now() + timedelta(days=9)
    subscription = make.subscription(
        customer=visit.customer, status=Status.CANCELLED, stopped_at_provider_at=make.now(),
        paid_until=until, ended_at=until,
    )  # fmt: skip
    for page in both(subscription):
        assert not re.search(r"\d:\d\d", fact(page, "Subscription end date"))
        day, last = (re.findall(r"\d+", fact(page, label)) for label in ("Subscription end date", "Access until"))
        assert day == last


def test_a_request_that_was_taken_back_is_no_request_rather_than_not_yet(make, visit, both):
    subscription = make.subscription(customer=visit.customer)
    for page in both(subscription):
        assert fact(page, "Cancellation requested").lower() == "not yet"
    make.add(
        TimelineEntry(
            merchant_id=subscription.merchant_id, subscription_id=subscription.id, at=make.now(),
            kind=TimelineKind.END_WITHDRAWN, key="1", actor=Actor.CUSTOMER, channel=None, details={},
        )
    )  # fmt: skip
    for page in both(subscription):
        assert fact(page, "Cancellation requested").lower() == "no request under way"
