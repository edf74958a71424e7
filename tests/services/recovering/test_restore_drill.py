"""A backup is restored, and everything that people were told since is there again: nothing twice, nothing forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.models import EndRequest, Membership, PayPalEvent
from portal.services import journal_keeping, recovering
from portal.services.api import api_keys
from portal.services.api.api_keys import KeyRefused
from tests.services.carrying.carried import carry
from tests.services.own_data.wishing import whole_database
from tests.services.recovering.backups import told
from tests.services.recovering.stories import Story, found, let_leave


@pytest.fixture
def story(ctx, make, mailer):
    return Story(ctx, make, mailer).before()


@pytest.mark.drill
def test_what_people_were_told_since_the_backup_is_there_again(
    ctx, make, paypal, mailer, backup, restarted, story, database_url
):
    copy = backup()
    story.after()
    before = told(database_url)
    letters, cancelled = [letter.message_id for letter in mailer.sent], list(paypal.cancelled)
    copy.restore()

    here = restarted()
    with here.db.read() as session:
        assert session.get(EndRequest, story.later_done.id) is None, "the backup knows nothing of it"
    assert here.is_restored
    report = recovering.recover(here, now=utc_now())

    assert report.unplaced == []
    assert told(database_url) == before
    assert not restarted().is_restored
    let_leave(here)
    assert [letter.message_id for letter in mailer.sent] == letters, "no message twice"
    for request, state in (
        (story.done, RequestState.CONFIRMED),
        (story.later_done, RequestState.CONFIRMED),
        (story.taken_back, RequestState.WITHDRAWN),
        (story.given_up, RequestState.WITHDRAWN),
        (story.first, RequestState.RECORDED),
        (story.staffs, RequestState.RECORDED),
        (story.newcomers, RequestState.RECORDED),
        (story.moved_again, RequestState.RECORDED),
    ):
        assert found(here, request).state is state
    for request in (story.first, story.done, story.later_done, story.staffs, story.newcomers):
        carry(here, request)
    assert sorted(paypal.cancelled) == sorted(set(paypal.cancelled)), "nobody is cancelled twice"
    assert set(cancelled) <= set(paypal.cancelled)
    assert not {story.undone.provider_id, story.back.provider_id, story.moved.provider_id} & set(paypal.cancelled)
    journal_keeping.sweep(here, now=utc_now() + timedelta(minutes=1))
    assert story.erased.customer.email not in whole_database(here), "and nobody who was erased is back"
    with pytest.raises(KeyRefused):
        api_keys.find(here, story.key, address=None, now=utc_now())
    with here.db.read() as session:
        (member,) = session.scalars(select(Membership))
        assert session.scalars(select(PayPalEvent.body)).all() == [None]
    assert member.disabled_at is not None
