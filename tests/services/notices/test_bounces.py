"""A mail that comes back: through a real mail server out, and in again by the command, counted once and for itself."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import By
from portal.domain.ends.end_requests import retry_delay
from portal.domain.people import bounces as bounces_rules
from portal.domain.people.account_members import MemberRole
from portal.domain.people.bounces import Report
from portal.domain.policies import Actor
from portal.mail.composing import Composed
from portal.models import (
    AccountMember,
    AuditEntry,
    Customer,
    Mail,
    MailState,
    Subscription,
    TimelineEntry,
    TimelineKind,
)
from portal.providers import delivery_reports
from portal.providers.smtp import SmtpMailer
from portal.secrets import Vault
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.inbox import inbox
from portal.services.notices import bounces, leaving, outbox
from portal.services.notices.bounces import Outcome
from portal.services.people import customer_addresses
from tests.fakes.delivery_reports import report, vacation
from tests.providers_smtp.test_smtp import start  # noqa: F401 - a real mail server
from tests.services.carrying.carried import wish_of
from tests.waiting_mails import said
from tests.web.account_people import member_of

BOUNCES = "rebond@portal.test"
BY = By(actor=Actor.STAFF, channel="staff", name="Léa")


@pytest.fixture
def ctx(ctx):
    return dataclasses.replace(ctx, bounce_address=BOUNCES)


@pytest.fixture
def zoe(make):
    return make.customer(make.merchant(locale="en"), email="zoe@client.test", name="Zoé")


@pytest.fixture
def confirmed(ctx, make, zoe, now):
    """The message that confirms an end, not sent yet."""
    recorded = end_requests.record(ctx, wish_of(make.subscription(customer=zoe)), now=now)
    end_carrying.carry_out(ctx, zoe.merchant_id, recorded.request_id)
    with ctx.db.read() as session:
        return session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).one()


@pytest.fixture
def post(ctx, zoe, now):
    """Write a message of a kind and send it; returns its row as it is then."""

    def put(kind="access_given", customer_id=None, **more):
        composed = Composed(kind=kind, subject="s", text="t\n", html="<p>t</p>")
        with ctx.db.begin() as session:
            return outbox.put(
                ctx, session, composed, merchant_id=zoe.merchant_id, key=f"k:{kind}", recipient="zoe@client.test",
                language="en", now=now, customer_id=customer_id, **more,
            )  # fmt: skip

    return put


def row(ctx, mail):
    with ctx.db.read() as session:
        return session.get_one(Mail, mail.id)


def sent(ctx, mail, mailer, *, now):
    """Send it, and return the envelope's sender."""
    assert leaving.send(ctx, mail.id, now=now + timedelta(minutes=1)) is MailState.SENT
    return mailer.sent[-1].envelope_sender


def take(ctx, raw, *, now, recipient=""):
    return bounces.take(ctx, delivery_reports.read(raw, recipient=recipient), now=now)


def facts(ctx):
    """How often the timeline, and the audit chain, tell of a mail that came back."""
    with ctx.db.read() as session:
        told = session.scalar(
            select(func.count()).select_from(TimelineEntry).where(TimelineEntry.kind == TimelineKind.MAIL_RETURNED)
        )
        chained = session.scalars(
            select(AuditEntry.act).where(AuditEntry.act.contains("returned")).order_by(AuditEntry.number)
        ).all()
        return told, list(chained)


def test_a_report_finds_the_mail_that_a_real_server_was_given(ctx, start, confirmed, now):  # noqa: F811
    server, port = start()
    ctx = dataclasses.replace(ctx, mailer=SmtpMailer("127.0.0.1", port, starttls=False))
    assert leaving.send(ctx, confirmed.id, now=now + timedelta(minutes=1)) is MailState.SENT
    to = server.received[0].mail_from
    assert to.startswith("rebond+")
    assert server.received[0].rcpt_tos == ["zoe@client.test"]

    assert take(ctx, report(to), now=now + timedelta(minutes=2)) is Outcome.COUNTED

    mail = row(ctx, confirmed)
    assert (mail.state, mail.report, mail.report_code) == (MailState.RETURNED, Report.FAILED, "5.1.1")
    assert mail.report_words == "550 5.1.1 No such user"
    assert mail.reported_at == now + timedelta(minutes=2)
    assert facts(ctx) == (1, ["subscription.mail_returned"])


def test_without_the_setting_the_sender_stays_as_it_is(ctx, confirmed, mailer, now):
    assert sent(dataclasses.replace(ctx, bounce_address=""), confirmed, mailer, now=now) == ""


def test_the_same_report_twice_counts_once(ctx, confirmed, mailer, now):
    to = sent(ctx, confirmed, mailer, now=now)
    assert take(ctx, report(to), now=now) is Outcome.COUNTED
    assert take(ctx, report(to), now=now + timedelta(hours=1)) is Outcome.NO_NEWS
    assert row(ctx, confirmed).reported_at == now
    assert facts(ctx)[0] == 1


