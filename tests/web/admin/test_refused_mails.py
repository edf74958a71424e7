"""A confirmation that the mail server refused (552, 554) is not lost: the desk sends it again."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from portal.models import Customer, Mail, MailState
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.notices import leaving
from tests.services.carrying.carried import wish_of


@pytest.fixture
def refused(ctx, make, merchant, mailer, now):
    """The confirmation of a customer's end, refused by the mail server."""
    customer = make.customer(merchant, email="full@client.test")
    subscription = make.subscription(customer=customer)
    wish = wish_of(subscription)
    recorded = end_requests.record(ctx, wish, now=now)
    end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
    mail = confirmation(ctx)
    mailer.refusing = True
    assert leaving.send(ctx, mail.id, now=make.now()) is MailState.REFUSED
    mailer.refusing = False
    return mail


def confirmation(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).one()


def test_it_goes_to_the_mended_address_with_its_proof(refused, ctx, owner, mailer, make):
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(email="claire@client.test"))
    page = owner.get("/admin/")
    assert "full@client.test" in page.text

    page = page.submit(press="Send it again to claire@client.test")

    assert "claire@client.test" in page.notices[0]
    assert not page.select('form[action^="/admin/inbox/mails/"]')
    assert leaving.send(ctx, refused.id, now=make.now()) is MailState.SENT
    (letter,) = mailer.sent
    assert letter.to == "claire@client.test"
    assert letter.attachments[0].content.startswith(b"%PDF")
    assert letter.message_id == refused.message_id


def test_refused_once_more_it_is_shown_once_more(refused, ctx, owner, mailer, make):
    owner.get("/admin/").submit(press="Understood")
    assert not owner.get("/admin/").select('form[action^="/admin/inbox/mails/"]')
    token = owner.values_of(owner.get("/admin/"))["csrf_token"]
    owner.post(f"/admin/inbox/mails/{refused.id}/resend", {"csrf_token": token}, status=303)
    mailer.refusing = True
    assert leaving.send(ctx, refused.id, now=make.now()) is MailState.REFUSED
    assert owner.get("/admin/").select(f'form[action="/admin/inbox/mails/{refused.id}/resend"]')


def test_only_a_refused_confirmation_of_one_s_own_is_sent_again(refused, ctx, owner, reader, enter, make):
    path = f"/admin/inbox/mails/{refused.id}/resend"

    def press(browser, status):
        token = browser.values_of(browser.get("/admin/"))["csrf_token"]
        browser.post(path, {"csrf_token": token}, status=status)

    press(enter(make.merchant(locale="en")), 404)
    press(reader, 403)
    press(owner, 303)
    press(owner, 404)
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(kind="end_recorded", state=MailState.REFUSED))
    assert not owner.get("/admin/").select(f'form[action="{path}"]'), "its words may not be true any more"
    press(owner, 404)
