"""A merchant whose subscriptions are compared, with a key to each API."""

from __future__ import annotations

import pytest

from portal.services.imports import imports
from tests.services.comparisons.comparing import grow_old


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def bring_in(ctx, merchant):
    """Import what the simulator has, and let it be old enough to be read again."""

    def run():
        imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
        grow_old(ctx)

    return run
