"""Every page, in both languages, narrow and wide, light and dark: axe finds nothing, nothing sticks out, no page
makes the browser complain. `make pictures` keeps pictures of them for people to look at.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response

from portal.demo.seed import ATELIER_CLASSIC_KEY, ATELIER_PROFILES, PASSWORD
from portal.i18n import LOCALES
from tests.e2e.conftest import LANGUAGES, PATIENCE
from tests.e2e.demo import Demo, wait_for
from tests.e2e.visitor import NARROW, STICKS_OUT, WIDE, Size, Visitor

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """tags => axe.run(document, { runOnly: tags, resultTypes: ["violations"] }).then(found =>
  found.violations.map(one => `${one.id}: ${one.help}\\n` + one.nodes.map(node =>
    `    ${node.target.join(" ")}  ${node.failureSummary.split("\\n").slice(1).join("; ")}`).join("\\n")))"""
# WCAG 1.4.12, set the way the policy allows: by the reader, not by the page.
SPACING = """() => { const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet]; }"""
CUT_OFF = """() => [...document.querySelectorAll("main *, header *, footer *, nav *")].filter(one => {
  const style = getComputedStyle(one), hides = style.overflowX !== "visible" && style.overflowX !== "auto";
  const unseen = one.clientWidth <= 1 || one.closest(".unseen, .skip, table thead");
  return hides && !unseen && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)
    && !["INPUT", "TEXTAREA", "SELECT", "PROGRESS"].includes(one.tagName);
}).map(one => one.outerHTML.slice(0, 120))"""


FRESH = 8 * 60  # seconds: some of the desk's forms want both factors again after ten minutes


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    locale: str
    size: Size
    scheme: str

    def __str__(self) -> str:
        return f"{self.locale}-{self.size.width}-{self.scheme}"


LOOKS = (
    Look("fr", NARROW, "light"),
    Look("en", NARROW, "dark"),
    Look("fr", WIDE, "dark"),
    Look("en", WIDE, "light"),
)
# For a page that differs little from one above: each language, size and scheme once.
FEWER_LOOKS = (Look("fr", NARROW, "dark"), Look("en", WIDE, "light"))


@dataclass
class World:
    """What the pages show: where things are, the cookies of those who may see them, the titles that were seen, and
    when the desk's people gave both factors.
    """

    demo: Demo
    paths: dict[str, str] = field(default_factory=dict)
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    confirmed_at: dict[str, float] = field(default_factory=dict)
    cookies: dict[str, list[dict[str, object]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """A page: who opens it, where (a path with names of `World.paths`), and what is done there before looking."""

    who: str
    path: str
    then: Callable[[Page], None] | None = None
    status: int = 200


def send(page: Page) -> None:
    """Send the page's own form as it is: the way to its errors."""
    with page.expect_navigation():
        page.locator("main form button[type=submit], main form button").first.click()


def open_folds(page: Page) -> None:
    for fold in page.locator("summary").all():
        fold.click()


def half_way(page: Page) -> None:
    """Give the first factor each time: it is only good for five minutes, less than all pages take."""
    page.locator("input[name=email]").fill("sam@studio.example")
    page.locator("input[name=password]").fill(PASSWORD)
    send(page)


def wrong_code(page: Page) -> None:
    page.locator("input[name=code]").fill("000000")
    send(page)


def check_the_proof(page: Page) -> None:
    """From the result page to what a third party reads who types the code that stands on it."""
    page.locator("details > summary").first.click()
    printed = page.locator("dl.summary > div", has_text=re.compile("Verification code|Code de vérification"))
    code = printed.locator("dd").inner_text()
    with page.expect_navigation():
        page.locator("a[href*='/proof/']").click()
    page.locator("input[name=code]").fill(code)
    send(page)


def wrong_key(page: Page) -> None:
    page.locator("input[name=client_id]").fill("somebody")
    page.locator("input[name=client_secret]").fill("something-wrong")
    send(page)


def wrong_classic_key(page: Page) -> None:
    for name in ("api_user", "api_password", "api_signature"):
        page.locator(f"input[name={name}]").fill("something-wrong-that-is-long-enough")
    send(page)


def nothing_named(page: Page) -> None:
    page.locator("input[name=name]").fill("")
    with page.expect_navigation():
        page.locator("main form button").first.click()


