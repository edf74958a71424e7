"""Keys of the API at the desk: made once, shown once, changed, replaced, revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.domain.audit import By
from portal.domain.integrations.api_keys import Mode, Scope
from portal.models import ApiKey, AuditEntry
from portal.services.api import api_keys
from portal.services.api.api_keys import Wanted

NEW = {"name": "Course site", "mode": "test", "reads": ["access:read"], "per_minute": "60"}
SECRET = re.compile(r"psk_(?:test|live)_[a-z2-7]{8}_[A-Za-z0-9_-]{43}")


def made(owner, **answers):
    """The page that shows a new key, and the key's text."""
    page = owner.submit("/admin/integrations/keys/new", press="Create the key", **{**NEW, **answers})
    return page, SECRET.search(page.text)[0]


def keys(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.successor_id)).all()


def asks(app, key):
    """What the API answers to a key."""
    client = app.test_client(use_cookies=False)
    return client.get("/v1/key", headers={"Authorization": f"Bearer {key}"}, base_url="http://portal.test")


def own_page(owner, key):
    return owner.get(f"/admin/integrations/keys/{key.id}")


def test_without_one_the_page_says_what_a_key_is_for(owner):
    page = owner.get("/admin/integrations/keys")
    assert "There is no key yet." in page.text
    assert page.select_one("nav a[aria-current=true]").get_text(strip=True) == "Integrations"


def test_a_key_is_shown_once_and_opens_what_was_ticked(app, owner, ctx):
    page, text = made(owner, networks="203.0.113.7\n\n198.51.100.0/24", acts=["ends:write"])
    assert page.response.headers["Cache-Control"] == "no-store"
    (key,) = keys(ctx)
    assert (key.name, key.per_minute, key.networks) == ("Course site", 60, ["203.0.113.7/32", "198.51.100.0/24"])
    assert key.scopes == ["access:read", "ends:write"]
    assert asks(app, text).status_code == 401  # not from that address
    for path in ("/admin/integrations/keys", f"/admin/integrations/keys/{key.id}", "/admin/audit"):
        seen = owner.get(path)
        assert text[-43:] not in seen.body, path
    assert f"{key.prefix}…" in owner.get("/admin/integrations/keys").text


def test_a_form_that_is_sent_twice_makes_one_key_and_shows_nothing_again(owner, ctx):
    page = owner.get("/admin/integrations/keys/new")
    first = page.submit(press="Create the key", **NEW)
    again = page.submit(press="Create the key", **NEW)
    assert SECRET.search(first.text)
    assert not SECRET.search(again.body)
    assert again.path.endswith(f"/keys/{keys(ctx)[0].id}")
    assert "was shown only once" in again.notices[0]
    assert len(keys(ctx)) == 1


