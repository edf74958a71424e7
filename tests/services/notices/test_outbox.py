"""The outbox: one message once, whatever the mail server does and however often somebody asks."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import NoResultFound

from portal.mail.composing import Composed
from portal.models import Mail, MailState
from portal.services.notices import leaving, outbox

HELLO = Composed(kind="end_recorded", subject="Hello", text="Hello\n", html="<p>Hello</p>")
CODE = Composed(kind="login_code", subject="Code", text="042137\n", html="<p>042137</p>")


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, support_email="aide@atelier.test")


@pytest.fixture
def post(ctx, merchant, now):
    """Put a message under a key, committed; returns its id, or None when the key was taken."""

    def put(key="k", composed=HELLO, **more):
        with ctx.db.begin() as session:
            mail = outbox.put(
                ctx,
                session,
                composed,
                merchant_id=merchant.id,
                key=key,
                recipient="zoe@client.test",
                language="fr",
                now=now,
                **more,
            )
            return mail.id if mail else None

    return put


@pytest.fixture
def row(ctx):
    def read(mail_id):
        with ctx.db.read() as session:
            return session.get_one(Mail, mail_id)

    return read


@pytest.fixture
def jobs(ctx):
    """The mail jobs that stand in the queue: (mail id, when)."""

    def read():
        with ctx.db.read() as session:
            return session.execute(
                text(
                    "SELECT args->>'mail_id', scheduled_at FROM procrastinate_jobs"
                    " WHERE task_name = 'mails.send' ORDER BY id"
                )
            ).all()

    return read


def test_a_message_is_sent_once(ctx, post, row, mailer, now):
    mail_id = post()
    assert leaving.send(ctx, mail_id, now=now) is MailState.SENT
    assert leaving.send(ctx, mail_id, now=now + timedelta(hours=1)) is MailState.SENT
    (letter,) = mailer.sent
    assert (letter.to, letter.subject, letter.text, letter.language) == ("zoe@client.test", "Hello", "Hello\n", "fr")
    assert letter.reply_to == "aide@atelier.test"
    assert letter.message_id == row(mail_id).message_id
    assert letter.message_id.endswith("@portal.test")
    assert row(mail_id).sent_at == now


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("end_recorded", "Cours L’Atelier Bcc: x@y.test"), ("merchant_overdue", ""), ("staff_unlock", "")],
)
def test_customers_see_the_merchant_as_the_sender_and_the_team_the_portal(ctx, make, mailer, now, kind, shown):
    """An empty name leaves the one of MAIL_FROM; answers go to the merchant's support address all the same."""
    merchant = make.merchant(name="Cours L’Atelier\r\nBcc: x@y.test", key=False, support_email="aide@atelier.test")
    with ctx.db.begin() as session:
        mail = outbox.put(
            ctx,
            session,
            dataclasses.replace(HELLO, kind=kind),
            merchant_id=merchant.id,
            key="k",
            recipient="zoe@client.test",
            language="fr",
            now=now,
        )
    leaving.send(ctx, mail.id, now=now)
    (letter,) = mailer.sent
    assert (letter.sender_name, letter.sender, letter.reply_to) == (shown, ctx.mail_from, "aide@atelier.test")


def test_the_same_key_is_written_once(ctx, post, jobs, mailer):
    first = post("same")
    assert post("same") is None
    assert [mail_id for mail_id, _ in jobs()] == [str(first)]


def test_a_message_and_its_job_vanish_with_the_transaction(ctx, merchant, jobs, now):
    with ctx.db.begin() as session:
        outbox.put(ctx, session, HELLO, merchant_id=merchant.id, key="k", recipient="a@b.test", language="fr", now=now)
        session.rollback()
    with ctx.db.read() as session:
        assert session.scalars(select(Mail)).all() == []
    assert jobs() == []


