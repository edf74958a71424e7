"""The audit journal at the desk and on the command line."""

from __future__ import annotations

import json

import psycopg
import pytest

from portal.clock import utc_now
from portal.domain.audit import OPERATOR, Act, Flaw
from portal.domain.policies import Role
from portal.queries.timelines import TimelineKind
from portal.services import leaving_reasons, settings
from portal.services.audit import audit
from portal.services.people import memberships
from portal.services.people.staff_acts import by
from portal.web.admin import audit_words
from portal.web.admin.audit_words import TOPIC, TOPICS

PAGE = "/admin/audit"


def spoil(ctx):
    with psycopg.connect(ctx.db.url) as connection:
        connection.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
        connection.execute("UPDATE audit_entries SET act = 'x' WHERE number = 1")


def test_every_act_and_every_flaw_has_words():
    assert set(audit_words.ACT) == {*(act.value for act in Act), *(f"subscription.{kind}" for kind in TimelineKind)}
    assert set(audit_words.FLAW) == set(Flaw)


def test_the_owner_sees_who_did_what_checks_it_and_takes_it(ctx, owner, merchant, now):
    owner.get("/admin/paypal/rest")
    with ctx.db.begin() as session:
        for _ in range(60):
            audit.append(session, merchant.id, Act.MERCHANT_CREATED, by=OPERATOR, at=now)
    page = owner.get(PAGE)
    assert "Merchant created" in page.text
    assert "Operator" in page.text
    assert "member added" in page.follow("Next page").text  # the first row of the chain: the owner herself
    assert "The log is complete" in page.submit(press="Check the log now").text
    token = page.select_one("input[name=csrf_token]")["value"]
    for wanted, kind in (("csv", "text/csv"), ("jsonl", "application/jsonl")):
        answer = owner.client.post(
            f"{PAGE}/export", data={"csrf_token": token, "format": wanted}, base_url="http://portal.test"
        )
        assert answer.mimetype == kind
        assert answer.headers["Content-Disposition"].startswith("attachment")
        last = answer.text.splitlines()[-1]
    row = json.loads(last)
    assert (row["act"], row["actor"], row["channel"]) == ("export.audit", "staff", "staff")
    owner.post(f"{PAGE}/export", {"csrf_token": token, "format": "exe"}, status=422)
    spoil(ctx)
    assert "Row 1 was changed" in owner.get(PAGE).submit(press="Check the log now").text


def test_only_owners_come_here(support):
    support.get(PAGE, status=403)
    assert "Audit log" not in support.get("/admin/settings").text


def test_the_command_checks_every_chain_and_exports_one(ctx, app, make, merchant, now):
    with ctx.db.begin() as session:
        audit.append(session, merchant.id, Act.MERCHANT_CREATED, by=OPERATOR, at=now)
    run = app.test_cli_runner().invoke
    told = run(args=["audit", "verify"])
    assert told.exit_code == 0
    end = told.output.split("End: ")[1].strip()
    assert run(args=["audit", "verify", merchant.slug, "--expect", end]).exit_code == 0
    assert run(args=["audit", "verify", merchant.slug, "--expect", f"1:{'0' * 64}"]).exit_code == 1
    assert run(args=["audit", "verify", merchant.slug, "--expect", "1"]).exit_code == 2
    today = now.date().isoformat()
    given = run(args=["audit", "export", merchant.slug, "--format", "jsonl", "--since", today])
    assert given.exit_code == 0, given.output
    assert "export.audit" in given.output
    spoil(ctx)
    told = run(args=["audit", "verify", merchant.slug])
    assert told.exit_code == 1
    assert "row 1 was changed" in told.output


@pytest.mark.parametrize("path", ["check", "export"])
def test_an_act_is_never_a_get(owner, path):
    owner.get(f"{PAGE}/{path}", status=405)


