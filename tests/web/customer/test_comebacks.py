"""The way back, page by page: what it says before, at PayPal and after, and to whom it is never shown."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
import requests
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.documents.orders import EXPRESS_VERSION
from portal.domain.audit import PORTAL
from portal.domain.ends.comebacks import ComebackState
from portal.domain.law.withdrawals import ConsentKind, Verdict
from portal.domain.subscriptions import Status
from portal.models import Comeback, Customer, Mail, Product, Subscription
from portal.queries.law import withdrawals
from portal.services import product_plans
from tests.services.ends.withdrawing import declare
from tests.waiting_mails import said
from tests.web.customer.test_end_requests import row_counts

LINK = {"en": "Subscribe again", "fr": "Me réabonner"}
PREPARE = {"en": "See the order", "fr": "Voir la commande"}
GO = {"en": "Order with obligation to pay", "fr": "Commande avec obligation de paiement"}
INVITING = re.compile(
    r"subscribe again|come back|new subscription|continue at paypal|/comeback|reprendre|revenir|réabonn|"
    r"nouvel abonnement",
    re.I,
)


@pytest.fixture
def cancelled(make, paypal):
    """A cancelled subscription, paid for some days more, as both sides know it."""

    def made(customer, *, days=20, **columns):
        now = make.now()
        given = {"status": Status.CANCELLED, "stopped_at_provider_at": now, "paid_until": now + timedelta(days=days)}
        row = make.subscription(customer=customer, **given | columns)
        paypal.add_plan(plan_id=row.plan.provider_id, amount="34.00")
        paid = {"amount": "29.90", "time": stamp(row.last_payment_at)}
        paypal.subscriptions[row.provider_id].last_payment = paid
        return row

    return made


def attempts(ctx) -> list[Comeback]:
    with ctx.db.read() as session:
        return list(session.scalars(select(Comeback).order_by(Comeback.created_at)))


def at_paypal(page, choice):
    """Follow the page's link to PayPal, choose there, and return where that leads, without its host."""
    link = next(a for a in page.select("a") if a.text.strip() in GO.values())
    assert link["rel"] == ["noreferrer"] or link["rel"] == "noreferrer"
    answer = requests.post(link["href"], data={"choice": choice}, allow_redirects=False, timeout=5)
    return answer.headers["Location"].removeprefix("http://portal.test")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_whole_walk(language, request, cancelled, ctx, paypal):
    who = request.getfixturevalue("visit" if language == "en" else "french_visit")
    old = cancelled(who.customer)
    recap = who.browser.get(who.home).follow(LINK[language])
    assert recap.h1 == LINK[language]
    before = row_counts(ctx)
    who.browser.get(recap.path)
    assert row_counts(ctx) == before
    assert {"en": "Nothing is charged before", "fr": "Rien n’est prélevé avant le"}[language] in recap.text
    assert {"en": "continues without a break", "fr": "sans interruption"}[language] in recap.text

    page = recap.submit(press=PREPARE[language])
    assert paypal.count("create") == 1
    assert {"en": "€34.00", "fr": "34,00"}[language] in page.text, "PayPal's price of today"

    turned_back = who.browser.get(at_paypal(page, "cancel"))
    assert turned_back.h1 == {"en": "Your approval is still missing", "fr": "Il manque encore votre accord"}[language]
    (one,) = attempts(ctx)
    assert one.state is ComebackState.WAITING, "to turn back drops nothing"

    returned = who.browser.get(at_paypal(turned_back, "approve"))
    checking = {"en": "We are checking with PayPal", "fr": "Nous vérifions auprès de PayPal"}[language]
    assert returned.h1 == checking, "the address alone is not believed"
    done = returned.submit(press={"en": "Check now", "fr": "Vérifier maintenant"}[language])
    approved = {"en": "Your new subscription is confirmed", "fr": "Votre nouvel abonnement est confirmé"}[language]
    assert done.h1 == approved

    new = done.follow({"en": "See the new subscription", "fr": "Voir le nouvel abonnement"}[language])
    assert {"en": "Starts on", "fr": "Commence le"}[language] in new.text
    kept = {
        "en": "what you kept from your former subscription stays open",
        "fr": "de votre ancien abonnement reste ouvert",
    }
    assert kept[language] in new.text, "what is paid of the former one is still open"
    home = who.browser.get(who.home)
    assert len(home.select("article.card")) == 2
    assert LINK[language] not in home.text
    again = who.browser.get(who.page(old, "/comeback"))
    assert again.h1 == approved, "another tab afterwards sees the one that stands"


