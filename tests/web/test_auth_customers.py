"""Customers log in by code and link (issue 2: log-in, and the bad input that belongs to it)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from bs4 import BeautifulSoup
from sqlalchemy import select

from portal.clock import utc_now
from portal.models import Customer, LoginSession, Mail
from tests.web.conftest import row_counts


def login(merchant) -> str:
    return f"/account/{merchant.slug}/login"


def home(merchant) -> str:
    return f"/account/{merchant.slug}/"


def test_a_customer_enters_with_the_code(browser, make, log_in_customer, ctx):
    merchant = make.merchant()
    customer = make.customer(merchant)

    page = log_in_customer(browser, merchant, customer)

    assert page.path == home(merchant)
    with ctx.db.read() as session:
        row = session.scalars(select(LoginSession)).one()
    assert (row.customer_id, row.browser, row.network) == (customer.id, "Firefox · Linux", "192.0.2.0/24")
    assert browser.cookie("portal_customer") not in (row.token_hash, None)


def test_an_address_is_found_whatever_its_case_and_spaces(browser, make, code_and_link):
    merchant = make.merchant()
    make.customer(merchant, email="zoe@client.test")
    page = browser.submit(login(merchant), email="  ZOE@Client.test ")
    assert page.submit(code=" ".join(code_and_link()[0])).path == home(merchant)


def test_who_became_known_meanwhile_gets_the_mail(browser, make, letters, code_and_link):
    """PayPal's message may come minutes after the buyer: what was asked for before it was never sent."""
    merchant = make.merchant()
    browser.submit(login(merchant), email="new@client.test")
    assert letters() == []
    make.customer(merchant, email="new@client.test")
    page = browser.submit(login(merchant), email="new@client.test")
    assert "already have our last email" not in page.text
    assert page.submit(code=code_and_link()[0]).path == home(merchant)
    assert len(letters()) == 1


def test_the_link_opens_a_page_with_a_button_and_only_the_button_acts(browser, make, code_and_link, ctx):
    merchant = make.merchant()
    browser.submit(login(merchant), email=make.customer(merchant).email)
    link = code_and_link()[1]
    before = row_counts(ctx)

    page = browser.get(link)
    assert browser.client.head(link, base_url=browser.base_url).status_code == 200
    assert row_counts(ctx) == before
    assert page.response.headers["Referrer-Policy"] == "no-referrer"

    assert page.submit().path == home(merchant)
    browser.get(link, status=410)


def test_a_link_used_twice_is_over_for_every_browser(browser, other_browser, make, code_and_link, ctx):
    merchant = make.merchant()
    browser.submit(login(merchant), email=make.customer(merchant).email)
    page = browser.get(code_and_link()[1])
    page.submit()
    page.submit(status=410)
    assert len(row_counts(ctx)["live sessions"]) == 1
    other_browser.get(code_and_link()[1], status=410)


def test_the_link_does_not_open_in_another_browser(browser, other_browser, make, code_and_link, ctx):
    merchant = make.merchant()
    customer = make.customer(merchant)
    browser.submit(login(merchant), email=customer.email)
    code, link = code_and_link()

    page = other_browser.get(link)
    assert code not in page.body
    assert not page.select("main form")
    token = other_browser.values_of(other_browser.get(login(merchant)))["csrf_token"]
    elsewhere = other_browser.post(link, {"csrf_token": token}, status=409)
    (button,) = (one.get_text(strip=True) for one in elsewhere.select("main a.button"))
    assert button in elsewhere.select_one("main p:not(.lede)").get_text(), "it names what is on the page"
    assert row_counts(ctx)["sessions"] == 0

    assert browser.get(f"{login(merchant)}/code").submit(code=code).path == home(merchant)


def test_the_code_is_worth_nothing_in_another_browser(browser, other_browser, make, code_and_link):
    merchant = make.merchant()
    customer = make.customer(merchant)
    browser.submit(login(merchant), email=customer.email)
    code = code_and_link()[0]
    other_browser.submit(login(merchant), email="inconnu@client.test").submit(code=code, status=422)


