"""Who is told what: one mail when ask and end fall together, honest words otherwise, nobody told twice."""

from __future__ import annotations

import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from portal.domain.ends.end_requests import Basis, Channel, RequestState, Trouble, new_reference
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.mail.composing import AUTOPAY_URL
from portal.models import EndRequest, Grant, Mail, MailState, Merchant, PayPalAccount, Subscription
from portal.queries.access import grants
from portal.queries.ends import end_requests
from portal.queries.law import proofs as stored_proofs
from portal.services import proofs
from portal.services.ends import end_requests as services
from portal.services.notices import leaving, notice_facts, notices
from portal.services.notices.recipients import Post
from tests.services.carrying.carried import wish_of

MINUTE = timedelta(seconds=60)


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", support_email="aide@atelier.test", locale="en")


@pytest.fixture
def asked(ctx, make, merchant, now):
    """A customer's request, committed; anything of it or of its subscription can be said."""

    def ask(*, subscription=None, email="zoe@client.test", outcome=Status.CANCELLED, actor=Actor.CUSTOMER, **columns):
        if subscription is None:
            customer = make.customer(merchant, email=email, name="Zoé Dupont")
            subscription = make.subscription(merchant=merchant, customer=customer, at_paypal=False)
        request = EndRequest(
            id=uuid.uuid4(),
            merchant_id=merchant.id,
            subscription_id=subscription.id,
            reference=new_reference(),
            outcome=outcome,
            actor=actor,
            channel=Channel.PORTAL,
            shown={},
            created_at=now,
            **columns,
        )
        make.add(request)
        return request.id

    return ask


@pytest.fixture
def tell(ctx, merchant, now):
    """Call one notice about a request, in a transaction of its own."""

    def call(notice, request_id, *, at=None, **changes):
        with ctx.db.begin() as session:
            request = end_requests.of_merchant(session, merchant.id, request_id)
            for name, value in changes.items():
                setattr(request, name, value)
            notice(ctx, session, request, now=at or now)

    return call


def told_with_its_proof(ctx, session, request, *, now):
    """As the engine does: the proof is written first, the mail says what it says."""
    merchant = session.get_one(Merchant, request.merchant_id)
    given = grants.of_subscription(session, request.subscription)
    proofs.keep(ctx, session, request, merchant, now=now)
    proof = stored_proofs.of_request(session, request.id)
    notices.end_confirmed(ctx, session, request, proof, given, now=now)
    notices.end_is_told(ctx, session, request, now=now)


@pytest.fixture
def confirm(ctx, tell, now):
    """Write the end as the engine does, then tell of it."""

    def end(request_id, *, at=None, basis=Basis.READ_AFTER_CALL, until=timedelta(days=20), **changes):
        at = at or now
        with ctx.db.begin() as session:
            request = session.get_one(EndRequest, request_id)
            subscription = session.get_one(Subscription, request.subscription_id)
            subscription.status, subscription.ended_at = request.outcome, at + until
            subscription.access_until, subscription.stopped_at_provider_at = subscription.paid_until, at
            subscription.relaunch_allowed = request.outcome is not Status.ABANDONED
        tell(
            told_with_its_proof,
            request_id,
            at=at,
            state=RequestState.CONFIRMED,
            confirmed_at=at,
            basis=basis,
            **changes,
        )

    return end


@pytest.fixture
def delivered(ctx, mailer):
    """Let every message leave that may at that moment; return (kind, recipient) of each, in order."""

    def run(at):
        with ctx.db.read() as session:
            waiting = session.scalars(
                select(Mail).where(Mail.state == MailState.WAITING).order_by(Mail.created_at, Mail.kind)
            )
            rows = [(mail.id, mail.kind, mail.recipient) for mail in waiting]
        return sorted(
            (kind, recipient)
            for mail_id, kind, recipient in rows
            if leaving.send(ctx, mail_id, now=at) is MailState.SENT
        )

    return run


def test_the_acknowledgement_waits_a_minute_and_leaves(asked, tell, delivered, now):
    request = asked()
    tell(notices.end_recorded, request)
    tell(notices.end_recorded, request)
    assert delivered(now + timedelta(seconds=50)) == []
    assert delivered(now + MINUTE) == [
        ("end_recorded", "zoe@client.test"),
        ("merchant_end_requested", "aide@atelier.test"),
    ]


