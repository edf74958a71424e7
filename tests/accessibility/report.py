"""The report of the audit, in French as its readers: everything in it comes from portal/web/accessibility.toml."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from portal.domain.law.accessibility import Audit, Conformity, Criterion, Verdict, conformity
from portal.formatting import Formatter
from portal.i18n import Translator
from portal.web.accessibility import Looked, percent

PLACE: Final = Path(__file__).resolve().parents[2] / "docs" / "accessibilite.md"
THEMES: Final = (
    *("Images", "Cadres", "Couleurs", "Multimédia", "Tableaux", "Liens", "Scripts"),
    *("Éléments obligatoires", "Structuration de l’information", "Présentation de l’information"),
    *("Formulaires", "Navigation", "Consultation"),
)
STATE: Final = {
    Conformity.FULL: "totalement conforme",
    Conformity.PARTIAL: "partiellement conforme",
    Conformity.NONE: "non conforme",
}
HEAD: Final = Path(__file__).with_name("head.md").read_text(encoding="utf-8")


def written(audit: Audit, sample: Sequence[Looked]) -> str:
    """Return the whole report."""
    shown = Formatter("fr", "Europe/Paris", Translator("fr"))
    head = HEAD.format(
        day=shown.date(audit.on),
        state=STATE[conformity(audit, audit.on)],
        release=audit.release,
        met=audit.count(Verdict.MET),
        failed=audit.count(Verdict.FAILED),
        absent=audit.count(Verdict.ABSENT),
        percent=percent(audit),
    )
    return "\n".join((head, _sample(sample), _failed(audit), *_themes(audit.criteria)))


def _sample(sample: Sequence[Looked]) -> str:
    rows = (f"| {number} | {one.name} | `{one.place}` |" for number, one in enumerate(sample, 1))
    return "\n".join(("## Échantillon", "", "| | | adresse ou origine |", "|---|---|---|", *rows, ""))


def _failed(audit: Audit) -> str:
    rows = (f"* **{one.number}** {one.failing}. {one.planned}" for one in audit.failed)
    return "\n".join(("## Non-conformités", "", *(rows if audit.failed else ["Aucune connue."]), ""))


def _themes(criteria: Sequence[Criterion]) -> list[str]:
    said = []
    for number, theme in enumerate(THEMES, 1):
        rows = [
            f"| {one.number} | {one.title} | {one.verdict.value} | {one.look} |"
            for one in criteria
            if one.number.startswith(f"{number}.")
        ]
        head = (f"## {number}. {theme}", "", "| | critère | | ce qui a été regardé, et comment |", "|---|---|---|---|")
        said.append("\n".join((*head, *rows, "")))
    return said


def day_in_three_years(audit: Audit) -> date:
    """Return the first day on which the audit holds no more, by another way than the rule itself."""
    return date(audit.on.year + 3, audit.on.month, audit.on.day)
