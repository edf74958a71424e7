"""What the judges of a reader's own settings must find, each fault planted beside the same page without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.readers import by_keyboard, in_forced_colours, on_paper, twice_as_large, worded

STYLE = """*, ::before, ::after { box-sizing: border-box } body { margin: 0; font: 1rem serif; background: #fff }
 :focus-visible { outline: 3px solid; outline-offset: 2px } .button { border: 1px solid; padding: 0 4px }
 svg { width: 40px; height: 40px } .dot { display: inline-block; width: 1em; height: 1em }"""
Judge = Callable[[Page], list[str]]


def large(page: Page) -> list[str]:
    return twice_as_large(page, 320)


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 320, "height": 600}, color_scheme="light")
    yield context.new_page()
    context.close()


def shown(page: Page, body: str, css: str) -> Page:
    page.set_content(f"<!doctype html><html lang=en><title>T</title><style>{STYLE}{css}</style><main>{body}</main>")
    return page


BUTTON, LINK = "<button class=button>Save</button>", '<a href="/one">One</a>'
PLANTED = [
    (large, "<p>A few words.</p>", "p { width: 21rem }", "px on a screen of 320"),
    (
        large,
        "<p>A few words that are cut.</p>",
        "p { height: 1.2rem; overflow: hidden }",
        "<p>A few words that are cut",
    ),
    (large, "<div><p>Somewhat-long-words</p></div>", "p { width: 3rem }", "px in 96: <p>"),
    (large, "<div><input aria-label=Name></div>", "div { display: flex } input { width: 0; padding: 0 }", "no room"),
    (large, f"{BUTTON}<p>Beside it</p>", "p { margin-top: -1rem }", "lies on"),
    (large, f"<p>Above</p>{LINK}", "a { position: absolute; top: 1rem; left: 0 }", "lies on"),
    (in_forced_colours, BUTTON, ".button { border: 0; background: #00f; color: #fff }", "no edge"),
    (in_forced_colours, LINK, "a { text-decoration: none; color: #00f }", "no edge"),
    (in_forced_colours, "<span class=status>Late</span>", "span { background: #fdd }", "no edge"),
    (
        in_forced_colours,
        f"<nav>{LINK.replace('a ', 'a aria-current=page ')}</nav>",
        "a { background: #ff0 }",
        "like the others",
    ),
    (in_forced_colours, "<i class=dot></i>", ".dot { background: #000 }", "a mark that is not seen"),
    (in_forced_colours, '<svg><path d="M0 0H9V9z"/></svg>', "path { fill: #eee }", "a shape that is not seen"),
    (in_forced_colours, '<svg><path d="M0 0H9V9z"/></svg>', "path { fill: #fff }", "a shape that is not seen"),
    (
        in_forced_colours,
        f'<div class=buttons-equal>{BUTTON}<a class=button href="/no">Keep</a></div>',
        "",
        "answers of one weight look unlike",
    ),
    (by_keyboard, BUTTON, ":focus-visible { outline: none }", "a focus that is not seen"),
    (
        by_keyboard,
        f"{BUTTON}<p>Bar</p>",
        "p { position: fixed; inset: 0; margin: 0; background: #fff }",
        "under something else",
    ),
    (by_keyboard, BUTTON.replace("class", "tabindex=1 class"), "", "an order of its own"),
    (by_keyboard, BUTTON, ".button { position: absolute; width: 0; height: 0; padding: 0; border: 0 }", "no focus"),
    (
        by_keyboard,
        f"<p>{LINK}</p><p>{BUTTON}</p>",
        "main { display: flex; flex-direction: column-reverse; gap: 9px }",
        "below it",
    ),
    (worded, "<button class=button><svg></svg></button>", "", "no words"),
    (worded, "<input size=6>", "", "no words"),
    (worded, "<select><option>One</select>", "", "no words"),
    (worded, "<h2> </h2>", "", "no words"),
    (worded, "<nav aria-label=Plan>1</nav><nav aria-label=Plan>2</nav>", "", "another one's name"),
    (on_paper, BUTTON, "", "of use on a screen alone"),
    (on_paper, "<p>Words</p>", "p { background: #222; color: #fff }", "a ground of ink"),
    (on_paper, "<p>Words</p>", "p { color: #999 }", "pale"),
    (on_paper, "<p>Words</p>", "p { width: 700px }", "px on a screen of 643"),
    (on_paper, "<p>Words</p>", "p { height: 5px; overflow: hidden }", "<p>Words"),
    (on_paper, '<a href="https://paypal.example/pay">there</a>', "", "an address that paper does not tell"),
]
SOUND = f"""<nav><a href="/" aria-current=page style="font-weight: 700">Home</a></nav>
 <p>A few words, {LINK}.</p><p>{BUTTON}</p>
 <p><label>Name <input size=6></label></p><p><span class=status style="border: 1px solid">Late</span>
 <i class=dot style="background: CanvasText; forced-color-adjust: none"></i></p>
 <svg><path d="M0 0H9V9z" style="fill: CanvasText"/><path d="M2 2H5V5z" style="fill: Canvas"/></svg>
 <div class=buttons-equal>{BUTTON} {BUTTON}</div>"""
ON_PAPER = "<p>Words, and <a href='https://paypal.example/'>https://paypal.example/</a></p>"


@pytest.mark.law("R-AC-2", "R-AC-7")
@pytest.mark.parametrize(("judge", "body", "css", "found"), PLANTED)
def test_a_planted_fault_is_found(page: Page, judge: Judge, body: str, css: str, found: str) -> None:
    complaints = judge(shown(page, body, css))
    assert any(found in one for one in complaints), complaints


@pytest.mark.parametrize(
    ("judge", "body"),
    [(large, SOUND), (in_forced_colours, SOUND), (by_keyboard, SOUND), (worded, SOUND), (on_paper, ON_PAPER)],
)
def test_a_sound_page_is_not_complained_of(page: Page, judge: Judge, body: str) -> None:
    assert judge(shown(page, body, "")) == []
