"""The desk's list of who could not log in: read one by one, junk closed together, and nothing else closed so."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.countries import Country, Function, strategy
from portal.models import AuditEntry, ReceivedRequest
from portal.services.declarations import deciding, declarations
from portal.services.declarations.declarations import Declared
from portal.services.inbox import lost_log_ins
from portal.services.inbox.lost_log_ins import Word
from tests.services.inbox.notified import by_letter

PAGE, CLOSE = "/admin/received/lost", "Close those ticked"


@pytest.fixture
def leave(ctx, merchant):
    def left(name, *, to=None):
        merchant_id = (to or merchant).id
        word = Word(merchant_id=merchant_id, name=name, email=f"{name}@client.test", number="", message="Help")
        return lost_log_ins.leave(ctx, word, network=name, now=utc_now())

    return left


def states(ctx):
    with ctx.db.read() as session:
        return {row.name: row.state for row in session.scalars(select(ReceivedRequest))}


def test_one_is_a_card_of_its_own_and_several_are_one_with_a_list(support, leave):
    first = leave("zoe")
    assert support.get("/admin/").follow("zoe could not log in").path == f"/admin/received/{first.id}"
    leave("max")
    page = support.get("/admin/").follow("2 people could not log in")
    assert page.path == PAGE
    assert page.follow("max").h1 == "max could not log in"


def test_a_flood_of_declarations_is_one_card_that_says_that_each_of_them_counts(support, ctx, merchant):
    for number in range(declarations.OF_NETWORK + 2):
        wish = Declared(
            merchant_id=merchant.id,
            strategy=strategy(Country.FR, Function.CANCELLATION),
            language="fr",
            page_token=f"page-{number}",
            name=f"Zoé {number}",
            email=f"zoe{number}@client.test",
        )
        received_id = declarations.declare(ctx, wish, network="one", now=utc_now())
        deciding.decide(ctx, received_id, now=utc_now())
    inbox = support.get("/admin/")
    assert "2 declarations on your public page" in inbox.text
    assert "could not log in" not in inbox.text
    assert "it counts from the moment it was sent" in inbox.text
    assert inbox.follow("Read the declarations").path == PAGE


def test_junk_is_closed_together_and_nobody_is_told(support, leave, ctx, letters):
    rows = [leave(name) for name in ("a", "b", "c")]
    before = len(letters())
    page = support.get(PAGE)
    data = page.values(page.form(press=CLOSE)) | {"reason": "Junk", "received": [str(row.id) for row in rows[:2]]}
    support.post(f"{PAGE}/junk", data, status=303)
    closed, still_open = ReceivedState.DISMISSED, ReceivedState.OPEN
    assert states(ctx) == {"a": closed, "b": closed, "c": still_open}
    assert len(letters()) == before
    with ctx.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.act == "received_request.dismissed")).all()
    assert len(acts) == 2


def test_without_a_reason_or_a_tick_nothing_is_closed(support, leave, ctx):
    row = leave("a")
    page = support.get(PAGE).submit(press=CLOSE, received=True, status=422)
    assert page.errors == ["Say why: somebody may look for the reason later."]
    assert page.select_one(f"input[value='{row.id}']").has_attr("checked")
    assert support.get(PAGE).submit(press=CLOSE, reason="Junk", status=422).errors == ["Tick what is to be closed."]
    assert states(ctx) == {"a": ReceivedState.OPEN}


def test_no_other_request_and_no_other_merchants_is_closed_so(support, leave, ctx, make, merchant):
    mine, theirs = leave("a"), leave("b", to=make.merchant())
    letter = by_letter(ctx, make.customer(merchant, name="letter"), now=utc_now())
    page = support.get(PAGE)
    for other in (letter, theirs):
        data = page.values(page.form(press=CLOSE)) | {"reason": "Junk", "received": [str(mine.id), str(other.id)]}
        support.post(f"{PAGE}/junk", data, status=404)
    assert set(states(ctx).values()) == {ReceivedState.OPEN}


def test_who_may_only_look_is_offered_nothing(reader, leave):
    leave("a")
    assert not reader.get(PAGE).select("main form")


def test_its_page_and_mails_speak_of_an_answer_and_not_of_an_end(support, leave, letters):
    row = leave("zoe")
    page = support.get(f"/admin/received/{row.id}")
    assert "Nothing to end?" not in page.text
    page = page.submit(press="Close the message", reason="She can log in again")
    assert "She can log in again" in page.text
    assert "ending" not in page.text
    told = letters()[-1]
    assert told.recipient == "zoe@client.test"
    assert "cancel" not in told.text
