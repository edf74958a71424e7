"""The lock is held against records of known weaknesses, by versions as PEP 440 orders them; nobody is asked."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime

import pytest

from tests.supply import weaknesses
from tests.supply.parts import Part, locked

NOW = datetime(2026, 12, 1, tzinfo=UTC)
OURS = "flask"


@pytest.fixture
def export(tmp_path):
    def write(*records):
        file = tmp_path / "all.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for place, one in enumerate(records):
                archive.writestr(f"{place}.json", one if isinstance(one, str) else json.dumps(one))
        return file

    return write


def record(*events, name=OURS, id="MADE-UP-1", modified="2026-11-30T10:00:00.5Z", ecosystem="PyPI", **more):
    ranges = more.pop("ranges", [{"type": "ECOSYSTEM", "events": list(events)}])
    versions = more.pop("versions", [])
    package = {"ecosystem": ecosystem, "name": name}
    return {
        "id": id,
        "modified": modified,
        "affected": [{"package": package, "ranges": ranges, "versions": versions}],
        **more,
    }


def run(file):
    return weaknesses.main([str(file)], now=NOW)


def is_hit(version, one):
    part = Part(name="made-up", version=version, hashes=(), text="")
    return bool(weaknesses.hits([one], {"made-up": part}))


# The versions that a range takes in, each beside the nearest ones that it does not.
RANGES = [
    ([{"introduced": "0"}, {"fixed": "2.0"}], "1.9 2.0rc1 0.1.dev1", "2.0 2.0.post1 10.0 1!0.5"),
    ([{"introduced": "1.2"}, {"fixed": "1.10"}], "1.2 1.9 1.10a1", "1.1.9 1.2rc1 1.10 2.0"),
    ([{"introduced": "1.2"}, {"last_affected": "1.10"}], "1.2 1.9 1.10", "1.1.9 1.10.1 1.10.post1 2.0"),
    ([{"introduced": "0"}], "0.0.1 99", ""),
    (
        [{"introduced": "3.0"}, {"fixed": "3.0.2"}, {"introduced": "0"}, {"fixed": "1.4"}],
        "1.3 3.0 3.0.1",
        "1.4 2.9 3.0.2",
    ),
]


@pytest.mark.parametrize(("events", "within", "beyond"), RANGES)
def test_a_range_takes_in_what_its_events_say_in_the_order_of_versions(events, within, beyond):
    one = record(*events, name="Made_Up")
    assert [v for v in within.split() if not is_hit(v, one)] == []
    assert [v for v in beyond.split() if is_hit(v, one)] == []


def test_a_version_of_the_list_is_hit_however_it_is_written():
    one = record(name="made.up", ranges=[], versions=["1.0.0", "2.0-rc1", "no version"])
    assert all(is_hit(version, one) for version in ("1.0", "1.0.0", "2.0rc1"))
    assert not any(is_hit(version, one) for version in ("1.0.1", "1.0.post1", "2.0"))


def test_what_is_hit_is_named_with_its_id_and_the_version_that_mends_it(export, capsys):
    ours = locked()[OURS].version
    open_ended = record({"introduced": "0"}, id="MADE-UP-2", name="Pytest")
    mended = record({"introduced": "0"}, {"fixed": "999.1"}, aliases=["CVE-0000-1"])
    assert run(export(open_ended, mended)) == 1
    said = capsys.readouterr()
    assert f"{OURS} {ours}: MADE-UP-1, CVE-0000-1: fixed in 999.1\n" in said.out
    assert "(development alone): MADE-UP-2: no fixed version is known\n" in said.out
    assert "2 hits" in said.out
    assert said.err == ""


def test_what_is_none_of_ours_withdrawn_or_of_another_world_is_no_hit(export, capsys):
    every = {"introduced": "0"}
    others = [
        record(every, name="nobody-has-this"),
        record(every, withdrawn="2026-01-01T00:00:00Z"),
        record(every, ecosystem="npm"),
        record(every, {"fixed": "0.1"}),
        record(ranges=[{"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "abcdef"}]}]),
    ]
    assert run(export(*others)) == 0
    assert "0 hits" in capsys.readouterr().out


def test_what_cannot_be_read_about_a_library_of_ours_is_a_hit(export, capsys):
    assert run(export(record({"introduced": "0"}, {"fixed": "the next one"}))) == 1
    assert "MADE-UP-1: look at it: unreadable" in capsys.readouterr().out


@pytest.mark.parametrize(("modified", "is_old"), [("2026-11-17T00:00:00Z", False), ("2026-11-16T23:59:59Z", True)])
def test_data_of_more_than_two_weeks_ago_is_called_old(export, capsys, modified, is_old):
    older = record(name="x", modified="2019-01-01T00:00:00Z")
    assert run(export(older, record(name="x", modified=modified))) == 0
    assert ("OLD DATA" in capsys.readouterr().err) is is_old


def test_without_data_nothing_is_called_well(export, tmp_path, capsys):
    text = tmp_path / "page.html"
    text.write_text("<html>Not found</html>")
    npm = record({"introduced": "0"}, ecosystem="npm")
    undated = record({"introduced": "0"}, modified="some day")
    for file in (tmp_path / "none.zip", text, tmp_path):
        assert run(file) == 2
    for file in (export(), export(npm), export(undated), export('{"id": ')):
        assert run(file) == 2
    assert weaknesses.main([]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 8
