"""The secret address that PayPal reports to: one per merchant and environment, whoever asks first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from portal.models import WebhookEndpoint
from portal.services.messages import webhook_endpoints


def test_two_processes_at_once_make_one_address(ctx, make):
    merchant = make.merchant(key=False)
    together = Barrier(4)

    def ask(_number: int) -> str:
        with ctx.db.begin() as session:
            session.execute(select(WebhookEndpoint.id)).all()  # everybody's connection is open
            together.wait(timeout=10)
            return webhook_endpoints.endpoint_of(session, merchant.id, "sandbox").token

    with ThreadPoolExecutor(4) as pool:
        tokens = set(pool.map(ask, range(4)))

    with ctx.db.read() as session:
        assert session.scalars(select(WebhookEndpoint.token)).all() == list(tokens)


def test_each_merchant_and_environment_has_its_own(ctx, make):
    first, second = make.merchant(key=False), make.merchant(key=False)
    with ctx.db.begin() as session:
        rows = [
            webhook_endpoints.endpoint_of(session, merchant.id, environment)
            for merchant in (first, second)
            for environment in ("sandbox", "live")
        ]
        again = webhook_endpoints.endpoint_of(session, first.id, "sandbox")
        addresses = {webhook_endpoints.webhook_url(ctx, row) for row in rows}

    assert again.id == rows[0].id
    assert len(addresses) == 4
    assert all(address.startswith("http://portal.test/webhooks/paypal/") for address in addresses)
    assert webhook_endpoints.ipn_url(ctx, again) == webhook_endpoints.webhook_url(ctx, again) + "/ipn"


def test_a_row_is_found_by_its_token_alone(ctx, make):
    merchant = make.merchant(key=False)
    with ctx.db.begin() as session:
        row = webhook_endpoints.endpoint_of(session, merchant.id, "live")
    with ctx.db.read() as session:
        found = webhook_endpoints.by_token(session, row.token)
        assert found is not None
        assert (found.merchant_id, found.environment) == (merchant.id, "live")


@pytest.mark.parametrize("token", ["", "unknown", "a\x00b", "x" * 100_000, "b2e2fd65-f976-455d-91b8-abb3b9625dbe"])
def test_an_address_we_never_gave_finds_nothing(ctx, token):
    with ctx.db.read() as session:
        assert webhook_endpoints.by_token(session, token) is None
