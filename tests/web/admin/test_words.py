"""Every code that the desk shows has words."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.domain.ends.duties import Duty
from portal.domain.ends.end_requests import Trouble
from portal.domain.policies import Override, Role
from portal.domain.subscriptions import ENDED, ENDINGS, Action
from portal.models import MailState
from portal.services.imports.imports import StopReason
from portal.services.keys.key_checks import Finding
from portal.web import labels
from portal.web.admin import words
from portal.web.admin.team import team_words

MAILS = Path(__file__).resolve().parents[3] / "templates" / "mail"


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (words.ACTION, ENDINGS),
        (words.END_TITLE, ENDINGS),
        (words.MEANING, ENDINGS.keys() - {Action.CANCEL}),  # what a cancellation means, its effects say
        (words.RELAUNCH, ENDED),
        (words.TODO, Trouble),
        (words.FINDING, Finding),
        (words.STOPPED, StopReason),
        (words.OVERRIDE, Override),
        (labels.ROLE, Role),
        (team_words.ROLE_HINT, Role),
        (team_words.DUTY, Duty),
        (words.MAIL_STATE, MailState),
        (words.MAIL_KIND, {folder.name for folder in MAILS.iterdir() if folder.is_dir()}),
    ],
)
def test_every_code_has_words(table, codes):
    assert set(table) == set(codes)
