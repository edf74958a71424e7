"""What the desk's to-do list says of a declaration that the mailbox on file was asked about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.law.countries import Country, Function, strategy
from portal.models import PublicDeclaration
from portal.services.declarations import answering, asking, deciding, declarations
from portal.services.declarations.declarations import Declared
from tests.web.declarations.declaring import rows_of

ASKED = {
    Function.CANCELLATION: "is asked by email and ends it with one button",
    Function.WITHDRAWAL: "is asked by email and confirms it",
}
DENIED = "End nothing by this alone."


@pytest.fixture
def link(ctx, make, merchant, request, monkeypatch):
    """Declare of the one subscription of an address on file; return the link that goes there."""
    monkeypatch.setattr(asking, "new_token", lambda: "link")
    make.subscription(merchant=merchant, customer=make.customer(merchant, email="claire@client.test", locale="en"))
    wish = Declared(
        merchant_id=merchant.id,
        strategy=strategy(Country.FR, request.param),
        language="fr",
        page_token="page",
        name="Claire",
        email="claire@client.test",
    )
    received_id = declarations.declare(ctx, wish, network="n", now=utc_now())
    deciding.decide(ctx, received_id, now=utc_now())
    return request.param, "link"


@pytest.mark.parametrize("link", list(Function), indirect=True)
def test_what_the_mailbox_has_denied_is_not_to_be_carried_out(ctx, owner, merchant, link):
    function, token = link
    assert ASKED[function] in owner.get("/admin/").text
    answering.refuse(ctx, merchant.id, token, now=utc_now())
    page = owner.get("/admin/")
    assert DENIED in page.text
    assert "carry the withdrawal out" not in page.text


@pytest.mark.parametrize("link", list(Function), indirect=True)
def test_once_the_link_is_too_old_nobody_is_said_to_be_asked(ctx, owner, link):
    function, _token = link
    with ctx.db.begin() as session:
        session.execute(update(PublicDeclaration).values(decided_at=utc_now() - timedelta(days=31)))
    page = owner.get("/admin/")
    assert ASKED[function] not in page.text
    assert rows_of(ctx)[0][0].reference in page.text
