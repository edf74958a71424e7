"""Deciding test 11: whatever opens a mailed link — a scanner, a preview, a person — changes nothing by that."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from portal.clock import utc_now
from portal.models import Mail, MailState, Proof
from portal.services import aging, proofs
from tests.browser_client import Browser
from tests.pdf_text import words_of
from tests.waiting_mails import said
from tests.web.customer.conftest import CANCEL, log_in, visit  # noqa: F401 - the customer's pages serve here

LINK = re.compile(r"http://portal\.test(/\S+)")
PRINTED = re.compile(r"http://portal\.test(/proof/\w{4}-\w{4})")  # of a file whose words come without their spaces
QUIET = "http://portal.test"


@pytest.fixture
def mailed(app, visit, make, ctx, paypal):  # noqa: F811
    """Every path of the portal that a customer's story mailed to anybody: the log-in's, and in the proofs attached."""
    held = make.subscription(customer=visit.customer)
    Browser(app, address="192.0.2.9").get(f"{visit.home}login").submit(email=visit.customer.email)
    visit.recap(held).submit(press=CANCEL)
    paypal.rule("any", "500")
    visit.recap(make.subscription(customer=visit.customer)).submit(press=CANCEL)
    aging.run(ctx, now=utc_now() + timedelta(days=2))
    with ctx.db.read() as session:
        waiting = Mail.state != MailState.SUPERSEDED
        bodies = [said(ctx, row).text for row in session.scalars(select(Mail).where(waiting))]
        attached = [words_of(proofs.file_of(row).content) for row in session.scalars(select(Proof))]
    return {path.rstrip(").,") for body in bodies for path in LINK.findall(body)} | {
        path for words in attached for path in PRINTED.findall(words)
    }


@pytest.mark.law("R-AC-4")
def test_11_opening_any_mailed_link_changes_nothing(visit, mailed, ctx, app, paypal):  # noqa: F811
    assert {path.split("/")[1] for path in mailed} >= {"account", "admin", "proof"}
    assert any("/login/link/" in path for path in mailed)
    paypal.clear_rules()
    calls, commits = len(paypal.calls), []
    event.listen(ctx.db.engine, "commit", lambda connection: commits.append(connection))
    for path in sorted(mailed):
        for client in (app.test_client(), visit.browser.client):  # nobody known, and the customer
            for method in ("head", "get", "head", "get"):
                answer = getattr(client, method)(path, base_url=QUIET)
                assert answer.status_code in (200, 302, 303), (path, answer.status)
    assert commits == []
    assert len(paypal.calls) == calls