@pytest.mark.law("R-SE-5")
def test_what_stands_in_the_address_is_not_believed(visit, cancelled, ctx, paypal):
    page = visit.browser.get(visit.page(cancelled(visit.customer), "/comeback")).submit(press=PREPARE["en"])
    live, before = paypal.add_subscription(), row_counts(ctx)
    for more in ("", f"?subscription_id={live.id}&ba_token=BA-1&token=1", "?subscription_id=" + "x" * 500):
        assert visit.browser.get(page.path + "/return" + more).h1 == "We are checking with PayPal"
        assert visit.browser.get(page.path + "/cancelled" + more).h1 == "Your approval is still missing"
    assert row_counts(ctx) == before
    assert live.id not in visit.browser.get(page.path + "/return?subscription_id=" + live.id).text


def test_a_session_that_ended_leads_back_to_the_same_page(app, visit, cancelled):
    from tests.browser_client import Browser

    page = visit.browser.get(visit.page(cancelled(visit.customer), "/comeback")).submit(press=PREPARE["en"])
    answer = Browser(app).client.get(page.path + "/return?token=1", base_url="http://portal.test")
    assert answer.status_code == 303
    assert "/login?next=" in answer.headers["Location"]
    assert "return" in answer.headers["Location"]


def test_two_clicks_and_two_tabs_are_one(visit, cancelled, ctx):
    old = cancelled(visit.customer)
    first, second = visit.browser.get(visit.page(old, "/comeback")), visit.browser.get(visit.page(old, "/comeback"))
    one, other = first.submit(press=PREPARE["en"]), second.submit(press=PREPARE["en"])
    assert one.path == other.path
    assert len(attempts(ctx)) == 1


def test_a_start_within_the_paid_time_by_now_shows_no_link_but_a_way_to_begin_anew(visit, cancelled, ctx, make):
    old = cancelled(visit.customer)
    page = visit.browser.get(visit.page(old, "/comeback")).submit(press=PREPARE["en"])
    later = make.now() + timedelta(days=50)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(paid_until=later))
    for more in ("", "/return", "/cancelled"):
        shown = visit.browser.get(page.path + more)
        assert GO["en"] not in shown.text, more
        assert "so that you do not pay twice" in shown.text, more
    assert shown.h1 == "Your new subscription needs a later start date"
    anew = shown.follow(LINK["en"]).submit(press=PREPARE["en"])
    assert GO["en"] in anew.text
    assert [one.state.value for one in attempts(ctx)] == ["given_up", "waiting"]
    assert attempts(ctx)[-1].start_at == later


def test_dropped_and_taken_up_again(visit, cancelled, ctx):
    old = cancelled(visit.customer)
    page = visit.browser.get(visit.page(old, "/comeback")).submit(press=PREPARE["en"])
    dropped = page.submit(press="Don’t continue")
    assert dropped.h1 == "This new subscription was not confirmed"
    with ctx.db.read() as session:
        other = cancelled(visit.customer, days=9, product=session.get_one(Product, old.product_id))
    assert visit.browser.get(visit.page(other, "/comeback")).path == page.path, "no second link beside it"
    again = dropped.follow(LINK["en"]).submit(press=PREPARE["en"])
    assert again.path == page.path
    assert GO["en"] in again.text


