"""The page of one's own data: the file, the erasure with its check page, and how long what is kept."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.law.retention import Kind
from portal.models import AuditEntry, CustomerErasure, DataExport, LoginSession, Mail, Merchant
from portal.services.own_data import customer_erasures, data_exports
from tests.browser_client import Browser
from tests.services.carrying.carried import carry
from tests.services.own_data.wishing import let_leave

ERASE, WITHDRAW = "Erase my data", "Withdraw this request"


@pytest.fixture
def visit(make, log_in):
    merchant = make.merchant(name="L’Atelier", locale="en")
    return log_in(merchant, make.customer(merchant, email="zoe@client.test"))


def rows(ctx, row):
    with ctx.db.read() as session:
        return session.scalars(select(row)).all()


def finish(ctx):
    (export,) = rows(ctx, DataExport)
    data_exports.make(ctx, export.id, now=utc_now())


def age_log_in(ctx, by=timedelta(minutes=11)):
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(authenticated_at=utc_now() - by))


def test_a_file_is_asked_for_made_and_taken(ctx, visit):
    page = visit.browser.submit(f"{visit.home}data", press="Prepare my file")
    assert "is being prepared" in page.text
    assert "Prepare" not in page.select_one("#export").get_text().replace("prepared", "")
    finish(ctx)
    page = visit.browser.get(f"{visit.home}data")
    link = page.select_one("#export a.button-primary")["href"]
    answer = visit.browser.client.get(link, base_url="http://portal.test")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as found:
        assert b"zoe@client.test" in found.read("data.json")


def test_one_that_could_not_be_made_says_so_and_is_asked_for_again(ctx, visit):
    visit.browser.submit(f"{visit.home}data", press="Prepare my file")
    (export,) = rows(ctx, DataExport)
    data_exports.give_up(ctx, export.id, now=utc_now())
    page = visit.browser.get(f"{visit.home}data")
    assert "Your file could not be made" in page.text
    assert "write to L’Atelier" in page.text
    assert not page.select("#export a.button-primary"), "there is nothing to download"
    assert "is being prepared" in page.submit(press="Start again").text
    finish(ctx)
    assert "Your file is ready" in visit.browser.get(f"{visit.home}data").text


def test_asked_again_the_same_file_is_shown(ctx, visit):
    page = visit.browser.submit(f"{visit.home}data", press="Prepare my file")
    finish(ctx)
    for _ in range(5):
        token = page.select_one('input[name="csrf_token"]')["value"]
        visit.browser.client.post(
            f"{visit.home}data/exports", data={"csrf_token": token}, base_url="http://portal.test"
        )
    assert len(rows(ctx, DataExport)) == 1
    assert [row.act for row in rows(ctx, AuditEntry)].count("export.customer") == 1


def test_there_is_no_file_before_it_is_made_after_a_week_and_for_nobody_else(ctx, make, log_in, visit):
    visit.browser.get(f"{visit.home}data/export.zip", status=404)
    visit.browser.submit(f"{visit.home}data", press="Prepare my file")
    visit.browser.get(f"{visit.home}data/export.zip", status=404)
    finish(ctx)
    other = log_in(visit.merchant, make.customer(visit.merchant))
    other.browser.get(f"{other.home}data/export.zip", status=404)
    with ctx.db.begin() as session:
        session.execute(update(DataExport).values(ready_at=utc_now() - timedelta(days=7)))
    visit.browser.get(f"{visit.home}data/export.zip", status=404)
    assert "Download the file" not in visit.browser.get(f"{visit.home}data").text


@pytest.mark.law("R-GD-2")
def test_how_long_what_is_kept_is_said_as_the_merchant_has_set_it(ctx, visit):
    with ctx.db.begin() as session:
        session.get_one(Merchant, visit.merchant.id).retention = {"proofs": 7}
    page = visit.browser.get(f"{visit.home}data")
    said = [one.get_text() for one in page.select("details.fold dl.summary dd")]
    assert len(said) == len(Kind)
    assert "7 years" in said
    assert "10 years" in said


def test_the_check_page_says_what_happens_and_only_the_click_asks(ctx, make, visit):
    held = make.subscription(merchant=visit.merchant, customer=visit.customer)
    make.payment(held, 5)
    page = visit.browser.get(f"{visit.home}data/erasure")
    assert "Cours de piano: cancelled at PayPal at once, and for good." in page.text
    assert "You lose it" in page.text
    assert "1 payment, for accounting: until" in page.text
    assert rows(ctx, CustomerErasure) == []
    assert make.requests(held) == []
    page = page.submit(press=ERASE)
    assert "Your request is recorded:" in page.notices[0]
    assert len(make.requests(held)) == 1
    assert "PayPal has to confirm the end of your contract first." in page.text


def test_an_older_log_in_is_asked_for_a_code_first(ctx, visit, code_and_link):
    age_log_in(ctx)
    page = visit.browser.get(f"{visit.home}data/erasure")
    assert page.select_one("h1").get_text() == "Log in once more"
    page = page.submit(press="Send me a code")
    page = page.submit(code=code_and_link()[0])
    assert page.select_one("h1").get_text() == "Check: nothing is erased yet"
    page = page.submit(press=ERASE)
    assert len(rows(ctx, CustomerErasure)) == 1


def test_a_form_that_was_open_for_too_long_asks_nothing(ctx, visit):
    page = visit.browser.get(f"{visit.home}data/erasure")
    age_log_in(ctx)
    page.submit(press=ERASE, status=401)
    assert rows(ctx, CustomerErasure) == []


def test_it_is_taken_back_until_the_end_was_sent(ctx, make, visit):
    held = make.subscription(merchant=visit.merchant, customer=visit.customer)
    page = visit.browser.submit(f"{visit.home}data/erasure", press=ERASE)
    page = page.submit(press=WITHDRAW)
    assert "Nothing was erased." in page.notices[0]
    visit.browser.submit(f"{visit.home}data/erasure", press=ERASE)
    carry(ctx, make.requests(held)[-1])
    page = visit.browser.get(f"{visit.home}data")
    assert WITHDRAW not in page.text
    assert "can no longer be withdrawn" in page.text


def test_after_it_nobody_is_logged_in_and_the_address_gets_the_answer_of_a_stranger(ctx, visit, app):
    def ask(address):
        page = Browser(app).submit(f"/account/{visit.merchant.slug}/login", email=address)
        return page.select_one("h1").get_text(), page.text.replace(address, "")

    known = ask("nobody@client.test")
    visit.browser.submit(f"{visit.home}data/erasure", press=ERASE)
    let_leave(ctx, utc_now())
    (erasure,) = rows(ctx, CustomerErasure)
    assert customer_erasures.carry_on(ctx, erasure.id, now=utc_now() + timedelta(days=2))
    assert visit.browser.get(f"{visit.home}data").path.startswith(f"/account/{visit.merchant.slug}/login")
    before = len(rows(ctx, Mail))
    assert ask("zoe@client.test") == known
    assert len(rows(ctx, Mail)) == before, "and no code leaves"


def test_whoever_sees_the_pages_for_the_desk_sees_none_of_it(ctx, make, hire, seat_staff, app, visit):
    browser = seat_staff(Browser(app), hire(visit.merchant, locale="en"))
    page = browser.submit(f"/admin/customers/{visit.customer.id}", press="See their space")
    assert "My data" not in page.select_one("nav").get_text()
    for path in ("data", "data/export.zip", "data/erasure"):
        browser.get(f"{visit.home}{path}", status=409)


def test_without_a_right_to_end_the_merchant_is_notified(ctx, make, log_in):
    merchant = make.merchant(name="L’Atelier", locale="en", self_cancellation=False)
    visit = log_in(merchant, make.customer(merchant))
    make.subscription(merchant=merchant, customer=visit.customer)
    page = visit.browser.get(f"{visit.home}data/erasure")
    assert "L’Atelier receives your cancellation notice and has to cancel it." in page.text
    page = page.submit(press=ERASE)
    assert "L’Atelier has to answer your cancellation notice." in page.text