@pytest.mark.parametrize("typed", ["000000", "12345", "abcdef", "1234567", "", "１２３４５６", "²³¹²³¹", "٣" * 5])
def test_a_wrong_code_is_refused_and_the_form_shown_again(browser, make, typed, ctx, code_and_link):
    merchant = make.merchant()
    page = browser.submit(login(merchant), email=make.customer(merchant).email)
    if code_and_link()[0] in ("000000", "123456", "231231"):
        typed = "999999"
    page = page.submit(code=typed, status=422)
    assert len(page.errors) == 1
    assert row_counts(ctx)["sessions"] == 0


def test_the_sixth_try_is_refused_even_when_it_is_right(browser, make, code_and_link, ctx):
    merchant = make.merchant()
    customer = make.customer(merchant)
    page = browser.submit(login(merchant), email=customer.email)
    code, link = code_and_link()
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    form = browser.values_of(page)
    for _try in range(5):
        page = browser.post(page.path, form | {"code": wrong}, status=422)
    assert page.select_one("input[name=code]") is None, "a field that opens nothing is not shown"
    browser.post(page.path, form | {"code": code}, status=422)
    assert row_counts(ctx)["sessions"] == 0
    # Asking again gives no new tries; the link is not a guess: it still opens, so nobody was locked out.
    again = browser.submit(login(merchant), email=make.customer(merchant, email="other@client.test").email)
    again = browser.submit(login(merchant), email=customer.email)
    assert again.select_one("input[name=code]") is None
    assert browser.get(link).submit().path == home(merchant)


def test_the_fifth_try_still_counts(browser, make, code_and_link):
    merchant = make.merchant()
    page = browser.submit(login(merchant), email=make.customer(merchant).email)
    code = code_and_link()[0]
    wrong = str((int(code) + 1) % 10**6).zfill(6)
    for _try in range(4):
        page = page.submit(code=wrong, status=422)
    assert page.submit(code=code).path == home(merchant)


def test_code_and_link_run_out_after_ten_minutes(browser, make, code_and_link):
    merchant = make.merchant()
    page = browser.submit(login(merchant), email=make.customer(merchant).email)
    code, link = code_and_link()
    with time_machine.travel(utc_now() + timedelta(minutes=10, seconds=1), tick=False):
        page = page.submit(code=code, status=422)
        assert page.follow(page.select_one("main a").get_text()).path == login(merchant)
        browser.get(link, status=410)


def test_asking_again_sends_nothing_and_says_that_the_last_mail_opens(browser, other_browser, make, letters):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        first = browser.submit(login(merchant), email=customer.email)
        assert "already" not in first.text
        clock.shift(timedelta(minutes=6, seconds=59))
        for one in (browser, other_browser):
            page = one.submit(login(merchant), email=customer.email)
            assert "you already have our last email, sent at 11:00" in page.text
    assert len(letters()) == 1


@pytest.mark.parametrize("way", ["code", "link"])
def test_one_mail_opens_in_every_browser_that_asked_while_it_was_live(
    browser, other_browser, make, code_and_link, letters, way
):
    merchant = make.merchant()
    customer = make.customer(merchant)
    browser.submit(login(merchant), email=customer.email)
    page = other_browser.submit(login(merchant), email=customer.email)
    assert len(letters()) == 1
    code, link = code_and_link()
    entered = page.submit(code=code) if way == "code" else other_browser.get(link).submit()
    assert entered.path == home(merchant)
    browser.get(link, status=410)  # once: whoever used it owns the mailbox, and another mail leaves at once
    browser.submit(login(merchant), email=customer.email)
    assert len(letters()) == 2


def test_in_its_last_three_minutes_a_mail_is_followed_by_another_and_both_keep_their_word(
    browser, other_browser, make, code_and_link, letters
):
    merchant = make.merchant()
    customer = make.customer(merchant)
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        page = browser.submit(login(merchant), email=customer.email)
        other = other_browser.submit(login(merchant), email=customer.email)
        old = code_and_link()[0]
        clock.shift(timedelta(minutes=7))
        browser.submit(login(merchant), email=customer.email)
        assert len(letters()) == 2
        clock.shift(timedelta(minutes=2, seconds=59))
        assert other.submit(code=old).path == home(merchant), "it said: valid for ten minutes"
        clock.shift(timedelta(minutes=6))
        assert page.submit(code=code_and_link()[0]).path == home(merchant), "the browser that asked before, too"


