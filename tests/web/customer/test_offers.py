"""The one offer: on the card alone, cancelling beside it, once for each person, and never a condition of anything."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.domain.ends.pauses import earliest_resume
from portal.domain.law.countries import Country
from portal.domain.law.offers import OfferAnswer, OfferKind
from portal.domain.subscriptions import Status
from portal.models import Customer, Merchant, OfferAnswered, Subscription
from portal.queries.ends import offers
from tests.web.customer.conftest import CANCEL, UNDO

LINK = {
    "offer_kind": "link",
    "offer_text_fr": "Une formule plus petite existe.",
    "offer_text_en": "There is a smaller plan.",
    "offer_url": "https://studio.example/smaller",
}
PAUSE = {"offer_kind": "pause"}
STOP, SEE, REST = "Cancel my subscription", "See this offer", "Pause my subscription"
NEVER = "Don’t show this offer again"
TEXT, REST_TEXT = "There is a smaller plan.", "A pause is possible too"


@pytest.fixture
def offered(ctx, visit):
    """Let the merchant offer that, and be as is said."""

    def write(offer, **columns):
        with ctx.db.begin() as session:
            merchant = session.get_one(Merchant, visit.merchant.id)
            merchant.leaving_offer = offer
            for name, value in columns.items():
                setattr(merchant, name, value)

    return write


@pytest.fixture
def subscription(make, visit):
    product = make.product(visit.merchant, pause_offered=True, pause_longest_days=60)
    return make.subscription(customer=visit.customer, product=product)


@pytest.fixture
def answers(ctx):
    """What was answered, of all customers."""

    def read():
        with ctx.db.read() as session:
            return [(row.offer, row.answer) for row in session.scalars(select(OfferAnswered))]

    return read


def take(page, subscription):
    """Press the offer's button, which stands among the others and belongs to the form of its refusal."""
    button = next(one for one in page.select("main button") if one.get_text(strip=True) == SEE)
    form = page.select_one(f"form#{button['form']}")
    assert form["id"] == f"offer-{subscription.id}"
    sent = page.values(form) | {button["name"]: button["value"]}
    answer = page.browser.client.post(form["action"], data=sent, base_url=page.browser.base_url)
    return page.browser.arrive(answer, form["action"], status=200)


@pytest.mark.law("R-DP-2", "R-CA-2")
@pytest.mark.parametrize("where", ["card", "home"])
def test_cancelling_stands_beside_it_first_and_alike(visit, subscription, offered, where):
    offered(LINK)
    page = visit.browser.get(visit.page(subscription) if where == "card" else visit.home)
    assert TEXT in page.text
    box = next(one for one in page.select(".buttons-equal") if STOP in one.get_text())
    buttons = [" ".join(one.get_text().split()) for one in box.find_all(["a", "button"], recursive=False)]
    assert buttons == [STOP, REST, SEE]
    assert {" ".join(one["class"]) for one in box.find_all(["a", "button"], recursive=False)} == {"button"}


@pytest.mark.law("R-DP-2")
@pytest.mark.parametrize("offer", [LINK, PAUSE])
def test_however_long_its_words_are_they_push_no_button_off_the_screen(visit, subscription, offered, offer):
    offered(offer | {"offer_text_en": "\n".join(["Stay a little while."] * 12)})
    for path in (visit.page(subscription), visit.home):
        page = visit.browser.get(path)
        box = next(one for one in page.select(".buttons-equal") if STOP in one.get_text())
        words = next(one for one in page.select("p") if "Stay a little" in one.get_text())
        assert words in box.find_all_next("p")


def test_the_offers_button_says_what_it_is_about(visit, subscription, offered):
    offered(LINK)
    page = visit.browser.get(visit.page(subscription))
    see = next(one for one in page.select("button") if SEE in one.get_text())
    assert page.select_one(f"#{see['aria-describedby']}").get_text(strip=True) == TEXT


def test_there_is_none_until_the_merchant_has_one(visit, subscription):
    page = visit.browser.get(visit.page(subscription))
    assert SEE not in page.text
    assert NEVER not in page.text
    assert "offer=" not in page.body


@pytest.mark.law("R-DP-1", "R-DP-5", "R-DP-6")
@pytest.mark.parametrize("offer", [LINK, PAUSE])
def test_the_way_to_the_end_has_not_a_step_more_and_shows_none(visit, make, subscription, offered, answers, offer):
    """From the card: one link, one button (law.md R-DP-5); nothing of it on the page that checks (R-DP-1)."""
    offered(offer)
    recap = visit.browser.get(visit.page(subscription)).follow(STOP)
    for words in (TEXT, SEE, REST, REST_TEXT, NEVER):
        assert words not in recap.text
    result = recap.submit(press=CANCEL, reason="not_used")
    for words in (TEXT, SEE, REST, REST_TEXT, NEVER):
        assert words not in result.text
    assert make.requests(subscription)[0].reason_code == "not_used"
    assert answers() == [(offer["offer_kind"], "cancelled")]


