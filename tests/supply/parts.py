"""Each library of the lock, and which of them an installation needs: the rest serves development alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements.lock"
SHIPPED_LOCK: Final = ROOT / "deploy" / "requirements.lock"
ENTRY: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
CLASSIFIER: Final = "License :: "
# Trove classifiers say a family only, or in many words: what the licence file of each says, as SPDX has it.
SPDX: Final[Mapping[str, str]] = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "SIL Open Font License 1.1 (OFL-1.1)": "OFL-1.1",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One library, as the lock has it. `text` is its lines there, word for word; `hashes` those of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]
    text: str


@cache
def locked() -> Mapping[str, Part]:
    """Return each entry of the lock by its name, as packages' names are compared."""
    parts = {}
    for text in re.split(r"^(?=[A-Za-z0-9])", LOCK.read_text("utf-8"), flags=re.MULTILINE):
        if found := ENTRY.match(text):
            name = canonicalize_name(found["name"])
            parts[name] = Part(
                name=name, version=found["version"], hashes=tuple(sorted(HASH.findall(text))), text=text.rstrip() + "\n"
            )
    return parts


def needed_by(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    """Yield what a library asks for on any machine, with these extras of it.

    One that is for another system alone is not installed here: nobody knows what it asks for.
    """
    try:
        asked = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return
    for line in asked:
        wanted = Requirement(line)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", str(wanted.marker or ""))
        if extra is None or canonicalize_name(extra[1]) in extras:
            yield wanted


def direct() -> list[Requirement]:
    """Return what the project itself asks for, with each of its extras; nothing of development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in (*project["dependencies"], *extras)]


@cache
def shipped() -> Mapping[str, frozenset[str]]:
    """Return the names of what an installation needs, each with those it asks for itself."""
    waiting, seen = direct(), set()
    found: dict[str, set[str]] = {}
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(map(canonicalize_name, wanted.extras))
        if name not in locked() or (name, extras) in seen:  # a condition that no supported machine meets
            continue
        seen.add((name, extras))
        more = list(needed_by(name, extras))
        found.setdefault(name, set()).update(canonicalize_name(one.name) for one in more)
        waiting += more
    return {name: frozenset(found[name]) & found.keys() for name in sorted(found)}


def shipped_lock() -> str:
    """Return the lock of an installation: the lines of each library that it needs."""
    return "".join(locked()[name].text for name in shipped())


def licence(name: str) -> str:
    """Return a library's licence as an SPDX expression where its own facts give one, else in their words.

    Raises ValueError where they say nothing.
    """
    facts = metadata.metadata(name)
    if said := facts.get("License-Expression"):
        return str(said)
    classes = [one.rpartition(" :: ")[2] for one in facts.get_all("Classifier") or [] if one.startswith(CLASSIFIER)]
    if classes and set(classes) <= SPDX.keys():
        return " OR ".join(sorted({SPDX[one] for one in classes}))
    if said := (facts.get("License") or "").strip().splitlines()[:1]:
        return str(said[0])
    raise ValueError(f"{name} names no licence: say it in tests/supply/parts.py")