def test_five_tries_belong_to_each_browser(browser, other_browser, make, code_and_link):
    merchant = make.merchant()
    customer = make.customer(merchant)
    page = browser.submit(login(merchant), email=customer.email)
    theirs = other_browser.submit(login(merchant), email=customer.email)
    code = code_and_link()[0]
    for _try in range(5):
        theirs = other_browser.post(
            theirs.path, other_browser.values_of(theirs) | {"code": f"{(int(code) + 1) % 10**6:06}"}, status=422
        )
    assert page.submit(code=code).path == home(merchant)


@pytest.mark.law("R-AC-9")
@pytest.mark.parametrize(
    "pasted",
    [
        "Your code: {a} {b}",
        "Votre code : {a}{b} – Studio 54",
        "{a}-{b}",
        " {a} {b} ",
        "{full}",
        "{arabic}",
        "Your code:\n\n{a}{b}\n\nIt is valid once, for 10 minutes, until 14:10.",
    ],
)
def test_the_field_takes_what_people_paste(browser, make, code_and_link, pasted):
    merchant = make.merchant()
    page = browser.submit(login(merchant), email=make.customer(merchant).email)
    code = code_and_link()[0]
    full, arabic = ("".join(chr(zero + int(digit)) for digit in code) for zero in (0xFF10, 0x0660))
    text = pasted.format(a=code[:3], b=code[3:], full=full, arabic=arabic)
    assert page.submit(code=text).path == home(merchant)


def test_the_code_stands_in_the_subject_and_never_where_the_desk_can_read_it(
    browser, make, code_and_link, letters, ctx
):
    merchant = make.merchant(locale="en")
    browser.submit(login(merchant), email=make.customer(merchant).email)
    code, link = code_and_link()
    assert code in letters()[-1].subject
    with ctx.db.read() as session:
        assert code not in session.scalars(select(Mail.subject)).one()
    button = BeautifulSoup(letters()[-1].html, "html.parser").select_one("a.button")
    assert (button.get_text(), button["href"]) == ("Log in", f"http://portal.test{link}")


def test_an_english_browser_gets_english_and_a_french_one_french(browser, make, letters):
    french, english = make.merchant(locale="fr"), make.merchant(locale="en")
    for merchant in (french, english):
        for wish, language in (("en-GB,en;q=0.9", "en"), ("fr-FR,fr;q=0.9,en;q=0.5", "fr"), ("de", merchant.locale)):
            assert browser.get(login(merchant), Accept_Language=wish).language == language


def test_an_unknown_address_gets_the_same_answer_and_no_mail(browser, other_browser, make, letters, ctx):
    merchant = make.merchant()
    customer = make.customer(merchant, email="aaaaaaa@client.test")
    known = browser.submit(login(merchant), email=customer.email)
    unknown = other_browser.submit(login(merchant), email="bbbbbbb@client.test")

    assert known.text.replace("aaaaaaa", "x") == unknown.text.replace("bbbbbbb", "x")
    assert (known.path, known.status) == (unknown.path, unknown.status)
    assert [letter.recipient for letter in letters()] == [customer.email]
    assert row_counts(ctx)["login_challenges"] == 2  # the same work for both


def test_an_address_of_another_merchant_is_unknown_here(browser, make, letters):
    here, there = make.merchant(), make.merchant()
    browser.submit(login(here), email=make.customer(there).email)
    assert letters() == []


def test_one_network_causes_five_mails_an_hour_and_hears_when_to_come_back(browser, other_browser, make, letters):
    merchant = make.merchant()
    customer = make.customer(merchant)
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        for _mail in range(5):
            browser.submit(login(merchant), email=customer.email)
            clock.shift(timedelta(minutes=7))
        browser.submit(login(merchant), email=customer.email)
        assert len(letters()) == 5, "the last one is live for three minutes more, and opens"
        clock.shift(timedelta(minutes=3))
        page = browser.submit(login(merchant), email=customer.email, status=429)
        assert page.response.headers["Retry-After"] == str(22 * 60)
        other_browser.submit(login(merchant), email=customer.email)
        assert len(letters()) == 6, "another network is not concerned"
        clock.shift(timedelta(minutes=22))
        browser.submit(login(merchant), email=customer.email)
    assert len(letters()) == 7


