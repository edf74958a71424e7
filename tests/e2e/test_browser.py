"""How the tests find their browser: one that starts, or a reason in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.browser import find_browser


def script(folder: Path, name: str, status: int) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_the_first_name_that_starts_is_taken(tmp_path):
    script(tmp_path, "chromium", 1)  # a stub that only asks for another installer
    works = script(tmp_path, "google-chrome", 0)
    assert find_browser({"PATH": str(tmp_path)}).path == str(works)


@pytest.mark.parametrize(("status", "works"), [(0, True), (1, False)])
def test_the_browser_asked_for_is_the_only_one_tried(tmp_path, status, works):
    asked = script(tmp_path, "mine", status)
    script(tmp_path, "chromium", 0)
    browser = find_browser({"PATH": str(tmp_path), "PORTAL_BROWSER": str(asked)})
    assert browser.path == (str(asked) if works else None)
    assert str(asked) in browser.reason
