"""A person at a browser: finds things by their names and labels, acts by mouse or by keyboard alone, and looks.

Every page a visitor comes to is looked at: its language, nothing that sticks out of the screen, no error in the
browser's console (a refused style or script would be one), no answer of the server that failed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Response

from portal.demo.run import ROOT
from portal.i18n import Translator

SCREENSHOTS = ROOT / "var" / "screenshots"
MOST_TABS = 200
FOCUS_IS_SEEN = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return ring && box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
}"""

# How many times Tab is needed at the least from where the focus is: a group of radios is one stop, whichever it is.
STOPS_BETWEEN = """target => {
  const stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(one =>
    !one.disabled && one.type !== "hidden" && one.type !== "radio" && one.tabIndex >= 0 && one.getClientRects().length);
  const here = stops.indexOf(document.activeElement), inside = document.activeElement !== document.body && here < 0;
  return inside ? 0 : Math.max(0, stops.indexOf(target) - here - 1); }"""

# What makes the page wider than the screen: nothing, unless the page can be scrolled sideways.
STICKS_OUT = """() => document.scrollingElement.scrollWidth <= innerWidth ? [] :
  [`${document.scrollingElement.scrollWidth} px on a screen of ${innerWidth}`,
   ...[...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > innerWidth)
     .map(one => one.outerHTML.slice(0, 100))]"""


def plain(text: str) -> str:
    """Return a text as it is compared: one kind of space and of apostrophe."""
    return " ".join(text.split()).replace("’", "'")


@dataclass(frozen=True)
class Size:
    """A screen in CSS pixels."""

    width: int
    height: int


NARROW = Size(320, 700)
WIDE = Size(1280, 900)


class Visitor:
    """Somebody with a browser of their own (cookies, language), on one page."""

    def __init__(self, page: Page, *, name: str, locale: str, size: Size, keyboard: bool = False) -> None:
        self.page = page
        self.name = name
        self.locale = locale
        self.size = size
        self.keyboard = keyboard
        self.problems: list[str] = []
        self.has_chosen = False
        self._words = Translator(locale)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("response", self._answered)

    def word(self, msgid: str, /, **values: object) -> str:
        """Return what a page says for an English text, in the visitor's language."""
        return self._words.gettext(msgid, **values)

    @property
    def text(self) -> str:
        """What the main part of the page says."""
        return plain(self.page.locator("main").inner_text())

    @property
    def title(self) -> str:
        return plain(self.page.locator("h1").inner_text())

    @property
    def path(self) -> str:
        """The page's address on its own site, with what it asks for, without the place on the page."""
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def open(self, url: str) -> Visitor:
        """Go to an address, and look at the page."""
        self.page.goto(url)
        self.look()
        return self

    def press(self, role: str, msgid: str, *, within: Locator | None = None, **values: object) -> Visitor:
        """Press the button or link of that name, and look at the page it leads to."""
        return self.go((within or self.page).get_by_role(role, name=self.word(msgid, **values), exact=True))  # type: ignore[arg-type]

    def go(self, target: Locator) -> Visitor:
        """Press what leads to a page, in the menu where it is folded, and look at that page."""
        for menu in self.page.locator(".menu:visible").all():
            if target.is_visible():
                break
            self.page.keyboard.press("Escape")  # the menu before, which lies over this one
            self._act(menu)
        with self.page.expect_navigation():
            self._act(target)
        self.look()
        return self

    def _act(self, target: Locator) -> None:
        if self.keyboard:
            self.reach(target)
            self.page.keyboard.press("Enter")
        else:
            target.click()

    def type(self, msgid: str, text: str) -> None:
        """Type into the field of that label, in place of what is there."""
        self.type_into(self.word(msgid), text)

    def type_into(self, label: str, text: str) -> None:
        """Type into the field of a label given as it is read."""
        field = self.page.get_by_label(label)
        if self.keyboard:
            self.reach(field)
            self.page.keyboard.press("Control+A")
            self.page.keyboard.type(text)
        else:
            field.fill(text)

    def tick(self, msgid: str) -> None:
        """Tick the box of that label."""
        box = self.page.get_by_label(self.word(msgid))
        if self.keyboard:
            self.reach(box)
            self.page.keyboard.press("Space")
        else:
            box.check()
        assert box.is_checked()

    def unfold(self, msgid: str) -> None:
        """Open the fold of that name."""
        self._act(self.page.locator("summary", has_text=self.word(msgid)))

    def choose(self, msgid: str) -> None:
        """Choose the radio of that label."""
        radio = self.page.get_by_role("radio", name=self.word(msgid), exact=True)
        if not self.keyboard:
            radio.check()
            return
        group = radio.evaluate("one => one.name")
        self._tab_until(f"one => one.name === {group!r}", f"the choices of {msgid!r}")
        for _ in range(20):
            if radio.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the arrow keys do not choose {msgid!r}")

    def reach(self, target: Locator) -> None:
        """Tab until the target has the focus, which must be seen."""
        mark = target.element_handle()
        for _ in range(self.page.evaluate(STOPS_BETWEEN, mark)):  # then one by one, looking
            self.page.keyboard.press("Tab")
        self._tab_until("(one, mark) => one === mark", f"{target}", mark)
        if not self.page.evaluate(FOCUS_IS_SEEN):
            self.problems.append(f"{self.page.url}: the focus on {target} is not seen")

    def look(self) -> None:
        """Check what holds of every page; where it speaks another language than the visitor's, choose once."""
        self.page.wait_for_load_state()
        if self.page.locator("html").get_attribute("lang") != self.locale:
            assert not self.has_chosen, f"{self.name} at {self.page.url}: the language chosen is lost"
            self.has_chosen = True
            self.press("button", "Français" if self.locale == "fr" else "English")
            return
        where = f"{self.name} at {self.page.url}"
        assert not self.problems, f"{where}: {self.problems}"
        assert self.page.locator("h1").count() == 1, where
        assert self.page.evaluate(STICKS_OUT) == [], where

    def keep(self, name: str) -> None:
        """Keep a picture of the page for people to look at, if they asked for pictures: four hundred take minutes."""
        if not os.environ.get("PICTURES"):
            return
        path = SCREENSHOTS / f"{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True)

    def _tab_until(self, check: str, what: str, mark: object = None) -> None:
        for _ in range(MOST_TABS):
            if self.page.evaluate(f"mark => ({check})(document.activeElement, mark)", mark):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{self.name} at {self.page.url}: Tab never reaches {what}")

    def _said(self, message: ConsoleMessage) -> None:
        # A page with an error's status (422: look at your answers) is announced by the browser as if it were missing.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.problems.append(message.text)

    def _answered(self, response: Response) -> None:
        is_page = response.request.is_navigation_request()
        if response.status >= (500 if is_page else 400) and response.status != 502:
            self.problems.append(f"{response.status} {response.url}")
