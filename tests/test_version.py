"""The release is said in one place, and everything that tells of it agrees."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from portal.version import VERSION, read

ROOT = Path(__file__).resolve().parents[1]


def test_the_version_has_three_numbers_and_the_changelog_begins_with_it():
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == VERSION
    numbers = [tuple(map(int, one.split("."))) for one in headings]
    assert numbers == sorted(set(numbers), reverse=True)


def test_a_tag_of_these_sources_is_the_version():
    listed = subprocess.run(["git", "tag", "--points-at", "HEAD", "v*"], cwd=ROOT, capture_output=True, text=True)
    assert set(listed.stdout.split()) <= {f"v{VERSION}"}


def test_without_the_project_s_file_no_release_is_claimed(tmp_path):
    assert read(tmp_path / "pyproject.toml") == ""
