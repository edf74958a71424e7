"""The desk of one merchant: a person of each role, logged in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from portal.domain.policies import Role
from tests.browser_client import Browser

_numbers = itertools.count(1)


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def enter(app, hire, log_in_staff) -> Callable[..., Browser]:
    """Hire somebody and log them in, on a browser of their own."""

    def log_in(merchant, role: Role = Role.OWNER) -> Browser:
        browser = Browser(app, address=f"192.0.2.{next(_numbers) % 250 + 1}")
        browser.get("/admin/login", Accept_Language="en")
        log_in_staff(browser, hire(merchant, role=role, email=f"p{next(_numbers)}@desk.test"))
        browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        page = browser.get("/admin/settings")
        if page.language == "fr":
            page.submit(press="English")
        return browser

    return log_in


@pytest.fixture
def owner(enter, merchant) -> Browser:
    return enter(merchant)


@pytest.fixture
def support(enter, merchant) -> Browser:
    return enter(merchant, Role.SUPPORT)


@pytest.fixture
def reader(enter, merchant) -> Browser:
    return enter(merchant, Role.READER)


@pytest.fixture
def statements(ctx):
    """Count the SQL statements of a block."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection, _cursor, statement, *_more):
            seen.append(statement)

        event.listen(ctx.db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(ctx.db.engine, "before_cursor_execute", note)

    return counting
