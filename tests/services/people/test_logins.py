"""What the pages cannot show of logging in: what is stored, what races do, what limits count."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import event, select, text

from portal.domain.policies import Role
from portal.models import LoginBrowser, LoginSession, RecoveryCode, Staff, Throttle
from portal.passwords import Passwords
from portal.queries.people import sessions as stored_sessions
from portal.secrets import token_hash
from portal.services import throttles
from portal.services.people import logins, sessions, staff_logins
from portal.services.people.logins import Ask
from portal.services.people.sessions import Visitor
from portal.services.people.staff_passwords import WeakPassword
from portal.services.throttles import Limit, TooManyTries

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
VISITOR = Visitor(browser="Firefox", network="192.0.2.0/24")


def ask(ctx, merchant, email, *, browser="browser-token", now=NOON, network="192.0.2.0/24") -> None:
    wish = Ask(
        merchant_id=merchant.id, email=email, browser_token=browser, language="fr", network=network, next_path=""
    )
    logins.ask(ctx, wish, now=now)


def newest_mail(ctx) -> str:
    with ctx.db.read() as session:
        box = session.execute(text("SELECT content FROM mails ORDER BY created_at DESC, id LIMIT 1")).scalar_one()
    return ctx.vault.open(box, purpose="mails.content")


def code_of(mail: str) -> str:
    return re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", mail)[0]


def link_of(mail: str) -> str:
    return re.search(r"/login/link/([A-Za-z0-9_-]{43})", mail)[1]


def test_a_stolen_database_opens_nothing(ctx, make):
    merchant = make.merchant()
    ask(ctx, merchant, make.customer(merchant).email)
    mail = newest_mail(ctx)
    entry = logins.enter_by_code(ctx, merchant.id, "browser-token", code_of(mail), visitor=VISITOR, now=NOON)
    with ctx.db.read() as session:
        stored = str(session.execute(text("SELECT c.*, s.* FROM login_challenges c, sessions s")).one())
    for secret in (code_of(mail), link_of(mail), "browser-token", entry.token):
        assert secret not in stored


def test_the_same_code_is_stamped_differently_for_each_challenge(vault):
    assert vault.stamp("a/123456", purpose="x") != vault.stamp("b/123456", purpose="x")
    assert vault.stamp("a/123456", purpose="x") != vault.stamp("a/123456", purpose="y")


def test_known_and_unknown_addresses_cost_the_same_statements(ctx, make):
    merchant = make.merchant()
    customer = make.customer(merchant)
    told = []
    event.listen(ctx.db.engine, "before_cursor_execute", lambda *what: told.append(what[2]))
    ask(ctx, merchant, customer.email)
    known, told[:] = list(told), []
    ask(ctx, merchant, "inconnu@client.test")
    ours = [line for line in known if not line.startswith(("RELEASE", "ROLLBACK"))]
    theirs = [line for line in told if not line.startswith(("RELEASE", "ROLLBACK"))]
    assert ours == theirs
    with ctx.db.read() as session:
        jobs = session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one()
        mails = session.execute(text("SELECT count(*) FROM mails")).scalar_one()
    assert (jobs, mails) == (1, 1)


def test_two_presses_of_the_link_at_once_open_one_session(ctx, make):
    merchant = make.merchant()
    ask(ctx, merchant, make.customer(merchant).email)
    link = link_of(newest_mail(ctx))
    gate, entries = threading.Barrier(4), []

    def press() -> None:
        gate.wait()
        entries.append(logins.enter_by_link(ctx, merchant.id, link, "browser-token", visitor=VISITOR, now=NOON))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([entry for entry in entries if entry is not None]) == 1
    with ctx.db.read() as session:
        assert len(session.scalars(select(LoginSession)).all()) == 1


def test_tries_at_once_are_all_counted(ctx, make):
    merchant = make.merchant()
    ask(ctx, merchant, make.customer(merchant).email)
    code = code_of(newest_mail(ctx))
    wrong = f"{(int(code) + 1) % 10**6:06}"
    gate = threading.Barrier(8)

    def guess() -> None:
        gate.wait()
        logins.enter_by_code(ctx, merchant.id, "browser-token", wrong, visitor=VISITOR, now=NOON)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ctx.db.read() as session:
        assert session.scalars(select(LoginBrowser)).one().attempts == 5


def test_a_hundred_wrong_codes_in_a_day_leave_only_the_link(ctx, make):
    merchant = make.merchant()
    customer = make.customer(merchant)

    def guess(number: int) -> None:
        browser = f"browser-{number}"
        ask(ctx, merchant, customer.email, browser=browser, network=f"203.0.{number}.0/24")
        right = int(code_of(newest_mail(ctx)))
        for step in range(1, 6):
            wrong = f"{(right + step) % 10**6:06}"
            assert logins.enter_by_code(ctx, merchant.id, browser, wrong, visitor=VISITOR, now=NOON) is None

    for number in range(19):
        guess(number)
    ask(ctx, merchant, customer.email)
    assert logins.standing(ctx, merchant.id, "browser-token", now=NOON).takes_codes
    guess(19)
    assert logins.standing(ctx, merchant.id, "browser-token", now=NOON).codes_closed
    mail = newest_mail(ctx)
    assert logins.enter_by_code(ctx, merchant.id, "browser-token", code_of(mail), visitor=VISITOR, now=NOON) is None
    assert logins.enter_by_link(ctx, merchant.id, link_of(mail), "browser-token", visitor=VISITOR, now=NOON)
    ask(ctx, merchant, customer.email, now=NOON + timedelta(seconds=1))
    link_alone = json.loads(newest_mail(ctx))
    offered = re.findall(r"(?<![0-9])[0-9]{6}(?![0-9])", link_alone["subject"] + link_alone["text"])
    assert offered == [], "no mail offers a code that does not open"
    tomorrow = NOON + timedelta(days=1)
    ask(ctx, merchant, customer.email, now=tomorrow)
    code = code_of(newest_mail(ctx))
    assert logins.enter_by_code(ctx, merchant.id, "browser-token", code, visitor=VISITOR, now=tomorrow)


def test_two_who_ask_at_once_cause_one_mail(ctx, make):
    merchant = make.merchant()
    email = make.customer(merchant).email
    gate = threading.Barrier(6)

    def wish(number: int) -> None:
        gate.wait()
        ask(ctx, merchant, email, browser=f"browser-{number}", network=f"203.0.{number}.0/24")

    threads = [threading.Thread(target=wish, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ctx.db.read() as session:
        assert session.execute(text("SELECT count(*) FROM mails")).scalar_one() == 1
        assert session.execute(text("SELECT count(*) FROM login_browsers")).scalar_one() == 6


def test_a_limit_counts_in_its_window_for_its_name_and_its_person(ctx):
    def limit(who: str, name: str = "a") -> Limit:
        return Limit(name=name, who=who, count=2, window=timedelta(minutes=15))

    for _try in range(2):
        throttles.hit(ctx, limit("x"), now=NOON + timedelta(minutes=1))
    with pytest.raises(TooManyTries) as refusal:
        throttles.hit(ctx, limit("x"), now=NOON + timedelta(minutes=1))
    assert refusal.value.wait == timedelta(minutes=14)
    throttles.hit(ctx, limit("y"), limit("x", "b"), now=NOON + timedelta(minutes=1))
    throttles.hit(ctx, limit("x"), now=NOON + timedelta(minutes=15))


def test_a_limit_does_not_say_who(ctx):
    throttles.hit(ctx, Limit(name="a", who="claire@client.test", count=9, window=timedelta(minutes=1)), now=NOON)
    with ctx.db.read() as session:
        assert "claire" not in session.scalars(select(Throttle)).one().key


def test_what_ran_out_can_be_purged(ctx, make):
    merchant = make.merchant()
    ask(ctx, merchant, make.customer(merchant).email)
    logins.enter_by_code(ctx, merchant.id, "browser-token", code_of(newest_mail(ctx)), visitor=VISITOR, now=NOON)
    assert logins.purge(ctx, before=NOON) == 0
    assert sessions.purge(ctx, before=NOON) == 0
    later = NOON + timedelta(days=2)
    assert (logins.purge(ctx, before=later), sessions.purge(ctx, before=later)) == (1, 1)
    assert throttles.purge(ctx, before=later) == 1


def hire(ctx, merchant, password: str, email: str = "lea@atelier.test"):
    with ctx.db.begin() as session:
        return staff_logins.create_staff(
            ctx, session, merchant_id=merchant.id, email=email, name="Léa", role=Role.OWNER, password=password
        )


@pytest.mark.law("R-GD-9")
@pytest.mark.parametrize(
    "password",
    [
        *("fifteen letters", "x" * 257 + "abcdef", "a" * 40, "abababababababab"),
        *("1234567890123456", "lea@atelier.test-lea", "passwordpassword", "Bonjour123Bonjour"),
    ],
)
def test_a_weak_password_is_refused(ctx, make, password):
    with pytest.raises(WeakPassword):
        hire(ctx, make.merchant(), password, email="lea@atelier.test-lea" if "@" in password else "lea@atelier.test")


@pytest.mark.law("R-GD-10")
@pytest.mark.parametrize(
    "password",
    ["sixteen letters.", "quatre girafes en pédalo", "パスワードはとても長い方がいいです", "83 29 5510 7426 19"],
)
def test_sixteen_characters_of_any_kind_are_enough(ctx, make, password):
    assert hire(ctx, make.merchant(), password).staff.email == "lea@atelier.test"


def test_nothing_of_a_staff_member_is_stored_in_clear(ctx, make):
    real = replace(ctx, passwords=Passwords())  # with the costs of a real installation
    new = hire(real, make.merchant(locale="en"), "sixteen letters.")
    with ctx.db.read() as session:
        staff = session.scalars(select(Staff)).one()
        codes = session.scalars(select(RecoveryCode.code_hash)).all()
    assert staff.password_hash.startswith("$argon2id$")
    memory, passes = (int(part.split("=")[1]) for part in staff.password_hash.split("$")[3].split(",")[:2])
    assert memory >= 19 * 1024  # ASVS 11.4.2: at least 19 MiB, two passes
    assert passes >= 2
    assert new.totp_secret.encode() not in staff.totp_secret
    assert len(set(new.recovery_codes)) == len(codes) == 10
    assert not {code.replace("-", "") for code in new.recovery_codes} & set(codes)
    assert staff.locale == "en"
    assert new.totp_secret in new.totp_uri
    assert new.totp_uri.startswith("otpauth://totp/Portal:")


def test_one_code_of_the_app_at_once_opens_one_session(ctx, make):
    new = hire(ctx, make.merchant(), "sixteen letters.")
    code = pyotp.TOTP(new.totp_secret).at(NOON)
    gate, tokens = threading.Barrier(3), []

    def enter() -> None:
        gate.wait()
        tokens.append(staff_logins.enter(ctx, new.staff.id, code, visitor=VISITOR, now=NOON))

    threads = [threading.Thread(target=enter) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([token for token in tokens if token]) == 1


def test_signing_out_everywhere_ends_every_session_of_that_person(ctx, make):
    merchant = make.merchant()
    lea, max_ = hire(ctx, merchant, "sixteen letters."), hire(ctx, merchant, "sixteen letters.", "max@atelier.test")
    for new in (lea, lea, max_):
        staff_logins.enter(ctx, new.staff.id, new.recovery_codes.pop(), visitor=VISITOR, now=NOON)
    with ctx.db.begin() as session:
        assert sessions.end_all(session, lea.staff.id, now=NOON) == 2
    with ctx.db.read() as session:
        live = session.scalars(select(LoginSession.staff_id).where(LoginSession.revoked_at.is_(None))).all()
    assert live == [max_.staff.id]


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=365)])
def test_mails_written_by_a_clock_ahead_shut_nobody_out(ctx, make, ahead):
    """Recorded moments that lie ahead have not been (docs/decisions/0015): neither live, nor counted."""
    merchant = make.merchant()
    customer = make.customer(merchant)
    for turn in range(6):
        ask(ctx, merchant, customer.email, now=NOON + ahead + turn * timedelta(minutes=8), network=f"192.0.{turn}.0/24")
    for turn in range(5):
        ask(ctx, merchant, customer.email, now=NOON + ahead + timedelta(hours=2) + turn * timedelta(minutes=10))
    early = code_of(newest_mail(ctx))
    assert logins.enter_by_code(ctx, merchant.id, early, "browser-token", visitor=VISITOR, now=NOON) is None
    ask(ctx, merchant, customer.email, now=NOON)
    with ctx.db.read() as session:
        made = session.execute(text("SELECT count(*) FROM login_challenges WHERE created_at = :at"), {"at": NOON})
        assert made.scalar_one() == 1, "a mail of its own leaves"
        standing = stored_sessions.asked_in(session, merchant.id, token_hash("browser-token"), now=NOON)
    assert [challenge.created_at for challenge, _browser in standing] == [NOON]
