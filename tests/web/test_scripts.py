"""The scripts put in texts as text, run no text, keep nothing of a person, and listen to no other window."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "static" / "js").glob("*.js"))
MARKUP = r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write|srcdoc|DOMParser|setHTML"
PROGRAMS = r"\beval\b|new Function|import\(|setTimeout\(\s*[\"'`]|setInterval\(\s*[\"'`]"
WINDOWS = r"postMessage|onmessage|[\"']message[\"']|BroadcastChannel"
KEEPING = r"localStorage|indexedDB|document\.cookie"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.name)
@pytest.mark.parametrize("way", [MARKUP, PROGRAMS, WINDOWS, KEEPING])
def test_a_script_goes_none_of_the_ways_that_are_open_to_strangers(script, way):
    assert re.findall(way, script.read_text("utf-8")) == []


def test_the_scripts_are_found():
    assert {script.name for script in SCRIPTS} >= {"comfort.js", "passkeys.js"}
