"""A merchant with a key."""

from __future__ import annotations

import pytest


@pytest.fixture
def merchant(make):
    return make.merchant()
