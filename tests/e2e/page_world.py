"""What the pages show: a demo with one subscription in each state that a page words in its own way."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Browser

from portal.demo.seed import ATELIER_CLASSIC_KEY, ATELIER_PROFILES, PASSWORD
from tests.e2e.conftest import PATIENCE
from tests.e2e.demo import Demo, wait_for
from tests.e2e.pages import ANA, ANNE, EMAILS, EMMA, KENJI, OLIVER, SAM
from tests.e2e.places import PLACES, is_at
from tests.e2e.visitor import WIDE, Visitor


@dataclass
class World:
    """What the pages show: where things are, the cookies of those who may see them, the titles that were seen, and
    when the desk's people gave both factors.
    """

    demo: Demo
    paths: dict[str, str] = field(default_factory=dict)
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    html: dict[tuple[str, str], str] = field(default_factory=dict)  # as it came over the wire
    confirmed_at: dict[str, float] = field(default_factory=dict)
    cookies: dict[str, list[dict[str, object]]] = field(default_factory=dict)


def lived_in(demo: Demo, chromium: Browser) -> World:
    """The second merchant's demo with one subscription in each state that a page words in its own way."""
    world = World(demo)
    noor = {"plan_id": "P-DEMOYOGA0000000000000000", "given_name": "Noor", "surname": "Haddad-Lindqvist"}
    added = {name: {**noor, "given_name": name.title()} for name in ("lena", "theo", "mia", "ana", "ida", "uma")} | {
        "noor": noor
    }
    added["mia"]["plan_id"] = "P-DEMOSKETCH00000000000000"
    for name, one in added.items():
        one["email"] = f"{name}@example.com"
        assert demo.call("POST", f"{demo.simulator}/_simulator/subscriptions", json=one).status_code == 201
    demo.happen("mia", "suspend-for-failures")
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
    for name in (EMMA, KENJI, OLIVER, ANA, "noor", "lena", "mia", "asker"):
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
    _worked_on(world, sam)
    _of_one_address(world, sam, somebody("ida"))
    _paypal_paths(world, sam)
    _event_paths(world, sam)
    _declared(world, somebody("priya"))
    _needing_paths(world, sam)
    _team_paths(world, sam, somebody("guest"))
    for name, context in contexts:
        # Not the language that they chose here: each screen of the tests chooses its own. Who is asked for a code is
        # known by that cookie alone.
        world.cookies[name] = [one for one in context.cookies() if one["name"] != "portal" or name == "asker"]
        context.close()
    wrong = {name: world.paths[name] for name, place in PLACES.items() if not is_at(world.paths[name], place)}
    assert wrong == {}
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
    world.paths[customer.name] = customer.path
    if customer.name == ANA:
        customer.press("link", "Pause my subscription")
        customer.type("Payments start again on", (datetime.now(UTC) + timedelta(days=40)).date().isoformat())
        customer.press("button", "Pause subscription")
    if customer.name == "mia":
        world.demo.disturb("422-payer-locked", "capture", only=world.demo.id_of("mia"))
        customer.open(f"{world.demo.portal}{world.paths['mia']}/settlement")
        customer.go(customer.page.locator("main form button").first)
        world.paths["mia-settlement"] = customer.path
    trouble = {EMMA: None, "lena": None, KENJI: "404", OLIVER: "500"}
    if customer.name not in trouble:
        return
    customer.press("link", "Cancel my subscription")
    if behaviour := trouble[customer.name]:  # for good: the worker tries again while pages are looked at
        world.demo.disturb(behaviour, only=world.demo.id_of(customer.name))
    customer.press("button", "Cancel now")
    world.paths[f"{customer.name}-request"] = customer.path
    if customer.name == "lena":
        customer.open(f"{world.demo.portal}{world.paths['lena']}/comeback")
        customer.go(customer.page.locator("main form button").first)
        world.paths["lena-comeback"] = customer.path
    if customer.name == EMMA:
        _let_in(world, customer)
        world.paths["proof"] = f"/proof/{customer.path.rpartition('/')[2]}"


def _let_in(world: World, emma: Visitor) -> None:
    """Invite somebody to a customer's account; the page of an end is where she comes back to."""
    there = emma.path
    emma.open(f"{world.demo.portal}/account/studio/profile/people").type("Email address", "zoe.guest@example.com")
    emma.press("button", "Send the invitation")
    mailed = _mailed(world.demo, "zoe.guest@example.com", "/account/studio/invitation/")
    world.paths["account-invitation"] = mailed
    emma.open(f"{world.demo.portal}{there}")


