"""NOTICE.md: the licences of what is shipped, written from the lock and the libraries' own facts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.supply.parts import ROOT, licence, locked, shipped

PLACE: Final = ROOT / "NOTICE.md"
HEAD: Final = Path(__file__).with_name("head.md").read_text("utf-8")


def written() -> str:
    """Return the whole of NOTICE.md."""
    return HEAD + "".join(f"| {name} | {locked()[name].version} | {licence(name)} |\n" for name in shipped())