def test_opening_pages_counts_nothing(visit, subscription, offered, answers):
    offered(LINK)
    page = visit.browser.get(visit.page(subscription))
    page.follow(STOP)
    assert answers() == []
    assert TEXT in visit.browser.get(visit.page(subscription)).text


def test_who_takes_the_link_finds_it_in_its_place_with_cancelling_beside(visit, subscription, offered, answers):
    offered(LINK)
    page = take(visit.browser.get(visit.page(subscription)), subscription)
    assert page.path.startswith(visit.page(subscription))
    assert page.link("Continue to studio.example") == "https://studio.example/smaller"
    assert "/cancellation" in page.link(STOP)
    assert NEVER not in page.text
    assert answers() == [(OfferKind.LINK, OfferAnswer.ACCEPTED)]
    later = visit.browser.get(visit.page(subscription))
    assert SEE not in later.text
    assert TEXT not in later.text


def test_who_takes_the_pause_is_paused_and_counted(visit, make, subscription, offered, answers, now):
    offered(PAUSE)
    page = visit.browser.get(visit.page(subscription))
    assert REST_TEXT in page.text
    day = earliest_resume(now, zone="Europe/Paris").date().isoformat()
    recap = page.follow(REST)
    assert answers() == []
    recap.submit(press="Pause subscription", until=day)
    assert make.reload(subscription).status is Status.PAUSED
    assert answers() == [(OfferKind.PAUSE, OfferAnswer.ACCEPTED)]


def test_a_pause_that_was_not_offered_is_no_answer(visit, subscription, offered, answers, now):
    offered(LINK)
    day = earliest_resume(now, zone="Europe/Paris").date().isoformat()
    visit.browser.submit(visit.page(subscription, "/pause?offer=pause"), press="Pause subscription", until=day)
    assert answers() == []


@pytest.mark.law("R-DP-3")
def test_who_says_no_is_asked_never_again(visit, make, subscription, offered, answers):
    offered(LINK)
    page = visit.browser.get(visit.page(subscription)).submit(press=NEVER)
    assert page.notices == ["This offer will not be shown again."]
    other = make.subscription(customer=visit.customer)
    offered(LINK | {"offer_text_en": "Another one."})
    for one in (subscription, other):
        shown = visit.browser.get(visit.page(one))
        assert STOP in shown.text
        assert SEE not in shown.text
    assert answers() == [(OfferKind.LINK, OfferAnswer.DECLINED)]


@pytest.mark.parametrize("meanwhile", [PAUSE, {}])
def test_who_takes_one_that_was_changed_meanwhile_has_taken_nothing(visit, subscription, offered, answers, meanwhile):
    offered(LINK)
    page = visit.browser.get(visit.page(subscription))
    offered(meanwhile)
    page = take(page, subscription)
    assert page.notices == ["This offer does not stand any more. Nothing was changed."]
    assert answers() == []
    assert (REST_TEXT in page.text) == bool(meanwhile)


def test_who_refuses_one_that_was_changed_meanwhile_has_refused_the_one_they_saw(visit, subscription, offered, answers):
    offered(LINK)
    page = visit.browser.get(visit.page(subscription))
    offered(PAUSE)
    page = page.submit(press=NEVER)
    assert answers() == [(OfferKind.LINK, OfferAnswer.DECLINED)]
    assert REST_TEXT not in page.text


@pytest.mark.law("R-DP-3")
def test_the_address_of_one_that_was_taken_shows_it_to_nobody_else(visit, make, subscription, offered, ctx):
    """Nor once more to who refused it, nor to who wants no contact since."""
    offered(LINK)
    taken = visit.page(subscription, "?offer=taken")
    assert TEXT not in visit.browser.get(taken).text
    tab = visit.browser.get(visit.page(subscription))
    take(tab, subscription)
    assert "Continue to studio.example" in take(tab, subscription).text, "pressed twice"
    other = make.subscription(customer=visit.customer)
    assert TEXT not in visit.browser.get(visit.page(other, "?offer=taken")).text
    with ctx.db.begin() as session:
        session.get_one(Customer, visit.customer.id).contact_allowed = False
    assert TEXT not in visit.browser.get(taken).text


@pytest.mark.parametrize("first", ["refused", "cancelled"])
def test_who_answered_in_another_tab_is_told_that_it_stands_no_more(visit, subscription, offered, answers, first):
    offered(LINK)
    tab = visit.browser.get(visit.page(subscription))
    if first == "refused":
        visit.browser.get(visit.page(subscription)).submit(press=NEVER)
    else:
        visit.browser.get(visit.page(subscription)).follow(STOP).submit(press=CANCEL)
    page = take(tab, subscription)
    assert page.notices == ["This offer does not stand any more. Nothing was changed."]
    assert TEXT not in page.text
    assert answers() == [(OfferKind.LINK, OfferAnswer.DECLINED if first == "refused" else OfferAnswer.CANCELLED)]


