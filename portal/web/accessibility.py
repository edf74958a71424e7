"""The audit of accessibility that this release carries (accessibility.toml), and the words at each page's foot."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Flask
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.clock import utc_now
from portal.domain.law.accessibility import Audit, Conformity, Criterion, Verdict, conformity, rate

FILE: Final = Path(__file__).with_suffix(".toml")
MENTION: Final[Mapping[Conformity, LazyString]] = {  # the law's own words
    Conformity.FULL: _l("Accessibility: fully compliant"),
    Conformity.PARTIAL: _l("Accessibility: partially compliant"),
    Conformity.NONE: _l("Accessibility: not compliant"),
}


@dataclass(frozen=True)
class Looked:
    """One page, mail or document of the sample, in both languages, with its address or how it comes about."""

    name: str
    name_en: str
    place: str


def install(app: Flask) -> None:
    """Give every page what the audit found, in the words of the law."""
    app.jinja_env.globals["accessibility_mention"] = mention


def mention() -> str:
    """Return what the foot of every page says of it."""
    return str(MENTION[conformity(audit(), utc_now().date())])


def percent(found: Audit) -> int:
    """Return the rate in whole hundredths, rounded down: 99.9 is no 100."""
    return int(100 * rate(one.verdict for one in found.criteria))


@cache
def audit() -> Audit:
    """Return the audit; raise KeyError or ValueError for a file that is not whole."""
    read = _read()
    criteria = tuple(
        Criterion(**{**one, "verdict": Verdict(one["verdict"]), "look": " ".join(one["look"].split())})
        for one in read["criterion"]
    )
    return Audit(on=read["on"], release=read["release"], criteria=criteria)


@cache
def sample() -> tuple[Looked, ...]:
    """Return what was looked at."""
    return tuple(Looked(**one) for one in _read()["sample"])


def _read() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
