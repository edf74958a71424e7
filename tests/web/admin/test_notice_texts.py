"""One mail at the desk: written, refused with a reason, looked at, sent to oneself, taken back; two at once."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from portal.domain.merchants.notices import EDITED, NOTICES
from portal.models import AuditEntry, EditEntry, Mail, Merchant, NoticeText
from portal.services.notices import outbox, samples

PAGE, SAVE, LOOK, TEST = "/admin/settings/notices/{}/{}", "Save", "Show the effect first", "Send it to me as a test"
RECORDED = PAGE.format("end_recorded", "en")


@pytest.fixture
def subscription(make, merchant):
    product = make.product(merchant, name="Piano <lessons>")
    return make.subscription(merchant=merchant, product=product, customer=make.customer(merchant, name="Zoé"))


def stored(ctx):
    with ctx.db.read() as session:
        return {
            (row.kind, row.language): (row.subject, row.opening, row.closing)
            for row in session.scalars(select(NoticeText))
        }


def letter(page):
    return page.select_one("#effect .card").get_text("\n")


@pytest.mark.parametrize("kind", NOTICES)
def test_every_mail_has_a_page_and_only_those_a_form_whose_words_may_change(owner, kind):
    page = owner.get(PAGE.format(kind, "fr"))
    assert bool(page.select("main textarea")) == (kind in EDITED)
    assert page.select_one("#effect") is not None or "the portal’s" in page.select_one("main").get_text()


def test_no_other_mail_and_no_other_language_has_a_page(owner, ctx, merchant):
    for kind, language in (("nothing", "fr"), ("end_recorded", "es"), ("end_recorded", "de")):
        owner.get(PAGE.format(kind, language), status=404)
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).sells_to = ["FR", "DE"]
    assert "Deutsch" in owner.get(PAGE.format("end_recorded", "de")).select_one("h1").get_text()
    owner.get(PAGE.format("access_given", "de"), status=404)


def test_words_are_looked_at_then_saved_then_taken_back(owner, ctx, subscription):
    own = {"subject": "Studio: {fact}", "opening": "{hello}\n\nThank you.", "closing": "Anne"}
    page = owner.submit(RECORDED, press=LOOK, **own)
    assert "It is not saved yet." in page.text
    assert stored(ctx) == {}
    said = letter(page)
    assert "Studio: Your cancellation request is recorded" in said
    assert all(words in said for words in ("Hello Zoé,", "Thank you.", "Anne", "Piano <lessons>"))
    assert page.select_one("textarea[name=opening]").get_text().strip() == "{hello}\n\nThank you."
    page = owner.submit(RECORDED, press=SAVE, **own)
    assert page.notices == ["Saved: emails that are written from now on use it."]
    assert stored(ctx) == {("end_recorded", "en"): tuple(own.values())}
    assert "Your words: English" in owner.get("/admin/settings/notices").select_one("#all").get_text()
    page = owner.get(f"{RECORDED}?text=portal")
    assert stored(ctx) != {}, "nothing is changed by looking"
    page.submit(press=SAVE)
    assert stored(ctx) == {}


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("opening", "{{ config }}", "looks like program code"),
        ("opening", "{% if x %}", "looks like program code"),
        (
            "opening",
            "Hello {price}",
            "There is no {price} here. You can use: {hello}, {merchant}, {product}, {reference}.",
        ),
        ("opening", "Hello {", "A brace stands alone"),
        ("opening", "<script>alert(1)</script>", "is HTML"),
        ("opening", "", "Enter how the email begins"),
        ("opening", "Your contract is cancelled.", "before PayPal has confirmed anything"),
        ("opening", "x" * 100_000, "at most 2000 characters"),
        ("closing", "https://evil.test/pay", "is no page of yours"),
        ("subject", "Hello", "The subject needs {product}, {reference}, or {fact}"),
        ("subject", "", "Enter a subject."),
        ("subject", "{hello} {fact}", "There is no {hello} here"),
    ],
)
def test_what_cannot_leave_is_refused_with_a_reason_and_kept_in_the_form(owner, ctx, field, typed, sentence):
    for press in (SAVE, LOOK):
        page = owner.submit(RECORDED, press=press, status=422, **{field: typed})
        assert any(sentence in error for error in page.errors), page.errors
        assert stored(ctx) == {}
        kept = page.select_one(f"main [name={field}]")
        assert typed in (kept.get("value"), kept.get_text().strip())
        assert not page.select("#effect")


def test_a_subject_on_several_lines_is_one_line_and_no_header(owner, ctx):
    owner.submit(RECORDED, press=SAVE, subject="{fact}\r\nBcc: all@victims.test")
    ((subject, _opening, _closing),) = stored(ctx).values()
    assert subject == "{fact} Bcc: all@victims.test"


def test_right_to_left_words_are_kept_and_overrides_of_direction_are_not(owner, ctx):
    page = owner.submit(RECORDED, press=SAVE, closing="شكرا\u202egnp.exe")
    assert stored(ctx)["end_recorded", "en"][2] == "شكراgnp.exe"
    assert "شكرا" in letter(page)


def test_as_html_it_may_wear_its_style_and_nothing_else(owner, ctx, subscription):
    page = owner.get(RECORDED)
    assert page.select_one("main button[name=html]")["formtarget"] == "_blank"
    typed = {**page.values(page.form(press="Open as HTML")), "closing": "Anne & Léa", "html": "1"}
    answer = owner.client.post(RECORDED, data=typed, base_url=owner.base_url)
    assert answer.status_code == 200
    assert stored(ctx) == {}
    soup = BeautifulSoup(answer.data, "html.parser")
    assert "Anne & Léa" in soup.get_text()
    policy = answer.headers["Content-Security-Policy"]
    known = base64.b64encode(hashlib.sha256(soup.style.string.encode()).digest()).decode()
    assert f"style-src 'sha256-{known}'" in policy
    assert "unsafe" not in policy
    assert {"default-src 'none'", "sandbox", "form-action 'none'"} <= {part.strip() for part in policy.split(";")}
    assert len(soup.select("style")) == 1
    assert not soup.select("script, [style], form")


def test_a_test_goes_to_oneself_alone_in_the_words_that_are_saved(owner, ctx, subscription, merchant):
    owner.submit(RECORDED, press=SAVE, closing="Anne")
    page = owner.submit(RECORDED, press=TEST)
    assert "A test is on its way to" in page.notices[0]
    with ctx.db.read() as session:
        (mail,) = session.scalars(select(Mail)).all()
        me = session.scalars(select(AuditEntry).where(AuditEntry.act == "notice.tested")).one()
    assert mail.recipient in page.notices[0]
    assert mail.recipient != subscription.customer.email
    assert (mail.customer_id, mail.end_request_id) == (None, None)
    assert mail.subject.startswith("Test: Your cancellation request is recorded")
    assert "Anne" in json.loads(ctx.vault.open(mail.content, purpose=outbox.CONTENT))["text"]
    assert me.details["mail"] == "end_recorded"


def test_nobody_sends_a_test_of_what_guards_an_account_and_not_without_end(owner, monkeypatch):
    token = owner.get(RECORDED).select_one("input[name=csrf_token]")["value"]
    path = f"{PAGE.format('login_code', 'en')}/test"
    owner.post(path, {"csrf_token": token}, status=404)
    monkeypatch.setattr(samples, "TESTS", 1)
    for status in (303, 429):
        owner.post(f"{RECORDED}/test", {"csrf_token": token}, status=status)


def test_of_two_editors_the_second_is_told_sees_both_and_loses_nothing(owner, manager, ctx):
    stale = manager.get(RECORDED)
    owner.submit(RECORDED, press=SAVE, opening="{hello} From Anne", closing="Anne")
    page = stale.submit(press=SAVE, opening="{hello} From Max", status=409)
    assert stored(ctx)["end_recorded", "en"] == ("{fact}", "{hello} From Anne", "Anne")
    assert "{hello} From Anne" in page.text
    assert page.select_one("textarea[name=opening]").get_text().strip() == "{hello} From Max"
    assert page.select_one("textarea[name=closing]").get_text().strip() == "Anne"
    page.submit(press=SAVE)
    assert stored(ctx)["end_recorded", "en"] == ("{fact}", "{hello} From Max", "Anne")


def test_two_languages_are_two_texts(owner, manager, ctx):
    stale = manager.get(PAGE.format("end_recorded", "fr"))
    owner.submit(RECORDED, press=SAVE, closing="Anne")
    stale.submit(press=SAVE, closing="Anne, en français")
    assert {key: text[2] for key, text in stored(ctx).items()} == {
        ("end_recorded", "en"): "Anne",
        ("end_recorded", "fr"): "Anne, en français",
    }


def test_an_earlier_text_is_taken_again(owner, ctx):
    for closing in ("One", "Two", "Three"):
        owner.submit(RECORDED, press=SAVE, closing=closing)
    page = owner.get(RECORDED)
    links = [link["href"] for link in page.select("main a[href*='text=']") if "portal" not in link["href"]]
    assert len(links) == 3
    found = [owner.get(link).select_one("textarea[name=closing]").get_text().strip() for link in links]
    assert found == ["Two", "One", ""]
    assert stored(ctx)["end_recorded", "en"][2] == "Three"
    owner.get(links[1]).submit(press=SAVE)
    assert stored(ctx)["end_recorded", "en"][2] == "One"


def test_who_when_and_what_are_kept_and_the_chain_holds_no_text(owner, ctx, merchant):
    owner.submit(RECORDED, press=SAVE, closing="Anne 0612345678")
    with ctx.db.read() as session:
        row = session.scalars(select(AuditEntry).where(AuditEntry.act == "notice.changed")).one()
        edit = session.scalars(select(EditEntry)).one()
    assert edit.changes == {"closing": ["", "Anne 0612345678"]}
    assert edit.actor_id is not None
    assert row.details["texts"] == ["closing"]
    assert "0612345678" not in json.dumps(row.details)
    page = owner.get(RECORDED).select_one("main").get_text()
    assert "Anne 0612345678" in page


def test_the_same_once_more_is_no_version(owner, ctx):
    owner.submit(RECORDED, press=SAVE, closing="Anne")
    page = owner.submit(RECORDED, press=SAVE, closing="Anne")
    assert page.notices == ["Nothing was changed."]
    with ctx.db.read() as session:
        assert len(session.scalars(select(EditEntry)).all()) == 1


def test_another_merchants_words_are_seen_and_used_by_nobody_else(owner, enter, make, ctx):
    owner.submit(RECORDED, press=SAVE, closing="Anne")
    other = enter(make.merchant(slug="autre", locale="en"))
    assert "Anne" not in other.get(RECORDED).select_one("main").get_text()


def test_support_reads_and_changes_nothing(support):
    page = support.get(RECORDED)
    assert page.select_one("main fieldset[disabled]") is not None
    assert not page.select("main form button")