NOBODY, EMMA, KENJI, OLIVER, SAM, ANNE = "nobody", "emma", "kenji", "oliver", "sam", "anne"
EMAILS = {SAM: "sam@studio.example", ANNE: "anne@atelier.example"}
PAGES = {
    "desk rest key": Shown(SAM, "/admin/paypal/rest", open_folds),
    "desk rest key, without a key": Shown(ANNE, "/admin/paypal/rest"),
    "desk rest key, wrong key": Shown(ANNE, "/admin/paypal/rest", wrong_key, 422),
    "desk rest key, removal": Shown(SAM, "/admin/paypal/rest/removal"),
    "desk classic key": Shown(SAM, "/admin/paypal/classic", open_folds),
    "desk classic key, without a key": Shown(ANNE, "/admin/paypal/classic"),
    "desk classic key, wrong key": Shown(ANNE, "/admin/paypal/classic", wrong_classic_key, 422),
    "desk receivers": Shown(SAM, "/admin/paypal/classic/receivers"),
    "desk refund": Shown(SAM, "{late}/refund"),
    "desk product, without a name": Shown(SAM, "{product}", nothing_named, 422),
    "home": Shown(NOBODY, "/"),
    "accessibility": Shown(NOBODY, "/accessibility"),
    "not found": Shown(NOBODY, "/account/nowhere/", status=404),
    "customer log-in": Shown(NOBODY, "/account/studio/login"),
    "customer log-in, nothing typed": Shown(NOBODY, "/account/studio/login", send, 422),
    "customer code": Shown("asker", "/account/studio/login/code", open_folds),
    "customer code, wrong": Shown("asker", "/account/studio/login/code", wrong_code, 422),
    "customer link": Shown("asker", "{link}"),
    "customer link elsewhere": Shown(NOBODY, "{link}"),
    "customer link over": Shown(NOBODY, "/account/studio/login/link/over", status=410),
    "account": Shown("noor", "/account/studio/", open_folds),
    "proof check": Shown(NOBODY, "{proof}"),
    "proof check, wrong code": Shown(NOBODY, "{proof}", wrong_code, 422),
    "proof check, genuine": Shown(EMMA, "{emma-request}", check_the_proof),
    "account over": Shown(EMMA, "/account/studio/", open_folds),
    "account waiting": Shown(OLIVER, "/account/studio/", open_folds),
    "subscription": Shown("noor", "{noor}"),
    "recap": Shown("noor", "{noor}/cancellation"),
    "pause": Shown("noor", "{noor}/pause"),
    "recap, another day": Shown("noor", "{noor}/cancellation?on={far}"),
    "result, money later": Shown("lena", "{lena-request}"),
    "subscription over": Shown(EMMA, "{emma}"),
    "coming back": Shown(EMMA, "{emma}/comeback"),
    "coming back, to approve": Shown("lena", "{lena-comeback}"),
    "coming back, turned back at PayPal": Shown("lena", "{lena-comeback}/cancelled"),
    "late payment": Shown("mia", "{mia}/late"),
    "notification": Shown("mia", "{mia}/notification"),
    "result confirmed": Shown(EMMA, "{emma-request}"),
    "result waiting": Shown(OLIVER, "{oliver-request}"),
    "result needs merchant": Shown(KENJI, "{kenji-request}"),
    "customer sessions": Shown(EMMA, "/account/studio/sessions"),
    "not yours": Shown(KENJI, "{emma}", status=404),
    "desk log-in": Shown(NOBODY, "/admin/login"),
    "desk log-in, nothing typed": Shown(NOBODY, "/admin/login", send, 422),
    "desk second factor": Shown("half", "/admin/login", half_way),
    "desk inbox": Shown(SAM, "/admin/"),
    "desk inbox, empty": Shown(ANNE, "/admin/"),
    "desk subscriptions": Shown(SAM, "/admin/subscriptions"),
    "desk subscriptions, none found": Shown(SAM, "/admin/subscriptions?q=nobody"),
    "desk subscriptions, empty": Shown(ANNE, "/admin/subscriptions"),
    "desk subscription, active": Shown(SAM, "{desk-noor}"),
    "desk subscription, cancelled": Shown(SAM, "{desk-emma}"),
    "desk subscription, needs you": Shown(SAM, "{desk-kenji}"),
    "desk letter": Shown(SAM, "/admin/received/new"),
    "desk letter, recorded": Shown(SAM, "{letter}"),
    "desk acts on many": Shown(SAM, "/admin/bulk"),
    "desk act on many, preview": Shown(SAM, "{bulk}"),
    "desk act on many, done": Shown(SAM, "{bulk-done}"),
    "desk payment after an end": Shown(SAM, "{late}"),
    "desk journal": Shown(SAM, "/admin/audit"),
    "desk end, cancel": Shown(SAM, "{desk-noor}/end/cancel"),
    "desk pause": Shown(SAM, "{desk-noor}/pause/pause"),
    "desk end, complete": Shown(SAM, "{desk-noor}/end/complete"),
    "desk end, abandon": Shown(SAM, "{desk-noor}/end/abandon"),
    "desk end, abandon later": Shown(SAM, "{desk-emma}/end/abandon"),
    "desk customers": Shown(SAM, "/admin/customers"),
    "desk customers, empty": Shown(ANNE, "/admin/customers"),
    "desk customer": Shown(SAM, "{desk-customer}"),
    "desk products": Shown(SAM, "/admin/products"),
    "desk products, empty": Shown(ANNE, "/admin/products"),
    "desk product": Shown(SAM, "{product}"),
    "desk paypal": Shown(SAM, "/admin/paypal", open_folds),
    "desk paypal, without a key": Shown(ANNE, "/admin/paypal"),
    "desk messages": Shown(SAM, "/admin/paypal/events", open_folds),
    "desk messages, without a key": Shown(ANNE, "/admin/paypal/events"),
    "desk message": Shown(SAM, "{message}", open_folds),
    "desk comparisons": Shown(SAM, "/admin/paypal/comparisons"),
    "desk comparisons, without a key": Shown(ANNE, "/admin/paypal/comparisons"),
    "desk comparison": Shown(SAM, "{comparison}"),
    "desk profiles": Shown(SAM, "/admin/paypal/profiles"),
    "desk profiles, without a key": Shown(ANNE, "/admin/paypal/profiles"),
    "desk profile list": Shown(SAM, "{profiles}"),
    "desk import": Shown(SAM, "/admin/import"),
    "desk import, without a key": Shown(ANNE, "/admin/import"),
    "desk settings": Shown(SAM, "/admin/settings"),
    "desk settings, without a key": Shown(ANNE, "/admin/settings"),
    "desk confirm": Shown(SAM, "/admin/confirm"),
    "desk sessions": Shown(SAM, "/admin/sessions"),
}
# Pages that are another page with something else in it: one title for both.
VARIANTS = re.compile(r", |^not |elsewhere| over$| waiting$| needs merchant$")
CASES = [
    (name, look)
    for name in PAGES
    for look in sorted(
        FEWER_LOOKS if ", " in name else LOOKS, key=lambda one: one.locale
    )  # one opening, then both sizes
]


