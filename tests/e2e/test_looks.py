"""What a look at a page must find, each fault planted in a page that is sound without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Route

from tests.e2e.demo import Demo
from tests.e2e.looks import AXE, FEWER_LOOKS, LOOKS, PAGES, PLAIN_AXE, RUN_AXE, TAGS, Look, Screen, looks_at
from tests.e2e.page_world import World

NARROW_FRENCH, NARROW_ENGLISH, WIDE_FRENCH = LOOKS[:3]
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SOUND = """<!doctype html><html lang="fr"><meta name="viewport" content="width=device-width"><title>T</title>
  <style>@media (prefers-color-scheme: dark) { body, input { background: #111; color: #eee } }</style>
  <main><h1>Titre</h1><p>Des mots.</p><label>Nom <input></label></main>"""
FAULTS = {
    "a label that is missing": ("<label>Nom <input></label>", "<input>", "violations"),
    "a language that is not chosen": ('lang="fr"', 'lang="en"', "language"),
    "a second heading of the page": ("<p>", "<h1>Encore</h1><p>", "headings"),
    "what is too wide for a phone": ("<p>", "<p style='width: 340px'>", "sticking"),
    "what is too pale": ("<p>", "<p style='color: #999; background: #fff'>", "violations"),
    "what spacing cuts off": ("<p>", "<p style='height: 1.2em; line-height: 1; overflow: hidden'>", "spaced"),
}


@pytest.fixture
def screen(chromium: Browser) -> Iterator[Screen]:
    context = chromium.new_context()
    demo = Demo(Path(), {"PORTAL_PORT": 9}, cast(Any, None), Path())
    yield Screen(context.new_page(), World(demo), "fr")
    context.close()


def judged(screen: Screen, page: str, look: Look = NARROW_FRENCH) -> dict[str, Any]:
    """Open a page that is no more than this, and look at it."""

    def answer(route: Route) -> None:
        route.fulfill(body=page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})

    screen.page.route("**/*", answer)
    screen.show("home")
    screen.look(look)
    return screen.judged(look)


@pytest.mark.parametrize("look", [NARROW_FRENCH, NARROW_ENGLISH, WIDE_FRENCH], ids=str)
def test_nothing_is_found_where_nothing_is_wrong(screen: Screen, look: Look) -> None:
    nothing = {"language": "fr", "headings": 1, "sticking": [], "violations": [], "spaced": []}
    assert judged(screen, SOUND, look) == nothing
    assert screen.complaints == []


COLOURS = (
    "#999",
    "rgb(0 0 0 / 20%)",
    "hsl(40 50% 60%)",
    "color-mix(in oklab, red 30%, white)",
    "oklch(80% .1 90)",
    "red",
)


def test_a_colour_that_is_read_once_is_judged_as_one_that_is_read_each_time(screen: Screen) -> None:
    shade = "".join(
        f"<p style='color: {ink}; background: {paper}'>Des mots.</p>" for ink in COLOURS for paper in COLOURS
    )
    found = []
    for axe in (PLAIN_AXE, AXE):
        screen.page.set_content(SOUND.replace("<p>Des mots.</p>", shade))
        screen.page.evaluate(axe)
        found += [screen.page.evaluate(RUN_AXE, [TAGS, True]) for _ in range(2)]
    assert found[0][0].count("insufficient color contrast") > len(COLOURS)
    assert found == [found[0]] * 4


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(screen: Screen, fault: str) -> None:
    sound, planted, where = FAULTS[fault]
    found = judged(screen, SOUND.replace(sound, planted))
    assert found[where] != {"language": "fr", "headings": 1}.get(where, [])


def test_a_label_is_missed_in_the_other_language_too(screen: Screen) -> None:
    assert judged(screen, SOUND.replace("Nom <input>", ""), NARROW_ENGLISH)["violations"] == []
    screen.shows = ""
    assert judged(screen, SOUND.replace("<label>Nom <input></label>", "<input>"), NARROW_ENGLISH)["violations"] != []


def test_a_colour_that_is_too_pale_in_the_dark_alone_is_found(screen: Screen) -> None:
    pale = SOUND.replace("<p>", "<p class=p>").replace(
        "</style>", " @media (prefers-color-scheme: dark) { .p { color: #333 } }</style>"
    )
    assert judged(screen, pale, NARROW_FRENCH)["violations"] == []
    assert judged(screen, pale, WIDE_FRENCH)["violations"] != []


def test_a_script_that_the_policy_refuses_is_complained_of(screen: Screen) -> None:
    judged(screen, SOUND + "<script>1</script>")
    assert any("Content Security Policy" in one for one in screen.complaints)


def test_every_page_is_seen_in_french_on_both_screens_in_both_schemes() -> None:
    for looks in (LOOKS, FEWER_LOOKS):
        french = [look for look in looks if look.locale == "fr" and look.axe]
        assert len({look.size for look in french}) == len({look.scheme for look in french}) == 2
    assert any({look.locale for look in looks_at(name)} == {"fr", "en"} for name in PAGES)
