"""What was declared on the public pages since the backup: it comes back, and goes on where it was."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.law.countries import Country, Function, strategy
from portal.domain.law.declarations import Carrying
from portal.domain.law.withdrawals import ConsentKind
from portal.models import PublicDeclaration, Withdrawal
from portal.services import recovering
from portal.services.declarations import answering, deciding, declarations
from portal.services.declarations.answering import Standing
from portal.services.declarations.declarations import Declared
from portal.services.renewals import reminders
from tests.services.ends import withdrawing
from tests.services.ends.withdrawing import say
from tests.services.recovering.backups import told
from tests.services.recovering.stories import let_leave
from tests.services.renewals.renewing import renewing

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier", support_email="aide@atelier.test")


class Declaring:
    """Customers of one merchant, what they declare, and the links that their mailboxes got."""

    def __init__(self, ctx, make, mailer, merchant) -> None:
        self.ctx, self.make, self.mailer, self.merchant = ctx, make, mailer, merchant

    def customer(self, name):
        email = f"{name}@client.test"
        return self.make.subscription(
            merchant=self.merchant, customer=self.make.customer(self.merchant, email=email, name=name)
        )

    def declare(self, name, function, *, page="", contract=""):
        wish = Declared(
            merchant_id=self.merchant.id,
            strategy=strategy(Country.FR, function),
            language="fr",
            page_token=page or f"page-{name}",
            name=name,
            email=f"{name}@client.test",
            contract=contract,
        )
        received_id = declarations.declare(self.ctx, wish, network=name, now=utc_now())
        deciding.decide(self.ctx, received_id, now=utc_now())
        let_leave(self.ctx)
        return received_id

    def link(self, name):
        letters = [one.text for one in self.mailer.sent if one.to == f"{name}@client.test"]
        return [found for text in letters for found in re.findall(r"/atelier/declarations/(\S+)", text)][-1]


@pytest.fixture
def people(ctx, make, mailer, merchant):
    return Declaring(ctx, make, mailer, merchant)


@pytest.mark.law("R-FR-13", "R-EU-6")
def test_each_declaration_stands_where_it_stood(ctx, make, people, backup, restarted, merchant, database_url):
    theirs = {name: people.customer(name) for name in ("waits", "undone", "denied", "silent")}
    say(ctx, theirs["undone"], ConsentKind.INFORMED, at=utc_now() - DAY)
    copy = backup()
    say(ctx, theirs["undone"], ConsentKind.EXPRESS_REQUEST, at=utc_now() - HOUR)
    people.declare("waits", Function.CANCELLATION)
    people.declare("undone", Function.WITHDRAWAL)
    answering.confirm(ctx, merchant.id, people.link("undone"), theirs["undone"].id, now=utc_now())
    people.declare("denied", Function.CANCELLATION, contract=theirs["denied"].provider_id)
    answering.refuse(ctx, merchant.id, people.link("denied"), now=utc_now())
    silent_id = people.declare("silent", Function.CANCELLATION, contract=theirs["silent"].provider_id)
    let_leave(ctx)
    before = told(database_url)
    copy.restore()
    here = restarted()
    assert here.is_restored
    report = recovering.recover(here, now=utc_now())
    assert report.unplaced == []
    assert told(database_url) == before
    link = people.link("waits")
    assert answering.look(ctx, merchant.id, link, now=utc_now()).standing is Standing.ASKED
    denied = answering.look(ctx, merchant.id, people.link("denied"), now=utc_now())
    assert denied.standing is Standing.REFUSED
    deciding.run(ctx, now=utc_now() + 2 * DAY)
    assert [len(make.requests(theirs[name])) for name in ("waits", "undone", "denied", "silent")] == [0, 1, 0, 1]
    with ctx.db.read() as session:
        assert session.get_one(PublicDeclaration, silent_id).carrying is Carrying.AFTER_DELAY


@pytest.mark.law("R-EU-6")
def test_who_withdraws_again_since_the_restore_has_withdrawn_when_they_first_did(
    ctx, make, people, backup, restarted, merchant
):
    row = people.customer("undone")
    copy = backup()
    first = withdrawing.declare(ctx, row, now=utc_now())
    copy.restore()
    here = restarted()
    assert here.is_restored
    again = withdrawing.declare(here, row, now=utc_now() + DAY)
    assert again.id != first.id
    report = recovering.recover(here, now=utc_now() + 2 * DAY)
    assert report.unplaced == []
    assert again.reference in report.asked_again
    with ctx.db.read() as session:
        (stands,) = session.scalars(select(Withdrawal))
    assert (stands.reference, stands.declared_at) == (first.reference, first.declared_at)
    assert make.reload(row).withdrawn_at == first.declared_at
    (open_one,) = [one for one in make.requests(row) if one.state is not RequestState.WITHDRAWN]
    assert stands.end_request_id == open_one.id


@pytest.mark.law("R-FR-24")
def test_the_proof_of_a_reminder_is_there_again_although_it_was_promised_anew_since_the_restore(
    ctx, make, mailer, backup, restarted, database_url
):
    renewing(ctx, make, started_at=utc_now() - 270 * DAY)  # refused within two months
    copy = backup()
    reminders.remind(ctx, now=utc_now())
    let_leave(ctx)
    reminders.remind(ctx, now=utc_now() + timedelta(minutes=1))
    before, sent = told(database_url), len(mailer.sent)
    (proof,) = [row for (table, _key), row in before.items() if table == "renewal_reminders"]
    assert (proof["state"], sent) == ("sent", 1)
    copy.restore()
    here = restarted()
    assert here.is_restored
    reminders.remind(here, now=utc_now() + HOUR)
    report = recovering.recover(here, now=utc_now() + 2 * HOUR)
    assert report.unplaced == []
    (again,) = [row for (table, _key), row in told(database_url).items() if table == "renewal_reminders"]
    assert again == proof
    let_leave(restarted(), now=utc_now() + 3 * HOUR)
    assert len(mailer.sent) == sent, "nobody is reminded twice"