@pytest.mark.law("R-GD-6")
def test_the_content_is_sealed_at_rest(ctx, post):
    post()
    with ctx.db.read() as session:
        stored = session.execute(text("SELECT content FROM mails")).scalar_one()
    assert b"Hello" not in bytes(stored)


def test_a_refused_message_is_kept_with_its_reason(ctx, post, row, mailer, now):
    mail_id = post()
    mailer.refusing = True
    assert leaving.send(ctx, mail_id, now=now) is MailState.REFUSED
    mailer.refusing = False
    assert leaving.send(ctx, mail_id, now=now + timedelta(days=1)) is MailState.REFUSED
    assert "550" in row(mail_id).error
    assert mailer.sent == []


def test_a_mail_server_that_is_away_is_asked_again_until_it_answers(ctx, post, row, jobs, mailer, now):
    mail_id = post()
    mailer.away = True
    waits, moment = [], now
    for _ in range(8):
        assert leaving.send(ctx, mail_id, now=moment) is MailState.WAITING
        waits.append(row(mail_id).send_at - moment)
        assert jobs()[-1][1] == row(mail_id).send_at
        moment = row(mail_id).send_at
    minutes = [wait.total_seconds() / 60 for wait in waits]
    for got, meant in zip(minutes, [1, 5, 15, 60, 180, 360, 360, 360], strict=True):
        assert meant * 0.89 < got < meant * 1.11
    mailer.away = False
    assert leaving.send(ctx, mail_id, now=moment) is MailState.SENT
    assert len(mailer.sent) == 1


def test_a_job_that_comes_too_early_comes_back_in_time(ctx, post, jobs, mailer, now):
    mail_id = post(send_at=now + timedelta(seconds=60))
    assert leaving.send(ctx, mail_id, now=now) is MailState.WAITING
    assert mailer.sent == []
    assert {when for _, when in jobs()} == {now + timedelta(seconds=60)}
    assert leaving.send(ctx, mail_id, now=now + timedelta(seconds=60)) is MailState.SENT


def test_two_jobs_at_once_send_one_message(ctx, post, mailer, now):
    mail_id = post()
    seen = []
    deliver = mailer.send

    class Meanwhile:
        """A mail server during whose dialogue a second job for the same message starts."""

        def send(self, letter):
            seen.append(leaving.send(ctx, mail_id, now=now + timedelta(seconds=30)))
            deliver(letter)

    leaving.send(dataclasses.replace(ctx, mailer=Meanwhile()), mail_id, now=now)
    assert seen == [MailState.WAITING]
    assert len(mailer.sent) == 1


def test_a_process_that_died_while_sending_is_followed_with_the_same_message_id(ctx, post, row, mailer, now):
    mail_id = post()

    class Dying:
        def send(self, letter):
            mailer.send(letter)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leaving.send(dataclasses.replace(ctx, mailer=Dying()), mail_id, now=now)
    assert row(mail_id).state is MailState.WAITING
    assert leaving.send(ctx, mail_id, now=now + timedelta(seconds=30)) is MailState.WAITING  # it may still be at it
    assert leaving.send(ctx, mail_id, now=row(mail_id).send_at) is MailState.SENT
    assert len({letter.message_id for letter in mailer.sent}) == 1


def test_a_defect_is_seen_and_the_message_still_leaves(ctx, post, row, jobs, mailer, now):
    mail_id = post()

    class Broken:
        def send(self, letter):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        leaving.send(dataclasses.replace(ctx, mailer=Broken()), mail_id, now=now)
    assert jobs()[-1] == (str(mail_id), row(mail_id).send_at)
    assert leaving.send(ctx, mail_id, now=row(mail_id).send_at) is MailState.SENT


def test_released_it_leaves_at_once_and_once(ctx, post, jobs, mailer, now):
    mail_id = post("ack", send_at=now + timedelta(seconds=60))
    with ctx.db.begin() as session:
        assert outbox.release(session, "ack", now=now)
    assert [when for _, when in jobs()] == [now + timedelta(seconds=60), None]
    assert leaving.send(ctx, mail_id, now=now) is MailState.SENT
    with ctx.db.begin() as session:
        assert not outbox.release(session, "ack", now=now)
    assert leaving.send(ctx, mail_id, now=now + timedelta(seconds=60)) is MailState.SENT
    assert len(mailer.sent) == 1


