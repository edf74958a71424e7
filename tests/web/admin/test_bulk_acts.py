"""The desk acts on many subscriptions: chosen in the list, previewed, confirmed (twice above the cap), followed."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from portal.clock import utc_now
from portal.models import AuditEntry, BulkAct, BulkRow, BulkState
from portal.queries.desk import desk, subscription_filters
from portal.services.bulk import bulk_choices as choices
from portal.services.bulk import bulk_running
from portal.web.admin.bulk import bulk_acts as pages
from portal.web.admin.bulk import bulk_forms
from tests.services.bulk.test_bulk_acts import run

TICKED = "Preview the selection"
CANCEL_ONE, CANCEL_THREE = "Cancel 1 subscription", "Cancel 3 subscriptions"


def choose(browser, subscriptions, action="cancel", **more):
    page = browser.get("/admin/subscriptions")
    return page.submit(press=TICKED, ids=[str(one.id) for one in subscriptions], action=action, **more)


def only_act(ctx) -> BulkAct:
    with ctx.db.read() as session:
        return session.scalars(select(BulkAct)).one()


def test_the_whole_way(support, reader, make, merchant, ctx, paypal):
    mine = [make.subscription(merchant=merchant) for _ in range(3)]
    over = make.subscription(merchant=merchant, status="completed")
    page = choose(support, [*mine, over])
    assert "nothing has changed yet" in page.h1
    assert "Ended at PayPal: no further payment is taken, and PayPal cannot undo it Subscriptions" not in page.text
    cells = [cell.get_text(strip=True) for cell in page.select("#effects .number")]
    assert cells[1:] == ["3", "1"]
    assert paypal.count("cancel") == 0
    page.submit(press=CANCEL_THREE, provider_note="", status=422)
    page = page.submit(press=CANCEL_THREE, provider_note="À bientôt", internal_note="end of season")
    assert "Sending one by one" in page.text
    page = page.submit(press="Stop sending")
    assert "What was already requested continues and is not undone" in page.notices[0]
    page = page.submit(press="Continue")
    act = only_act(ctx)
    run(ctx, act.id)
    page = reader.get(f"/admin/bulk/{act.id}")
    assert "Every subscription has been dealt with." in page.text
    assert "continues by itself" not in page.text, "nothing is open"
    assert page.text.count("Already ended: nothing was changed.") == 2
    assert not page.select('form[action*="/stop"], form[action*="results.csv"]')
    assert {call.note for call in paypal.calls if call.note} == {"À bientôt"}
    assert len(reader.get(f"/admin/bulk/{act.id}?result=skipped").select("#rows tbody tr")) == 1
    assert "Cancel" in reader.get("/admin/bulk").text


def test_nothing_ticked_is_said_on_the_list_and_a_foreign_tick_takes_nothing(support, make, merchant, ctx):
    make.subscription(merchant=merchant)
    foreign = make.subscription(merchant=make.merchant())
    page = support.get("/admin/subscriptions").submit(press=TICKED, status=422)
    assert page.errors == ["Tick at least one subscription."]
    assert choose_foreign(support, foreign).errors == ["Tick at least one subscription."]
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(BulkRow)) == 0


def choose_foreign(browser, foreign):
    page = browser.get("/admin/subscriptions")
    return page.submit(press=TICKED, ids=[str(foreign.id)], status=422)


def test_all_that_match_is_counted_and_above_the_cap_the_number_is_typed(support, make, merchant, ctx, monkeypatch):
    for module in (pages, bulk_forms):
        monkeypatch.setattr(module, "ONE_CONFIRMATION", 2)
    for _ in range(3):
        make.subscription(merchant=merchant, status="paused")
    make.subscription(merchant=merchant)
    page = support.get("/admin/subscriptions?status=paused").submit(press="Preview all 3 that match", action="abandon")
    assert "Paused" in page.text
    page = page.submit(press="Mark 3 subscriptions as abandoned", number="4", internal_note="kept", status=422)
    assert page.errors == ["Type exactly the number of subscriptions: 3."]
    assert "kept" in page.body
    page.submit(press="Mark 3 subscriptions as abandoned", number="", status=422)
    assert only_act(ctx).state is BulkState.DRAFT
    page.submit(press="Mark 3 subscriptions as abandoned", number="3")
    assert (only_act(ctx).state, only_act(ctx).total) == (BulkState.RUNNING, 3)


def test_what_changes_here_alone_promises_no_mail_and_speaks_of_no_end_at_paypal(support, make, merchant, monkeypatch):
    for module in (pages, bulk_forms):
        monkeypatch.setattr(module, "ONE_CONFIRMATION", 0)
    page = choose(support, [make.subscription(merchant=merchant, status="cancelled")], action="abandon")
    assert "Nothing is sent to PayPal or to the customers." in page.text
    assert "is told once" not in page.text
    assert "what PayPal ends cannot be undone" not in page.text
    assert page.select_one("[name=number]")


def test_a_finished_act_says_how_many_need_the_merchant(support, make, merchant, ctx, paypal):
    stuck = make.subscription(merchant=merchant)
    paypal.rule("show", "404", only=stuck.provider_id)
    choose(support, [stuck]).submit(press=CANCEL_ONE)
    act = only_act(ctx)
    run(ctx, act.id)
    page = support.get(f"/admin/bulk/{act.id}")
    assert "Every subscription has been dealt with. 1 needs your attention." in page.text
    assert not page.select("main .notice.tone-ok")


def test_many_want_a_recent_log_in(support, make, merchant, ctx, monkeypatch):
    from datetime import timedelta

    from portal.clock import utc_now
    from portal.models import LoginSession

    for module in (pages, bulk_forms):
        monkeypatch.setattr(module, "ONE_CONFIRMATION", 1)
    page = choose(support, [make.subscription(merchant=merchant) for _ in range(2)])
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(authenticated_at=utc_now() - timedelta(minutes=11)))
    page = page.submit(press="Cancel 2 subscriptions", number="2", status=401)
    assert "password" in page.body
    assert only_act(ctx).state is BulkState.DRAFT


def test_readers_look_and_cannot_act_and_others_find_nothing(support, reader, enter, make, merchant, ctx):
    subscription = make.subscription(merchant=merchant)
    choose(support, [subscription]).submit(press=CANCEL_ONE)
    act = only_act(ctx)
    token = reader.values_of(reader.get("/admin/subscriptions"))["csrf_token"]
    stranger = enter(make.merchant())
    other = stranger.values_of(stranger.get("/admin/subscriptions"))["csrf_token"]
    assert not reader.get("/admin/subscriptions").select('input[name="ids"]')
    for way in ("", "/stop", "/resume", "/end", "/results.csv"):
        reader.post(f"/admin/bulk/{act.id}{way}", {"csrf_token": token}, status=403)
        stranger.post(f"/admin/bulk/{act.id}{way}", {"csrf_token": other}, status=404)
    stranger.get(f"/admin/bulk/{act.id}", status=404)
    reader.post("/admin/subscriptions", {"csrf_token": token, "ids": str(subscription.id)}, status=403)
    assert only_act(ctx).state is BulkState.RUNNING


def test_a_draft_is_no_way_to_take_a_list_of_customers_away(support, make, merchant, ctx):
    """Whoever may end subscriptions may choose thousands; lists of them are the managers' to export."""
    page = choose(support, [make.subscription(merchant=merchant)])
    act = only_act(ctx)
    assert act.state is BulkState.DRAFT
    token = support.values_of(page)["csrf_token"]
    support.post(f"/admin/bulk/{act.id}/results.csv", {"csrf_token": token}, status=404)
    with ctx.db.read() as session:
        assert session.scalars(select(AuditEntry).where(AuditEntry.act == "export.bulk_act")).all() == []