def test_a_confirmation_within_the_minute_is_the_only_mail(asked, tell, confirm, delivered, mailer, now):
    request = asked()
    tell(notices.end_recorded, request)
    confirm(request, at=now + timedelta(seconds=3))
    confirm(request, at=now + timedelta(seconds=3))
    told = delivered(now + timedelta(hours=1))
    assert told == [("end_confirmed", "zoe@client.test"), ("merchant_end_confirmed", "aide@atelier.test")]


@pytest.mark.law("R-FR-12")
def test_a_late_confirmation_is_a_second_mail_with_both_times(asked, tell, confirm, delivered, mailer, now):
    request = asked()
    tell(notices.end_recorded, request)
    tell(notices.end_unconfirmed, request, state=RequestState.RETRYING, trouble=Trouble.UNAVAILABLE)
    tell(notices.end_unconfirmed, request)
    assert [kind for kind, _ in delivered(now)] == ["end_recorded"]
    assert [kind for kind, _ in delivered(now + MINUTE)] == ["merchant_end_requested"]
    confirm(request, at=now + timedelta(hours=3))
    assert [kind for kind, _ in delivered(now + timedelta(hours=3))] == ["end_confirmed", "merchant_end_confirmed"]
    confirmation = next(letter.text for letter in mailer.sent if letter.subject.startswith("Your subscription is"))
    assert confirmation.count(" at ") >= 3  # in the sentence, asked, confirmed


def test_a_read_that_lags_behind_paypals_yes_does_not_bring_two_mails(asked, tell, confirm, delivered, now):
    request = asked()
    tell(notices.end_recorded, request)
    tell(notices.end_unconfirmed, request, state=RequestState.VERIFYING, accepted_at=now)
    assert delivered(now + timedelta(seconds=20)) == []
    confirm(request, at=now + timedelta(seconds=25))
    assert [kind for kind, _ in delivered(now + MINUTE)] == ["end_confirmed", "merchant_end_confirmed"]


@pytest.mark.law("R-FR-13")
def test_a_mail_server_that_comes_back_hours_later_sends_the_original_time(
    ctx, asked, tell, delivered, mailer, merchant, now
):
    request = asked()
    tell(notices.end_recorded, request)
    mailer.away = True
    assert delivered(now + MINUTE) == []
    mailer.away = False
    assert [kind for kind, _ in delivered(now + timedelta(hours=5))] == ["end_recorded", "merchant_end_requested"]
    local = now.astimezone(ZoneInfo(merchant.time_zone))
    letter = next(letter for letter in mailer.sent if letter.to == "zoe@client.test")
    assert f"at {local:%H:%M} (Paris time), reference" in letter.text
    assert f"{local.day} {local:%B %Y}" in letter.text


def test_when_the_merchant_must_act_the_acknowledgement_says_so(asked, tell, delivered, mailer, now):
    request = asked()
    tell(notices.end_recorded, request)
    stuck = {"state": RequestState.NEEDS_MERCHANT, "trouble": Trouble.NOT_FOUND, "answer": {"issue": "INVALID_ID"}}
    tell(notices.needs_merchant, request, **stuck)
    tell(notices.end_unconfirmed, request)
    tell(notices.needs_merchant, request)
    assert [kind for kind, _ in delivered(now)] == ["end_recorded"]
    assert [kind for kind, _ in delivered(now + MINUTE)] == ["merchant_needs_you"]
    customer, help_wanted = (
        next(letter.text for letter in mailer.sent if letter.to == to)
        for to in ("zoe@client.test", "aide@atelier.test")
    )
    assert "L’Atelier has to finish it and has been told." in customer
    assert AUTOPAY_URL in customer
    assert "INVALID_ID" in help_wanted


def test_a_payment_in_two_hours_brings_paypals_own_page(ctx, make, merchant, asked, tell, delivered, mailer, now):
    customer = make.customer(merchant, email="zoe@client.test")
    soon = make.subscription(
        merchant=merchant, customer=customer, at_paypal=False, next_payment_at=now + timedelta(hours=2)
    )
    tell(notices.end_recorded, asked(subscription=soon))
    delivered(now + MINUTE)
    assert AUTOPAY_URL in next(letter.text for letter in mailer.sent if letter.to == "zoe@client.test")


