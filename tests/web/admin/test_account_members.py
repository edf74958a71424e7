"""The people of a customer's account at the desk: seen with role and state, removed, never invited."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.people.account_members import MemberRole
from portal.models import AccountMember, AuditEntry
from tests.web.account_people import ANNA, member_of, seat


def test_the_record_lists_them_and_staff_remove_one(app, ctx, make, merchant, owner):
    customer = make.customer(merchant)
    member = member_of(ctx, customer, role=MemberRole.OWNER)
    member_of(ctx, customer, email="bert@client.test", name="", accepted=False)
    late = member_of(ctx, customer, email="carl@client.test", name="Carl", accepted=False)
    member_of(ctx, customer, email="gone@client.test", removed_at=utc_now())
    with ctx.db.begin() as session:
        over = utc_now() - timedelta(seconds=1)
        session.execute(update(AccountMember).where(AccountMember.id == late.id).values(expires_at=over))
    page = owner.get(f"/admin/customers/{customer.id}")
    table = page.select_one("#identity table").get_text(" ", strip=True)
    for said in ("Anna", ANNA, "Owner", "Has access", "bert@client.test", "Invited", "Carl", "Invitation expired"):
        assert said in table
    assert "gone@client.test" not in page.text

    anna = seat(ctx, app, member)
    asked = owner.get(f"/admin/customers/{customer.id}/people/{member.id}/removal")
    assert ANNA in asked.text
    done = asked.submit(press="Remove from the account")
    assert done.notices == ["Removed from the account, and logged out there."]
    assert "/login" in anna.get(f"/account/{merchant.slug}/").path
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "customer.member_removed")).one()
    assert (entry.actor, entry.subject_id) == ("staff", customer.id)
    assert entry.details == {"member": str(member.id), "email": "a…@client.test", "role": "owner"}
    assert "Access to a customer’s account removed" in done.text
    owner.get(f"/admin/customers/{customer.id}/people/{member.id}/removal", status=404)


def test_nobody_of_another_account_or_merchant_is_found(ctx, make, merchant, owner):
    ours, theirs = make.customer(merchant), make.customer(make.merchant())
    member = member_of(ctx, theirs)
    for customer in (ours, theirs):
        owner.get(f"/admin/customers/{customer.id}/people/{member.id}/removal", status=404)


def test_the_journal_names_whoever_acted(app, ctx, make, merchant, owner):
    customer = make.customer(merchant)
    anna = seat(ctx, app, member_of(ctx, customer, role=MemberRole.OWNER))
    anna.submit(f"/account/{merchant.slug}/profile/people", email="carl@client.test", role="reader")
    page = owner.get("/admin/audit")
    row = next(tag.get_text(" ", strip=True) for tag in page.select("tbody tr") if "Invitation to a" in tag.get_text())
    assert "Anna" in row
