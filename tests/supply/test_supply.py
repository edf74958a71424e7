"""NOTICE.md, the lock of an installation and the bill of materials name exactly what is shipped."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import metadata

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from tests.supply import bill, notice, parts


def test_what_is_shipped_is_what_the_project_asks_for_and_what_that_asks_for():
    shipped = parts.shipped()
    assert {
        "werkzeug",
        "psycopg-binary",
        "noto-cjk-sans-otc",
        "urllib3",
    } <= shipped.keys()  # by an extra, by an extra of ours
    assert shipped.keys().isdisjoint({"pytest", "mypy", "playwright", "cyclonedx-python-lib"})
    assert [needed for all_of in shipped.values() for needed in all_of if needed not in shipped] == []


def test_each_shipped_library_is_the_installed_one():
    """The licences are read from what is installed: it has to be what the lock says."""
    differing = [name for name in parts.shipped() if metadata.version(name) != parts.locked()[name].version]
    assert differing == []


def test_the_notice_names_every_library_once_with_its_licence():
    text = notice.PLACE.read_text("utf-8")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (\d\S*) \| (\S.*) \|$", text, re.MULTILINE)
    assert {name: version for name, version, _licence in rows} == {
        name: parts.locked()[name].version for name in parts.shipped()
    }
    assert text == notice.written(), "NOTICE.md is old: make supply"


def test_the_notice_names_each_font_file_s_licence():
    fonts = parts.ROOT / "portal" / "documents" / "fonts"
    for licence in fonts.glob("LICENSE-*"):
        assert f"portal/documents/fonts/{licence.name}" in notice.HEAD
    told = (fonts / "LICENSES.md").read_text("utf-8")
    assert [font.name for font in fonts.glob("*.ttf") if f"`{font.name}`" not in told] == []


def test_what_browsers_get_is_ours_alone():
    listed = subprocess.run(["git", "ls-files", "static"], cwd=parts.ROOT, capture_output=True, text=True, check=True)
    kinds = {line.rpartition(".")[2] for line in listed.stdout.split()}
    assert kinds <= {"css", "js", "svg"}, "a font or picture: whose is it? Say so in NOTICE.md (tests/supply/notice.py)"


def test_an_installation_s_lock_is_a_part_of_the_whole_one():
    text = parts.SHIPPED_LOCK.read_text("utf-8")
    assert text == parts.shipped_lock(), "deploy/requirements.lock is old: make supply"
    assert set(text.splitlines()) <= set(parts.LOCK.read_text("utf-8").splitlines())
    assert "://" not in text  # where libraries are fetched from is nobody's but the machine's


def test_a_library_without_a_licence_is_asked_about(monkeypatch):
    monkeypatch.setattr(metadata, "metadata", lambda _name: _Silent())
    with pytest.raises(ValueError, match="names no licence"):
        parts.licence("flask")


class _Silent(dict):
    def get_all(self, _name):
        return None


def test_the_bill_of_materials_follows_its_schema_and_names_each_library():
    text = bill.written()
    assert JsonStrictValidator(bill.VERSION).validate_str(text) is None
    told = json.loads(text)
    assert {one["name"]: one["version"] for one in told["components"]} == {
        name: parts.locked()[name].version for name in parts.shipped()
    }
    refs = {one["bom-ref"] for one in told["components"]} | {told["metadata"]["component"]["bom-ref"]}
    assert {one["ref"] for one in told["dependencies"]} == refs
    assert all(one["licenses"] and one["properties"] for one in told["components"])


def test_the_bill_is_the_same_twice():
    assert bill.written() == bill.written()


def test_the_judge_refuses_what_is_no_bill(monkeypatch):
    monkeypatch.setattr(bill.JsonV1Dot6, "output_as_string", lambda _self, **_how: '{"bomFormat": "CycloneDX"}')
    with pytest.raises(bill.NotValid):
        bill.written()
