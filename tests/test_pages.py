"""What the pages name is there: files of the sources, and the operator's commands as one types them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import click
import pytest

from portal.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md")])
FILE = re.compile(r"(?<![\w./-])(?:bench|deploy|migrations|portal|static|templates|tests)/[\w./-]*\w(?![\w*…/])")
TYPED = re.compile(r"(?<![\w./-])(?:flask(?: --app wsgi)?|deploy/portal) ([a-z][a-z-]+)(?: ([a-z][a-z-]+))?")
MADE = {"bench/results"}  # by a run; git does not keep it
FLASKS = {"run"}  # its own, which a page says is not for production


def text_of(page: Path) -> str:
    """A page without what is typed in another folder than the sources' own (`cd portal/deploy`)."""
    return re.sub(r"^\s*(?:cd|install) .*$", "", page.read_text("utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_files_that_a_page_names_are_there(page):
    named = set(FILE.findall(text_of(page)))
    missing = {name for name in named if not (ROOT / name).exists() and not (ROOT / f"{name}.py").exists()}
    assert missing - MADE == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_that_a_page_names_are_there(page):
    typed = [(one, more) for one, more in TYPED.findall(text_of(page)) if one not in FLASKS]
    assert [one for one, _more in typed if one not in COMMANDS] == []
    for one, more in typed:
        command = found(one)
        if isinstance(command, click.Group) and more:
            assert more in command.commands, f"{one} {more}"


def found(name: str) -> click.Command:
    file, attribute = COMMANDS[name]
    command: click.Command = getattr(importlib.import_module(f"portal.cli.{file}"), attribute)
    return command


def test_it_looks_at_something():
    named = {name for page in PAGES for name in FILE.findall(text_of(page))}
    typed = {one for page in PAGES for one, _more in TYPED.findall(text_of(page))}
    assert "tests/chaos/command.py" in named
    assert len(named) > 100
    assert typed >= {"backup", "recover", "merchant", "secrets", "work"}
