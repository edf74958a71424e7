"""The audit that the portal carries: every criterion once, each with a look, and pages that say what it found."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest

from portal.domain.law.accessibility import CRITERIA, Conformity, Verdict, conformity, is_over, rate
from portal.web import accessibility
from tests.accessibility.report import PLACE, day_in_three_years, written

AUDIT = accessibility.audit()
ROOT = PLACE.parents[1]


def of(*verdicts):
    """The audit with these verdicts alone."""
    one = AUDIT.criteria[0]
    return replace(AUDIT, criteria=tuple(replace(one, verdict=verdict) for verdict in verdicts))


C, NC, NA = Verdict.MET, Verdict.FAILED, Verdict.ABSENT


def test_every_criterion_of_the_rgaa_is_there_once_and_in_its_order():
    numbers = [tuple(map(int, one.number.split("."))) for one in AUDIT.criteria]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == sum(CRITERIA) == 106
    assert [sum(theme == one for theme, _ in numbers) for one in range(1, 14)] == list(CRITERIA)
    assert all(one.title.endswith("?") for one in AUDIT.criteria)


def test_no_verdict_stands_without_a_look_and_no_failure_without_words_and_a_plan():
    for one in AUDIT.criteria:
        assert len(one.look) > 20 or one.verdict is NA, one.number
        assert one.look, one.number
        told = (one.failing, one.failing_en, one.planned, one.planned_en)
        assert all(told) if one.verdict is NC else not any(told), one.number


def test_what_a_look_names_is_there():
    for one in AUDIT.criteria:
        for path in re.findall(r"(?:tests|portal|static|docs)/[\w./-]+\w", one.look):
            assert (ROOT / path).exists() or list(ROOT.glob(f"{path}*")), (one.number, path)
        for test in re.findall(r"\btest_[a-z_]+(?=\))", one.look):
            assert any(f"def {test}" in found.read_text() for found in (ROOT / "tests").rglob("test_*.py")), test


def test_the_sample_has_what_the_rgaa_wants():
    names = [one.name for one in accessibility.sample()]
    assert len(names) == len(set(names))
    for wanted in ("Entrée", "Contact et aide", "Mentions", "Accessibilité", "Plan du site", "Authentification"):
        assert any(name.startswith(wanted) for name in names), wanted
    assert sum(name.startswith("E-mail") for name in names) == 3
    assert sum(name.startswith("PDF") for name in names) == 2


def test_the_rate_counts_what_applies_and_is_never_rounded_up():
    assert rate([C, C, NC, NA, NA]) == Fraction(2, 3)
    assert rate([NA]) == 0
    assert accessibility.percent(of(*[C] * 199, NC)) == 99


@pytest.mark.law("R-AC-11")
def test_one_failure_is_partial_half_is_the_least_and_nothing_is_claimed_without_an_audit_that_holds():
    day = AUDIT.on
    assert conformity(of(C, C, NA), day) is Conformity.FULL
    assert conformity(of(*[C] * 99, NC), day) is Conformity.PARTIAL
    assert conformity(of(C, NC), day) is Conformity.PARTIAL
    assert conformity(of(C, NC, NC), day) is Conformity.NONE
    assert conformity(of(NA), day) is Conformity.NONE
    last = day_in_three_years(AUDIT) - timedelta(days=1)
    assert conformity(of(C), last) is Conformity.FULL
    assert conformity(of(C), last + timedelta(days=1)) is Conformity.NONE
    assert is_over(replace(AUDIT, on=date(2028, 2, 29)), date(2031, 3, 1))
    assert not is_over(replace(AUDIT, on=date(2028, 2, 29)), date(2031, 2, 28))


def test_the_report_is_what_the_data_says():
    assert PLACE.read_text(encoding="utf-8") == written(AUDIT, accessibility.sample()), "make accessibility"


def test_the_audit_names_a_release_and_a_day_that_have_been():
    assert re.fullmatch(r"\d+\.\d+\.\d+", AUDIT.release)
    assert AUDIT.on >= date(2026, 11, 29)
