"""Every page, in both languages, narrow and wide, light and dark: axe finds nothing, nothing sticks out, no page
makes the browser complain, and each stands what its reader sets (`readers.py`). Who is looked at how: `looks.py`; that
each fault is found: `test_looks.py`. `make screenshots` keeps pictures of them for people to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from portal.i18n import LOCALES
from tests.e2e import html, readers
from tests.e2e.conftest import LANGUAGES, PATIENCE
from tests.e2e.demo import Demo
from tests.e2e.looks import LOOKS, Look, Screen, looks_at
from tests.e2e.page_world import World, lived_in
from tests.e2e.pages import EMMA, PAGES, VARIANTS
from tests.e2e.visitor import NARROW, WIDE, Visitor

CASES = [
    (name, look)
    for name in PAGES
    for look in sorted(looks_at(name), key=lambda one: one.locale)  # one opening, then both sizes
]


@pytest.fixture(scope="module")
def world(demo: Demo, chromium: Browser) -> World:
    """The demo in which everything happened that a page may show."""
    return lived_in(demo, chromium)


@pytest.fixture(scope="module")
def browsing(world: World, chromium: Browser) -> Iterator[Callable[[str, str], Screen]]:
    """Give somebody's screen in a language; made once."""
    screens: dict[tuple[str, str], Screen] = {}

    def screen_of(who: str, locale: str) -> Screen:
        if (who, locale) not in screens:
            # Without motion: colours that are still on their way from light to dark would be judged half-way.
            context = chromium.new_context(locale=LANGUAGES[locale], reduced_motion="reduce")
            context.set_default_timeout(PATIENCE)
            context.add_cookies(world.cookies.get(who, []))  # type: ignore[arg-type]
            screens[who, locale] = Screen(context.new_page(), world, locale)
            _speak(screens[who, locale].page, world.demo, locale)
        return screens[who, locale]

    yield screen_of
    for screen in screens.values():
        screen.page.context.close()


def _speak(page: Page, demo: Demo, locale: str) -> None:
    """Choose the language as a visitor does, by the button at the foot of a page: a choice outlives a log-in."""
    page.goto(f"{demo.portal}/accessibility")
    wanted = "Français" if locale == "fr" else "English"
    for name in ("Français", "English", wanted):  # the button is the language that the page does not speak
        button = page.get_by_role("button", name=name, exact=True)
        if button.count():
            with page.expect_navigation():
                button.click()
    assert page.locator("html").get_attribute("lang") == locale


@pytest.mark.law("R-EU-20", "R-AC-1", "R-AC-2", "R-AC-3", "R-AC-6", "R-AC-7", "R-AC-9", "R-AC-12")
@pytest.mark.parametrize(("name", "look"), CASES, ids=lambda one: str(one))
def test_a_page_suits_everybody(browsing: Callable[[str, str], Screen], name: str, look: Look) -> None:
    shown = PAGES[name]
    screen = browsing(shown.who, look.locale)
    screen.show(name)
    screen.look(look)
    page = screen.page
    Visitor(page, name=name, locale=look.locale, size=look.size).keep(f"{name}-{look}")
    assert screen.status == shown.status, page.url
    # A page whose status says that something is wrong is announced by the browser as not found, and rightly so.
    assert [one for one in screen.complaints if shown.status == 200 or "Failed to load resource" not in one] == []
    found = screen.judged(look)
    assert (found["language"], found["headings"]) == (look.locale, 1)
    assert found["sticking"] == []
    assert found["violations"] == [], "\n".join(found["violations"])
    assert found["spaced"] == []
    if look.axe:  # once a size: the words of both languages are looked at above
        assert readers.in_forced_colours(page) == []
        assert readers.by_keyboard(page) == []
        assert readers.twice_as_large(page, NARROW.width if look.size is NARROW else readers.NARROWEST_TABLES) == []
        assert name.startswith("desk") or look.size is WIDE or readers.on_paper(page) == []


@pytest.mark.law("R-AC-1")
@pytest.mark.parametrize("locale", LOCALES)
def test_no_two_pages_have_one_title(world: World, browsing: Callable[[str, str], Screen], locale: str) -> None:
    titles: dict[tuple[bool, str], str] = {}
    for name, shown in PAGES.items():
        if not VARIANTS.search(name):
            if (name, locale) not in world.titles:
                browsing(shown.who, locale).show(name)
            title = (
                name.startswith("desk"),
                world.titles[name, locale],
            )  # nobody is at the desk and a customer at once
            assert title not in titles, f"{name} and {titles[title]}: {title}"
            titles[title] = name
    assert len(titles) >= 20


@pytest.fixture(scope="module")
def checker() -> Iterator[html.Checker]:
    """One checker for both languages: it is slow until it has seen a few dozen pages."""
    if reason := html.missing():
        pytest.skip(reason)
    with html.running() as running:
        yield running


@pytest.mark.parametrize("locale", LOCALES)
def test_every_page_is_valid_html(
    checker: html.Checker, world: World, browsing: Callable[[str, str], Screen], locale: str
) -> None:
    wrong = []
    for name, shown in PAGES.items():
        if not any(look.locale == locale for look in looks_at(name)):
            continue
        if (name, locale) not in world.html:
            browsing(shown.who, locale).show(name)
        wrong += [f"{name}: {complaint}" for complaint in checker.complaints(world.html[name, locale])]
    assert wrong == [], "\n".join(wrong)


def test_the_proof_prints_without_what_only_a_screen_needs(browsing: Callable[[str, str], Screen]) -> None:
    screen = browsing(EMMA, "fr")
    screen.show("result confirmed")
    screen.look(LOOKS[2])  # dark on the screen, ink on paper
    page = screen.page
    page.emulate_media(media="print", color_scheme="dark")
    try:
        Visitor(page, name="print", locale="fr", size=WIDE).keep("result-printed")
        assert page.locator("article.receipt").is_visible()
        assert not page.get_by_role("navigation").is_visible()
        assert not page.locator(".screen-only").first.is_visible()
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
    finally:
        page.emulate_media(media="screen", color_scheme=LOOKS[2].scheme)  # type: ignore[arg-type]
