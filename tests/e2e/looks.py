"""How a page is looked at: a browser in one language, on each screen, with axe and with the reader's own spacing."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import ConsoleMessage, Page, Response

from portal.demo.seed import PASSWORD
from portal.i18n import LOCALES
from tests.e2e.page_world import World
from tests.e2e.pages import EMAILS, PAGES, send
from tests.e2e.places import is_at
from tests.e2e.readers import CUT_OFF, JUDGES
from tests.e2e.visitor import NARROW, STICKS_OUT, WIDE, Size

# A page has a dozen colours and axe reads each of them some hundred times, a third of all that it takes: read once.
COLOURS_READ_ONCE = """;(() => {
  const colour = axe.commons.color.Color.prototype, read = colour.parseString, known = new Map();
  colour.parseString = function (text) {
    if (known.has(text)) [this.r, this.g, this.b, this.alpha] = known.get(text);
    else known.set(text, [read.call(this, text)].flatMap(({ r, g, b, alpha }) => [r, g, b, alpha]));
    return this; }; })();"""
PLAIN_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
AXE = PLAIN_AXE + COLOURS_READ_ONCE
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """([tags, contrast]) => axe.run(document, { runOnly: tags, resultTypes: ["violations"],
  rules: { "color-contrast": { enabled: contrast } } }).then(found =>
  found.violations.map(one => `${one.id}: ${one.help}\\n` + one.nodes.map(node =>
    `    ${node.target.join(" ")}  ${node.failureSummary.split("\\n").slice(1).join("; ")}`).join("\\n")))"""
# WCAG 1.4.12, set the way the policy allows: by the reader, not by the page.
SPACING = """() => { const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet]; }"""


# All that one screen of a page is judged by, in one question to the browser: each asked for itself cost as much as its
# answer. Axe judges where it is loaded; names in the other language are looked for by a judge of our own.
ALL_OF_IT = f"""async ([tags, names]) => {{
  const found = {{ language: document.documentElement.lang, headings: document.querySelectorAll("h1").length }};
  found.sticking = ({STICKS_OUT})();
  found.violations = tags ? await ({RUN_AXE})([tags, true]) : names ? {JUDGES}.worded() : [];
  ({SPACING})();
  found.spaced = [...({STICKS_OUT})(), ...({CUT_OFF})()];
  document.adoptedStyleSheets = [];
  scrollTo(0, 0);
  return found; }}"""


FRESH = 8 * 60  # seconds: some of the desk's forms want both factors again after ten minutes


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    locale: str
    size: Size
    scheme: str
    # Axe judges one language: of colours, roles and order none depends on words. Loading it takes as long as the page.
    axe: bool = True
    names: bool = True  # are judged: they are the same on every screen of one language

    def __str__(self) -> str:
        return f"{self.locale}-{self.size.width}-{self.scheme}"


LOOKS = (
    Look("fr", NARROW, "light"),
    Look("en", NARROW, "dark", axe=False),
    Look("fr", WIDE, "dark"),
    Look("en", WIDE, "light", axe=False, names=False),
)
PHONE = Size(375, 812)
if os.environ.get("PICTURES"):  # for people: everything once, whatever the tests need to see of it
    LOOKS = tuple(
        Look(locale, size, scheme) for locale in LOCALES for size in (PHONE, WIDE) for scheme in ("light", "dark")
    )
# For a page that is looked at apart: each language, size and scheme once.
APART_LOOKS = LOOKS if os.environ.get("PICTURES") else (Look("fr", NARROW, "dark"), Look("en", WIDE, "light"))
# For a page that differs little from another one: each size and scheme once, by one opening, in the language whose
# words are longer and can be missing. What it has in common with the other is read in both.
FEWER_LOOKS = LOOKS if os.environ.get("PICTURES") else (Look("fr", NARROW, "dark"), Look("fr", WIDE, "light"))


def looks_at(name: str) -> tuple[Look, ...]:
    """Return how a page of `PAGES` is looked at; a comma says that it is another one's variant."""
    return FEWER_LOOKS if ", " in name else LOOKS


@dataclass
class Screen:
    """Somebody's browser in one language. What it shows stays there for the next look at it."""

    page: Page
    world: World
    locale: str
    shows: str = ""
    status: int = 0
    complaints: list[str] = field(default_factory=list)
    answer: Response | None = None  # to the last navigation
    has_axe: bool = False

    def show(self, name: str) -> None:
        """Open a page as its line says, note what the browser complains of and the status of the last answer."""
        if self.shows == name:
            return
        shown = PAGES[name]
        if time.monotonic() - self.world.confirmed_at.get(shown.who, math.inf) > FRESH:
            self._confirm(shown.who)
        # The session has another name since both factors were given again, maybe on the screen of the other language.
        self.page.context.add_cookies(self.world.cookies.get(shown.who, []))  # type: ignore[arg-type]
        self.complaints = []
        self.page.on("response", self._note_answer)
        self.page.on("console", self._note_complaint)
        path = shown.path.format(**self.world.paths)
        self.page.goto(self.world.demo.portal + path)
        if shown.then:
            shown.then(self.page)
        self.page.remove_listener("console", self._note_complaint)
        self.page.remove_listener("response", self._note_answer)
        self.has_axe = False
        assert ("/login" in self.page.url) == ("/login" in path), f"{self.page.url} instead of {path}"
        assert not shown.lands or is_at(self.page.url, shown.lands), f"{self.page.url} instead of {shown.lands}"
        self.shows = name
        self.world.titles[name, self.locale] = self.page.title()
        if self.answer is not None:
            self.world.html[name, self.locale] = self.answer.text()

    def look(self, look: Look) -> None:
        """Look at it on another screen, from the top and with the page's own spacing."""
        self.page.set_viewport_size({"width": look.size.width, "height": look.size.height})
        self.page.emulate_media(color_scheme=look.scheme)  # type: ignore[arg-type]
        self.page.evaluate("document.adoptedStyleSheets = []; scrollTo(0, 0)")

    def judged(self, look: Look) -> dict[str, Any]:
        """Say what is found on this screen: its language, how many headings, and what is wrong (`ALL_OF_IT`)."""
        if look.axe and not self.has_axe:
            self.page.evaluate(AXE)
            self.has_axe = True
        found: dict[str, Any] = self.page.evaluate(ALL_OF_IT, [TAGS if look.axe else None, look.names])
        return found

    def _confirm(self, who: str) -> None:
        """Give both factors again, as some of the desk's forms want after ten minutes."""
        self.page.goto(f"{self.world.demo.portal}/admin/confirm")
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("input[name=code]").fill(self.world.demo.totp(EMAILS[who]))
        send(self.page)
        self.world.confirmed_at[who] = time.monotonic()
        self.world.cookies[who] = [one for one in self.page.context.cookies() if one["name"] == "portal_staff"]

    def _note_answer(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self.status = response.status
            self.answer = response

    def _note_complaint(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def complaints(page: Page) -> list[str]:
    """What axe, and a reader who spaces letters out, find wrong with the page."""
    page.evaluate(AXE)
    found = page.evaluate(RUN_AXE, [TAGS, True])
    sticking = page.evaluate(STICKS_OUT)
    page.evaluate(SPACING)
    return [*found, *sticking, *page.evaluate(STICKS_OUT), *page.evaluate(CUT_OFF)]
