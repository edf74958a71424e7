"""Everything sealed is sealed again with the newest key; nothing is lost, whatever interrupts or runs beside it."""

from __future__ import annotations

import dataclasses
import uuid

import pyotp
import pytest
from sqlalchemy import LargeBinary, event, select, update

from portal.domain.audit import By
from portal.domain.desk.list_exports import Format
from portal.domain.desk.list_views import List
from portal.domain.integrations.api_keys import Mode, Scope
from portal.models import (
    ApiReply,
    Base,
    DataExport,
    EventEndpoint,
    ExportState,
    FileImport,
    FileImportPart,
    Invitation,
    ListExport,
    ListExportPart,
    Mail,
    MerchantArchive,
    MerchantArchivePart,
    PayPalAccount,
    Provider,
    SigningKey,
    SiteLogin,
    Staff,
)
from portal.secrets import CannotOpen, Vault
from portal.services import access_tokens
from portal.services.access_tokens import PRIVATE
from portal.services.api import api_keys, api_replies
from portal.services.api.api_keys import Wanted
from portal.services.api.api_replies import BODY, Reply
from portal.services.archives import MERCHANT
from portal.services.imports.file_imports import SEALED as FILE
from portal.services.keys import secret_rotation
from portal.services.keys.secret_rotation import SEALED, MissingKeys
from portal.services.list_exports import SEALED as LIST
from portal.services.notices.outbox import CONTENT
from portal.services.outgoing import event_endpoints, event_secrets
from portal.services.outgoing.event_endpoints import Wish
from portal.services.own_data.data_exports import ARCHIVE
from portal.services.paypal.gateways import SECRET, SIGNATURE, TOKEN
from portal.services.people import staff_logins
from portal.services.people.sessions import Visitor
from portal.services.people.site_clients import SECRET as SITE_SECRET

OLD, NEW, OTHER = ("test", bytes(range(32))), ("k2", bytes(range(1, 33))), ("k3", bytes(range(2, 34)))

# Bytes that are no secret, each with the reason. Whoever adds a column of bytes puts it here or into SEALED.
PLAIN = {
    "time_stamps.reply": "what an outside authority signed; whoever holds a proof may see it",
    "api_keys.digest": "of a key that nobody guesses (domain/integrations/api_keys.py)",
    "api_replies.call": "a digest of a call",
    "paypal_events.body": "what PayPal sent, as it was signed",
    "logos.content": "a picture that every customer sees",
    "health_marks.filling": "zeros, to take room on the disk",
    "passkeys.credential_id": "a name that every browser is told",
    "passkeys.public_key": "it opens nothing: the device keeps its other half",
}


def with_keys(ctx, *keys):
    """The same portal with other master keys, newest first."""
    return dataclasses.replace(ctx, vault=Vault(keys))


@pytest.fixture
def both(ctx):
    """The portal after the new key was put in front."""
    return with_keys(ctx, NEW, OLD)


