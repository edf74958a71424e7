"""„Verträge hier kündigen“ in a browser, in German and in English: the page, its errors, the declaration in hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from config import Config
from portal.clock import utc_now
from portal.domain.law.countries import Country
from portal.models import Mail, Merchant
from portal.services.context import Context
from portal.services.declarations import deciding
from tests.e2e import html
from tests.e2e.conftest import NewVisitor
from tests.e2e.looks import complaints
from tests.e2e.serving import served
from tests.e2e.visitor import NARROW, WIDE, Size, Visitor
from tests.waiting_mails import said
from tests.web.conftest import config  # noqa: F401 - its fixtures serve here
from tests.web.declarations.test_german_ends import LINK

PAGES = {"de": "/atelier/kuendigen", "en": "/atelier/cancel-contract"}
BUTTONS = {"de": "jetzt kündigen", "en": "cancel now"}


@pytest.fixture
def address(config: Config, ctx: Context, make) -> Iterator[str]:  # noqa: F811
    """Where the portal of somebody who sells to Germany alone answers."""
    make.merchant(slug="atelier", name="Das Atelier", locale="en", country=Country.DE, sells_to=["DE"])
    with served(config, ctx) as there:
        yield there


@pytest.fixture(scope="module")
def checker() -> Iterator[html.Checker | None]:
    """The checker of HTML, where there is one; it takes its time to start."""
    if html.missing():
        yield None
        return
    with html.running() as found:
        yield found


def sound(visitor: Visitor, name: str) -> str:
    """Find nothing wrong with the page as it is; return it as the browser holds it."""
    visitor.keep(f"germany-{name}-{visitor.locale}-{visitor.size.width}")
    assert complaints(visitor.page) == [], name
    visitor.page.evaluate("document.adoptedStyleSheets = []; scrollTo(0, 0)")
    return visitor.page.content()


@pytest.mark.law("R-DE-1", "R-DE-2", "R-DE-5", "R-DE-6", "R-DP-5", "R-AC-7", "R-AC-12")
@pytest.mark.parametrize(("locale", "size"), [("de", NARROW), ("de", WIDE), ("en", NARROW)])
def test_one_page_and_the_declaration_is_in_hand(
    checker: html.Checker | None, address: str, new_visitor: NewVisitor, locale: str, size: Size
) -> None:
    visitor = new_visitor("zoe", locale=locale, size=size, scripts=True)  # axe is one
    visitor.open(address + PAGES[locale])
    pages = [sound(visitor, "page")]
    button = visitor.page.get_by_role("button", name=BUTTONS[locale], exact=True)
    visitor.go(button)  # nothing was typed: what is missing is said
    assert visitor.page.locator("#errors li").count() == 2
    pages.append(sound(visitor, "errors"))
    visitor.type("First and last name, or name of the company", "Zoë Grün")
    visitor.page.locator("input[name=email]").fill("zoe@client.test")
    visitor.go(button)
    assert visitor.title == visitor.word("Your cancellation is notified")
    pages.append(sound(visitor, "declared"))
    assert visitor.problems == []
    assert [one for page in pages for one in (checker.complaints(page) if checker else ())] == []


@pytest.mark.law("R-DE-2", "R-DE-4", "R-AC-2", "R-AC-3")
def test_by_keyboard_without_scripts_and_from_the_link_it_is_two_activations(
    address: str, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor("zoe", locale="en", size=NARROW, keyboard=True)
    visitor.open(f"{address}/account/atelier/login")
    visitor.go(visitor.page.locator("footer").get_by_role("link", name="Cancel contracts here", exact=True))
    visitor.choose("extraordinary, for a reason")
    visitor.type("Reason for the cancellation", "The studio has closed.")
    visitor.type("First and last name, or name of the company", "Zoë Grün")
    visitor.type("Your email address", "zoe@client.test")
    visitor.go(visitor.page.get_by_role("button", name="cancel now", exact=True))
    assert "The studio has closed." in visitor.text


@pytest.mark.law("R-DE-20", "R-DP-5", "R-AC-7", "R-AC-12")
def test_a_withdrawal_is_declared_on_one_page(
    checker: html.Checker | None, address: str, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor("zoe", locale="de", size=NARROW, scripts=True)
    visitor.open(f"{address}/atelier/widerrufen")
    pages = [sound(visitor, "withdrawal")]
    visitor.go(visitor.page.get_by_role("button", name="Widerruf bestätigen", exact=True))
    assert visitor.page.locator("#errors li").count() == 2
    pages.append(sound(visitor, "withdrawal-errors"))
    visitor.type("First and last name, or name of the company", "Zoë Grün")
    visitor.page.locator("input[name=email]").fill("zoe@client.test")
    visitor.go(visitor.page.get_by_role("button", name="Widerruf bestätigen", exact=True))
    assert visitor.title == "Ihr Widerruf ist eingegangen"
    pages.append(sound(visitor, "withdrawn"))
    assert [one for page in pages for one in (checker.complaints(page) if checker else ())] == []


@pytest.mark.law("R-AC-7", "R-AC-12")
def test_what_the_mailbox_on_file_is_asked_and_answers_suits_everybody_in_german(
    checker: html.Checker | None, address: str, ctx: Context, make, new_visitor: NewVisitor
) -> None:
    with ctx.db.read() as session:
        merchant = session.scalars(select(Merchant).where(Merchant.slug == "atelier")).one()
    make.subscription(customer=make.customer(merchant, email="zoe@client.test"))
    visitor = new_visitor("zoe", locale="de", size=NARROW, scripts=True)
    visitor.open(f"{address}/atelier/widerrufen")
    visitor.type("First and last name, or name of the company", "Zoë Grün")
    visitor.page.locator("input[name=email]").fill("zoe@client.test")
    visitor.go(visitor.page.get_by_role("button", name="Widerruf bestätigen", exact=True))
    deciding.run(ctx, now=utc_now() + timedelta(minutes=2))
    with ctx.db.read() as session:
        asked = said(ctx, session.scalars(select(Mail).where(Mail.kind == "declaration_link")).one())
    visitor.open(address + LINK.search(asked.text)[1])  # type: ignore[index]
    assert visitor.title == "Haben Sie den Vertrag widerrufen?"
    pages = [sound(visitor, "asked")]
    visitor.go(visitor.page.get_by_role("button", name="Ich war es: jetzt widerrufen", exact=True))
    assert visitor.title == "Sie haben bestätigt"
    pages.append(sound(visitor, "answered"))
    assert [one for page in pages for one in (checker.complaints(page) if checker else ())] == []
