"""A Maildir or an mbox is read once, message by message, and a reader that fails loses none."""

from __future__ import annotations

import mailbox

import pytest

from portal.providers.mailboxes import NoMailbox, messages

BODIES = [b"Subject: one\n\nfirst\n", b"Subject: two\n\nsecond \xff\n", b"Subject: three\n\nthird\n"]


@pytest.fixture(params=["maildir", "mbox"])
def path(request, tmp_path):
    where = tmp_path / request.param
    box = mailbox.Maildir(where) if request.param == "maildir" else mailbox.mbox(where)
    for body in BODIES:
        box.add(body)
    box.close()
    return where


def subjects(raws):
    return sorted(line for raw in raws for line in raw.splitlines() if line.startswith(b"Subject"))


def test_each_is_read_once(path):
    assert subjects(messages(path)) == [b"Subject: one", b"Subject: three", b"Subject: two"]
    assert list(messages(path)) == []


def test_where_the_reader_failed_it_begins_again(path):
    reading = messages(path)
    first = next(reading)
    next(reading)
    reading.close()  # as an error in the loop would
    left = list(messages(path))
    assert len(left) == 2
    assert first not in left


def test_one_that_arrives_later_is_read_then(path):
    list(messages(path))
    box = mailbox.Maildir(path) if path.name == "maildir" else mailbox.mbox(path)
    box.add(b"Subject: late\n\n")
    box.close()
    assert subjects(messages(path)) == [b"Subject: late"]


def test_an_mbox_that_another_program_holds_is_left_alone(tmp_path):
    box = mailbox.mbox(tmp_path / "mbox")
    box.add(BODIES[0])
    box.close()
    (tmp_path / "mbox.lock").touch()
    with pytest.raises(mailbox.ExternalClashError):
        list(messages(tmp_path / "mbox"))


def test_what_is_no_mailbox_is_named(tmp_path):
    with pytest.raises(NoMailbox, match="neither"):
        list(messages(tmp_path / "nothing"))
