"""A run, written down: JSON for whoever reckons with it, Markdown to be recorded in the documents."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.soak.judgement import FEW, MOST_GROWTH, TOLERANCE, Growth, a_row, counted, longest
from tests.soak.mishaps import Mishap
from tests.soak.samples import Sample, Table


@dataclass
class Report:
    """What was asked for, what was done and seen, and what is wrong."""

    minutes: float
    seed: int
    warm: int  # requests of each process before memory is compared
    began: datetime
    machine: str = ""  # on what it ran, and which release
    ended: datetime | None = None
    is_interrupted: bool = False
    requests: int = 0  # answered to the traffic beside the stories
    served: int = 0  # by the steady web, everything in it
    warm_after: float | None = None  # minutes until the warming up was over
    statuses: Mapping[str, int] = field(default_factory=dict)
    acts: Mapping[str, int] = field(default_factory=dict)
    mishaps: Sequence[Mishap] = ()
    samples: Sequence[Sample] = ()
    growths: Sequence[Growth] = ()
    allowed: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    tables_before: Mapping[str, Table] = field(default_factory=dict)
    forecast: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    unjudged: Sequence[str] = ()  # what could not be told, and why
    wrong: Sequence[str] = ()

    @property
    def verdict(self) -> str:
        """Say in a few words how it ended."""
        if self.wrong:
            return f"WRONG: {len(self.wrong)}"
        if self.is_interrupted:
            return "interrupted, nothing wrong until then"
        return "nothing wrong, but not all was judged" if self.unjudged else "good"

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write both files into a folder; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"soak-{self.began:%Y%m%dT%H%M%SZ}"
        as_json, as_text = folder / f"{name}.json", folder / f"{name}.md"
        as_json.write_text(json.dumps({**asdict(self), "verdict": self.verdict}, default=_plain, indent=1) + "\n")
        as_text.write_text("\n".join(self.lines()) + "\n")
        return as_json, as_text

    def lines(self) -> Iterator[str]:
        """Return it as Markdown."""
        lasted = ((self.ended or self.began) - self.began).total_seconds() / 60
        yield f"# A soak of {self.minutes:g} minutes, {self.began:%Y-%m-%d %H:%M} UTC"
        yield f"\n**{self.verdict}**: {lasted:.0f} minutes of traffic, seed {self.seed}. {self.machine}\n"
        warm = (
            f"{self.warm:,} a process were over after {self.warm_after:.1f} minutes"
            if self.warm_after
            else "never warm"
        )
        yield f"{self.served:,} requests were answered by the steady web ({warm}); {self.requests:,} by both beside the"
        yield "stories: " + ", ".join(f"{count:,} {status}" for status, count in sorted(self.statuses.items())) + ".\n"
        for title, part in (
            ("Wrong", [f"* {one}" for one in self.wrong] or ["Nothing."]),
            *((("Not judged", [f"* {one}" for one in self.unjudged]),) if self.unjudged else ()),
            ("Memory", self._memory()),
            ("What waited", self._waits()),
            ("Tables", self._tables()),
            ("What was done", _counts(self.acts)),
            ("What was made to go wrong", _counts(Counter(one.kind for one in self.mishaps))),
        ):
            yield f"## {title}\n"
            yield from part
            yield ""
        yield from self.notes

    def _memory(self) -> Iterator[str]:
        yield f"Proportional set size without files' pages, MiB; less than {MOST_GROWTH:.0%} is flat.\n"
        yield "| | first fifth after the warming up | last fifth | growth | at the end, per hour | samples |"
        yield "|---|---|---|---|---|---|"
        for one in self.growths:
            yield (
                f"| {one.group} | {one.before:.1f} | {one.after:.1f} | {one.share:+.2%} | {one.lately:+.2f} "
                f"| {one.samples} |"
            )
        yield ""
        yield "| minute | requests | " + " | ".join(sorted(self.samples[0].memory) if self.samples else ()) + " |"
        yield "|---" * (2 + len(self.samples[0].memory if self.samples else ())) + "|"
        for sample in self.samples[:: max(1, len(self.samples) // 20)]:
            minute = (sample.at - self.began).total_seconds() / 60
            values = [f"{counted(parts):.1f}" if parts else "" for _, parts in sorted(sample.memory.items())]
            yield f"| {minute:.0f} | {sample.served:,} | " + " | ".join(values) + " |"

    def _waits(self) -> Iterator[str]:
        yield "| | longest, s | allowed, s |"
        yield "|---|---|---|"
        for what, seconds in longest(self.samples).items():
            yield f"| {what} | {seconds:.0f} | {self.allowed.get(what, 0):.0f} |"

    def _tables(self) -> Iterator[str]:
        yield f"Judged where there is a forecast and {FEW:,} rows: up to {TOLERANCE:g} times as large is as forecast.\n"
        yield "Packed: without dead rows, what it takes empty, and messages' text, which goes after thirty days.\n"
        yield "| table | rows before | rows after | MB | bytes a row | packed | forecast |"
        yield "|---|---|---|---|---|---|---|"
        for name, table in sorted(self.tables.items(), key=lambda one: -one[1].size):
            before = self.tables_before.get(name, Table(0, 0))
            if name in self.forecast or table.rows - before.rows >= FEW:
                packed = f"{a_row(table.packed, table):.0f}" if table.packed else ""
                yield (
                    f"| `{name}` | {before.rows:,} | {table.rows:,} | {table.size / 1e6:.1f} "
                    f"| {a_row(table.size, table):.0f} | {packed} | {self.forecast.get(name, '')} |"
                )


def _counts(counts: Mapping[str, int]) -> list[str]:
    return [f"{', '.join(f'{count:,} {what}' for what, count in sorted(counts.items())) or 'nothing'}."]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