def test_a_mail_that_was_used_does_not_count(browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    for _time in range(7):
        log_in_customer(browser, merchant, customer).submit(press="Log out")


def test_the_limit_of_a_network_counts_every_address(app, make):
    from tests.browser_client import Browser

    merchant = make.merchant()
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False):
        for number in range(30):
            Browser(app, address=f"203.0.113.{number}").submit(login(merchant), email=f"p{number}@client.test")
        Browser(app, address="203.0.113.99").submit(login(merchant), email="p99@client.test", status=429)
        Browser(app, address="203.0.114.99").submit(login(merchant), email="p99@client.test")


def test_links_are_made_from_the_settings_never_from_the_host_header(browser, make, letters):
    merchant = make.merchant()
    customer = make.customer(merchant)
    assert "evil.test" not in browser.get(login(merchant), status=400, Host="evil.test").body
    page = browser.get(login(merchant), X_Forwarded_Host="evil.test")
    assert "evil.test" not in page.body
    data = dict(page.values(page.form(having=("email",))), email=customer.email)
    browser.client.post(
        login(merchant), data=data, base_url=browser.base_url, headers={"X-Forwarded-Host": "evil.test"}
    )
    browser.client.post(login(merchant), data=data, base_url=browser.base_url, headers={"Host": "evil.test"})
    assert letters()
    for letter in letters():
        assert "evil.test" not in letter.text + letter.html
        assert "http://portal.test/account/" in letter.text


@pytest.mark.parametrize(
    "wish",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "/account/{slug}/..//evil.test",
        "/account/{slug}/%2e%2e/%2e%2e/admin/login",
        "/admin/login",
        "javascript:alert(1)",
        "/account/{slug}/nowhere",
        "/account/{slug}/logout",
        "/account/{slug}/\r\nSet-Cookie: a=b",
    ],
)
def test_no_open_redirect_after_log_in(browser, make, code_and_link, wish):
    merchant = make.merchant()
    page = browser.get(login(merchant))
    form = page.values(page.form(having=("email",)))
    browser.client.post(
        login(merchant),
        query_string={"next": wish.format(slug=merchant.slug)},
        data=dict(form, email=make.customer(merchant).email),
        base_url=browser.base_url,
    )
    page = browser.get(login(merchant) + "/code").submit(code=code_and_link()[0])
    assert page.path == home(merchant)


def test_log_in_leads_back_to_the_page_that_was_wanted(browser, make, code_and_link):
    merchant = make.merchant()
    page = browser.get(f"/account/{merchant.slug}/sessions")
    assert page.path.startswith(login(merchant))
    page.submit(email=make.customer(merchant).email)
    assert browser.get(login(merchant) + "/code").submit(code=code_and_link()[0]).path.endswith("/sessions")


def test_the_code_page_without_having_asked_leads_to_the_log_in(browser, make):
    merchant = make.merchant()
    assert browser.get(login(merchant) + "/code").path == login(merchant)


def test_logging_in_gives_a_new_session_and_ends_the_browsers_old_one(
    browser, make, log_in_customer, code_and_link, ctx
):
    merchant = make.merchant()
    log_in_customer(browser, merchant, make.customer(merchant))
    first = browser.cookie("portal_customer")
    # The log-in page of somebody logged in leads home, so it is opened before and used after.
    browser.client.delete_cookie("portal_customer", domain="portal.test")
    page = browser.submit(login(merchant), email=make.customer(merchant).email)
    browser.set_cookie("portal_customer", first)
    page.submit(code=code_and_link()[0])

    assert browser.cookie("portal_customer") != first
    with ctx.db.read() as session:
        rows = session.scalars(select(LoginSession).order_by(LoginSession.created_at)).all()
    assert [row.revoked_at is not None for row in rows] == [True, False]