def test_paypal_away_the_page_says_so_and_the_worker_goes_on(visit, cancelled, ctx, paypal):
    paypal.rule("create", "500")
    page = visit.browser.get(visit.page(cancelled(visit.customer), "/comeback")).submit(press=PREPARE["en"])
    assert page.h1 == "Your new subscription is being prepared at PayPal"
    assert GO["en"] not in page.text


def test_refused_with_words_and_a_way_to_try_again(visit, cancelled, paypal):
    old = cancelled(visit.customer)
    paypal.state.plans[old.plan.provider_id].status = "INACTIVE"
    page = visit.browser.get(visit.page(old, "/comeback")).submit(press=PREPARE["en"])
    assert page.h1 == "The new subscription could not be prepared"
    assert "This subscription is no longer sold at PayPal." in page.text
    assert LINK["en"] in page.text


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"paid_until": None}, "The date you have paid until is not known here."),
        ({"stopped_at_provider_at": None}, "PayPal has not confirmed the end"),
    ],
)
def test_no_button_and_a_reason(visit, cancelled, columns, reason):
    old = cancelled(visit.customer, **columns)
    assert LINK["en"] not in visit.browser.get(visit.page(old)).text
    assert reason in visit.browser.get(visit.page(old, "/comeback"), status=409).text


def test_a_classic_subscription_has_no_button(visit, make):
    make.classic_key(visit.merchant)
    old = make.profile(customer=visit.customer, status=Status.CANCELLED, stopped_at_provider_at=make.now())
    assert LINK["en"] not in visit.browser.get(visit.page(old)).text
    visit.browser.get(visit.page(old, "/comeback"), status=409)


def test_the_proof_says_it_small_and_at_the_end(visit, make, paypal):
    subscription = make.subscription(customer=visit.customer)
    proof = visit.cancel(subscription)
    text = proof.text
    assert text.index("Technical details") < text.index("how to subscribe again")
    assert proof.follow("how to subscribe again").h1 == LINK["en"]


def test_whoever_runs_under_a_plan_that_was_moved_is_not_invited(visit, cancelled, make, ctx, statements):
    """The plan took along what runs: it is still what coming back would buy."""
    old = cancelled(visit.customer)
    running = make.subscription(customer=visit.customer, product=old.product, at_paypal=False)
    choir = make.product(visit.merchant, name="Choir")
    with ctx.db.begin() as session:
        session.get_one(Subscription, running.id).plan_id = old.plan_id
    product_plans.move(ctx, old.merchant_id, old.plan_id, left=old.product_id, to=choir.id, by=PORTAL)
    with statements() as seen:
        home = visit.browser.get(visit.home)
    assert len(seen) == 2
    assert len(home.select("article.card")) == 2
    assert LINK["en"] not in home.text
    assert LINK["en"] not in visit.browser.get(visit.page(old)).text
    visit.browser.get(visit.page(old, "/comeback"), status=409)


@pytest.mark.parametrize("keeps", [True, False])
def test_nothing_is_said_to_start_again_that_never_stops(keeps, visit, cancelled, make):
    contents = (("Leçon 1", 0),)
    product = make.product(visit.merchant, contents=contents, keep_after_cancellation=keeps, stops_at_once=not keeps)
    recap = visit.browser.get(visit.page(cancelled(visit.customer, product=product), "/comeback"))
    assert ("What you kept from your former subscription stays open." in recap.text) is keeps
    assert ("starts again on that day" in recap.text) is not keeps


