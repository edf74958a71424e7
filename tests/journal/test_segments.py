"""A segment: what was written is read again, and what nobody should trust is not."""

from __future__ import annotations

import errno
import json
import os
import threading

import pytest

from portal.journal import pens, segments
from portal.journal.pens import Pen
from portal.journal.stores import Folder
from portal.secrets import Vault
from tests.conftest import MASTER_KEYS

OURS = "a" * 32
AT = "2026-11-29T12:00:00+00:00"
DAYS = 24 * 3600


@pytest.fixture
def vault():
    return Vault(MASTER_KEYS)


@pytest.fixture
def folder(tmp_path, vault):
    return Folder(tmp_path, vault)


@pytest.fixture
def pen(tmp_path, vault):
    return Pen(tmp_path, vault)


def line(number, **image):
    said = {"number": number, "at": AT, "of_table": "mails", "key": "k", "act": "is", "image": image}
    return number, AT, json.dumps(said)


def only(folder):
    (path,) = folder.paths()
    return path


def numbers(path, vault):
    return [entry.number for entry in segments.read(path, vault).entries]


def test_what_was_written_is_read_again_in_its_order_and_says_that_it_is_whole(pen, folder, vault):
    pen.write(OURS, [line(1, subject="Bonjour"), line(2)])
    pen.write(OURS, [line(3)])
    pen.close()
    found = segments.read(only(folder), vault)
    assert [entry.number for entry in found.entries] == [1, 2, 3]
    assert found.entries[0].image == {"subject": "Bonjour"}
    assert (found.is_sealed, found.is_torn, found.flaws) == (True, False, [])


def test_nothing_of_it_can_be_read_without_the_keys(pen, folder):
    pen.write(OURS, [line(1, email="claire@client.test")])
    assert b"claire" not in only(folder).read_bytes()
    found = segments.read(only(folder), Vault((("other", bytes(range(1, 33))),)))
    assert found.entries == []
    assert found.flaws == ["line 1 is not whole, or not ours"]


def test_keys_may_be_changed_while_it_is_written(tmp_path, folder, pen, vault):
    newer = Vault((("new", bytes(range(1, 33))), *MASTER_KEYS))
    pen.write(OURS, [line(1)])
    pen._vault = newer
    pen.write(OURS, [line(2)])
    assert numbers(only(folder), newer) == [1, 2]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_line_that_was_taken_out_is_missed(pen, folder, vault, place):
    pen.write(OURS, [line(1), line(2), line(3)])
    pen.close()
    path = only(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
    assert segments.read(path, vault).flaws == [f"before line {place + 1} something is missing"]


def test_a_sealed_segment_whose_end_was_cut_off_says_so(pen, folder, vault):
    pen.write(OURS, [line(1), line(2)])
    pen.close()
    path = only(folder)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert segments.read(path, vault).flaws == ["its end is missing"]


def test_lines_cannot_change_places(pen, folder, vault):
    pen.write(OURS, [line(1), line(2)])
    path = only(folder)
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    assert segments.read(path, vault).flaws != []


def test_a_line_of_another_segment_is_not_believed(tmp_path, vault, folder):
    for number in (1, 2):
        Pen(tmp_path, vault).write(OURS, [line(number)])
    first, second = folder.paths()
    second.write_bytes(first.read_bytes())
    assert segments.read(second, vault).entries == []


def test_a_torn_last_line_is_told_from_one_that_was_changed(pen, folder, vault):
    pen.write(OURS, [line(1), line(2)])
    path = only(folder)
    whole = path.read_bytes()
    for cut in range(1, 40, 7):
        path.write_bytes(whole[:-cut])
        found = segments.read(path, vault)
        assert ([entry.number for entry in found.entries], found.is_torn, found.flaws) == ([1], True, [])


def test_the_end_of_a_long_segment_is_found_without_the_rest(pen, folder, vault):
    for start in range(0, 600, 20):
        pen.write(OURS, [line(start + number, words=os.urandom(400).hex()) for number in range(1, 21)])
    path = only(folder)
    assert [number for number, _at in segments.newest(path, vault, beyond=0, most=3)] == [600, 599, 598]
    (tail,) = folder.tails()
    assert (tail.installation, tail.number, len(tail.newest)) == (OURS, 600, 500)


def test_the_next_look_reads_what_was_added_and_the_last_line_again(pen, folder):
    pen.write(OURS, [line(1), line(2)])
    folder.note(folder.tails())
    assert folder.tails()[0].newest == ((2, AT),)
    pen.write(OURS, [line(3), line(4)])
    assert folder.tails()[0].newest == ((4, AT), (3, AT))


def test_after_a_line_that_the_disk_did_not_take_another_segment_begins(pen, folder, vault, monkeypatch):
    pen.write(OURS, [line(1)])
    write = os.write

    def full(handle, content):
        monkeypatch.setattr(os, "write", lambda *_given: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        return write(handle, content[: len(content) // 2])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="full"):
        pen.write(OURS, [line(2)])
    monkeypatch.setattr(os, "write", write)
    pen.write(OURS, [line(3)])
    found = sorted((segments.read(path, vault) for path in folder.paths()), key=lambda one: one.entries[0].number)
    assert [[entry.number for entry in one.entries] for one in found] == [[1], [3]]
    assert [(one.is_torn, one.flaws) for one in found] == [(True, []), (False, [])]


def test_a_disk_that_does_not_confirm_is_not_believed_later(pen, folder, monkeypatch):
    fsync = os.fsync
    pen.write(OURS, [line(1)])
    monkeypatch.setattr(os, "fsync", lambda _handle: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        pen.write(OURS, [line(2)])
    monkeypatch.setattr(os, "fsync", fsync)
    pen.write(OURS, [line(3)])
    assert len(folder.paths()) == 2


def test_a_large_segment_is_sealed_and_the_next_one_begins(pen, folder, vault, monkeypatch):
    monkeypatch.setattr(pens, "MOST_BYTES", 300)
    for number in range(1, 4):
        pen.write(OURS, [line(number)])
    found = [segments.read(path, vault) for path in folder.paths()]
    assert sorted(entry.number for one in found for entry in one.entries) == [1, 2, 3]
    assert sum(one.is_sealed for one in found) == len(found) - 1


def test_a_forked_process_writes_a_segment_of_its_own(pen, folder, vault):
    pen.write(OURS, [line(1)])
    child = os.fork()
    if child == 0:
        try:
            pen.write(OURS, [line(2)])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    pen.write(OURS, [line(3)])
    assert sorted(numbers(path, vault) for path in folder.paths()) == [[1, 3], [2]]


def test_threads_write_one_chain(pen, folder, vault):
    threads = [threading.Thread(target=pen.write, args=(OURS, [line(number)])) for number in range(1, 31)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = segments.read(only(folder), vault)
    assert sorted(entry.number for entry in found.entries) == list(range(1, 31))
    assert found.flaws == []


def test_only_segments_older_than_their_time_are_deleted(tmp_path, folder, vault):
    for number in (1, 2):
        Pen(tmp_path, vault).write(OURS, [line(number)])
    old, young = folder.paths()
    before = old.stat().st_mtime - 36 * DAYS
    os.utime(old, (before, before))
    (tmp_path / "notes.txt").write_text("not ours")
    os.utime(tmp_path / "notes.txt", (before, before))
    assert folder.delete_older(35 * DAYS) == 1
    assert folder.paths() == [young]
    assert (tmp_path / "notes.txt").exists()
