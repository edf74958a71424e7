"""A subscription that runs, and one that rests."""

from __future__ import annotations

import pytest

from portal.domain.subscriptions import Status


@pytest.fixture
def subscription(make):
    merchant = make.merchant()
    product = make.product(merchant, pause_offered=True)
    return make.subscription(product=product)


@pytest.fixture
def resting(make):
    """One that is paused already."""
    merchant = make.merchant()
    product = make.product(merchant, pause_offered=True)
    return make.subscription(product=product, status=Status.PAUSED, next_payment_at=None, paid_until=None)
