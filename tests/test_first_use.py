"""A process has at its start what it will have: nothing large is read in the middle of its life."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from portal import first_use

ROOT = Path(__file__).resolve().parent.parent
APART = {"cli", "demo"}  # a command reads what it needs and ends; the demo is no installation
MAKING = {"__init__.py", "postgres.py"}  # done as an application is made
OURS = {"portal.logs"}  # is there in every process
# What is done here was each the first time in some process's life: documents, days that are holidays, a password.
LIVES = """
import sys
from portal import create_app, first_use
from datetime import date
from portal.domain.law import withdrawals
from portal.web import qr_codes, serving
import portal.api, portal.web.admin, portal.web.customer, portal.web.public
from tests.documents.proof_facts import CODE, facts
from portal.documents.pdf import proof_file
from portal.services.people.staff_passwords import check_strength

first_use.read(*first_use.PAGES)
before = set(sys.modules)
proof_file(facts(customer_name="Zoë, 山田 太郎, محمد"), CODE)
assert withdrawals.working_day(date(2028, 5, 1), country="DE") == date(2028, 5, 2)
check_strength("une phrase que personne ne devine vite")
qr_codes.file_of("otpauth://totp/x")
print(sorted(set(sys.modules) - before))
"""


def read_late(file: Path) -> set[str]:
    """What a module imports when one of its functions is called."""
    inside = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]
    found = set()
    for one in (inner for node in inside for inner in ast.walk(node)):
        if isinstance(one, ast.ImportFrom):
            found.add(str(one.module))
        elif isinstance(one, ast.Import):
            found |= {alias.name for alias in one.names}
    return found


def test_what_is_imported_late_is_imported_at_the_start():
    files = [one for one in (ROOT / "portal").rglob("*.py") if not {*one.relative_to(ROOT).parts} & (APART | MAKING)]
    late = set().union(*(read_late(file) for file in files))
    assert late - OURS == {*first_use.DOCUMENTS, *first_use.PAGES}


def test_what_a_process_does_for_the_first_time_loads_nothing_more():
    done = subprocess.run((sys.executable, "-c", LIVES), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