@pytest.mark.parametrize("ends", ["refused", "returned"])
def test_who_has_read_that_it_waits_has_not_read_what_becomes_of_it(ctx, confirmed, mailer, now, ends):
    """The customer who cancelled was told nothing: that it waits may be ticked off, and it rings once more."""
    with ctx.db.begin() as session:
        session.execute(update(Mail).where(Mail.id == confirmed.id).values(seen_at=now))
    if ends == "refused":
        mailer.refusing = True
        assert leaving.send(ctx, confirmed.id, now=now + timedelta(minutes=1)) is MailState.REFUSED
    else:
        take(ctx, report(sent(ctx, confirmed, mailer, now=now)), now=now)
    assert (row(ctx, confirmed).state.value, row(ctx, confirmed).seen_at) == (ends, None)


def test_a_message_of_the_promise_is_in_vain_after_a_day_of_tries():
    """The card says so, and no sooner: each wait may be a tenth shorter."""
    waits = [retry_delay(tries) for tries in range(1, bounces_rules.TRIES_IN_VAIN)]
    assert sum(waits, timedelta()) > timedelta(hours=24)


def test_late_then_arrived_then_returned_but_never_backwards(ctx, confirmed, mailer, now):
    to = sent(ctx, confirmed, mailer, now=now)
    told = []
    for action in ("delayed", "delayed", "delivered", "delayed", "failed", "delivered"):
        outcome = take(ctx, report(to, action=action), now=now)
        told.append((outcome.value, row(ctx, confirmed).report.value, row(ctx, confirmed).state.value))
    assert told == [
        ("counted", "delayed", "sent"),
        ("no_news", "delayed", "sent"),
        ("counted", "delivered", "sent"),
        ("no_news", "delivered", "sent"),
        ("counted", "failed", "returned"),
        ("no_news", "failed", "returned"),
    ]


def test_a_forged_token_a_cut_one_or_another_mail_s_says_nothing(ctx, confirmed, post, mailer, now):
    to = sent(ctx, confirmed, mailer, now=now)
    other = sent(ctx, post(), mailer, now=now)
    local, _, domain = to.partition("@")
    mixed = other[:34] + to[34:]  # one mail's id under the other's mark
    for forged in (
        f"{local[:-1]}{'a' if local[-1] != 'a' else 'q'}@{domain}",
        f"{local[:-1]}@{domain}",
        BOUNCES,
        mixed,
    ):
        assert take(ctx, report(forged), now=now) is Outcome.REFUSED
    assert take(ctx, report(to), now=now, recipient=BOUNCES) is Outcome.REFUSED
    assert row(ctx, confirmed).state is MailState.SENT


def test_a_report_about_one_mail_never_touches_another(ctx, confirmed, post, mailer, now):
    sent(ctx, confirmed, mailer, now=now)
    other = post()
    named = confirmed.message_id.encode()
    raw = report(sent(ctx, other, mailer, now=now)).replace(
        b"Subject: End", b"Message-ID: <" + named + b">\r\nSubject: End"
    )
    assert take(ctx, raw, now=now) is Outcome.COUNTED
    assert (row(ctx, confirmed).state, row(ctx, other).state) == (MailState.SENT, MailState.RETURNED)


def test_an_automatic_answer_is_no_report(ctx, confirmed, mailer, now):
    to = sent(ctx, confirmed, mailer, now=now)
    assert take(ctx, vacation(to), now=now) is Outcome.NO_REPORT
    assert (row(ctx, confirmed).state, row(ctx, confirmed).report) == (MailState.SENT, None)


def test_a_token_made_under_a_former_master_key_still_counts(ctx, confirmed, mailer, now):
    to = sent(ctx, confirmed, mailer, now=now)
    changed = dataclasses.replace(ctx, vault=Vault((("newer", bytes(range(100, 132))), ("test", bytes(range(32))))))
    assert take(changed, report(to), now=now) is Outcome.COUNTED
    unknown = dataclasses.replace(ctx, vault=Vault((("newer", bytes(range(100, 132))),)))
    assert take(unknown, report(to), now=now) is Outcome.REFUSED


def test_a_report_that_is_faster_than_the_sending_itself_is_kept(ctx, confirmed, now):
    class Hasty:
        def send(self, letter):
            assert take(ctx, report(letter.envelope_sender), now=now) is Outcome.COUNTED

    hasty = dataclasses.replace(ctx, mailer=Hasty())
    leaving.send(hasty, confirmed.id, now=now + timedelta(minutes=1))
    assert row(ctx, confirmed).state is MailState.RETURNED


def test_a_log_in_code_that_comes_back_leaves_no_code_behind(ctx, post, mailer, now):
    class Hasty:
        def send(self, letter):
            take(ctx, report(letter.envelope_sender), now=now)

    code = post("login_code")
    leaving.send(dataclasses.replace(ctx, mailer=Hasty()), code.id, now=now + timedelta(minutes=1))
    assert (row(ctx, code).state, row(ctx, code).content) == (MailState.RETURNED, None)