@pytest.fixture(scope="module")
def world(demo: Demo, chromium: Browser) -> World:
    """The second merchant's demo with one subscription in each state that a page words in its own way."""
    world = World(demo)
    noor = {"plan_id": "P-DEMOYOGA0000000000000000", "given_name": "Noor", "surname": "Haddad-Lindqvist"}
    added = {name: {**noor, "given_name": name.title()} for name in ("lena", "theo", "mia")} | {"noor": noor}
    added["mia"]["plan_id"] = "P-DEMOSKETCH00000000000000"
    for name, one in added.items():
        one["email"] = f"{name}@example.com"
        assert demo.call("POST", f"{demo.simulator}/_simulator/subscriptions", json=one).status_code == 201
    _happen(demo, "mia", "suspend-for-failures")
    contexts = []

    def somebody(name: str) -> Visitor:
        context = chromium.new_context(locale="en-GB", java_script_enabled=False)
        context.set_default_timeout(PATIENCE)
        contexts.append((name, context))
        return Visitor(context.new_page(), name=name, locale="en", size=WIDE)

    sam = _staff(demo, somebody(SAM), EMAILS[SAM])
    _staff(demo, somebody(ANNE), EMAILS[ANNE])
    world.confirmed_at |= dict.fromkeys(EMAILS, time.monotonic())
    _import(sam)
    for name in (EMMA, KENJI, OLIVER, "noor", "lena", "mia", "asker"):
        customer = somebody(name).open(f"{demo.portal}/account/studio/login")
        email = f"{name}@example.com".replace("asker", "emma")
        customer.type("Your email address", email)
        customer.press("button", "Send me a code")
        code, link = demo.login_mail(email, after=int(name == "asker"))
        if name == "asker":
            world.paths["link"] = link.removeprefix(demo.portal)
            continue
        customer.type("6-digit code", code)
        customer.press("button", "Log in")
        _visit(world, customer)
    world.paths["far"] = (datetime.now(UTC) + timedelta(days=100)).date().isoformat()
    _desk_paths(world, sam)
    _paypal_paths(world, sam)
    _needing_paths(world, sam)
    for name, context in contexts:
        world.cookies[name] = context.cookies()
        context.close()
    return world