def test_the_way_back_names_what_the_plan_sells_today(visit, cancelled, make, ctx):
    """Its access is another one: nothing of the former goes on in it."""
    old = cancelled(visit.customer)
    choir = make.product(visit.merchant, name="Choir")
    before = visit.browser.get(visit.page(old, "/comeback"))
    assert "continues without a break" in before.text
    product_plans.move(ctx, old.merchant_id, old.plan_id, left=old.product_id, to=choir.id, by=PORTAL)
    recap = visit.browser.get(before.path)
    assert "continues without a break" not in recap.text
    for page in (recap, recap.submit(press=PREPARE["en"])):
        assert "Subscription Choir" in " ".join(page.soup.main.get_text(" ").split())
        assert old.product.name not in page.soup.main.get_text()


@pytest.mark.parametrize("why", ["abandoned", "completed", "no relaunch", "no contact"])
def test_14_no_page_of_theirs_invites_back(why, visit, cancelled, make, ctx):
    """Walk every page of a customer who may not be invited, an attempt from before included."""
    old = cancelled(visit.customer)
    page = visit.browser.get(visit.page(old, "/comeback")).submit(press=PREPARE["en"])
    changes = {
        "abandoned": {"status": Status.ABANDONED, "relaunch_allowed": False},
        "completed": {"status": Status.COMPLETED},
        "no relaunch": {"relaunch_allowed": False},
        "no contact": {},
    }[why]
    with ctx.db.begin() as session:
        if changes:
            session.execute(update(Subscription).where(Subscription.id == old.id).values(**changes))
        else:
            session.execute(update(Customer).values(contact_allowed=False))
        session.execute(update(Comeback).values(state="given_up"))
    for path in (visit.home, visit.page(old)):
        shown = visit.browser.get(path)
        assert not INVITING.search(str(shown.soup.main)), path
    refused = visit.browser.get(visit.page(old, "/comeback"), status=409)
    assert not INVITING.search(refused.soup.main.get_text())
    with ctx.db.begin() as session:
        session.execute(update(Comeback).values(state="waiting"))
    for more in ("", "/return", "/cancelled"):
        shown = visit.browser.get(page.path + more)
        assert GO["en"] not in shown.text
        assert "webapps/billing" not in str(shown.soup)


@pytest.mark.parametrize("is_same", [True, False])
def test_14_who_is_abandoned_in_one_is_invited_back_to_nothing_else(is_same, visit, cancelled, make):
    """The desk has said of the customer: no email, no banner, no button; an older one's card holds none either."""
    old = cancelled(visit.customer)
    assert LINK["en"] in visit.browser.get(visit.home).text
    form = visit.browser.get(visit.page(old, "/comeback"))
    product = old.product if is_same else make.product(visit.merchant, name="Guitar")
    make.subscription(customer=visit.customer, product=product, status=Status.ABANDONED, at_paypal=False)
    for path in (visit.home, visit.page(old)):
        assert not INVITING.search(str(visit.browser.get(path).soup.main)), path
    refused = form.submit(press=PREPARE["en"], status=409)
    assert not INVITING.search(refused.soup.main.get_text())


def test_somebody_elses_attempt_is_a_404_on_every_route(visit, cancelled, log_in, make, ctx):
    page = visit.browser.get(visit.page(cancelled(visit.customer), "/comeback")).submit(press=PREPARE["en"])
    stranger = log_in(visit.merchant, make.customer(visit.merchant))
    before = row_counts(ctx)
    for more in ("", "/return", "/cancelled"):
        stranger.browser.get(page.path + more, status=404)
    token = stranger.browser.get(stranger.home).soup.find("input", {"name": "csrf_token"})["value"]
    for more in ("/reading", "/withdrawal"):
        answer = stranger.browser.client.post(
            page.path + more, data={"csrf_token": token}, base_url="http://portal.test"
        )
        assert answer.status_code == 404
    assert row_counts(ctx) == before