def test_one_that_was_never_sent_cannot_come_back(ctx, confirmed, mailer, now):
    to = sent(ctx, confirmed, mailer, now=now)
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.WAITING, attempts=0))
    assert take(ctx, report(to), now=now) is Outcome.NO_NEWS
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.SUPERSEDED, attempts=1))
    assert take(ctx, report(to), now=now) is Outcome.NO_NEWS


def test_a_mail_that_is_here_no_more_is_gone(ctx, post, mailer, now):
    mail = post()
    to = sent(ctx, mail, mailer, now=now)
    with ctx.db.begin() as session:
        session.delete(session.get_one(Mail, mail.id))
    assert take(ctx, report(to), now=now) is Outcome.GONE


def test_what_went_to_a_customer_who_is_erased_since_is_nobody_s_to_do(ctx, make, zoe, post, mailer, now):
    mail = post("late_payment", customer_id=zoe.id)
    to = sent(ctx, mail, mailer, now=now)
    with ctx.db.begin() as session:
        session.delete(session.get_one(Customer, zoe.id))
    assert take(ctx, report(to), now=now) is Outcome.COUNTED
    assert (row(ctx, mail).state, row(ctx, mail).seen_at) == (MailState.RETURNED, now)
    assert facts(ctx) == (0, ["mail.returned"])


def test_sent_anew_it_has_an_address_of_its_own_and_the_old_report_says_nothing(ctx, confirmed, mailer, now):
    to = sent(ctx, confirmed, mailer, now=now)
    take(ctx, report(to), now=now)
    assert inbox.resend_mail(ctx, confirmed.merchant_id, confirmed.id, now=now) == "zoe@client.test"
    again = row(ctx, confirmed)
    assert (again.state, again.report, again.report_code, again.report_words) == (MailState.WAITING, None, "", "")
    second = sent(ctx, confirmed, mailer, now=now)
    assert second != to
    assert take(ctx, report(to), now=now) is Outcome.NO_NEWS
    assert row(ctx, confirmed).state is MailState.SENT
    assert take(ctx, report(second), now=now) is Outcome.COUNTED
    assert facts(ctx)[0] == 2


def test_sent_anew_it_no_longer_invites_who_was_marked_abandoned_since(ctx, confirmed, mailer, now):
    take(ctx, report(sent(ctx, confirmed, mailer, now=now)), now=now)
    assert "/comeback" in said(ctx, row(ctx, confirmed)).text
    with ctx.db.begin() as session:
        subscription = session.scalars(select(Subscription)).one()
        subscription.mark_abandoned()
    inbox.resend_mail(ctx, confirmed.merchant_id, confirmed.id, now=now)
    assert "/comeback" not in said(ctx, row(ctx, confirmed)).text


def test_a_new_address_gets_the_confirmation_and_closes_the_rest(ctx, confirmed, post, zoe, mailer, now):
    other = post("late_payment", customer_id=zoe.id)
    for mail in (confirmed, other):
        take(ctx, report(sent(ctx, mail, mailer, now=now)), now=now)
    with ctx.db.begin() as session:
        customer = session.get_one(Customer, zoe.id, with_for_update=True)
        customer_addresses.change(ctx, session, customer, "zoe@neuf.example", by=BY, now=now)
    anew = row(ctx, confirmed)
    assert (anew.state, anew.recipient) == (MailState.WAITING, "zoe@neuf.example")
    closed = row(ctx, other)
    assert (closed.state, closed.recipient, closed.seen_at) == (MailState.RETURNED, "zoe@client.test", now)


def test_the_copy_of_one_of_the_accounts_people_is_theirs_alone_however_it_is_sent_anew(ctx, make, zoe, mailer, now):
    """The customer has the confirmation already, and who asked for the end does not."""
    anna = member_of(ctx, zoe, role=MemberRole.OWNER)
    wish = wish_of(make.subscription(customer=zoe), actor_id=anna.id, actor_name=anna.name)
    end_carrying.carry_out(ctx, zoe.merchant_id, end_requests.record(ctx, wish, now=now).request_id)
    with ctx.db.read() as session:
        told = select(Mail).where(Mail.kind == "end_confirmed", Mail.recipient == anna.email)
        copy = session.scalars(told).one()
    take(ctx, report(sent(ctx, copy, mailer, now=now)), now=now)
    with ctx.db.begin() as session:
        customer = session.get_one(Customer, zoe.id, with_for_update=True)
        customer_addresses.change(ctx, session, customer, "zoe@neuf.example", by=BY, now=now)
    assert (row(ctx, copy).state, row(ctx, copy).seen_at) == (MailState.RETURNED, None), "her mailbox is another"
    assert inbox.resend_mail(ctx, zoe.merchant_id, copy.id, now=now) == anna.email
    assert row(ctx, copy).recipient == anna.email
    take(ctx, report(sent(ctx, copy, mailer, now=now)), now=now)
    with ctx.db.begin() as session:
        session.get_one(AccountMember, anna.id).removed_at = now
    with pytest.raises(NoResultFound):
        inbox.resend_mail(ctx, zoe.merchant_id, copy.id, now=now)