@pytest.mark.parametrize("place", ["after=0", "after=1"])
def test_beyond_the_oldest_row_nobody_reads_that_nothing_has_happened(owner, place):
    page = owner.get(f"/admin/audit?{place}")
    assert "No action beyond this one." in page.text
    assert page.link("Show the newest") == "/admin/audit"


def test_the_journal_is_narrowed_to_one_person_and_one_kind_of_act(owner, merchant, hire, ctx):
    lea = hire(merchant, email="lea@desk.test", role=Role.OWNER)
    max_ = hire(merchant, email="max@desk.test", role=Role.READER)
    memberships.change_role(ctx, merchant.id, max_.staff.id, Role.SUPPORT, by=by(lea.staff.id), now=utc_now())
    owner.submit("/admin/settings", cancellation_text="Écrivez à Léa.")
    rows = "tbody th"
    both = [next(one.stripped_strings) for one in owner.get("/admin/audit").select(rows)]
    assert {"Role changed", "Settings changed: Cancellation"} <= set(both)
    hers = owner.get(f"/admin/audit?who={lea.staff.id}").select(rows)
    assert [next(one.stripped_strings) for one in hers] == ["Role changed"]
    kind = owner.get("/admin/audit?what=settings").select(rows)
    assert {next(one.stripped_strings) for one in kind} == {"Settings changed: Cancellation"}
    assert "No row of the log" in owner.get(f"/admin/audit?who={lea.staff.id}&what=exports").text
    owner.get("/admin/audit?who=nobody&what=nothing")


def test_every_act_is_of_one_kind_that_can_be_looked_for():
    kinds = [[begin for topic in TOPICS.values() for begin in topic if act.startswith(begin)] for act in Act]
    assert [act for act, found in zip(Act, kinds, strict=True) if len(found) != 1 and act != Act.SECRETS_ROTATED] == []
    assert TOPICS.keys() == TOPIC.keys()


def test_a_row_names_the_settings_and_leads_to_what_it_is_about(ctx, owner, merchant, make, hire, now):
    product, customer = make.product(merchant, name="Cours de piano"), make.customer(merchant, name="Zoé")
    max_ = hire(merchant, email="max@atelier.test").staff
    elsewhere = make.product(make.merchant(), name="Theirs")
    about = {
        "Settings changed: Branding": (Act.SETTINGS_CHANGED, "settings.face", merchant.id, "/admin/settings/face"),
        "Product rules changed": (Act.PRODUCT_CHANGED, "product", product.id, f"/admin/products/{product.id}"),
        "Role changed": (Act.ROLE_CHANGED, "staff", max_.id, f"/admin/team/{max_.id}"),
        "Customer’s pages viewed": (
            Act.CUSTOMER_VIEWED,
            "customer",
            customer.id,
            f"/admin/customers/{customer.id}",
        ),
    }
    with ctx.db.begin() as session:
        for act, kind, subject_id, _ in about.values():
            audit.append(session, merchant.id, act, by=OPERATOR, at=now, subject=(kind, subject_id))
        for act, kind in ((Act.PRODUCT_MADE, "product"), (Act.STAFF_REMOVED, "staff")):
            audit.append(session, merchant.id, act, by=OPERATOR, at=now, subject=(kind, elsewhere.id))
    page = owner.get(PAGE)
    for words, (_, _, _, path) in about.items():
        assert page.follow(words).path == path
    (row,) = [row for row in page.select("tbody tr") if "Product rules changed" in row.get_text()]
    assert "Cours de piano" in row.get_text()
    assert "Zoé" not in page.text
    assert "Theirs" not in page.text
    for words in ("Product created", "Team member removed"):  # of what is not, or no more, here
        with pytest.raises(AssertionError):
            page.link(words)


def test_every_group_of_settings_has_its_name():
    kinds = {one.kind for one in vars(settings).values() if isinstance(one, type) and hasattr(one, "kind")}
    assert set(audit_words.GROUP) == kinds | {leaving_reasons.KIND}