@pytest.fixture
def boxes(ctx, make, paypal):
    """A row with a secret in each sealed column; returns how to read them all with the keys given."""
    merchant = make.merchant()
    account = make.key(make.merchant(key=False))
    classic = PayPalAccount(
        merchant_id=merchant.id,
        provider=Provider.PAYPAL_CLASSIC,
        environment="sandbox",
        client_id="seller_api1.example.com",
        secret=ctx.vault.seal("the password", purpose=SECRET),
        signature=ctx.vault.seal("the signature", purpose=SIGNATURE),
        secret_ending="rd",
        set_at=make.now(),
        state="working",
        checked_at=make.now(),
        check_result={},
    )
    make.add(classic)
    with ctx.db.begin() as session:
        session.get_one(PayPalAccount, account.id).token = ctx.vault.seal("the token", purpose=TOKEN)
        staff = staff_logins.create_staff(
            ctx,
            session,
            merchant_id=merchant.id,
            email="lea@atelier.test",
            name="Léa",
            role="owner",
            password="un tiroir plein de mots",
        ).staff.id
        invited = Invitation(
            id=uuid.uuid4(),
            merchant_id=merchant.id,
            email="max@atelier.test",
            role="support",
            token_hash="h",
            starts_at=make.now(),
            expires_at=make.now(),
            password_hash="-",
        )
        invited.totp_secret = ctx.vault.seal("the app's key", purpose="staff.totp_secret", row=invited.id)
        session.add(invited)
        for number in range(7):
            session.add(mail(ctx, merchant, number, make.now()))
    export = DataExport(
        id=uuid.uuid4(),
        merchant_id=merchant.id,
        customer_id=make.customer(merchant).id,
        language="fr",
        state=ExportState.READY,
        ready_at=make.now(),
    )
    export.content = ctx.vault.seal("the archive", purpose=ARCHIVE, row=export.id)
    make.add(export)
    listed = ListExport(
        id=uuid.uuid4(),
        merchant_id=merchant.id,
        staff_id=staff,
        of_list=List.CUSTOMERS,
        file_format=Format.CSV,
        query=[],
        touched_at=make.now(),
    )
    part = ListExportPart(id=uuid.uuid4(), export_id=listed.id, number=1)
    part.content = ctx.vault.seal_bytes(b"\xff packed", purpose=LIST, row=part.id)
    make.add(listed)
    make.add(part)
    brought = FileImport(
        id=uuid.uuid4(), merchant_id=merchant.id, staff_name="Léa", brought="customers", file_name="a.csv", size=1,
        encoding="utf-8", delimiter=";", header=[], slashed=[], columns=[], parts=1, lines=1, touched_at=make.now(),
    )  # fmt: skip
    lines = FileImportPart(id=uuid.uuid4(), file_import_id=brought.id, number=1)
    lines.content = ctx.vault.seal_bytes(b"\xff lines", purpose=FILE, row=lines.id)
    whole = MerchantArchive(id=uuid.uuid4(), merchant_id=merchant.id, staff_id=staff, touched_at=make.now())
    piece = MerchantArchivePart(id=uuid.uuid4(), archive_id=whole.id, number=1)
    piece.content = ctx.vault.seal_bytes(b"\xff piece", purpose=MERCHANT, row=piece.id)
    for row in (brought, lines, whole, piece):
        make.add(row)
    wish = Wish(address="https://example.com/events")
    told = event_endpoints.make(ctx, merchant.id, wish, by=By(), now=make.now()).endpoint_id
    event_endpoints.renew_secret(ctx, merchant.id, told, by=By(), now=make.now())
    site = SiteLogin(
        id=uuid.uuid4(),
        merchant_id=merchant.id,
        issuer="https://shop.example",
        client_id="portal",
        proof="email",
        set_at=make.now(),
        checked_at=make.now(),
    )
    site.secret = ctx.vault.seal("the site's secret", purpose=SITE_SECRET, row=site.id)
    make.add(site)
    wanted = Wanted(name="Site", mode=Mode.LIVE, scopes=frozenset({Scope.ACCESS_READ}))
    key_id, _text = api_keys.make(ctx, merchant.id, wanted, by=By(), now=make.now())
    api_replies.begin(ctx, key_id, "one", b"call", now=make.now())
    api_replies.keep(ctx, key_id, "one", Reply(status=200, headers={}, body=b"the answer"))
    access_tokens.turn(ctx, now=make.now())

    def read(context):
        with context.db.read() as session:
            first, second = session.get_one(PayPalAccount, account.id), session.get_one(PayPalAccount, classic.id)
            opened = [
                context.vault.open(first.secret, purpose=SECRET),
                context.vault.open(first.token, purpose=TOKEN),
                context.vault.open(second.secret, purpose=SECRET),
                context.vault.open(second.signature, purpose=SIGNATURE),
                context.vault.open(session.get_one(Staff, staff).totp_secret, purpose="staff.totp_secret", row=staff),
                context.vault.open(
                    session.get_one(Invitation, invited.id).totp_secret, purpose="staff.totp_secret", row=invited.id
                ),
                context.vault.open(session.get_one(SiteLogin, site.id).secret, purpose=SITE_SECRET, row=site.id),
                context.vault.open(session.get_one(DataExport, export.id).content, purpose=ARCHIVE, row=export.id),
                context.vault.open_bytes(session.get_one(ListExportPart, part.id).content, purpose=LIST, row=part.id),
                *(context.vault.open(one.body, purpose=BODY, row=one.id) for one in session.scalars(select(ApiReply))),
                *(
                    context.vault.open(one.private_key, purpose=PRIVATE, row=one.id)
                    for one in session.scalars(select(SigningKey))
                ),
            ]
            opened += event_secrets.signing(context.vault, session.get_one(EventEndpoint, told), now=make.now())
            return opened + [
                context.vault.open(row.content, purpose=CONTENT)
                for row in session.scalars(select(Mail).order_by(Mail.key))
            ]

    return read


