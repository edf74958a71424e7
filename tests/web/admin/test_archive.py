"""What is kept of an erased customer opens on a stated occasion, for an hour; a file for a court is in the chain."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from sqlalchemy import select

from portal import create_app
from portal.clock import utc_now
from portal.models import AuditEntry
from tests.services.carrying.carried import ask, carry
from tests.web.admin.test_own_data import leave  # noqa: F401 - a fixture


@pytest.fixture
def ended(ctx, make, merchant):
    return carry(ctx, ask(ctx, make, make.subscription(merchant=merchant)))


def rows(ctx, act):
    with ctx.db.read() as session:
        return session.scalars(select(AuditEntry).where(AuditEntry.act == act).order_by(AuditEntry.number)).all()


@pytest.mark.law("R-GD-3")
def test_an_archive_opens_for_an_hour_to_who_says_why_and_to_nobody_else(
    ctx,
    make,
    merchant,
    owner,
    enter,
    leave,  # noqa: F811
):
    customer = make.customer(merchant)
    held = make.subscription(merchant=merchant, customer=customer)
    leave(customer)
    (request,) = make.requests(held)
    proof = f"/admin/requests/{request.id}/proof.pdf"
    page = owner.get(proof)
    assert page.h1 == "Archive of an erased customer"
    assert page.submit(press="Open the archive", status=422).errors == ["Choose the occasion."]
    assert rows(ctx, "customer.archive_opened") == []
    answer = page.submit(press="Open the archive", occasion="authority", status=303, follow=False)
    assert answer.response.headers["Location"] == proof
    assert owner.client.get(proof, base_url="http://portal.test").mimetype == "application/pdf"
    (row,) = rows(ctx, "customer.archive_opened")
    assert (row.subject_id, row.details, row.actor) == (customer.id, {"occasion": "authority"}, "staff")
    colleague = enter(merchant)
    assert colleague.client.get(proof, base_url="http://portal.test").status_code == 303, "each says why"
    with time_machine.travel(utc_now() + timedelta(minutes=61)):
        assert owner.client.get(proof, base_url="http://portal.test").status_code == 303


def test_who_was_not_erased_has_no_archive(owner, make, merchant):
    customer = make.customer(merchant)
    answer = owner.client.get(f"/admin/customers/{customer.id}/archive", base_url="http://portal.test")
    assert answer.headers["Location"].endswith(f"/admin/customers/{customer.id}")


@pytest.mark.law("R-GD-5")
def test_an_owner_takes_the_file_and_the_chain_says_so(ctx, owner, ended):
    page = owner.get(f"/admin/subscriptions/{ended.subscription_id}").follow("Export for a court")
    assert ended.reference in page.h1
    assert page.submit(press="Export for a court", status=422).errors == ["Choose the occasion."]
    assert rows(ctx, "export.proof") == []
    typed = {**page.values(page.form(press="Export for a court")), "occasion": "court"}
    answer = owner.client.post(page.path, data=typed, base_url="http://portal.test")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{ended.reference}.zip"'
    with zipfile.ZipFile(BytesIO(answer.data)) as archive:
        assert {"proof.pdf", "proof.json", "request.json", "chain.jsonl"} < set(archive.namelist())
    (row,) = rows(ctx, "export.proof")
    assert (row.details["occasion"], row.actor, row.channel) == ("court", "staff", "staff")


def test_it_is_for_owners_and_another_merchants_is_not_there(make, owner, manager, ctx):
    other = carry(ctx, ask(ctx, make, make.subscription(merchant=make.merchant())))
    owner.get(f"/admin/requests/{other.id}/court-file", status=404)
    assert manager.get(f"/admin/requests/{other.id}/court-file", status=403)


def test_the_operator_takes_the_same_file(ctx, config, merchant, ended, tmp_path):
    runner = create_app(config, ctx, pages=False).test_cli_runner()
    told = ["audit", "court-file", merchant.slug, ended.reference.lower(), "--occasion", "authority", "--to", tmp_path]
    said = runner.invoke(args=[str(one) for one in told])
    assert said.exit_code == 0, said.output
    with zipfile.ZipFile(tmp_path / f"{ended.reference}.zip") as archive:
        assert "chain.jsonl" in archive.namelist()
    (row,) = rows(ctx, "export.proof")
    assert (row.details["occasion"], row.channel) == ("authority", "command_line")
    said = runner.invoke(args=["audit", "court-file", merchant.slug, "AAAA-AAAA", "--occasion", "court"])
    assert (said.exit_code, "has no proof of an end" in said.output) == (1, True)