def test_the_csv_is_safe_for_a_spreadsheet(support, make, merchant, ctx):
    customer = make.customer(merchant, name="=HYPERLINK(1)")
    choose(support, [make.subscription(merchant=merchant, customer=customer)]).submit(press=CANCEL_ONE)
    run(ctx, only_act(ctx).id)
    page = support.get(f"/admin/bulk/{only_act(ctx).id}").submit(press="Download the results (CSV)")
    assert page.response.mimetype == "text/csv"
    row = next(csv.reader(page.body.splitlines()[1:], delimiter=";"))
    assert row[1] == "'=HYPERLINK(1)"
    assert row[5] == "End confirmed"
    told = datetime.fromisoformat(row[-1])
    assert told.utcoffset() == datetime.now(ZoneInfo("Europe/Paris")).utcoffset(), "by the merchant's clock"
    assert abs(told - utc_now()) < timedelta(minutes=5)
    assert 'filename="bulk-cancel-' in page.response.headers["Content-Disposition"]


def test_in_french_and_a_silent_paypal_never_says_ended(support, make, merchant, ctx, paypal):
    choose(support, [make.subscription(merchant=merchant)]).submit(press=CANCEL_ONE)
    paypal.rule("any", "500")
    run(ctx, only_act(ctx).id)
    page = support.get(f"/admin/bulk/{only_act(ctx).id}")
    assert "Recorded, waiting for PayPal" in page.text
    assert "PayPal did not answer" in page.text
    assert "What PayPal has not confirmed yet continues by itself." in page.text
    page = page.submit(press="Français")
    assert "Action groupée" in page.h1
    assert "Enregistré, en attente de PayPal" in page.text
    page = support.get("/admin/subscriptions").submit(
        press="Prévisualiser la sélection", ids=[str(make.subscription(merchant=merchant).id)]
    )
    assert "rien n’a encore changé" in page.h1