def _desk_paths(world: World, sam: Visitor) -> None:
    def find(where: str, words: str) -> str:
        sam.open(f"{world.demo.portal}/admin/{where}")
        sam.go(sam.page.locator("tbody tr").filter(has_text=words).get_by_role("link"))
        return sam.path

    for name in (EMMA, KENJI, "noor"):
        world.paths[f"desk-{name}"] = find("subscriptions", f"{name}@example.com")
    world.paths["desk-customer"] = find("customers", "emma@example.com")
    world.paths["account-member"] = str(sam.page.locator("#identity a[href$='/removal']").get_attribute("href"))
    world.paths["key"] = find("integrations/keys", "Course site")
    world.paths["product"] = find("products", "Yoga at home")
    sam.open(f"{sam.page.url}/plans")
    plans = sam.page.url
    sam.go(sam.page.locator("main a[href*='to=']").first)
    world.paths["plan-move"] = sam.path
    sam.open(plans)
    sam.go(sam.page.locator("#own a[href$='/kind']").first)
    world.paths["plan-kind"] = sam.path
    sam.choose("Fixed term that renews itself")
    sam.type("Length of the term (months)", "12")
    sam.type("Notice to refuse the renewal (days)", "30")
    sam.press("button", "Save the kind of contract")


def _worked_on(world: World, sam: Visitor) -> None:
    """Do to one customer's record all that can be done there."""
    sam.open(f"{world.demo.portal}/admin/customers")
    sam.go(sam.page.locator("tbody tr").filter(has_text="mia@example.com").get_by_role("link"))
    world.paths["desk-worked-on"] = sam.path
    sam.type("New note", "Moved to Nantes; prefers email.")
    sam.press("button", "Add the note")
    world.paths["note"] = str(sam.page.locator("#notes a[href$='/deletion']").get_attribute("href"))
    sam.press("link", "Give access by hand…")
    sam.page.locator("select[name=product]").select_option(index=1)
    sam.type("Internal note", "Won the draw of November.")
    sam.press("button", "Continue")
    sam.press("button", "Give this access")
    world.paths["gift"] = str(sam.page.locator("#access a[href*='/grants/']").first.get_attribute("href"))
    sam.press("link", "Correct…")
    sam.type("Email address", "mia.new@example.com")
    sam.press("button", "Save")
    world.paths["address-link"] = _mailed(world.demo, "mia.new@example.com", "/account/studio/address/")


def _of_one_address(world: World, sam: Visitor, ida: Visitor) -> None:
    """Give two customers a third one's address, and join one of them with its first owner."""
    shared, desk = f"{ANA}@example.com", f"{world.demo.portal}/admin"
    for known, name in enumerate(("ida", "uma")):
        sam.open(f"{desk}/customers?q={name}")
        sam.go(sam.page.locator("tbody tr").get_by_role("link"))
        sam.press("link", "Correct…").type("Email address", shared)
        sam.press("button", "Save").tick("They are the same person")
        sam.press("button", "Save")
        link = _mailed(world.demo, shared, "/account/studio/address/", after=known)
        ida.open(f"{world.demo.portal}{link}").press("button", "Confirm this address")
    sam.open(f"{desk}/customers?q={ANA}")
    sam.go(sam.page.get_by_role("link", name="Ana "))
    sam.go(sam.page.get_by_role("link", name="Merge the two…").first)
    sam.press("button", "Merge them")
    world.paths["desk-joined"] = sam.path
    for name in ("joining", "splitting"):
        world.paths[name] = str(sam.page.locator(f"main a[href*='/{name}/']").first.get_attribute("href"))


def _paypal_paths(world: World, sam: Visitor) -> None:
    """Have PayPal report a payment, compare with it, and add classic subscriptions by a list."""
    paypal = f"{world.demo.portal}/admin/paypal"
    noor = world.demo.id_of("noor")
    about_noor = sam.page.locator("tbody tr").filter(has_text=noor)

    def reported() -> bool:
        sam.open(f"{paypal}/events")
        return about_noor.count() > 0

    def registered() -> bool:
        sam.open(f"{paypal}/events")
        return sam.word("Send a test message") in sam.text

    wait_for(registered, "the webhook", seconds=60)
    world.demo.happen("noor", "charge")
    wait_for(reported, "PayPal's message", seconds=30)
    sam.go(about_noor.first.get_by_role("link"))
    world.paths["message"] = sam.path
    sam.open(f"{paypal}/comparisons").press("button", "Compare now")
    world.paths["comparison"] = sam.path
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
    world.paths["profiles"] = sam.path


