"""The list of mails: each with when it leaves and why, and those that may be left out."""

from __future__ import annotations

from portal.domain.merchants.notices import NOTICES, OPTIONAL
from portal.models import Merchant
from portal.web.admin.words import MAIL_KIND

PAGE, SAVE = "/admin/settings/notices", "Save the settings"


def left_out(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id).notices_left_out


def test_every_mail_is_there_with_when_and_why(owner):
    page = owner.get(PAGE)
    listed = [row.th.get_text() for row in page.select("main section:not(#choose) tbody tr")]
    assert sorted(listed) == sorted(str(name) for name in MAIL_KIND.values())
    assert len(listed) == len(NOTICES)
    assert all(cell for cells in page.select("main tbody td") for cell in [cells.get_text().strip()])
    boxes = page.select('main input[type="checkbox"]')
    assert [box["name"] for box in boxes] == [f"sends_{kind}" for kind in OPTIONAL]
    assert all(box.has_attr("checked") for box in boxes)


def test_one_is_left_out_said_so_and_comes_back(owner, ctx, merchant):
    page = owner.submit(PAGE, press=SAVE, sends_access_given=False)
    assert page.notices == ["The settings are saved."]
    assert left_out(ctx, merchant) == ["access_given"]
    assert "left out by you" in page.select_one("#all").get_text()
    owner.submit(PAGE, press=SAVE, sends_access_given=True)
    assert left_out(ctx, merchant) == []


def test_what_the_law_wants_cannot_be_left_out_however_it_is_sent(owner, ctx, merchant):
    token = owner.get(PAGE).select_one("input[name=csrf_token]")["value"]
    sent = {f"sends_{kind}": "y" for kind in OPTIONAL} | {"csrf_token": token, "version": "0"}
    owner.post(PAGE, {**sent, "sends_end_confirmed": ""}, status=303)
    assert left_out(ctx, merchant) == []


def test_of_two_editors_the_second_is_told_and_overwrites_nothing(owner, manager, ctx, merchant):
    stale = manager.get(PAGE)
    owner.submit(PAGE, press=SAVE, sends_access_given=False)
    page = stale.submit(press=SAVE, sends_payment_missed=False, status=409)
    assert left_out(ctx, merchant) == ["access_given"]
    page.submit(press=SAVE)
    assert left_out(ctx, merchant) == ["access_given", "payment_missed"]


def test_support_reads_and_changes_nothing(support):
    page = support.get(PAGE)
    assert page.select_one("main fieldset[disabled]") is not None
    assert not page.select("main form button")
