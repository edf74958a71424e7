"""People beside the address on file, in front of the pages of a customer's account."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

from portal.clock import utc_now
from portal.domain.people.account_members import MemberRole
from portal.models import AccountMember
from portal.queries.people.people import Kind
from portal.secrets import token_hash
from portal.services.people.sessions import Visitor, open_for
from tests.browser_client import Browser

ANNA = "anna@client.test"


def member_of(
    ctx, customer, *, email=ANNA, role=MemberRole.READER, name="Anna", accepted=True, **more
) -> AccountMember:
    """Somebody in a customer's account, or invited to it, without the way of the mail, which is tested elsewhere."""
    now = utc_now()
    member = AccountMember(
        id=uuid.uuid4(),
        merchant_id=customer.merchant_id,
        customer_id=customer.id,
        email=email,
        name=name,
        role=role,
        invited_at=now,
        token_hash=token_hash(uuid.uuid4().hex),
        expires_at=now + timedelta(hours=72),
        accepted_at=now if accepted else None,
        **more,
    )
    with ctx.db.begin() as session:
        session.add(member)
    return member


def seat(ctx, app, member: AccountMember) -> Browser:
    """A browser in which they are logged in."""
    browser = Browser(app)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    with ctx.db.begin() as session:
        token = open_for(
            session, Kind.CUSTOMER, member.merchant_id, member.customer_id, visitor=Visitor(), member_id=member.id,
            now=utc_now(),
        )  # fmt: skip
    browser.set_cookie("portal_customer", token)
    return browser


def link_in(text: str) -> str:
    """The path of the invitation in a mail's words."""
    found = re.search(r"http://portal\.test(/account/\S+/invitation/\S+)", text)
    assert found is not None
    return found[1]
