"""A monthly subscription of a merchant in Paris."""

from __future__ import annotations

import pytest


@pytest.fixture
def merchant(make):
    return make.merchant(time_zone="Europe/Paris")


@pytest.fixture
def subscription(make, merchant):
    """Monthly, the next payment in twenty days."""
    return make.subscription(merchant=merchant)