def test_many_that_a_search_finds_are_gathered_by_a_worker_and_the_page_says_so(
    support, make, merchant, ctx, monkeypatch
):
    for _ in range(3):
        make.subscription(merchant=merchant)
    monkeypatch.setattr(choices, "AT_ONCE", 2)
    page = support.get("/admin/subscriptions").submit(press="Preview all 3 that match")
    assert page.h1 == "Your bulk action is being prepared"
    assert not page.select("main form")
    (again,) = [link for link in page.select("main a") if link.get_text(strip=True) == "Refresh"]
    choices.prepare(ctx, only_act(ctx).id, now=utc_now())
    page = support.get(again["href"])
    assert "nothing has changed yet" in page.h1
    page.submit(press="Cancel 3 subscriptions")
    assert only_act(ctx).state is BulkState.RUNNING


def test_more_than_one_act_may_hold_is_said_with_the_way_back_to_the_same_filters(
    support, make, merchant, ctx, monkeypatch
):
    for _ in range(3):
        make.subscription(merchant=merchant)
    monkeypatch.setattr(choices, "AT_ONCE", 1)
    monkeypatch.setattr(choices, "MOST_ROWS", 2)
    support.get("/admin/subscriptions?status=active").submit(press="Preview all 3 that match")
    choices.prepare(ctx, only_act(ctx).id, now=utc_now())
    page = support.get(f"/admin/bulk/{only_act(ctx).id}")
    assert page.h1 == "This bulk action is not possible"
    assert "at most 10,000 subscriptions" in page.text
    assert page.select_one("main a[href='/admin/subscriptions?state=active']")
    assert not page.select("main form")


def test_more_than_one_act_may_hold_offers_no_button_for_all(support, make, merchant, monkeypatch):
    for _ in range(3):
        make.subscription(merchant=merchant)
    monkeypatch.setitem(desk.subscriptions_page.__kwdefaults__, "size", 1)
    monkeypatch.setitem(subscription_filters.total.__kwdefaults__, "most", 2)
    page = support.get("/admin/subscriptions")
    assert "More than 2 subscriptions" in page.text
    assert page.select_one("button[value=all]").has_attr("disabled")
    assert bulk_running.ROWS_PER_SECOND is not None


def test_a_commitment_that_still_runs_is_a_warning_that_nobody_overlooks(support, make, merchant):
    rows = [
        make.subscription(merchant=merchant, committed_until=utc_now() + timedelta(days=200)),
        make.subscription(merchant=merchant),
    ]
    page = choose(support, rows, action="complete")
    (warning,) = page.select("main .notice.tone-warn")
    assert "The commitment of 1 of them is still running" in warning.get_text()
    for table in page.select("main table"):
        assert table.caption.get_text() not in [head.get_text() for head in table.select("thead th")]
    page.submit(press="Complete 2 subscriptions and cancel them at PayPal")


def test_what_was_never_approved_is_nowhere_said_to_be_confirmed_by_paypal(owner, make, merchant, ctx, paypal):
    never = make.subscription(merchant=merchant, status="pending", paid_until=None, last_payment_at=None)
    choose(owner, [never]).submit(press=CANCEL_ONE, provider_note="Bye")
    run(ctx, only_act(ctx).id)
    assert paypal.count("cancel") == 0
    act, customer = f"/admin/bulk/{only_act(ctx).id}", f"/admin/customers/{never.customer_id}"
    for path in (act, "/admin/audit", customer, f"/admin/subscriptions/{never.id}"):
        page = owner.get(path)
        assert "Ended before it started" in page.text
        assert "confirmed by PayPal" not in page.text
        badges = {found.get_text(strip=True) for found in page.select("#requests *")}
        assert not {"Confirmed", "Confirmed on"} & badges
    assert owner.get(f"{act}?result=never_started").select("#rows tbody tr")
    assert not owner.get(f"{act}?result=confirmed").select("#rows tbody tr")