def test_a_broken_key_is_one_mail_for_every_request(ctx, asked, tell, delivered, mailer, merchant, now):
    requests = [asked(email=f"c{number}@client.test") for number in range(25)]
    for request in requests:
        tell(notices.end_recorded, request)
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(broken_since=now))
    for number, request in enumerate(requests):
        tell(
            notices.needs_merchant,
            request,
            at=now + timedelta(seconds=5 + number),
            state=RequestState.NEEDS_MERCHANT,
            trouble=Trouble.BAD_CREDENTIALS,
        )
        tell(notices.end_unconfirmed, request, at=now + timedelta(seconds=5))
    told = delivered(now + MINUTE)
    assert [kind for kind, _ in told].count("end_recorded") == 25
    assert [(kind, to) for kind, to in told if kind != "end_recorded"] == [("merchant_needs_you", "aide@atelier.test")]
    letter = next(letter for letter in mailer.sent if letter.to == "aide@atelier.test")
    assert letter.text.count("Reference:") == 20
    assert "And 5 other requests." in letter.text

    with ctx.db.begin() as session:  # mended, and broken again: told again
        session.execute(update(PayPalAccount).values(broken_since=now + timedelta(days=3)))
    tell(notices.needs_merchant, requests[0], at=now + timedelta(days=3))
    assert [kind for kind, _ in delivered(now + timedelta(days=3))] == ["merchant_needs_you"]


def test_a_merchant_without_a_key_is_told_once_a_day(ctx, asked, tell, delivered, now):
    with ctx.db.begin() as session:
        session.delete(session.scalars(select(PayPalAccount)).one())
    noon = now.replace(hour=12)
    for request in (asked(email="a@client.test"), asked(email="b@client.test")):
        tell(notices.needs_merchant, request, at=noon, state=RequestState.NEEDS_MERCHANT, trouble=Trouble.NO_KEY)
    assert [kind for kind, _ in delivered(noon)] == ["merchant_needs_you"]


def test_the_alarm_rings_twice_before_the_next_payment(ctx, asked, tell, delivered, now):
    request = asked()
    with ctx.db.read() as session:
        payment = session.get_one(Subscription, session.get_one(EndRequest, request).subscription_id).next_payment_at
    stuck = {"state": RequestState.NEEDS_MERCHANT, "trouble": Trouble.UNAVAILABLE}
    told = []
    for hours in (50, 47, 40, 30, 23, 10):
        at = payment - timedelta(hours=hours)
        tell(notices.needs_merchant, request, at=at, **stuck)
        told += [hours for _ in delivered(at + MINUTE)]
    assert told == [50, 47, 23]


def test_after_a_day_both_are_told_honestly(asked, tell, delivered, mailer, now):
    request = asked()
    tomorrow = now + timedelta(days=1)
    stuck = {"state": RequestState.RETRYING, "trouble": Trouble.UNAVAILABLE}
    tell(notices.end_overdue, request, at=tomorrow, **stuck)
    tell(notices.end_overdue, request, at=tomorrow)
    assert [kind for kind, _ in delivered(tomorrow + MINUTE)] == ["end_overdue", "merchant_overdue"]
    assert not any("cancelled" in letter.text for letter in mailer.sent)


@pytest.mark.parametrize("after", ["confirmed", "withdrawn", "replaced"])
def test_while_the_mail_server_was_away_nothing_says_afterwards_that_it_still_waits(
    asked, tell, confirm, delivered, mailer, now, after
):
    """What was put off comes back in an order of its own, up to six hours apart."""
    request, tomorrow = asked(state=RequestState.RETRYING, trouble=Trouble.UNAVAILABLE), now + timedelta(days=1)
    mailer.away = True
    tell(notices.end_recorded, request)
    tell(notices.end_overdue, request, at=tomorrow)
    assert delivered(tomorrow + MINUTE) == []
    later = tomorrow + 2 * MINUTE
    if after == "confirmed":
        confirm(request, at=later)
    else:
        tell({"withdrawn": notices.end_withdrawn, "replaced": notices.end_replaced}[after], request, at=later)
    mailer.away = False
    left = [kind for kind, recipient in delivered(tomorrow + timedelta(days=2)) if recipient == "zoe@client.test"]
    assert left == ([] if after == "replaced" else [f"end_{after}"])


@pytest.mark.parametrize(
    ("outcome", "basis", "actor", "kind"),
    [
        (Status.CANCELLED, Basis.READ_AFTER_CALL, Actor.CUSTOMER, "end_confirmed"),
        (Status.CANCELLED, Basis.ALREADY_OVER, Actor.CUSTOMER, "end_already_over"),
        (Status.CANCELLED, Basis.ALREADY_OVER, Actor.PROVIDER, "end_confirmed"),
        (Status.COMPLETED, Basis.READ_AFTER_CALL, Actor.STAFF, "end_confirmed"),
        (Status.ABANDONED, Basis.READ_AFTER_CALL, Actor.STAFF, "end_confirmed"),
        (Status.CANCELLED, Basis.NEVER_STARTED, Actor.CUSTOMER, "end_confirmed"),
    ],
)
def test_which_words_an_end_gets(asked, confirm, delivered, mailer, now, outcome, basis, actor, kind):
    request = asked(outcome=outcome, actor=actor)
    confirm(request, basis=basis)
    merchant_is_told = [] if actor is Actor.STAFF else [("merchant_end_confirmed", "aide@atelier.test")]
    assert delivered(now) == [(kind, "zoe@client.test"), *merchant_is_told]