@pytest.mark.law("R-FR-45", "R-FR-62")
def test_the_order_is_whole_before_its_button_and_the_mail_keeps_it(visit, make, ctx, cancelled, paypal):
    """law.md, R-FR-62: what is bought, its price and duration, how one withdraws; then on a durable medium."""
    course = make.product(
        visit.merchant, name="Guitar", contents=(("Tuning", 0), ("Chords", 8)), commitment_months=6, notice_days=15
    )
    old = cancelled(visit.customer, product=course)
    first = visit.browser.get(visit.page(old, "/comeback"))
    assert "€34.00" not in first.text, "nobody has asked PayPal yet"
    page = first.submit(press=PREPARE["en"])
    whole = " ".join(page.text.split())
    before_the_button = whole[: whole.index(GO["en"])]
    owed = (
        "Guitar",
        "€34.00",
        "Tuning",
        "Chords, 8 days after the start",
        "6 months",
        "15 days",
        "Right of withdrawal",
    )
    online = f"http://portal.test/{visit.merchant.slug}/withdraw-from-contract"
    for words in (*owed, "14 days", visit.merchant.name, online):
        assert words in before_the_button
    with ctx.db.begin() as session:
        session.execute(update(Product).where(Product.id == course.id).values(commitment_months=24, notice_days=0))
    visit.browser.get(at_paypal(page, "approve")).submit(press="Check now")
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "comeback_approved")).one()
        told = " ".join(said(ctx, mail).text.split())
    for words in (*owed[:-1], "14 days", online):
        assert words in told, "as it was ordered, not as the product is by now"


@pytest.mark.law("R-FR-34")
@pytest.mark.parametrize("ticks", [True, False])
def test_what_is_ticked_before_the_order_decides_what_a_withdrawal_owes(ticks, visit, cancelled, ctx, make):
    """From the box to the money: never ticked beforehand, never needed, told twice, kept with its version."""
    old = cancelled(visit.customer, days=-3)
    first = visit.browser.get(visit.page(old, "/comeback"))
    (box,) = first.select("input[type=checkbox]")
    assert not box.has_attr("checked")
    assert not box.has_attr("required")
    page = first.submit(press=PREPARE["en"], **({"begins_early": True} if ticks else {}))
    said_of_it = "You asked to begin before" if ticks else "You did not ask to begin before"
    whole = " ".join(page.text.split())
    assert said_of_it in whole[: whole.index(GO["en"])]
    ordered_at = attempts(ctx)[0].express_at
    visit.browser.get(at_paypal(page, "approve")).submit(press="Check now")
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "comeback_approved")).one()
        assert said_of_it in " ".join(said(ctx, mail).text.split()), "on a durable medium"
        new = session.scalars(select(Subscription).where(Subscription.predecessor_id == old.id)).one()
        (kept,) = [one for one in withdrawals.consents(session, new.id) if one.kind is ConsentKind.EXPRESS_REQUEST]
    assert (kept.is_given, kept.version) == (ticks, EXPRESS_VERSION)
    assert not ticks or kept.at == ordered_at
    with ctx.db.begin() as session:
        row = session.get_one(Subscription, new.id)
        row.started_at, row.paid_until = row.started_at - timedelta(days=5), row.started_at + timedelta(days=25)
    make.payment(new, 5)
    found = declare(ctx, new, now=utc_now())
    assert found.verdict is Verdict.IN_TIME
    assert (found.owed > 0) is ticks
    assert found.owed + found.due == Decimal("29.90")
    assert not ticks or abs(found.owed - Decimal("29.90") * 5 / 30) < Decimal("1.01"), "five days of thirty"


@pytest.mark.law("R-FR-34")
def test_who_drops_the_order_and_begins_again_asks_anew(visit, cancelled, ctx):
    page = visit.browser.get(visit.page(cancelled(visit.customer), "/comeback"))
    page = page.submit(press=PREPARE["en"], begins_early=True)
    assert attempts(ctx)[0].express_at is not None
    page = page.submit(press="Don’t continue").follow("Subscribe again").submit(press=PREPARE["en"])
    (one,) = attempts(ctx)
    assert (one.state, one.express_at, one.express_version) == (ComebackState.WAITING, None, "")