def _event_paths(world: World, sam: Visitor) -> None:
    """Add an endpoint that takes nothing, and have it told something."""
    sam.open(f"{world.demo.portal}/admin/integrations/endpoints/new")
    sam.type("Address", f"{world.demo.portal}/no-such-page")
    sam.choose("Only the id: your system asks the API for the rest")
    sam.press("button", "Save")
    sam.go(sam.page.get_by_role("link", name=sam.word("I have copied it")))
    world.paths["endpoint"] = sam.path
    sam.press("button", "Send a test event")
    sam.go(sam.page.get_by_role("link", name=sam.word("Test event")))
    world.paths["delivery"] = sam.path


def _needing_paths(world: World, sam: Visitor) -> None:
    """Record a letter, choose many, end one in bulk, end by letter alone, and let money come after an end."""
    desk = f"{world.demo.portal}/admin"
    sam.open(f"{desk}/received/new")
    sam.type("Name", "Noor Haddad-Lindqvist")
    sam.type("Email address", "noor@example.com")
    sam.press("button", "Record it")
    world.paths["letter"] = sam.path
    sam.open(f"{desk}/subscriptions")
    for box in sam.page.locator("tbody input[type=checkbox]").all():
        box.check()
    sam.press("button", "Preview the selection")
    world.paths["bulk"] = sam.path
    sam.open(f"{desk}/subscriptions?q=theo@example.com")
    sam.page.locator("tbody input[type=checkbox]").check()
    sam.press("button", "Preview the selection")
    sam.press("button", "Cancel 1 subscription")
    world.paths["bulk-done"] = sam.path
    sam.open(f"{desk}/products")
    sam.go(sam.page.locator("tbody tr").filter(has_text="Sketch club").get_by_role("link"))
    sam.page.locator("details.rule > summary").last.click()
    sam.page.locator("input[name=self_cancellation][value=off]").check()  # mia can only notify the merchant
    for _page in ("the product", "whom it touches"):
        sam.press("button", "Save the product")
    world.demo.happen("lena", "charge")

    def came() -> bool:
        sam.open(f"{desk}/")
        return sam.page.locator("a[href*='/late-payments/']").count() > 0

    wait_for(came, "the payment after the end", seconds=60)

    def paid() -> str | None:
        sam.open(f"{world.demo.portal}{world.paths['desk-noor']}")
        links = sam.page.locator("#payments a[href*='/payments/']")
        return links.first.get_attribute("href") if links.count() else None

    world.paths["payment"] = wait_for(paid, "a payment of Noor's", seconds=60)
    sam.open(f"{desk}/")
    world.paths["late"] = str(sam.page.locator("a[href*='/late-payments/']").first.get_attribute("href"))


def _team_paths(world: World, sam: Visitor, guest: Visitor) -> None:
    """Invite two people, of whom one has begun, and ask for a new password."""
    desk = f"{world.demo.portal}/admin"
    for name, email in (("invitation", "zoe@studio.example"), ("invited", "max@studio.example")):
        sam.open(f"{desk}/team/new").type("Email address", email)
        sam.press("button", "Send the invitation")
        world.paths[name] = _mailed(world.demo, email, "/admin/invitation/")
    sam.go(sam.page.locator("tbody tr").filter(has_text="Robin").get_by_role("link"))
    world.paths["member"] = sam.path
    guest.open(f"{world.demo.portal}{world.paths['invited']}")
    for label, typed in (("Your name", "Max"), ("New password", PASSWORD), ("The same password once more", PASSWORD)):
        guest.type(label, typed)
    guest.press("button", "Continue")
    guest.open(f"{desk}/password").type("Your email address", "robin@studio.example")
    guest.press("button", "Send me the link")
    guest.open(f"{desk}/login/unlock").type("Your email address", "robin@studio.example")
    guest.press("button", "Send me the link")
    world.paths["unlock"] = _mailed(world.demo, "robin@studio.example", "/admin/login/link/")
    world.paths["password"] = _mailed(world.demo, "robin@studio.example", "/admin/password/link/")


def _declared(world: World, priya: Visitor) -> None:
    """Declare a cancellation on the public page, which the mailbox on file is asked about."""
    priya.open(f"{world.demo.portal}/studio/cancel-contract")
    priya.type("First and last name, or name of the company", "Priya")
    priya.type("Your email address", "priya@example.com")
    priya.press("button", "Check the summary").press("button", "Notify the cancellation")
    world.paths["declaration"] = _mailed(world.demo, "priya@example.com", "/studio/declarations/")


def _mailed(demo: Demo, to: str, under: str, *, after: int = 0) -> str:
    """Return the path of the newest link that was mailed, once there are more than `after` mails with one."""

    def look() -> list[str]:
        return [found[0] for one in demo.mails(to) if (found := re.search(rf"{under}[\w-]+", one["text"]))]

    return wait_for(lambda: look() if len(look()) > after else None, f"a mail to {to} with {under}")[0]