def test_a_change_of_our_own_word_is_told_to_nobody(ctx, make, merchant, delivered, now):
    over = make.subscription(merchant=merchant, status=Status.CANCELLED, ended_at=now, access_until=now)
    services.mark_abandoned(ctx, wish_of(over, Action.ABANDON, actor=Actor.STAFF), now=now)
    assert make.reload(over).status is Status.ABANDONED
    assert delivered(now) == []


def test_an_answer_found_after_our_own_call_is_a_confirmation(asked, confirm, delivered, now):
    """A timeout after PayPal did cancel: the customer asked, we called, PayPal says over (deciding test 2)."""
    confirm(asked(), basis=Basis.ALREADY_OVER, sent_at=now)
    assert [kind for kind, _ in delivered(now)] == ["end_confirmed", "merchant_end_confirmed"]


@pytest.mark.parametrize(
    ("outcome", "contact_allowed", "is_invited"),
    [(Status.CANCELLED, True, True), (Status.CANCELLED, False, False), (Status.ABANDONED, True, False)],
)
def test_only_cancelled_is_told_how_to_come_back(
    make, merchant, asked, confirm, delivered, mailer, now, outcome, contact_allowed, is_invited
):
    customer = make.customer(merchant, email="zoe@client.test", contact_allowed=contact_allowed)
    subscription = make.subscription(merchant=merchant, customer=customer, at_paypal=False)
    confirm(asked(subscription=subscription, outcome=outcome, actor=Actor.STAFF))
    delivered(now)
    assert ("come back" in mailer.sent[0].text) is is_invited


def test_the_staffs_internal_note_reaches_nobody(asked, tell, confirm, delivered, mailer, now):
    request = asked(actor=Actor.STAFF, reason_text="difficult customer", provider_note="As agreed")
    tell(notices.end_recorded, request)
    confirm(request)
    delivered(now + MINUTE)
    assert [letter.to for letter in mailer.sent] == ["zoe@client.test"]
    assert "difficult" not in mailer.sent[0].text + mailer.sent[0].html


@pytest.mark.parametrize(("actor", "reason"), [(Actor.STAFF, ""), (Actor.CUSTOMER, "their words")])
def test_a_reason_is_repeated_only_to_who_wrote_it(ctx, merchant, asked, now, actor, reason):
    request_id = asked(actor=actor, reason_text="their words")
    with ctx.db.read() as session:
        request = end_requests.of_merchant(session, merchant.id, request_id)
        post = Post.of(ctx, session, merchant.id, now=now)
        facts = notice_facts.end_facts(post, post.desk_head, request, request.subscription, path="/")
    assert facts.reason == reason


def test_without_an_address_the_merchant_hears_that_nobody_was_told(asked, tell, confirm, delivered, mailer, now):
    request = asked(email=None)
    tell(notices.end_recorded, request)
    assert delivered(now + MINUTE) == [("merchant_end_requested", "aide@atelier.test")]
    confirm(request, at=now + timedelta(hours=1))
    assert delivered(now + timedelta(hours=1)) == [("merchant_end_confirmed", "aide@atelier.test")]
    assert all("no email address" in letter.text for letter in mailer.sent)


def test_an_undo_before_the_minute_leaves_no_trace_in_the_mailbox(asked, tell, delivered, now):
    request = asked()
    tell(notices.end_recorded, request)
    tell(notices.end_withdrawn, request)
    assert delivered(now + MINUTE) == []


def test_an_undo_after_the_acknowledgement_is_answered(asked, tell, delivered, now):
    request = asked()
    tell(notices.end_recorded, request)
    delivered(now + MINUTE)
    tell(notices.end_withdrawn, request, at=now + timedelta(hours=1))
    assert [kind for kind, _ in delivered(now + timedelta(hours=1))] == ["end_withdrawn", "merchant_end_withdrawn"]


