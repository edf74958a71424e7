"""No page calls what is paid in instalments a subscription: every one that shows a contract is opened here."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import template_rendered

from portal.clock import utc_now
from portal.domain.ends.pauses import earliest_resume
from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import PaymentState
from tests.services.money.late_money import charged, show, stopped
from tests.web.customer.test_contract_kinds import instalments

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
SUBSCRIPTION = re.compile(r"subscri|abonn", re.IGNORECASE)
# What PayPal calls its number.
NAMES = re.compile("(PayPal )?subscription ID|numéro d’abonnement( PayPal)?", re.IGNORECASE)
NOT_OPENED = {
    "customer/comeback.html": "instalments are not taken up again (test_contract_kinds.py)",
    "customer/comeback_start.html": "as above",
    "customer/accounts.html": "names products alone",
    "customer/account_members.html": "of people, not of contracts",
    "customer/address_change.html": "of an address",
    "customer/end_over.html": "of a task whose contract has ended: its name and dates",
    "customer/late_over.html": "of a task whose payment has come: its name",
    "customer/erasure_log_in.html": "asks for a code",
    "customer/payment_search.html": "its number at PayPal, by the name that it has there",
    "customer/receipt.html": "tests/documents",
}


@pytest.fixture
def opened(app):
    """The templates that were shown."""
    names: list[str] = []

    def note(_sender, template, **_more):
        names.append(template.name)

    with template_rendered.connected_to(note, app):
        yield names


@pytest.fixture(params=["en", "fr"])
def who(request, make, log_in):
    """A customer of a merchant who offers all there is."""
    merchant = make.merchant(locale=request.param, support_email="aide@atelier.test")
    return log_in(merchant, make.customer(merchant), language=request.param)


@pytest.fixture
def paid_in_instalments(make, ctx, who):
    def held(**columns):
        product = make.product(who.merchant, pause_offered=True, pause_longest_days=60, contents=(("Piano", 0),))
        one = make.subscription(**{"customer": who.customer, "product": product} | columns)
        instalments(ctx, one)
        return one

    return held


def press_first(page, **typed):
    """Press the page's own button, whatever its language calls it."""
    label = page.select_one("main form[method=post] button").get_text()
    return page.submit(press=" ".join(label.split()), **typed)


def spoken(page) -> list[str]:
    """What a page says of subscriptions, in its title and its main part."""
    parts = [page.soup.title.get_text(), *page.soup.find("main").stripped_strings]
    parts += [one for menu in page.select("header nav") for one in menu.stripped_strings]
    parts += [one["aria-label"] for one in page.select("main [aria-label]")]
    return [part for part in parts if SUBSCRIPTION.search(NAMES.sub("", part))]


def stories(who, held, make, ctx, paypal):
    """Every page about a contract, in each state that words it in its own way."""
    get, home = who.browser.get, who.home
    active = held()
    yield from (get(who.page(active)), get(home), get(f"{home}access"), get(f"{home}payments"))
    yield from (get(f"{home}profile"), get(f"{home}data"), get(f"{home}data/erasure"))
    for paid in (make.payment(active, 5), make.payment(active, 6, PaymentState.DENIED)):
        yield get(f"{home}payments/{paid.id}")
    notice = held(product=make.product(who.merchant, self_cancellation=Override.OFF))
    yield from (get(who.page(notice)), get(who.page(notice, "/notification")))
    pause = get(who.page(active, "/pause"))
    yield pause
    day = (earliest_resume(utc_now(), zone="Europe/Paris") + timedelta(days=20)).date().isoformat()
    yield press_first(pause, until=day)
    yield from (get(who.page(active, "/late")), get(who.page(active, "/resume")), get(home))
    late = held(
        status=Status.PAST_DUE,
        outstanding=29.9,
        failed_payments=1,
        paid_until=make.now() - timedelta(days=4),
        past_due_since=make.now() - timedelta(days=4),
        last_payment_at=make.now() - timedelta(days=35),
    )
    yield from (get(who.page(late)), get(who.page(late, "/late")), get(f"{home}cancel"))
    paypal.rule("capture", "422-payer-locked")
    click = get(who.page(late, "/settlement"))
    yield from (click, press_first(click))
    yield from ends(who, held, paypal)
    makers = SimpleNamespace(subscription=held, requests=make.requests, reload=make.reload, now=make.now)
    ended = stopped(ctx, makers, paypal)
    show(ctx, ended, charged(paypal, ended))
    yield from (get(who.page(ended)), get(home), get(f"{home}requests/{make.requests(ended)[0].reference}"))
    yield from declarations(who)


def ends(who, held, paypal):
    """An end that waits, one that needs the merchant, one that is done, one on a day, and one that was taken back."""
    get = who.browser.get
    for trouble in ("500", "404", None):
        one = held()
        if trouble:
            paypal.rule("cancel", trouble)
        yield get(who.page(one, "/cancellation"))
        yield press_first(get(who.page(one, "/cancellation")))
        paypal.clear_rules()
        yield get(who.page(one))
    later = held(committed_until=utc_now() + timedelta(days=125))
    on = (utc_now() + timedelta(days=100)).date().isoformat()
    planned = press_first(get(who.page(later, f"/cancellation?on={on}")))
    yield planned
    yield press_first(planned)
    yield get(who.page(one, "/pause"), status=409)


def declarations(who):
    """The public pages, filled in for who is logged in."""
    for page in ("resilier", "cancel-contract", "renoncer", "withdraw-from-contract"):
        form = who.browser.get(f"/{who.merchant.slug}/{page}")
        yield from (form, press_first(form, email="zoe@client.test", name="Zoé"))


@pytest.mark.law("R-FR-60")
def test_no_page_calls_a_price_in_instalments_a_subscription(who, paid_in_instalments, make, ctx, paypal, opened):
    said = {}
    for page in stories(who, paid_in_instalments, make, ctx, paypal):
        if spoken(page):
            said[f"{page.status} {page.path}"] = spoken(page)
    assert said == {}, "\n".join(f"{path}: {words}" for path, words in said.items())
    every = {str(one.relative_to(TEMPLATES)) for one in (TEMPLATES / "customer").glob("*.html")}
    pages = {name for name in every if "/_" not in name}
    assert pages - set(opened) - NOT_OPENED.keys() == set()
    assert NOT_OPENED.keys() - pages == set()
