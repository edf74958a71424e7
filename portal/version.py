"""Which release this is: said in pyproject.toml alone, and by the tag of the sources, « v » before it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent / "pyproject.toml"


def read(project: Path = PROJECT) -> str:
    """Return the release that the project's file names; empty where the file was left behind."""
    if not project.exists():
        return ""
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


VERSION: Final = read()
