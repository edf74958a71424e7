"""A merchant with a classic key, and a way to bring them IPNs."""

from __future__ import annotations

import pytest

from portal.clock import utc_now
from portal.models import PayPalEvent
from portal.services.messages import ipn_intake, webhook_endpoints
from tests.services.messages.ipn_desk import stored, work


@pytest.fixture
def merchant(make):
    return make.classic_merchant()


@pytest.fixture
def deliver(ctx, merchant):
    """Bring messages to the merchant's address and let their jobs run; returns the stored events, oldest first."""

    def bring(*bodies: bytes, handle: bool = True, to=None, environment: str = "sandbox") -> list[PayPalEvent]:
        with ctx.db.begin() as session:
            token = webhook_endpoints.endpoint_of(session, (to or merchant).id, environment).token
        for body in bodies:
            assert ipn_intake.take_in(ctx, token, body, now=utc_now()) is not None
        if handle:
            work(ctx)
        return stored(ctx)

    return bring
