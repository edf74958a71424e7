"""What tests of several subjects need beside tests/conftest.py."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.models import Mail, MailState
from portal.services.notices import leaving


@pytest.fixture
def left(ctx, mailer):
    """Let every message leave that may at that moment; return those letters."""

    def run(at):
        before = len(mailer.sent)
        with ctx.db.read() as session:
            waiting = session.scalars(select(Mail.id).where(Mail.state == MailState.WAITING)).all()
        for mail_id in waiting:
            leaving.send(ctx, mail_id, now=at)
        return mailer.sent[before:]

    return run