def _password(who: Visitor, email: str) -> None:
    who.type("Your email address", email)
    who.type("Your password", PASSWORD)
    who.press("button", "Continue")


def _staff(demo: Demo, who: Visitor, email: str) -> Visitor:
    who.open(f"{demo.portal}/admin/")
    _password(who, email)
    who.type("The code of your app, or a recovery code", demo.totp(email))
    return who.press("button", "Log in")


def _import(sam: Visitor) -> None:
    sam.open(re.sub(r"/admin/.*", "/admin/import", sam.page.url))
    sam.press("button", "Import again")

    def look() -> bool:
        sam.page.goto(sam.page.url)
        return sam.word("The import is complete.") in sam.text

    wait_for(look, "the import", seconds=60)


def _visit(world: World, customer: Visitor) -> None:
    """Bring a customer's subscription to the state it stands for, and note where its pages are."""
    customer.go(customer.page.locator("article h2 a"))
    world.paths[customer.name] = _path(customer)
    trouble = {EMMA: None, "lena": None, KENJI: "404", OLIVER: "500"}
    if customer.name not in trouble:
        return
    customer.press("link", "Cancel my subscription")
    if behaviour := trouble[customer.name]:  # for good: the worker tries again while pages are looked at
        world.demo.disturb(behaviour, only=_at_paypal(world.demo, customer.name))
    customer.press("button", "Cancel now")
    world.paths[f"{customer.name}-request"] = _path(customer)
    if customer.name == "lena":
        customer.open(f"{world.demo.portal}{world.paths['lena']}/comeback")
        customer.go(customer.page.locator("main form button").first)
        world.paths["lena-comeback"] = _path(customer)
    if customer.name == EMMA:
        world.paths["proof"] = f"/proof/{_path(customer).rpartition('/')[2]}"


def _desk_paths(world: World, sam: Visitor) -> None:
    def find(where: str, words: str) -> str:
        sam.open(f"{world.demo.portal}/admin/{where}")
        sam.go(sam.page.locator("tbody tr").filter(has_text=words).get_by_role("link"))
        return _path(sam)

    for name in (EMMA, KENJI, "noor"):
        world.paths[f"desk-{name}"] = find("subscriptions", f"{name}@example.com")
    world.paths["desk-customer"] = find("customers", "emma@example.com")
    world.paths["product"] = find("products", "Yoga at home")


def _paypal_paths(world: World, sam: Visitor) -> None:
    """Have PayPal report a payment, compare with it, and add classic subscriptions by a list."""
    paypal = f"{world.demo.portal}/admin/paypal"
    noor = _at_paypal(world.demo, "noor")
    about_noor = sam.page.locator("tbody tr").filter(has_text=noor)

    def reported() -> bool:
        sam.open(f"{paypal}/events")
        return about_noor.count() > 0

    def registered() -> bool:
        sam.open(f"{paypal}/events")
        return sam.word("Send a test message") in sam.text

    wait_for(registered, "the webhook", seconds=60)
    _happen(world.demo, "noor", "charge")
    wait_for(reported, "PayPal's message", seconds=30)
    sam.go(about_noor.first.get_by_role("link"))
    world.paths["message"] = _path(sam)
    sam.open(f"{paypal}/comparisons").press("button", "Compare now")
    world.paths["comparison"] = _path(sam)
    user, password, signature = ATELIER_CLASSIC_KEY
    sam.open(f"{paypal}/classic")
    sam.choose("Sandbox (tests, no real money)")
    for label, typed in (("API user name", user), ("API password", password), ("Signature", signature)):
        sam.type(label, typed)
    sam.press("button", "Test and save the key")
    sam.open(f"{paypal}/profiles")
    ids = "\n".join(("profile_id", *(row[2] for row in ATELIER_PROFILES), "I-NOBODYKNOWS1"))
    sam.page.locator("input[type=file]").set_input_files(
        {"name": "profiles.csv", "mimeType": "text/csv", "buffer": ids.encode()}
    )
    sam.go(sam.page.locator("main form:has(input[type=file]) button"))
    world.paths["profiles"] = _path(sam)