def mail(ctx, merchant, number, now):
    return Mail(
        merchant_id=merchant.id,
        key=f"m{number}",
        kind="end_recorded",
        recipient="zoe@client.test",
        language="fr",
        subject="…",
        content=ctx.vault.seal(f"letter {number}", purpose=CONTENT),
        message_id=f"m{number}@portal.test",
        send_at=now,
    )


def keys_in_use(ctx):
    return {use.key_id for use in secret_rotation.uses(ctx)}


def test_every_column_of_bytes_is_either_sealed_here_or_no_secret():
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    listed = {sealed.name for sealed in SEALED}
    assert columns - listed - PLAIN.keys() == set(), "sealed: add to SEALED; plain: say here why"
    assert listed | PLAIN.keys() <= columns
    assert not listed & PLAIN.keys()


@pytest.mark.law("R-SE-3")
def test_everything_opens_with_the_new_key_alone_afterwards(ctx, both, boxes):
    secrets = boxes(ctx)
    assert len(set(secrets)) == len(secrets) == 20
    assert {use.column for use in secret_rotation.uses(ctx)} == {sealed.name for sealed in SEALED}
    done = secret_rotation.rotate(both)
    assert (done.in_use, done.unreadable) == (0, [])
    assert done.sealed >= 19
    assert keys_in_use(ctx) == {"k2"}
    assert boxes(with_keys(ctx, NEW)) == secrets
    assert secret_rotation.rotate(both).sealed == 0, "a second run finds nothing to do"