def test_an_undone_end_brings_none_back(visit, make, subscription, offered, answers, paypal):
    offered(LINK)
    paypal.rule("show", "500")
    result = visit.browser.get(visit.page(subscription)).follow(STOP).submit(press=CANCEL)
    result.submit(press=UNDO)
    assert make.reload(subscription).end_requested_at is None
    assert answers() == [(OfferKind.LINK, OfferAnswer.CANCELLED)]
    offered(PAUSE)
    assert REST_TEXT not in visit.browser.get(visit.page(subscription)).text


def test_nobody_of_whom_something_is_abandoned_or_who_wants_no_contact_is_offered_any(
    visit, make, subscription, offered, ctx
):
    offered(LINK)
    assert SEE in visit.browser.get(visit.page(subscription)).text
    left = make.subscription(customer=visit.customer, status=Status.ABANDONED)
    assert SEE not in visit.browser.get(visit.page(subscription)).text
    with ctx.db.begin() as session:
        session.get_one(Subscription, left.id).status = Status.CANCELLED
        session.get_one(Customer, visit.customer.id).contact_allowed = False
    assert SEE not in visit.browser.get(visit.page(subscription)).text


def test_a_pause_that_cannot_be_is_not_offered(visit, make, offered):
    offered(PAUSE | {"offer_text_en": "Take a rest."})
    plain = make.subscription(customer=visit.customer, product=make.product(visit.merchant))
    late = make.subscription(
        customer=visit.customer,
        product=make.product(visit.merchant, pause_offered=True, pause_longest_days=60),
        status=Status.PAST_DUE,
    )
    for one in (plain, late):
        page = visit.browser.get(visit.page(one))
        assert "Take a rest." not in page.text
        assert STOP in page.text


@pytest.mark.law("R-DP-1")
def test_german_law_has_no_place_for_one(visit, subscription, offered):
    offered(LINK, country=Country.DE, sells_to=["DE"])
    page = visit.browser.get(visit.page(subscription))
    assert STOP in page.text
    assert SEE not in page.text


def test_of_several_subscriptions_the_account_page_offers_none(visit, make, subscription, offered):
    make.subscription(customer=visit.customer)
    offered(LINK)
    assert SEE not in visit.browser.get(visit.home).text
    assert SEE in visit.browser.get(visit.page(subscription)).text


def test_the_text_is_read_in_the_other_language_and_says_so(visit, subscription, offered):
    offered(LINK | {"offer_text_en": "", "offer_text_fr": "<b>Moins</b> cher"})
    page = visit.browser.get(visit.page(subscription))
    assert page.select_one('main div[lang="fr"]').get_text() == "<b>Moins</b> cher"


def test_the_public_forms_know_none(visit, subscription, offered):
    offered(LINK)
    for path in ("resilier", "renoncer"):
        assert TEXT not in visit.browser.get(f"/{visit.merchant.slug}/{path}").text


def test_where_offers_cannot_be_read_everything_else_goes_on(visit, make, subscription, offered, monkeypatch):
    offered(LINK)

    def broken(*_anything, **_more):
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(offers, "may_be_offered", broken)
    page = visit.browser.get(visit.page(subscription))
    assert SEE not in page.text
    page.follow(STOP)
    recap = visit.browser.get(visit.page(subscription, "/cancellation?offer=link"))
    recap.submit(press=CANCEL)
    assert len(make.requests(subscription)) == 1


def test_somebody_elses_is_not_found_and_a_foreign_answer_is_none(visit, make, offered, answers):
    offered(LINK)
    theirs = make.subscription(customer=make.customer(visit.merchant))
    mine = make.subscription(customer=visit.customer)
    page = visit.browser.get(visit.page(mine))
    form = page.values(page.form(press=NEVER)) | {"answer": "declined"}
    visit.browser.post(visit.page(theirs, "/offer"), form, status=404)
    offered(PAUSE)
    for answer in ("declined", "accepted"):
        visit.browser.post(visit.page(theirs, "/offer"), form | {"answer": answer}, status=404)
    assert answers() == []


@pytest.mark.parametrize(("seen", "kept"), [(None, OfferKind.LINK), ("nonsense", None), ("none", None)])
def test_a_form_that_names_no_offer_is_of_the_one_that_stands_and_of_nonsense_none(
    visit, subscription, offered, answers, seen, kept
):
    """A page may have been open since the release before, whose form named none."""
    offered(LINK)
    page = visit.browser.get(visit.page(subscription))
    form = page.values(page.form(press=NEVER)) | {"answer": "declined"}
    form = {name: value for name, value in form.items() if name != "offer"} | ({"offer": seen} if seen else {})
    visit.browser.post(visit.page(subscription, "/offer"), form, status=303)
    assert answers() == ([(kept, OfferAnswer.DECLINED)] if kept else [])


def test_the_check_page_costs_no_statement_more(visit, subscription, offered, statements):
    visit.recap(subscription)
    with statements() as plain:
        visit.recap(subscription)
    offered(LINK)
    with statements() as own:
        visit.browser.get(visit.page(subscription, "/cancellation?offer=link"))
    assert len(own) == len(plain)
