"""Which libraries of the lock have a known weakness, by OSV's records: nothing is asked of anybody, a file is read.

The file is OSV's own export for PyPI (docs/protection.md says how it is fetched): a zip with a JSON object a record, as
https://ossf.github.io/osv-schema/ has it. What cannot be read about a library of ours counts as a hit: somebody looks.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tests.supply.parts import Part, locked, shipped

OLD: Final = timedelta(days=14)
WELL, HIT, NO_DATA = 0, 1, 2  # what the command ends with
Record = Mapping[str, Any]


class NoData(Exception):
    """The file is no export of OSV's for PyPI; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A weakness that a library of the lock has. `fixed`: the versions without it, none known where it is empty."""

    part: Part
    record: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]
    is_clear: bool  # False: the record's versions cannot be read

    def __str__(self) -> str:
        names = ", ".join((self.record, *self.aliases))
        whose = "" if self.part.name in shipped() else " (development alone)"
        remedy = f"fixed in {' or '.join(self.fixed)}" if self.fixed else "no fixed version is known"
        remedy = remedy if self.is_clear else "look at it: unreadable"
        return f"{self.part.name} {self.part.version}{whose}: {names}: {remedy}"


def records(file: Path) -> list[Record]:
    """Return every record of the export; raise NoData where there is none, or one that is broken."""
    try:
        with zipfile.ZipFile(file) as archive:
            found = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")]
    except OSError as error:
        raise NoData(f"{file} cannot be read ({error.strerror})") from error
    except (zipfile.BadZipFile, ValueError) as error:
        raise NoData(f"{file} is no whole export of OSV's: {error}") from error
    ours = [one for one in found if isinstance(one, dict) and next(_of_pypi(one), None)]
    if not ours:
        raise NoData(f"{file} holds no record for PyPI")
    return ours


def newest(found: Sequence[Record]) -> datetime:
    """Return when a record was changed last: for so long the file knows the world."""
    moments = []
    for one in found:
        try:
            moments.append(datetime.fromisoformat(str(one.get("modified"))).astimezone(UTC))
        except ValueError:
            continue
    if not moments:
        raise NoData("no record says when it was changed")
    return max(moments)


def hits(found: Sequence[Record], parts: Mapping[str, Part]) -> list[Hit]:
    """Return what these libraries have, by library and record; what was withdrawn is none."""
    all_of_them = [hit for one in found if not one.get("withdrawn") for hit in _hits(one, parts)]
    return sorted(all_of_them, key=lambda hit: (hit.part.name, hit.record))


def _of_pypi(record: Record) -> Iterator[Record]:
    for affected in record.get("affected", ()):
        if str(affected.get("package", {}).get("ecosystem", "")).partition(":")[0] == "PyPI":
            yield affected


def _hits(record: Record, parts: Mapping[str, Part]) -> Iterator[Hit]:
    told: dict[str, tuple[Part, set[str], bool]] = {}
    for affected in _of_pypi(record):
        part = parts.get(canonicalize_name(str(affected["package"].get("name", ""))))
        if part is None:
            continue
        try:
            is_hit, fixed, is_clear = *_judged(affected, Version(part.version)), True
        except (InvalidVersion, TypeError, AttributeError):
            is_hit, fixed, is_clear = True, set(), False
        if is_hit:
            _part, before, was_clear = told.get(part.name, (part, set(), True))
            told[part.name] = part, before | fixed, was_clear and is_clear
    for part, fixed, is_clear in told.values():
        in_order = tuple(sorted(fixed, key=Version))
        aliases = tuple(sorted(map(str, record.get("aliases", ()))))
        yield Hit(part=part, record=str(record.get("id")), aliases=aliases, fixed=in_order, is_clear=is_clear)


def _judged(affected: Record, ours: Version) -> tuple[bool, set[str]]:
    """Say whether the version is affected, and which versions after it are not."""
    ranges = [one["events"] for one in affected.get("ranges", ()) if one.get("type") != "GIT"]
    is_hit = ours in {Version(one) for one in affected.get("versions", ()) if _is_version(one)}
    is_hit = is_hit or any(_is_within(events, ours) for events in ranges)
    fixed = {event["fixed"] for events in ranges for event in events if "fixed" in event}
    return is_hit, {one for one in fixed if Version(one) > ours}


def _is_within(events: Sequence[Mapping[str, str]], ours: Version) -> bool:
    """Go along a range's events in the order of their versions, as OSV's schema has it."""
    is_in = False
    for at, kind in sorted(_moves(events)):
        if kind == "introduced" and at <= ours:
            is_in = True
        elif (kind == "fixed" and at <= ours) or (kind == "last_affected" and at < ours):
            is_in = False
    return is_in


def _moves(events: Sequence[Mapping[str, str]]) -> Iterator[tuple[Version, str]]:
    for event in events:
        for kind, version in event.items():
            if kind in ("introduced", "fixed", "last_affected"):
                yield Version("0.dev0" if version == "0" else version), kind


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:  # a list of all that ever were: one of ours is none of those
        return False
    return True


def main(arguments: Sequence[str], *, now: datetime | None = None) -> int:
    """Say what is hit; end with 1 where something is, 2 where there is nothing to judge by."""
    if len(arguments) != 1:
        print("Name OSV's export for PyPI: docs/protection.md says how it is fetched.", file=sys.stderr)
        return NO_DATA
    try:
        found = records(Path(arguments[0]))
        at = newest(found)
    except NoData as error:
        print(error, file=sys.stderr)
        return NO_DATA
    age = (now or datetime.now(UTC)) - at
    if age > OLD:
        print(f"OLD DATA: its newest record is {age.days} days old ({at:%Y-%m-%d}). Fetch it anew.", file=sys.stderr)
    hit = hits(found, locked())
    print(*hit, sep="\n", end="\n" if hit else "")
    print(f"{len(hit)} hits: {len(locked())} libraries, {len(found)} records, the newest of {at:%Y-%m-%d}")
    return HIT if hit else WELL
