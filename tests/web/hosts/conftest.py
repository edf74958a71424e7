"""A merchant who has a name of their own, in a world whose names a test decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.queries.merchants import own_hosts as found
from portal.services.context import Context
from portal.services.merchants import own_hosts
from tests.fakes.host_names import Names

HOST = "compte.atelier.example"


@pytest.fixture
def names():
    return Names()


@pytest.fixture
def ctx(ctx: Context, names: Names) -> Context:
    """As ever, with the names of the test."""
    return replace(ctx, host_names=names)


@pytest.fixture
def row_of(ctx):
    def row(merchant):
        with ctx.db.read() as session:
            return found.of_merchant(session, merchant.id)

    return row


@pytest.fixture
def prove(names):
    """Put the record into the zone of a host, as its owner does."""

    def proved(row):
        names.records[f"_portal-challenge.{row.host}"] = ["v=spf1 -all", f"portal-host={row.token}"]

    return proved


@pytest.fixture
def with_host(ctx, prove):
    """Give a merchant a host that is in use."""

    def given(merchant, host=HOST):
        row = own_hosts.enter(ctx, merchant.id, host, by=PORTAL, now=utc_now())
        prove(row)
        assert own_hosts.check(ctx, merchant.id, by=PORTAL, now=utc_now()) is None
        return row

    return given
