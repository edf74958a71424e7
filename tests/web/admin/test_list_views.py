"""Saved views: made, opened, renamed, shared and removed; whose they are."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select, text

from portal.domain.desk import list_views as rules
from portal.domain.policies import Role
from portal.domain.subscriptions import Status
from portal.models import ListView
from tests.web.admin.test_subscription_list import chips


def save(browser, query, name, *, list_of="subscriptions", **more):
    return browser.get(f"/admin/{list_of}?{query}").follow("Save this view").submit(name=name, **more)


def views(page):
    return [link.get_text(strip=True) for link in page.select("ul.views a")]


def here(page):
    return [link.get_text(strip=True) for link in page.select("ul.views a[aria-current]")]


@pytest.fixture
def some(make, merchant):
    return make.subscription(merchant=merchant, at_paypal=False)


def test_a_view_keeps_filters_and_order_and_no_search(owner, some, ctx):
    page = save(owner, "state=active&late=yes&sort=-ended&q=claire", "Late ones")
    assert (views(page), here(page)) == (["All", "Late ones"], ["Late ones"])
    assert chips(page) == ["Active", "Payment late"]
    assert "sort=-ended" in page.path
    with ctx.db.read() as session:
        (kept,) = session.scalars(select(ListView))
    assert kept.query == [["state", "active"], ["late", "yes"], ["sort", "-ended"]]
    assert here(owner.get("/admin/subscriptions")) == ["All"]
    assert here(owner.get("/admin/subscriptions?state=active")) == [], "something else"
    page = owner.get(f"/admin/subscriptions?view={kept.id}")
    assert chips(page) == ["Active", "Payment late"], "an address with the view alone means what it keeps"


def test_saved_twice_it_is_one_view(owner, some):
    form = owner.get("/admin/subscriptions?state=active").follow("Save this view")
    first, again = form.submit(name="Running"), form.submit(name="Running")
    assert again.path == first.path
    assert views(again).count("Running") == 1
    save(owner, "state=cancelled", "Running")
    shared = form.submit(name="Running", shared=True)
    assert sum("Running" in one for one in views(shared)) == 3, "other filters, and the team's, are other views"


def test_of_the_whole_list_there_is_nothing_to_save(owner, some):
    assert "Save this view" not in owner.get("/admin/subscriptions").text
    assert "Save this view" not in owner.get("/admin/subscriptions?q=claire").text


def test_customers_have_views_of_their_own(owner, some):
    page = save(owner, "email=none&erased=no", "Nobody to write to", list_of="customers")
    assert here(page) == ["Nobody to write to"]
    assert views(owner.get("/admin/subscriptions")) == []


def test_ones_own_is_seen_by_nobody_else_and_a_shared_one_by_the_team(owner, support, reader, enter, make, some, ctx):
    save(support, "late=yes", "Mine")
    save(support, "failed=yes", "Ours", shared=True)
    assert views(support.get("/admin/subscriptions")) == ["All", "Mine", "Ours"]
    for other in (owner, reader):
        assert views(other.get("/admin/subscriptions")) == ["All", "Ours"]
    assert views(enter(make.merchant()).get("/admin/subscriptions")) == []
    with ctx.db.read() as session:
        by_name = {view.name: view.id for view in session.scalars(select(ListView))}
    stranger = enter(make.merchant())
    token = stranger.values_of(stranger.get("/admin/views/new"))["csrf_token"]
    for browser, name in ((owner, "Mine"), (stranger, "Ours")):
        browser.get(f"/admin/views/{by_name[name]}", status=404)
    stranger.post(f"/admin/views/{by_name['Ours']}/removal", {"csrf_token": token}, status=404)
    stranger.get(f"/admin/views/{uuid.uuid4()}", status=404)


def test_a_reader_saves_for_themselves_alone(reader, owner, some):
    page = reader.get("/admin/subscriptions?late=yes").follow("Save this view")
    assert not page.select("input[name=shared]")
    page = page.submit(name="Mine")
    assert views(page) == ["All", "Mine"]
    token = reader.values_of(reader.get("/admin/views/new"))["csrf_token"]
    reader.post("/admin/views/new?late=yes", {"csrf_token": token, "name": "Ours", "shared": "y"}, status=303)
    assert views(owner.get("/admin/subscriptions")) == []


def test_a_view_is_renamed_shared_and_removed(support, owner, reader, some, ctx, merchant):
    page = save(support, "late=yes", "Mine").follow("Rename, share or remove this view")
    page.submit(press="Save this view", name="", status=422)
    page = page.submit(press="Save this view", name="Ours now", shared=True)
    assert here(page) == ["Ours now"]
    page = owner.get("/admin/subscriptions?late=yes").follow("Rename, share or remove this view")
    page = page.submit(press="Save this view", name="The owner’s word")
    looking = reader.get("/admin/subscriptions?late=yes").follow("Rename, share or remove this view")
    assert "Only who made it, or a manager, can change it." in looking.text
    assert not looking.select("main form")
    address = looking.path
    token = reader.values_of(reader.get("/admin/views/new"))["csrf_token"]
    reader.post(address, {"csrf_token": token, "name": "x"}, status=403)
    reader.post(f"{address}/removal", {"csrf_token": token}, status=403)
    page = owner.get(address).submit(press="Remove this view")
    assert views(page) == []
    with ctx.db.read() as session:
        rows = session.execute(
            text("SELECT act, details::text FROM audit_entries WHERE act LIKE 'list_view.%' ORDER BY number")
        ).all()
    assert [row.act for row in rows] == [
        "list_view.saved", "list_view.changed", "list_view.changed", "list_view.removed",
    ]  # fmt: skip
    assert not any(name in row.details for row in rows for name in ("Mine", "Ours", "owner"))
    assert "Saved view removed" in owner.get("/admin/audit").text


SAVE = "Save the changes to this view"


def test_a_view_takes_over_what_the_list_was_narrowed_to_from_it(support, some, ctx):
    page = save(support, "state=active&late=yes&sort=-ended", "Mine")
    assert SAVE not in page.text
    page = support.get(page.select("a.chip-on")[0]["href"])
    assert "Changed from the saved view “Mine”." in page.text
    assert page.link("Save as a new view")
    page = page.submit(press=SAVE)
    assert (page.notices, here(page), chips(page)) == (["The view is saved."], ["Mine"], ["Payment late"])
    with ctx.db.read() as session:
        (view,) = session.scalars(select(ListView))
        rows = session.scalars(text("SELECT details FROM audit_entries WHERE act = 'list_view.changed'")).all()
    assert view.query == [["late", "yes"], ["sort", "-ended"]]
    assert [row["after"] for row in rows] == [{"query": view.query}]
    assert views(page) == ["All", "Mine"]


def test_the_form_of_the_filters_keeps_the_view_it_was_opened_from_until_it_is_emptied(support, some):
    page = save(support, "late=yes", "Mine")
    form = page.select_one("form.narrowing")
    view = form.select_one("input[name=view]")["value"]
    changed = support.get(f"/admin/subscriptions?q=&view={view}&late=&state=active&sort=")
    assert SAVE in changed.text
    emptied = support.get(f"/admin/subscriptions?q=&view={view}&late=&sort=")
    assert (chips(emptied), here(emptied)) == ([], ["All"])
    assert SAVE not in emptied.text


def test_of_two_tabs_on_one_view_the_later_one_is_told_what_it_keeps_by_now(support, some, ctx):
    view = save(support, "late=yes", "Mine").select_one("form.narrowing input[name=view]")["value"]
    one, other = (support.get(f"/admin/subscriptions?view={view}&{query}") for query in ("failed=yes", "state=paused"))
    assert one.submit(press=SAVE).notices == ["The view is saved."]
    assert one.submit(press=SAVE).notices == ["The view is saved."], "pressed twice"
    told = other.submit(press=SAVE)
    assert told.notices == [
        "Nothing was saved. This view was changed meanwhile and now keeps: Last payment failed. "
        "Check it, then save again."
    ]
    assert chips(told) == ["Paused"], "what was chosen is still there"
    assert told.submit(press=SAVE).notices == ["The view is saved."]


def test_who_may_not_rename_a_view_does_not_change_what_it_keeps(support, owner, reader, enter, make, some, ctx):
    view = save(support, "late=yes", "Ours", shared=True).select_one("form.narrowing input[name=view]")["value"]
    path = f"/admin/subscriptions?view={view}&state=paused"
    page = reader.get(path)
    assert SAVE not in page.text
    assert page.link("Save as a new view")
    fields = owner.get(path).values(owner.get(path).form(press=SAVE))
    stranger = enter(make.merchant())
    for browser, status in ((reader, 403), (stranger, 404)):
        token = browser.values_of(browser.get("/admin/views/new"))["csrf_token"]
        browser.post(f"/admin/views/{view}/filters", fields | {"csrf_token": token}, status=status)
    support.post(f"/admin/views/{uuid.uuid4()}/filters", support.values_of(support.get(path)), status=404)
    with ctx.db.read() as session:
        assert session.scalars(select(ListView.query)).one() == [["late", "yes"]]
    assert chips(owner.get(path).submit(press=SAVE)) == ["Paused"], "a manager or an owner may"


def test_a_view_whose_product_is_gone_says_so_and_opens(owner, make, merchant, some, ctx):
    product = make.product(merchant, name="Photo")
    save(owner, f"product={product.id}&state=active", "Photo, active")
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM products WHERE id = :id"), {"id": product.id})
    page = owner.get("/admin/subscriptions").follow("Photo, active")
    said = page.select_one("main .notice.tone-warn").get_text(strip=True)
    assert said == "Product: the address names one that no longer exists. It was left out."
    assert chips(page) == ["Active"]
    assert len(page.select("tbody tr")) == 1


def test_nobody_keeps_more_than_they_can_read(owner, some, ctx, monkeypatch):
    from portal.queries.desk import list_views as stored

    monkeypatch.setattr(stored, "MOST_VIEWS", 1)
    save(owner, "late=yes", "One")
    page = owner.get("/admin/subscriptions?failed=yes").follow("Save this view")
    page = page.submit(name="Two", status=422)
    assert page.errors == ["There are 50 saved views already. Remove one first."]


MAY = {
    # (role, is_own, is_shared): may change
    (Role.READER, True, False): True, (Role.READER, False, True): False, (Role.SUPPORT, False, True): False,
    (Role.SUPPORT, True, True): True, (Role.MANAGER, False, True): True, (Role.MANAGER, False, False): False,
    (Role.OWNER, False, False): False,
}  # fmt: skip


@pytest.mark.parametrize("who", MAY)
def test_who_may_change_a_view(who):
    role, is_own, is_shared = who
    assert rules.may_change(role, is_own=is_own, is_shared=is_shared) is MAY[who]


def test_an_address_of_a_view_that_is_gone_or_of_another_says_so(owner, support, enter, make, some, ctx):
    save(support, "late=yes", "Mine")
    with ctx.db.read() as session:
        mine = session.scalars(select(ListView.id)).one()
    elsewhere = enter(make.merchant())
    for browser, view in ((owner, mine), (owner, uuid.uuid4()), (owner, "nonsense"), (elsewhere, mine)):
        page = browser.get(f"/admin/subscriptions?view={view}")
        said = [notice.get_text(strip=True) for notice in page.select("main .notice.tone-warn")]
        assert said == ["This saved view no longer exists, or is no longer shared with you. Here is the whole list."]
    page = support.get(f"/admin/customers?view={mine}")
    assert "no longer exists" in page.text, "it is of the other list"
    assert chips(support.get(f"/admin/subscriptions?view={mine}")) == ["Payment late"]


def test_a_bulk_act_from_a_views_address_is_of_what_it_shows(owner, some, make, merchant, ctx):
    make.subscription(merchant=merchant, at_paypal=False, status=Status.PAUSED)
    save(owner, "state=paused", "Paused")
    with ctx.db.read() as session:
        view = session.scalars(select(ListView)).one()
    page = owner.get(f"/admin/subscriptions?view={view.id}")
    owner.get("/admin/subscriptions?state=paused").follow("Rename, share or remove this view").submit(
        press="Remove this view"
    )
    chosen = page.submit(press="Preview the only one that matches")
    assert chosen.path.startswith("/admin/bulk/")
    with ctx.db.read() as session:
        filters, total = session.execute(text("SELECT filters, total FROM bulk_acts")).one()
    assert (filters["query"], total) == ([["state", "paused"]], 1)


def test_of_a_list_whose_product_went_meanwhile_nothing_is_chosen(owner, some, make, merchant, ctx):
    product = make.product(merchant, name="Photo")
    make.subscription(merchant=merchant, product=product, at_paypal=False)
    page = owner.get(f"/admin/subscriptions?product={product.id}")
    with ctx.db.begin() as session:
        for table in ("subscriptions", "plans"):
            session.execute(text(f"UPDATE {table} SET product_id = :other"), {"other": some.product_id})  # noqa: S608
        session.execute(text("DELETE FROM products WHERE id = :id"), {"id": product.id})
    page = page.submit(press="Preview the only one that matches", status=422)
    assert page.errors == ["This is no longer the list you chose from. Check it, then choose again."]
    assert page.submit(press="Preview all 2 that match").path.startswith("/admin/bulk/")
