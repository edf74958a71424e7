"""A backup is restored, and everything that people were told since is there again: nothing twice, nothing forgotten."""

from __future__ import annotations

import pytest

from portal.clock import utc_now
from portal.domain.end_requests import RequestState
from portal.models import EndRequest
from portal.services import recovering
from tests.services.carrying.carried import carry
from tests.services.recovering.backups import told
from tests.services.recovering.stories import Story, found, let_leave


@pytest.fixture
def story(ctx, make, mailer):
    return Story(ctx, make, mailer).before()


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
