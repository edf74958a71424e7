"""A logo: brought unseen, previewed, published, served as a picture and nothing else."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.models import Logo, Merchant
from tests.services import made_pictures as made
from tests.web.admin.test_profile_imports import post_large

LOGO = "/admin/settings/logo"


def bring(browser, content, *, status=200):
    return browser.get(LOGO).submit(press="Preview", file=(io.BytesIO(content), "logo.png"), status=status)


def shown(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id).logo_id


def kept(ctx):
    with ctx.db.read() as session:
        return set(session.scalars(select(Logo.id)))


def picture_of(page):
    return page.select_one(".brand img.logo")


def test_it_is_seen_by_the_owner_first_and_by_customers_once_published(owner, browser, ctx, merchant):
    login = f"/account/{merchant.slug}/login"
    page = bring(owner, made.png())
    assert "Nothing is published yet" in page.text
    address = picture_of(page)["src"]
    assert (shown(ctx, merchant), picture_of(browser.get(login))) == (None, None)
    page = page.submit(press="Publish")
    assert "saved" in page.notices[0]
    assert picture_of(browser.get(login))["src"] == address == f"/logo/{shown(ctx, merchant)}"

    answer = browser.client.get(address, base_url=browser.base_url)
    assert answer.mimetype == "image/png"
    assert answer.data.startswith(b"\x89PNG")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"].split("; ")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in answer.headers

    owner.get(LOGO).submit(press="Remove the logo")
    assert picture_of(browser.get(login)) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (made.PAGE, "not a PNG, JPEG or WebP picture"),
        (made.SVG, "SVG files are not taken"),
        (made.promising(50_000, 50_000), "more than 16 million pixels"),
        (made.jpeg()[:700], "damaged"),
    ],
    ids=["page", "svg", "bomb", "cut off"],
)
def test_what_is_refused_is_said_and_leaves_nothing(owner, ctx, content, said):
    (error,) = bring(owner, content, status=422).errors
    assert said in error
    assert kept(ctx) == set()


@pytest.mark.parametrize(("megabytes", "status"), [(3, 422), (20, 422), (40, 413)])
def test_a_file_that_is_far_too_large_is_answered_in_words_and_on_this_page_alone(owner, ctx, megabytes, status):
    token = owner.get(LOGO).select_one("input[name=csrf_token]")["value"]
    content = bytes(megabytes * 1024 * 1024)
    answer = post_large(owner, LOGO, token, content)
    assert answer.status_code == status
    assert ("larger than 2 MB" in answer.text) == (status == 422)
    assert post_large(owner, "/admin/settings/face", token, content).status_code == 413
    assert kept(ctx) == set()


def test_without_a_file_it_is_asked_for(owner):
    assert owner.get(LOGO).submit(press="Preview", status=422).errors == ["Choose a file."]


def test_a_foreign_merchants_picture_is_a_404_at_the_desk(owner, enter, make, ctx):
    bring(enter(make.merchant(locale="en")), made.png())
    (theirs,) = kept(ctx)
    owner.get(f"{LOGO}/{theirs}", status=404)
    page = owner.get(LOGO)
    token = page.select_one("input[name=csrf_token]")["value"]
    owner.post(f"{LOGO}/{theirs}", {"csrf_token": token, "version": "0"}, status=404)
    owner.get(f"{LOGO}/{uuid.uuid4()}", status=404)
    owner.get(f"/logo/{uuid.uuid4()}", status=404)


def test_only_owners_bring_look_at_and_publish_one(owner, reader, support, ctx, merchant):
    bring(owner, made.png())
    (brought,) = kept(ctx)
    for browser in (reader, support):
        page = browser.get(LOGO)
        assert "Only a manager or an owner can change this" in page.text
        token = page.select_one("input[name=csrf_token]")["value"]
        browser.get(f"{LOGO}/{brought}", status=403)
        for path in (LOGO, f"{LOGO}/{brought}", f"{LOGO}/removal"):
            browser.post(path, {"csrf_token": token, "version": "0"}, status=403)
    assert shown(ctx, merchant) is None


def test_of_two_who_publish_the_second_looks_again(owner, enter, ctx, merchant):
    mine, theirs = bring(owner, made.png()), bring(enter(merchant), made.jpeg())
    theirs.submit(press="Publish")
    first = shown(ctx, merchant)
    page = mine.submit(press="Publish")
    assert "Somebody changed the logo" in page.text
    assert shown(ctx, merchant) == first
    page.submit(press="Publish")
    assert shown(ctx, merchant) not in (first, None)


def test_what_was_never_published_goes_after_a_day_and_what_is_shown_stays(owner, ctx, merchant, now):
    bring(owner, made.png()).submit(press="Publish")
    bring(owner, made.jpeg())
    with ctx.db.begin() as session:
        session.execute(update(Logo).values(created_at=now - timedelta(days=2)))
    bring(owner, made.webp())
    assert len(kept(ctx)) == 2
    assert shown(ctx, merchant) in kept(ctx)
