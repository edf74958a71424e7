"""A merchant whose customer may only notify an end."""

from __future__ import annotations

import pytest

from tests.services.inbox.notified import DAY, DESK, THURSDAY


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", support_email=DESK, locale="en", self_cancellation=False)


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, name="Claire Martin", locale="en")


@pytest.fixture
def subscription(make, merchant, claire):
    return make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + 60 * DAY)