def test_what_the_mail_promises_is_what_access_gives(make, merchant, asked, confirm, delivered, mailer, now):
    """The product keeps unlocked content: the mail names it, and only it; a gift by hand stays too."""
    course = make.product(
        merchant, name="Cours", contents=(("Lesson one", 0), ("Lesson ninety", 90)), keep_after_cancellation=True
    )
    customer = make.customer(merchant, email="zoe@client.test")
    subscription = make.subscription(merchant=merchant, product=course, customer=customer, at_paypal=False)
    confirm(asked(subscription=subscription), until=timedelta(days=20))
    delivered(now)
    (theirs,) = [letter for letter in mailer.sent if letter.to == customer.email]
    assert "You keep for good: Lesson one." in theirs.text
    assert "Lesson ninety" not in theirs.text


def test_a_gift_by_hand_stays_in_the_mail(make, merchant, asked, confirm, tell, delivered, mailer, now):
    customer = make.customer(merchant, email="zoe@client.test")
    subscription = make.subscription(merchant=merchant, customer=customer, at_paypal=False)
    make.add(
        Grant(
            merchant_id=merchant.id,
            customer_id=customer.id,
            product_id=subscription.product_id,
            since=now - timedelta(days=1),
            until=None,
        )
    )
    request = asked(subscription=subscription)
    confirm(request)
    delivered(now)
    tell(notices.access_ends_soon, request, at=now + timedelta(days=17))
    assert delivered(now + timedelta(days=17)) == []
    (theirs,) = [letter for letter in mailer.sent if letter.to == customer.email]
    assert "You keep for good: Cours de piano." in theirs.text
    assert "You keep access until" not in theirs.text


def test_the_end_of_access_is_told_before_and_on_the_day(asked, confirm, tell, delivered, now):
    request = asked()
    confirm(request)
    delivered(now)
    for _ in range(2):
        tell(notices.access_ends_soon, request, at=now + timedelta(days=17))
        tell(notices.access_ended, request, at=now + timedelta(days=20))
    assert [kind for kind, _ in delivered(now + timedelta(days=20))] == ["access_ended", "access_ends_soon"]


@pytest.mark.parametrize(("own", "language"), [("fr", "fr"), (None, "en"), ("de", "en")])
def test_each_in_their_language(make, merchant, asked, tell, delivered, mailer, now, own, language):
    customer = make.customer(merchant, email="zoe@client.test", locale=own)
    request = asked(subscription=make.subscription(merchant=merchant, customer=customer, at_paypal=False))
    tell(notices.end_recorded, request)
    delivered(now + MINUTE)
    assert {letter.to: letter.language for letter in mailer.sent} == {
        "zoe@client.test": language,
        "aide@atelier.test": "en",
    }


def test_a_code_goes_to_the_address_that_asked(ctx, merchant, delivered, mailer, now):
    with ctx.db.begin() as session:
        notices.login_code(
            ctx,
            session,
            merchant=session.get_one(Merchant, merchant.id),
            email="zoe@client.test",
            code="042137",
            link_path="/account/atelier/login/link/abc",
            language="fr",
            now=now,
        )
    assert delivered(now) == [("login_code", "zoe@client.test")]
    assert "http://portal.test/account/atelier/login/link/abc" in mailer.sent[0].text
    assert mailer.sent[0].language == "fr"


@pytest.fixture
def leave_out(ctx, merchant):
    def leave_out(*kinds):
        with ctx.db.begin() as session:
            session.get_one(Merchant, merchant.id).notices_left_out = sorted(kinds)

    return leave_out


def test_a_merchant_who_wants_no_news_of_ends_gets_none_and_the_customer_all(
    asked, tell, confirm, delivered, leave_out, now
):
    leave_out("merchant_end_requested", "merchant_end_confirmed", "end_confirmed")
    request = asked()
    tell(notices.end_recorded, request)
    assert delivered(now + MINUTE) == [("end_recorded", "zoe@client.test")]
    confirm(request, at=now + 2 * MINUTE)
    assert delivered(now + timedelta(hours=1)) == [("end_confirmed", "zoe@client.test")]


def test_whoever_has_to_tell_a_customer_without_an_address_is_written_to_all_the_same(
    asked, tell, confirm, delivered, leave_out, now
):
    leave_out("merchant_end_requested", "merchant_end_confirmed")
    request = asked(email=None)
    tell(notices.end_recorded, request)
    assert [kind for kind, _ in delivered(now + MINUTE)] == ["merchant_end_requested"]
    confirm(request, at=now + 2 * MINUTE)
    assert [kind for kind, _ in delivered(now + timedelta(hours=1))] == ["merchant_end_confirmed"]