def test_superseded_it_never_leaves(ctx, post, mailer, now):
    mail_id = post("ack", send_at=now + timedelta(seconds=60))
    with ctx.db.begin() as session:
        assert outbox.supersede(session, "ack")
        assert not outbox.supersede(session, "ack")
        assert not outbox.release(session, "ack", now=now)
    assert leaving.send(ctx, mail_id, now=now + timedelta(seconds=60)) is MailState.SUPERSEDED
    assert mailer.sent == []


def test_a_code_does_not_stay_after_it_was_sent(ctx, post, row, mailer, now):
    mail_id = post(composed=CODE)
    leaving.send(ctx, mail_id, now=now)
    assert "042137" in mailer.sent[0].text
    assert row(mail_id).content is None


def test_a_code_is_never_sent_late(ctx, post, row, mailer, now):
    mail_id = post(composed=CODE)
    mailer.away = True
    leaving.send(ctx, mail_id, now=now)
    mailer.away = False
    assert leaving.send(ctx, mail_id, now=now + timedelta(minutes=10)) is MailState.SUPERSEDED
    assert row(mail_id).content is None
    assert mailer.sent == []


def test_no_address_and_no_content_is_logged(ctx, post, mailer, now, capfd, caplog):
    caplog.set_level("DEBUG", logger="portal")
    sent, refused, away = post("a"), post("b"), post("c")
    leaving.send(ctx, sent, now=now)
    mailer.refusing = True
    leaving.send(ctx, refused, now=now)
    mailer.refusing, mailer.away = False, True
    leaving.send(ctx, away, now=now)
    out, err = capfd.readouterr()
    logged = out + err + caplog.text
    assert str(refused) in logged
    assert "zoe@" not in logged
    assert "Hello" not in logged


def lose_the_jobs(ctx):
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))


def test_a_message_whose_job_was_lost_is_sent_all_the_same(ctx, post, jobs, mailer, now):
    mail_id = post()
    lose_the_jobs(ctx)
    assert outbox.sweep(ctx, now=now + timedelta(minutes=10)) == 0, "its job may only be late"
    assert outbox.sweep(ctx, now=now + timedelta(minutes=11)) == 1
    assert [found for found, _ in jobs()] == [str(mail_id)]
    assert outbox.sweep(ctx, now=now + timedelta(minutes=12)) == 0, "one new job is enough"
    assert leaving.send(ctx, mail_id, now=now + timedelta(minutes=12)) is MailState.SENT
    assert len(mailer.sent) == 1


def test_only_messages_whose_time_has_passed_are_given_a_job(ctx, post, jobs, mailer, now):
    sent = post("sent")
    leaving.send(ctx, sent, now=now)
    mailer.refusing = True
    leaving.send(ctx, post("refused"), now=now)
    post("dropped", send_at=now + timedelta(seconds=60))
    with ctx.db.begin() as session:
        outbox.supersede(session, "dropped")
    post("later", send_at=now + timedelta(hours=2))
    lose_the_jobs(ctx)
    assert outbox.sweep(ctx, now=now + timedelta(hours=1)) == 0
    assert jobs() == []


def test_a_message_that_somebody_holds_is_left_to_them(ctx, post, now):
    held, free = post("held"), post("free")
    with ctx.db.begin() as session:
        session.get_one(Mail, held, with_for_update=True)
        assert outbox.sweep(ctx, now=now + timedelta(hours=1)) == 1
    assert free


def test_an_unknown_message_is_an_error(ctx, now):
    with pytest.raises(NoResultFound):
        leaving.send(ctx, uuid.uuid4(), now=now)
