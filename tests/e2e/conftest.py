"""The browser tests' own fixtures: a browser that is there, and people with one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.browser import LAUNCH_FLAGS, find_browser
from tests.e2e.demo import Demo, begun_database, running_demo
from tests.e2e.visitor import NARROW, Size, Visitor

LANGUAGES = {"fr": "fr-FR", "en": "en-GB", "de": "de-DE"}
PATIENCE = 20_000  # milliseconds for one page: two cores may be busy with other tests

NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser, for one module: Playwright's loop must not run under the tests of other modules."""
    found = find_browser()
    if found.path is None:
        pytest.skip(found.reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.path, args=list(LAUNCH_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, one for all processes of the run: to make them takes longer than all else."""
    own = tmp_path_factory.getbasetemp()
    return begun_database(own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own)


@pytest.fixture(scope="module")
def demo(chromium: Browser, begun: Path) -> Iterator[Demo]:
    """One demo for a module; it is started only if there is a browser."""
    with running_demo(begun) as running:
        yield running


@pytest.fixture
def fresh_demo(chromium: Browser) -> Iterator[Demo]:
    """A demo in which nobody did anything yet, begun with nothing as a newcomer's."""
    with running_demo() as running:
        yield running


@pytest.fixture
def new_visitor(chromium: Browser) -> Iterator[NewVisitor]:
    """Make people, each with a browser of their own, without JavaScript unless asked for."""
    contexts = []

    def make(
        name: str, *, locale: str = "fr", size: Size = NARROW, keyboard: bool = False, scripts: bool = False
    ) -> Visitor:
        context = chromium.new_context(
            locale=LANGUAGES[locale],
            viewport={"width": size.width, "height": size.height},
            java_script_enabled=scripts,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return Visitor(context.new_page(), name=name, locale=locale, size=size, keyboard=keyboard)

    yield make
    for context in contexts:
        context.close()
