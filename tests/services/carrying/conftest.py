"""One customer on the way back."""

from __future__ import annotations

import pytest

from tests.services.carrying.coming_back import Way


@pytest.fixture
def way(ctx, make, paypal):
    return lambda **given: Way(ctx, make, paypal, **given)
