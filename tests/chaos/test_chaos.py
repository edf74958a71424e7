"""The harness itself: a short run finds nothing, a planted bug is found, and the seed alone decides what is done.

Each run is the command itself, in a process of its own.  All of them are in this file, which one process of the test
run works through: two stacks at once would only slow each other down.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from portal.demo.run import ROOT
from tests.chaos import plan
from tests.chaos.bugs import BUGS
from tests.chaos.claims import mail_says_over, page_says_over, phrases

PATIENCE = 800  # seconds: far more than a run takes, also beside two other processes of tests


def chaos(*arguments):
    """Run the command; return its exit status and what it printed."""
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    print(done.stdout + done.stderr)  # shown when the test fails
    return done.returncode, done.stdout.splitlines()


def test_16_a_short_seeded_run_finds_no_violation():
    status, lines = chaos("--seed", "3", "--cancellations", "16", "--faults", "14", "--minutes", "8")
    assert (status, lines[-1]) == (0, "violations: 0")


def test_every_process_stopped_politely_and_replaced_under_traffic_loses_nothing():
    status, lines = chaos("--rolling", "--minutes", "8")
    assert (status, lines[-1]) == (0, "violations: 0")


# Bugs that do not hide each other share a run; the sentence is the one that each of them is found by.
PLANTED = (
    {"call_before_intent": "before the intent was written here"},
    {"abandon_decided_before_the_lock": "ended 2 times"},
    {
        "success_without_a_read": "PayPal still has it ACTIVE and charges",
        "mail_before_commit": "the database knows of no such mail",
        "typed_day_forgotten": "was sent to PayPal before its day",
        "forgotten_notification": "do not say that the customer asked for it",
        "part_counts_as_all": "was told that all of",
        "trust_the_next_date": "was paid until",
    },
)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: "-".join(planted))
def test_a_planted_bug_is_found(planted):
    status, lines = chaos("--bug", *planted, "--minutes", "8")
    assert status == 1
    found = [line for line in lines if line.startswith("VIOLATION")]
    assert [bug for bug, said in planted.items() if not any(said in line for line in found)] == []


def test_every_planted_bug_is_tried():
    assert {bug for planted in PLANTED for bug in planted} == BUGS.keys() == plan.BUG_SHOWS.keys()


def test_the_seed_alone_decides_what_is_done():
    first, again = (plan.draw(5, cancellations=60, faults=60) for _ in range(2))
    assert first == again
    assert first != plan.draw(6, cancellations=60, faults=60)


def test_a_long_run_has_every_fault_and_every_story_and_each_seat_one_story():
    drawn = plan.draw(1, cancellations=1000, faults=1000)
    steps = [*drawn.calm, *drawn.stormy]
    assert {step.kind for step in steps if step.act == "fault"} == plan.FAULTS.keys()
    assert {step.kind for step in steps if step.act == "story"} == {*plan.STORIES, plan.PENDING}
    assert sum(step.act == "fault" for step in steps) == 1000
    seats = [step.seat for step in steps if step.act == "story"]
    assert len(seats) == len(set(seats)) == 1000
    assert not set(seats) & set(drawn.bystanders)
    lasting = [step.kind for step in steps if step.act == "fault" and step.kind in plan.LASTING]
    assert sorted(lasting) == sorted(step.kind for step in steps if step.act == "end"), "what lasts ends"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<p>Votre abonnement est résilié. PayPal l’a confirmé le 3 avril.</p>", True),
        ("<h1>Votre\n résiliation est confirmée</h1>", True),
        ('<span class="status" data-status="cancelled">Annulé</span>', True),
        ("<h1>Votre demande est enregistrée</h1><p>PayPal ne l’a pas encore confirmée.</p>", False),
        ("<h1>Check: your subscription is not cancelled yet</h1>", False),
        ('<span data-status="retrying">Nouvel essai prévu</span>', False),
    ],
)
def test_what_a_page_claims_is_told_from_what_it_does_not(text, says):
    assert page_says_over(text) is says


def test_the_sentences_looked_for_are_those_of_the_catalogue():
    assert len(phrases()) >= 12
    assert mail_says_over("Your subscription is cancelled. PayPal confirmed it")