def test_two_merchants_pages_with_one_number_make_two_keys(owner, enter, make, ctx):
    once = "0" * 32
    for browser in (owner, enter(make.merchant(name="Another", locale="en"))):
        browser.submit("/admin/integrations/keys/new", press="Create the key", once=once, **NEW)
    assert len({key.merchant_id for key in keys(ctx)}) == 2


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"name": " "}, "Enter a name."),
        ({"name": "x" * 61}, "Write at most 60 characters."),
        ({"reads": []}, "Choose at least one thing that the key may do."),
        ({"acts": ["grants:write"]}, "A test key cannot give access"),
        ({"networks": "10.0.0.1\nnowhere"}, "“nowhere” is neither an address like 203.0.113.7"),
        ({"networks": "100% no"}, "“100% no” is neither an address"),
        ({"networks": "\n".join(f"10.0.0.{n}" for n in range(51))}, "Write at most 50 lines."),
        ({"per_minute": "0"}, "Enter a number from 1 to 60,000."),
        ({"per_minute": "many"}, "Enter a number from 1 to 60,000."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_typed_is_lost(owner, ctx, answers, error):
    page = owner.submit("/admin/integrations/keys/new", press="Create the key", status=422, **{**NEW, **answers})
    assert any(error in one for one in page.errors)
    kept = page.values(page.form(press="Create the key"))
    sent = {**NEW, **answers}
    assert kept["per_minute"] == sent["per_minute"]
    assert kept.get("networks", "") == sent.get("networks", "")
    assert kept["mode"] == "test"
    assert keys(ctx) == []


def test_live_ones_may_give_access(owner, ctx):
    _page, text = made(owner, mode="live", acts=["grants:write"])
    assert text.startswith("psk_live_")


def test_a_change_holds_from_the_next_call_on(app, owner, ctx):
    _page, text = made(owner)
    (key,) = keys(ctx)
    page = own_page(owner, key).follow("Change")
    assert page.values(page.form(press="Save"))["reads"] == "access:read"
    assert "Give access by hand" not in page.text  # nothing that its mode forbids is offered
    seen = page.submit(press="Save", name="Shop", reads=["payments:read"], per_minute="5")
    assert seen.h1 == "API key “Shop”"
    assert "Read payments and refunds" in seen.text
    assert "Ask who may open what" not in seen.text
    assert (asks(app, text).json["scopes"], asks(app, text).json["calls_per_minute"]) == (["payments:read"], 5)
    changed(ctx, "api_key.made", "api_key.changed")


NARROWED = {"name": "Shop", "networks": ("203.0.113.7/32",), "per_minute": 5}


@pytest.mark.parametrize(
    ("answers", "now_is"),
    [
        ({"name": "Courses"}, {"name": "Courses", "scopes": ["access:read"]}),
        ({"acts": []}, {"name": "Shop", "scopes": ["access:read"]}),
        ({"reads": ["payments:read"]}, {"name": "Shop", "scopes": ["payments:read"]}),
        ({"networks": "198.51.100.0/24"}, {"networks": ["198.51.100.0/24"], "scopes": ["access:read"]}),
        ({"acts": ["ends:write", "customers:write"]}, {"scopes": ["access:read", "customers:write", "ends:write"]}),
    ],
)
def test_what_a_colleague_took_from_a_key_does_not_come_back_by_a_page_that_was_open(
    owner, ctx, merchant, now, answers, now_is
):
    """After an incident: the key may end nothing more, and comes from one address alone."""
    made(owner, reads=["access:read"], acts=["ends:write"])
    (key,) = keys(ctx)
    page = own_page(owner, key).follow("Change")
    left = Wanted(mode=Mode.TEST, scopes=frozenset({Scope.ACCESS_READ}), **NARROWED)
    api_keys.change(ctx, merchant.id, key.id, left, by=By(), now=now)
    page.submit(press="Save", **answers)
    (after,) = keys(ctx)
    stands = {"name": "Shop", "networks": ["203.0.113.7/32"], "per_minute": 5}
    assert {name: getattr(after, name) for name in {**stands, **now_is}} == {**stands, **now_is}


def test_nothing_is_left_of_a_key_that_two_have_narrowed_and_the_second_is_told(owner, ctx, merchant, now):
    made(owner, reads=["access:read"], acts=["ends:write"])
    (key,) = keys(ctx)
    page = own_page(owner, key).follow("Change")
    left = Wanted(mode=Mode.TEST, scopes=frozenset({Scope.ENDS_WRITE}), **NARROWED)
    api_keys.change(ctx, merchant.id, key.id, left, by=By(), now=now)
    page = page.submit(press="Save", acts=[], status=422)
    assert any("Choose at least one thing that the key may do." in one for one in page.errors)
    assert keys(ctx)[0].scopes == ["ends:write"]


def changed(ctx, *acts):
    with ctx.db.read() as session:
        rows = session.scalars(
            select(AuditEntry.act).where(AuditEntry.act.like("api_key.%")).order_by(AuditEntry.number)
        ).all()
    assert rows == list(acts)


@pytest.mark.parametrize(("ends", "old_one"), [("later", 200), ("now", 401)])
def test_a_new_key_takes_an_old_ones_place(app, owner, ctx, ends, old_one):
    _page, old = made(owner)
    (key,) = keys(ctx)
    form = own_page(owner, key).follow("Replace by a new key")
    page = form.submit(press="Create the new key", ends=ends)
    new = SECRET.search(page.text)[0]
    assert asks(app, new).json["scopes"] == asks(app, new).json["scopes"] == ["access:read"]
    assert asks(app, old).status_code == old_one
    again = form.submit(press="Create the new key", ends=ends)  # the page is loaded again
    assert not SECRET.search(again.body)
    assert len(keys(ctx)) == 2
    said = "Replaced: valid until" if ends == "later" else "Replaced: no longer valid"
    assert said in again.text
    assert not [link for link in again.select("main a") if link.get_text() == "Change"]


def test_one_that_leaves_may_still_be_revoked(app, owner, ctx):
    _page, old = made(owner)
    (key,) = keys(ctx)
    own_page(owner, key).follow("Replace by a new key").submit(press="Create the new key")
    own_page(owner, key).follow("Revoke").submit(press="Revoke the key")
    assert asks(app, old).status_code == 401


def test_its_page_shows_its_state_by_the_mark_of_the_list(owner, ctx):
    made(owner)
    (key,) = keys(ctx)
    for page in (owner.get("/admin/integrations/keys"), own_page(owner, key)):
        assert page.select_one("[data-status]")["data-status"] == "ok"


def test_it_is_revoked_at_once_after_a_question(app, owner, ctx):
    _page, text = made(owner)
    (key,) = keys(ctx)
    page = own_page(owner, key).follow("Revoke")
    assert asks(app, text).status_code == 200
    seen = page.submit(press="Revoke the key")
    assert "Revoked on" in seen.text
    assert asks(app, text).status_code == 401
    with ctx.db.read() as session:
        assert session.scalars(select(ApiKey.revoked_by)).one() == "Léa Martin"
    for act in ("change", "rotation", "revocation"):
        assert owner.get(f"/admin/integrations/keys/{key.id}/{act}").path == f"/admin/integrations/keys/{key.id}"


def test_one_reported_as_public_says_where_as_text(owner, ctx):
    made(owner)
    (key,) = keys(ctx)
    api_keys.report(ctx, key.prefix, where="<a href='https://evil.example'>here</a>", network="x", now=key.created_at)
    for page in (owner.get("/admin/integrations/keys"), own_page(owner, key)):
        assert "readable in public: <a href='https://evil.example'>here</a>" in page.text
        assert not page.select("main a[href*=evil]")


def test_the_calls_are_filled_in_and_hold_no_secret(owner, make, merchant, ctx):
    product = make.product(merchant, name="Piano")
    _page, text = made(owner, acts=["ends:write"])
    (key,) = keys(ctx)
    page = own_page(owner, key)
    calls = [one.get_text() for one in page.select("pre")]
    assert [f"customer=cus_…&product=prod_{product.id.hex}" in call for call in calls] == [False, True, False]
    assert all("http://portal.test/v1/" in call and text not in call for call in calls)
    assert f"http://portal.test/account/{merchant.slug}/" in page.text
    assert "“Piano”" in page.text


def test_another_merchants_key_is_none(owner, enter, make, ctx):
    made(enter(make.merchant(name="Another", locale="en")))
    (key,) = keys(ctx)
    for path in ("", "/change", "/rotation", "/revocation"):
        owner.get(f"/admin/integrations/keys/{key.id}{path}", status=404)
    assert key.prefix not in owner.get("/admin/integrations/keys").text


def test_an_expired_one_is_told_from_one_that_leaves(owner, ctx):
    made(owner)
    (key,) = keys(ctx)
    with ctx.db.begin() as session:
        session.execute(update(ApiKey).values(expires_at=key.created_at - timedelta(seconds=1)))
    assert "Replaced: no longer valid" in owner.get("/admin/integrations/keys").text


def test_only_owners_come_here(manager):
    manager.get("/admin/integrations/keys", status=403)
    assert "Integrations" not in manager.get("/admin/").soup.find("nav").get_text()
