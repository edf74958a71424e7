"""What a story leaves in logs, figures and error pages: its way from the click to the mail, and nothing of whom."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from sqlalchemy import text

from portal.domain.end_requests import RequestState
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


def test_a_story_can_be_followed_by_its_ids_and_says_of_nobody_who_it_was(
    app,
    browser,
    other_browser,
    log_in_staff,
    ctx,
    make,
    paypal,
    log_in_customer,
    code_and_link,
    lines,
    monkeypatch,
    hire,
):
    merchant = make.merchant(locale="en", slug="chez-margot", name="Chez Margot")
    customer = make.customer(merchant, email="claire@client.test", name="Clairette Beauvoisin")
    staff = hire(merchant, email="margot@atelier.test")
    log_in_staff(other_browser, staff)
    other_browser.get("/admin/customers", q="Beauvoisin")
    app.test_client().get("/v1/subscriptions", headers={"Authorization": f"Bearer psk_live_{'k' * 43}"})
    subscription = make.subscription(merchant=merchant, customer=customer)
    log_in_customer(browser, merchant, customer)
    code = code_and_link()[0]
    paypal.rule("cancel", "500", times=1)
    recap = browser.get(f"/account/{merchant.slug}/").follow("Cancel my subscription")
    recap.submit(press=CANCEL, comment="Parce que Beauvoisin le veut")
    (request,) = make.requests(subscription)
    assert request.state is RequestState.RETRYING
    make_due(ctx)
    run_worker(ctx, wait=False)
    make_due(ctx)
    run_worker(ctx, wait=False)
    (request,) = make.requests(subscription)
    assert request.state is RequestState.CONFIRMED

    said = [json.loads(line) for line in lines]
    (click,) = [line for line in said if line["event"] == "request" and line["method"] == "POST" and "jobs_put" in line
                and line["route"].endswith("/cancellation")]  # fmt: skip
    assert click["subscription_id"] == str(subscription.id)
    assert click["merchant_id"] == str(merchant.id)
    in_request = [line for line in said if line.get("request_id") == click["request_id"]]
    assert [line for line in in_request if line["event"] == "paypal call" and line["operation"] == "cancel"]
    jobs = {line["job_id"]: line for line in said if line["event"] == "job"}
    carried = [jobs[one] for one in click["jobs_put"] if jobs[one]["task"] == "end_requests.carry_out"]
    calls = [line for line in said if line["event"] == "paypal call" and line.get("job_id") in
             {one["job_id"] for one in carried}]  # fmt: skip
    assert "cancel" in {line["operation"] for line in calls}
    assert all(line["debug_id"] for line in calls)
    mails = [line for line in said if line["event"] == "mail_sent" and line["kind"].startswith("end")]
    put = {one for line in carried for one in line.get("jobs_put", ())} | set(click["jobs_put"])
    assert mails
    assert {line["job_id"] for line in mails} <= put

    browser.get("/nowhere/claire@client.test", status=404)
    pages = [browser.get("/nowhere", status=404).body]
    monkeypatch.setattr(identity.people, "at_desk", _fails)
    stranger = app.test_client()
    stranger.set_cookie("portal_staff", "x" * 43, domain="portal.test")
    broken = stranger.get("/admin/", base_url="http://portal.test")
    assert broken.status_code == 500
    pages.append(broken.text)
    figures = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert figures.status_code == 200
    jars = (browser.client._cookies, other_browser.client._cookies)
    cookies = [cookie.value for jar in jars for cookie in jar.values() if len(cookie.value) > 8]
    secrets = [
        *cookies,
        TOKEN,
        paypal.credentials.secret,
        "k" * 20,
        PASSWORD,
        staff.totp_secret,
        f" {code}",
        f'"{code}"',
        "A21AA",
    ]
    persons = ["claire@", "Clairette", "Beauvoisin", "margot@", "Léa", "Margot"]
    for where, text_of in (("logs", "\n".join(lines)), ("figures", figures.text), ("pages", "\n".join(pages))):
        for word in secrets + persons:
            assert word not in text_of, (where, word)
    assert "chez-margot" not in figures.text
    assert any("no such person: [address]" in line for line in lines)


def _fails(*_about, **_more):
    raise RuntimeError("no such person: claire@client.test")