def test_an_interrupted_run_goes_on_where_it_stood(ctx, both, boxes):
    secrets = boxes(ctx)

    def stop(_column, _count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        secret_rotation.rotate(both, batch=2, on_progress=stop)
    assert keys_in_use(ctx) == {"test", "k2"}
    assert boxes(both) == secrets, "half done, all of it opens"
    heard = []
    secret_rotation.rotate(both, batch=2, on_progress=lambda column, count: heard.append((column, count)))
    assert ("mails.content", 7) in heard
    assert len([column for column, _count in heard if column == "mails.content"]) == 4, "batches of two"
    assert boxes(with_keys(ctx, NEW)) == secrets


def test_a_missing_key_names_what_would_be_lost_and_changes_nothing(ctx, boxes):
    secrets = boxes(ctx)
    without_old = with_keys(ctx, NEW, OTHER)
    with pytest.raises(MissingKeys) as missing:
        secret_rotation.rotate(without_old)
    lost = {use.column: use for use in missing.value.lost}
    assert lost["mails.content"].count == 7
    assert lost["mails.content"].key_id == "test"
    with ctx.db.read() as session:
        assert set(lost["mails.content"].rows) == set(session.scalars(select(Mail.id)))
        accounts = select(PayPalAccount.id).where(PayPalAccount.provider == Provider.PAYPAL_CLASSIC)
        assert lost["paypal_accounts.signature"].rows == tuple(session.scalars(accounts))
    assert boxes(ctx) == secrets


def test_what_is_lost_for_good_may_be_left(ctx, both, boxes):
    with ctx.db.begin() as session:
        gone = session.scalars(select(Mail).order_by(Mail.key)).first()
        gone.content = b"gone|" + bytes(40)
    with pytest.raises(MissingKeys, match="'gone'"):
        secret_rotation.rotate(both)
    secret_rotation.rotate(both, leave_lost=True)
    assert keys_in_use(ctx) == {"k2", "gone"}


@pytest.mark.parametrize("box", [b"", b"|", b"no separator", b"\xff\xfe|x", b"test|too short", b"test|" + bytes(60)])
def test_what_is_no_box_stops_nobody_else(ctx, both, boxes, box):
    with ctx.db.begin() as session:
        bad = session.scalars(select(Mail).order_by(Mail.id)).first().id
        session.execute(update(Mail).where(Mail.id == bad).values(content=box))
    done = secret_rotation.rotate(both, leave_lost=True)
    assert keys_in_use(ctx) - {"k2"} != set()
    assert done.unreadable == ([("mails.content", bad)] if box.startswith(b"test|") else [])
    with ctx.db.read() as session:
        assert session.get_one(Mail, bad).content == box, "left as it was"
        others = session.scalars(select(Mail).where(Mail.id != bad))
        assert all(both.vault.open(row.content, purpose=CONTENT) for row in others)


def test_a_row_in_use_is_left_to_the_next_run_and_nobody_waits(ctx, both, boxes):
    with ctx.db.begin() as busy:
        held = busy.scalars(select(Mail).order_by(Mail.id).limit(1).with_for_update()).one()
        done = secret_rotation.rotate(both)
        assert done.in_use == 1
        assert held.content.startswith(b"test|")
    assert secret_rotation.rotate(both).sealed == 1
    assert keys_in_use(ctx) == {"k2"}


def test_a_secret_that_is_replaced_meanwhile_is_not_written_over(ctx, both, boxes):
    """After the rotation has chosen its rows and before it takes them, a new secret arrives: it stays."""
    with ctx.db.read() as session:
        account = session.scalars(select(PayPalAccount).where(PayPalAccount.token.is_not(None))).first()
    arrived = ctx.vault.seal("a newer secret", purpose=SECRET)
    waiting = [arrived]

    def replace(_connection, _cursor, statement, *_more):
        if "paypal_accounts" in statement and "FOR NO KEY UPDATE" in statement and waiting:
            box = waiting.pop()
            with ctx.db.begin() as session:
                session.execute(update(PayPalAccount).where(PayPalAccount.id == account.id).values(secret=box))

    event.listen(both.db.engine, "before_cursor_execute", replace)
    secret_rotation.rotate(both)
    assert waiting == []
    with ctx.db.read() as session:
        kept = session.get_one(PayPalAccount, account.id).secret
    assert both.vault.open(kept, purpose=SECRET) == "a newer secret"


def test_the_portal_works_on_while_half_is_done(ctx, both, boxes, make, paypal):
    """A process with the old settings order opens what the rotation sealed, and the other way round."""
    reordered = with_keys(ctx, OLD, NEW)
    secrets = boxes(ctx)
    secret_rotation.rotate(both)
    assert boxes(reordered) == secrets


@pytest.fixture
def command(ctx, database_url, tmp_path):
    """Run `flask secrets …` with these master keys."""
    from config import Config
    from portal import create_app

    def run(keys, *arguments):
        config = Config(
            environment="test",
            base_url="http://portal.test",
            database_url=database_url,
            data_folder=tmp_path,
            secret_key="made up for the tests, long enough",
            master_keys=keys,
            smtp_url="smtp://127.0.0.1:1",
            mail_from="Portal <portal@portal.test>",
            paypal_urls={},
            paypal_trust=None,
            trusted_proxies=0,
            log_level="warning",
        )
        app = create_app(config, with_keys(ctx, *keys))
        return app.test_cli_runner().invoke(args=["secrets", *arguments])

    return run


def test_the_commands_say_where_things_stand(command, ctx, boxes):
    before = command((NEW, OLD), "check")
    assert before.exit_code == 0
    assert "mails.content: 7 sealed with test (older)" in before.output
    done = command((NEW, OLD), "rotate", "--batch", "3")
    assert done.exit_code == 0, done.output
    assert "mails.content: 3 sealed again with k2" in done.output
    after = command((NEW, OLD), "check")
    assert "mails.content: 7 sealed with k2 (newest)" in after.output
    assert "Sealed nothing in the database any more: test." in after.output
    assert "PORTAL_JOURNAL_DAYS" in after.output  # its segments, and backups, open with that key alone
    for output in (before.output, done.output, after.output):
        assert "the password" not in output


def test_the_commands_stop_at_a_missing_key_and_name_the_rows(command, ctx, boxes):
    with ctx.db.read() as session:
        ids = [str(row) for row in session.scalars(select(Mail.id))]
    for arguments in (("check",), ("rotate",)):
        refused = command((NEW,), *arguments)
        assert refused.exit_code != 0
        assert "mails.content: 7 sealed with test, which is missing" in refused.output
        assert all(row in refused.output for row in ids)
        assert "Nothing was changed" in refused.output
    assert keys_in_use(ctx) == {"test"}


def test_more_rows_than_one_reads_are_counted(command, ctx, make, boxes):
    with ctx.db.begin() as session:
        merchant_id = session.scalars(select(Mail.merchant_id)).first()
        merchant = type("M", (), {"id": merchant_id})
        session.add_all(mail(ctx, merchant, number, make.now()) for number in range(100, 120))
    refused = command((NEW,), "check")
    assert "… and 7 more" in refused.output
    named = refused.output.split("mails.content: 27 sealed with test, which is missing:")[1].split("…")[0].split()
    assert len({uuid.UUID(row) for row in named}) == 20


def test_a_second_factor_opens_in_its_own_row_alone(ctx, make, now):
    """Whoever can write the database puts their own secret in another's row: it does not open there."""
    merchant = make.merchant()
    with ctx.db.begin() as session:
        mine, theirs = (
            staff_logins.create_staff(
                ctx, session, merchant_id=merchant.id, email=f"{name}@atelier.test", name=name, role="owner",
                password="un tiroir plein de mots",
            )
            for name in ("lea", "anne")
        )  # fmt: skip
    with ctx.db.begin() as session:
        session.get_one(Staff, theirs.staff.id).totp_secret = mine.staff.totp_secret
    code = pyotp.TOTP(mine.totp_secret).at(now)
    assert staff_logins.enter(ctx, mine.staff.id, code, visitor=Visitor(), now=now)
    with pytest.raises(CannotOpen):
        staff_logins.enter(ctx, theirs.staff.id, code, visitor=Visitor(), now=now)
    assert secret_rotation.bind(ctx) == 0, "nothing of an older release"


def test_what_an_older_release_sealed_for_its_column_is_bound_to_its_row_once(ctx, make, now):
    merchant = make.merchant()
    with ctx.db.begin() as session:
        new = staff_logins.create_staff(
            ctx, session, merchant_id=merchant.id, email="lea@atelier.test", name="Léa", role="owner",
            password="un tiroir plein de mots",
        )  # fmt: skip
        new.staff.totp_secret = ctx.vault.seal(new.totp_secret, purpose="staff.totp_secret")
    assert (secret_rotation.bind(ctx), secret_rotation.bind(ctx)) == (1, 0)
    code = pyotp.TOTP(new.totp_secret).at(now)
    assert staff_logins.enter(ctx, new.staff.id, code, visitor=Visitor(), now=now)