def test_the_form_token_is_renewed_at_log_in(browser, make, code_and_link):
    merchant = make.merchant()
    page = browser.submit(login(merchant), email=make.customer(merchant).email)
    before = browser.values_of(page)["csrf_token"]
    page.submit(code=code_and_link()[0])
    browser.post("/language", {"csrf_token": before, "language": "en"}, status=400)


def test_a_cookie_replayed_after_log_out_opens_nothing(browser, other_browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    page = log_in_customer(browser, merchant, make.customer(merchant))
    stolen = browser.cookie("portal_customer")

    out = page.submit(press="Log out")
    assert out.path == login(merchant)
    assert out.notices
    assert browser.cookie("portal_customer") is None
    other_browser.set_cookie("portal_customer", stolen)
    assert other_browser.get(f"/account/{merchant.slug}/sessions").path.startswith(login(merchant))


def test_logging_out_clears_what_the_browser_stored(browser, make, log_in_customer):
    merchant = make.merchant(locale="en")
    page = log_in_customer(browser, merchant, make.customer(merchant))
    answer = page.submit(press="Log out", follow=False, status=303)
    assert answer.response.headers["Clear-Site-Data"] == '"cache", "storage"'


@pytest.mark.law("R-GD-12")
def test_a_session_ends_after_two_hours_unused_and_after_a_day_in_any_case(browser, make, log_in_customer):
    merchant = make.merchant()
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        log_in_customer(browser, merchant, make.customer(merchant))
        for _hours in range(12):
            clock.shift(timedelta(minutes=119))
            assert browser.get(f"/account/{merchant.slug}/sessions").path.endswith("/sessions")
        clock.shift(timedelta(minutes=13))  # 24 h and a minute after the log-in
        assert browser.get(f"/account/{merchant.slug}/sessions").path.startswith(login(merchant))
    with time_machine.travel("2026-11-24T10:00:00Z", tick=False) as clock:
        log_in_customer(browser, merchant, make.customer(merchant))
        clock.shift(timedelta(minutes=121))
        assert browser.get(f"/account/{merchant.slug}/sessions").path.startswith(login(merchant))


def test_a_session_of_one_merchant_opens_no_page_of_another(browser, make, log_in_customer):
    here, there = make.merchant(), make.merchant()
    log_in_customer(browser, here, make.customer(here))
    assert browser.get(f"/account/{there.slug}/sessions").path.startswith(login(there))


def test_an_unknown_merchant_and_an_unknown_page_are_the_same_404(browser, make):
    merchant = make.merchant()
    one = browser.get("/account/personne/login", status=404)
    two = browser.get(f"/account/{merchant.slug}/nowhere", status=404)
    assert one.text == two.text


@pytest.mark.parametrize("typed", ["", "claire", "claire@", "a b@client.test", "x" * 250 + "@client.test"])
def test_a_bad_address_is_shown_again_as_typed(browser, make, typed, ctx):
    merchant = make.merchant()
    page = browser.submit(login(merchant), email=typed, status=422)
    assert page.values(page.form(having=("email",)))["email"] == typed
    assert len(page.errors) == 1
    assert row_counts(ctx)["login_challenges"] == 0


@pytest.mark.parametrize(("known", "kept"), [(None, "en"), ("fr", "fr")])
def test_mails_speak_as_the_browser_asks_where_nothing_else_is_known(make, browser, ctx, code_and_link, known, kept):
    merchant = make.merchant(locale="fr")
    customer = make.customer(merchant, locale=known)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en-GB"
    browser.submit(f"/account/{merchant.slug}/login", email=customer.email).submit(code=code_and_link()[0])
    with ctx.db.read() as session:
        assert session.get_one(Customer, customer.id).locale == kept


def test_mails_speak_the_language_the_customer_reads(make, browser, letters, ctx, code_and_link):
    merchant = make.merchant(locale="fr")
    customer = make.customer(merchant)
    browser.get(f"/account/{merchant.slug}/login").submit(press="English")
    page = browser.submit(f"/account/{merchant.slug}/login", email=customer.email)
    page.submit(code=code_and_link()[0])
    with ctx.db.read() as session:
        assert session.get_one(Customer, customer.id).locale == "en"
