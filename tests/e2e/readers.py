"""A page as its reader has set it: text twice as large, the system's own colours, without a mouse, on paper.

Each judge says in words what is wrong, with the HTML it is about; tests/e2e/test_readers.py plants what each must find.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from playwright.sync_api import CDPSession, Page

from tests.e2e.visitor import STICKS_OUT, Size

LETTERS: Final = 16  # px, as a browser has them until its reader says otherwise
PAPER: Final = Size(643, 900)  # A4 between our margins, in CSS pixels
# The narrowest screen on which the desk's tables are tables while the letters are twice as large.
NARROWEST_TABLES: Final = 1220
CUT_OFF: Final = """() => [...document.querySelectorAll("main *, header *, footer *, nav *")].filter(one => {
  const style = getComputedStyle(one), hides = style.overflowX !== "visible" && style.overflowX !== "auto";
  const unseen = one.clientWidth <= 1 || one.closest(".unseen, .skip, table thead");
  return hides && !unseen && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)
    && !["INPUT", "TEXTAREA", "SELECT", "PROGRESS"].includes(one.tagName);
}).map(one => one.outerHTML.slice(0, 120))"""

JUDGES: Final = (Path(__file__).parent / "readers.js").read_text(encoding="utf-8").rstrip()
_OPEN: Final[WeakKeyDictionary[Page, CDPSession]] = WeakKeyDictionary()


def twice_as_large(page: Page, width: int) -> list[str]:
    """What is cut, crowded or out of the screen when the reader's letters are twice as large as usual."""
    page.set_viewport_size({"width": width, "height": 800})  # it also forgets the letters' size
    devtools = _devtools(page)
    devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 2 * LETTERS, "fixed": 26}})
    try:
        return [*page.evaluate(f"[...({STICKS_OUT})(), ...({CUT_OFF})(), ...{JUDGES}.crowded()]")]
    finally:
        devtools.send("Page.setFontSizes", {"fontSizes": {"standard": LETTERS, "fixed": 13}})


def _devtools(page: Page) -> CDPSession:
    """Return the page's own session of the browser's tools: to open one takes longer than to use it."""
    if page not in _OPEN:
        _OPEN[page] = page.context.new_cdp_session(page)
    return _OPEN[page]


def in_forced_colours(page: Page) -> list[str]:
    """What is no longer seen, or no longer told apart, in the few colours of the reader's system."""
    page.emulate_media(forced_colors="active")
    try:
        return [*page.evaluate(f"{JUDGES}.gone()")]
    finally:
        page.emulate_media(forced_colors="none")


def worded(page: Page) -> list[str]:
    """What has no words, and landmarks that no words tell apart: of axe's rules those that hang on the language."""
    return [*page.evaluate(f"{JUDGES}.worded()")]


def by_keyboard(page: Page) -> list[str]:
    """Where the focus does not come, comes too late, or is not seen (WCAG 2.4.3, 2.4.7, 2.4.11)."""
    page.keyboard.press("Tab")
    return [*page.evaluate(f"{JUDGES}.lost()")]


def on_paper(page: Page) -> list[str]:
    """What paper has no use for, or does not hold."""
    page.set_viewport_size({"width": PAPER.width, "height": PAPER.height})
    page.emulate_media(media="print")
    try:
        return [*page.evaluate(f"[...{JUDGES}.printed(), ...({STICKS_OUT})(), ...({CUT_OFF})()]")]
    finally:
        page.emulate_media(media="screen")
