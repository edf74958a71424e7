"""A merchant with a key, its owner, and files whose parts are short."""

from __future__ import annotations

import pytest

from portal.domain.policies import Role
from portal.services.imports import file_import_reading
from portal.services.people import staff_logins
from tests.web.conftest import PASSWORD


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def staff(ctx, merchant):
    whose = {"merchant_id": merchant.id, "email": "lea@atelier.test", "name": "Léa", "role": Role.OWNER}
    with ctx.db.begin() as session:
        return staff_logins.create_staff(ctx, session, password=PASSWORD, **whose).staff


@pytest.fixture
def small(monkeypatch):
    """Two lines a part."""
    monkeypatch.setattr(file_import_reading, "RECORDS", 2)