def _needing_paths(world: World, sam: Visitor) -> None:
    """Record a letter, choose many, end one in bulk, end by letter alone, and let money come after an end."""
    desk = f"{world.demo.portal}/admin"
    sam.open(f"{desk}/received/new")
    sam.type("Name", "Noor Haddad-Lindqvist")
    sam.type("Email address", "noor@example.com")
    sam.press("button", "Record the cancellation notice")
    world.paths["letter"] = _path(sam)
    sam.open(f"{desk}/subscriptions")
    for box in sam.page.locator("tbody input[type=checkbox]").all():
        box.check()
    sam.press("button", "Preview the selection")
    world.paths["bulk"] = _path(sam)
    sam.open(f"{desk}/subscriptions?q=theo@example.com")
    sam.page.locator("tbody input[type=checkbox]").check()
    sam.press("button", "Preview the selection")
    sam.press("button", "Cancel 1 subscription")
    world.paths["bulk-done"] = _path(sam)
    sam.open(f"{desk}/products")
    sam.go(sam.page.locator("tbody tr").filter(has_text="Sketch club").get_by_role("link"))
    sam.page.locator("input[name=self_cancellation][value=off]").check()  # mia can only notify the merchant
    sam.go(sam.page.locator("main form button").first)
    _happen(world.demo, "lena", "charge")

    def came() -> bool:
        sam.open(f"{desk}/")
        return sam.page.locator("a[href*='/late-payments/']").count() > 0

    wait_for(came, "the payment after the end", seconds=60)
    world.paths["late"] = str(sam.page.locator("a[href*='/late-payments/']").first.get_attribute("href"))


def _at_paypal(demo: Demo, name: str) -> str:
    """Return PayPal's id of somebody's subscription."""
    rows = demo.call("GET", f"{demo.simulator}/_simulator/subscriptions").json()["subscriptions"]
    return next(row["id"] for row in rows if row["email"] == f"{name}@example.com")


def _happen(demo: Demo, name: str, what: str) -> None:
    """Let something happen at PayPal to somebody's subscription."""
    demo.call("POST", f"{demo.simulator}/_simulator/subscriptions/{_at_paypal(demo, name)}/{what}", json={})


def _path(who: Visitor) -> str:
    return who.page.url.partition("#")[0].removeprefix(re.match(r"http://[^/]+", who.page.url)[0])  # type: ignore[index]


@dataclass
class Screen:
    """Somebody's browser in one language. What it shows stays there for the next look at it."""

    page: Page
    world: World
    locale: str
    shows: str = ""
    status: int = 0
    complaints: list[str] = field(default_factory=list)

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
        self.page.evaluate(AXE)
        assert ("/login" in self.page.url) == ("login" in path), f"{self.page.url} instead of {path}"
        self.shows = name
        self.world.titles[name, self.locale] = self.page.title()

    def look(self, look: Look) -> None:
        """Look at it on another screen, from the top and with the page's own spacing."""
        self.page.set_viewport_size({"width": look.size.width, "height": look.size.height})
        self.page.emulate_media(color_scheme=look.scheme)  # type: ignore[arg-type]
        self.page.evaluate("document.adoptedStyleSheets = []; scrollTo(0, 0)")

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

    def _note_complaint(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


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
    assert page.locator("html").get_attribute("lang") == look.locale
    assert page.locator("h1").count() == 1
    assert page.evaluate(STICKS_OUT) == []
    violations = page.evaluate(RUN_AXE, TAGS)
    assert violations == [], "\n".join(violations)
    page.evaluate(SPACING)
    assert page.evaluate(STICKS_OUT) == []
    assert page.evaluate(CUT_OFF) == []


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


def test_the_proof_prints_without_what_only_a_screen_needs(browsing: Callable[[str, str], Screen]) -> None:
    screen = browsing(EMMA, "fr")
    screen.show("result confirmed")
    screen.look(LOOKS[2])  # dark on the screen, ink on paper
    page = screen.page
    page.emulate_media(media="print", color_scheme="dark")
    try:
        Visitor(page, name="print", locale="fr", size=WIDE).keep("result-printed")
        assert page.locator("article.proof").is_visible()
        assert not page.get_by_role("navigation").is_visible()
        assert not page.locator(".screen-only").first.is_visible()
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
    finally:
        page.emulate_media(media="screen", color_scheme=LOOKS[2].scheme)  # type: ignore[arg-type]
