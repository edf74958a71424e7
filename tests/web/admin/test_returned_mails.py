"""What came back stands in the inbox and on the customer's record, until the address is corrected or it leaves anew."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.mail.composing import Composed
from portal.models import Customer, Mail, MailState, Merchant
from portal.providers import delivery_reports
from portal.services.notices import bounces, leaving, outbox
from portal.services.people import customer_addresses
from tests.fakes.delivery_reports import report
from tests.services.notices.test_bounces import BY
from tests.web.admin.test_customer_record import banners, confirmed, mails, record, zoe  # noqa: F401


@pytest.fixture
def ctx(ctx):
    return dataclasses.replace(ctx, bounce_address="rebond@portal.test")


@pytest.fixture
def returned(ctx, make, mailer):
    """Send a message and let it come back."""

    def come_back(mail, **said):
        now = make.now() + timedelta(minutes=1)
        assert leaving.send(ctx, mail.id, now=now) is MailState.SENT
        raw = report(mailer.sent[-1].envelope_sender, **said)
        bounces.take(ctx, delivery_reports.read(raw), now=now)
        return mail

    return come_back


@pytest.fixture
def write(ctx, merchant, make):
    def put(kind, **more):
        composed = Composed(kind=kind, subject="s", text="t\n", html="<p>t</p>")
        with ctx.db.begin() as session:
            return outbox.put(
                ctx, session, composed, merchant_id=merchant.id, key=kind, language="en", now=make.now(),
                **{"recipient": "zoe@client.test"} | more,
            )  # fmt: skip

    return put


def cards(browser):
    return [
        one.get_text(strip=True) for one in browser.get("/admin/").select("h2") if "did not arrive" in one.get_text()
    ]


def test_the_inbox_says_why_and_leads_to_the_address(support, returned, confirmed, zoe):  # noqa: F811
    returned(confirmed, status="5.2.2", diagnostic="smtp; 552 5.2.2 Over quota")
    page = support.get("/admin/")
    assert "The message to zoe@client.test came back: the mailbox is full (5.2.2)." in page.text
    assert "552 5.2.2 Over quota" in page.text
    assert page.select_one(f'a[href="{record(zoe)}/identity"]').get_text() == "Correct the address"


def test_sent_anew_it_leaves_the_inbox_and_comes_again_if_it_returns(support, returned, confirmed):  # noqa: F811
    returned(confirmed)
    page = support.get("/admin/").submit(press="Send it again to zoe@client.test")
    assert "being sent again" in page.notices[0]
    assert cards(support) == []
    returned(confirmed)
    assert len(cards(support)) == 1


def test_read_it_leaves_the_inbox_and_stays_on_the_record(support, returned, confirmed, zoe):  # noqa: F811
    returned(confirmed)
    support.get("/admin/").submit(press="Understood")
    assert cards(support) == []
    assert "Emails to zoe@client.test come back" in banners(support.get(record(zoe)))


def test_a_new_address_closes_it_on_both_pages(ctx, support, returned, confirmed, zoe, make):  # noqa: F811
    returned(confirmed)
    page = support.get(record(zoe))
    assert "Emails to zoe@client.test come back" in banners(page)
    assert "this address does not exist (5.1.1)" in page.text
    with ctx.db.begin() as session:
        row = session.get_one(Customer, zoe.id, with_for_update=True)
        customer_addresses.change(ctx, session, row, "zoe@neuf.example", by=BY, now=make.now())
    assert cards(support) == []
    assert not any("come back" in title for title in banners(support.get(record(zoe))))


def test_the_record_s_list_has_state_reason_and_the_button(support, reader, returned, confirmed, zoe):  # noqa: F811
    returned(confirmed)
    (line,) = [one for one in mails(support.get(record(zoe))) if one.startswith("End confirmed zoe@")]
    assert "Returned: not delivered" in line
    assert "this address does not exist (5.1.1)" in line
    assert "Send again" in line
    seen = reader.get(record(zoe))
    assert not any("Send again" in one for one in mails(seen))
    assert seen.select('a[href="#mails"]')
    assert not seen.select(f'a[href="{record(zoe)}/identity"]')


@pytest.mark.parametrize(
    ("action", "said"), [("delayed", "the mail server keeps trying"), ("delivered", "says the recipient’s mail server")]
)
def test_late_and_arrived_are_said_as_the_server_s_word(support, returned, confirmed, zoe, action, said):  # noqa: F811
    returned(confirmed, action=action)
    (line,) = [one for one in mails(support.get(record(zoe))) if one.startswith("End confirmed zoe@")]
    assert "Accepted by the mail server" in line
    assert said in line
    assert cards(support) == []


def test_what_the_promise_does_not_need_stands_on_the_record_alone(support, returned, write, zoe):  # noqa: F811
    returned(write("access_given", customer_id=zoe.id))
    assert cards(support) == []
    assert any("Returned: not delivered" in one for one in mails(support.get(record(zoe))))


def test_what_told_the_merchant_goes_with_the_address_of_the_settings(ctx, owner, returned, write, merchant):
    returned(write("merchant_needs_you", recipient=merchant.support_email))
    assert len(cards(owner)) == 1
    assert owner.get("/admin/").select('a[href="/admin/settings"]')
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).support_email = "neuf@atelier.test"
    assert cards(owner) == []


def test_another_merchant_sees_nothing_and_sends_nothing(enter, make, returned, confirmed, ctx):  # noqa: F811
    returned(confirmed)
    stranger = enter(make.merchant(locale="en"))
    assert cards(stranger) == []
    token = stranger.values_of(stranger.get("/admin/settings"))["csrf_token"]
    for what in ("resend", "seen"):
        stranger.post(f"/admin/inbox/mails/{confirmed.id}/{what}", {"csrf_token": token}, status=404)
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.state).where(Mail.id == confirmed.id)).one() is MailState.RETURNED
