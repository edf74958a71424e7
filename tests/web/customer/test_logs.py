"""What a story leaves in logs, figures and error pages: its way from the click to the mail, and nothing of whom."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from sqlalchemy import text

from portal.domain.ends.end_requests import RequestState
from portal.jobs import run_worker
from portal.web import identity
from tests.web.conftest import PASSWORD
from tests.web.customer.conftest import CANCEL

TOKEN = "scraper-vZ8Kq2Wm5Yt1Xc4Rb7Nd0Lf3"


@pytest.fixture
def config(config):
    return replace(config, metrics_tokens=(TOKEN,))


@pytest.fixture
def lines(app):
    """Every line of the log from here on, as it is written."""
    written: list[str] = []
    shown = next(handler for handler in logging.getLogger().handlers if handler.name == "portal")
    ear = logging.Handler()
    ear.addFilter(lambda record: record.name != "mail.log")
    ear.emit = lambda record: written.append(shown.format(record))  # type: ignore[method-assign]
    logging.getLogger().addHandler(ear)
    logging.getLogger().setLevel(logging.INFO)
    yield written
    logging.getLogger().removeHandler(ear)


def make_due(ctx):
    with ctx.db.begin() as session:
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))
        session.execute(text("UPDATE end_requests SET next_try_at = now(), claimed_at = NULL"))
        session.execute(text("UPDATE mails SET send_at = now() WHERE state = 'waiting'"))


@pytest.fixture
def story(app, browser, other_browser, ctx, make, paypal, log_in_customer, log_in_staff, code_and_link, hire, lines):
    """A customer logs in and cancels while PayPal stumbles; staff log in and search; a program shows a wrong key.

    Yields what was secret in it.
    """
    merchant = make.merchant(locale="en", slug="chez-margot", name="Chez Margot")
    customer = make.customer(merchant, email="claire@client.test", name="Clairette Beauvoisin")
    staff = hire(merchant, email="margot@atelier.test")
    log_in_staff(other_browser, staff)
    other_browser.get("/admin/customers?q=Beauvoisin")
    app.test_client().get("/v1/subscriptions", headers={"Authorization": f"Bearer psk_live_{'k' * 43}"})
    subscription = make.subscription(merchant=merchant, customer=customer)
    log_in_customer(browser, merchant, customer)
    code = code_and_link()[0]
    paypal.rule("cancel", "500", times=1)
    recap = browser.get(f"/account/{merchant.slug}/").follow("Cancel my subscription")
    recap.submit(press=CANCEL, comment="Parce que Beauvoisin le veut")
    for state in (RequestState.RETRYING, RequestState.CONFIRMED):
        (request,) = make.requests(subscription)
        assert request.state is state
        make_due(ctx)
        run_worker(ctx, wait=False)
    jars = (browser.client._cookies, other_browser.client._cookies)
    cookies = [cookie.value for jar in jars for cookie in jar.values() if len(cookie.value) > 8]
    keys = [TOKEN, paypal.credentials.secret, "k" * 20, "A21AA"]
    return subscription, [*cookies, *keys, PASSWORD, staff.totp_secret, f" {code}", f'"{code}"']


def test_a_story_can_be_followed_by_its_ids_and_says_of_nobody_who_it_was(app, browser, story, lines, monkeypatch):
    subscription, secrets = story
    follow([json.loads(line) for line in lines], subscription)

    browser.get("/nowhere/claire@client.test", status=404)
    pages = browser.get("/nowhere", status=404).body + broken_page(app, monkeypatch)
    figures = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert figures.status_code == 200
    persons = ["claire@", "Clairette", "Beauvoisin", "margot@", "Léa", "Margot"]
    for where, told in (("logs", "\n".join(lines)), ("figures", figures.text), ("pages", pages)):
        for word in secrets + persons:
            assert word not in told, (where, word)
    assert "chez-margot" not in figures.text
    assert any("no such person: [address]" in line for line in lines)


def follow(said, subscription):
    """Go from the click to PayPal and to the mail, by ids alone."""
    clicks = [line for line in said if line.get("method") == "POST" and line["route"].endswith("/cancellation")]
    (click,) = clicks
    assert click["subscription_id"] == str(subscription.id)
    assert click["merchant_id"] == str(subscription.merchant_id)
    calls = [line for line in said if line["event"] == "paypal call" and line["operation"] == "cancel"]
    assert calls[0]["request_id"] == click["request_id"]
    jobs = {line["job_id"]: line for line in said if line["event"] == "job"}
    carried = {one for one in click["jobs_put"] if jobs[one]["task"] == "end_requests.carry_out"}
    assert calls[1]["job_id"] in carried
    assert all(call["debug_id"] for call in calls)
    put = {one for job_id in carried for one in jobs[job_id].get("jobs_put", ())} | set(click["jobs_put"])
    mails = {line["job_id"] for line in said if line["event"] == "mail_sent" and line["kind"] == "end_confirmed"}
    assert mails
    assert mails <= put


def broken_page(app, monkeypatch) -> str:
    """Return the page of a defect whose own words name somebody."""

    def fails(*_about, **_more):
        raise RuntimeError("no such person: claire@client.test")

    monkeypatch.setattr(identity.people, "at_desk", fails)
    somebody = app.test_client()
    somebody.set_cookie("portal_staff", "x" * 43, domain="portal.test")
    page = somebody.get("/admin/", base_url="http://portal.test")
    assert page.status_code == 500
    return page.text
