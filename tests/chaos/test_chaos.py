"""The harness itself: a short run finds nothing, a planted bug is found, and the seed alone decides what is done.

Each run is the command itself, in a process of its own.  All of them are in this file, which one process of the test
run works through: two stacks at once would only slow each other down.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from portal.demo.run import ROOT
from tests.chaos import plan
from tests.chaos.bug_plan import BUG_SHOWS
from tests.chaos.bugs import BUGS
from tests.chaos.claims import mail_says_over, page_says_over, phrases

PATIENCE = 800  # seconds: far more than a run takes, also beside two other processes of tests


def chaos(*arguments):
    """Run the command; return its exit status and what it printed."""
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    print(done.stdout + done.stderr)  # shown when the test fails
    return done.returncode, done.stdout.splitlines()


@pytest.mark.drill
def test_16_a_short_seeded_run_and_rolling_restarts_after_it_find_no_violation():
    """Some 90 seconds: it lives sixteen stories and fourteen faults, then stops every process politely under traffic
    and replaces it.  What nobody is told of is found by the sweeps, which come each minute.
    """
    status, lines = chaos("--seed", "3", "--cancellations", "16", "--faults", "14", "--rolling", "--minutes", "8")
    assert (status, lines[-1]) == (0, "violations: 0")


# The sentence that each bug is found by; OWN is one of the subscriptions that are to show it, where another bug might
# be what the sentence is about.
PLANTED = {
    "call_before_intent": "PayPal was told to cancel OWN at .* before the intent was written here",
    "abandon_decided_before_the_lock": "OWN ended 2 times",
    "success_without_a_read": "OWN is cancelled here, PayPal still has it ACTIVE and charges",
    "mail_before_commit": "the database knows of no such mail",
    "typed_day_forgotten": "was sent to PayPal before its day",
    "forgotten_notification": "do not say that the customer asked for it",
    "part_counts_as_all": "the customer of OWN was told that all of",
    "trust_the_next_date": "OWN was paid until",
    "closed_merchant_forgets": "OWN was asked for while its merchant was suspended .*, PayPal still has it ACTIVE",
    "begins_while_closed": "and its staff began something new",
    "returned_unsaid": "the mail .* of OWN that came back: the desk's inbox says nothing of it",
    "part_gives_all_back": ".* of OWN went back, .* was meant",
    "refund_believed": "refund .* of OWN is done here, PayPal made none",
    "refund_before_the_end": "the refund .* of OWN was made at PayPal at .*, before its word on the end",
    "refund_told_early": "refund .* of OWN: the mail of it arrived at",
    "refund_dropped": "the refund .* of OWN found nothing left to give back",
    "stuck_refund_unsaid": "refund .* of OWN was not made, and the desk's inbox says nothing of it",
    "settled_twice": "OWN was charged 2 times by its settlement",
    "settlement_believed": "the page of the settlement .* of OWN said .* PayPal still called the payment pending",
    "silence_is_a_no": "settlement .* of OWN has failed here .*, PayPal took it",
    "erasure_forgotten": "the customer of OWN asked to be erased, the wish is withdrawn",
    "payer_stays": "the table subscriptions names .*, of OWN who was erased",
    "learned_again": "the table customers names .*, of OWN who was erased",
    "link_lets_two_in": "a link to a task of OWN let 2 browsers in",
    "look_uses_link_up": "a link to a task of OWN was used up by looking at it",
    "task_sees_all": "a link to a task of OWN opened .* too",
    "task_needs_no_code": "a link to a task of OWN ended it without a code",
}
# What goes wrong for the others takes the moment from these.
APART = {"silence_is_a_no", "task_needs_no_code"}


@pytest.mark.planted
@pytest.mark.parametrize("bugs", [sorted(PLANTED.keys() - APART), sorted(APART)], ids=["most", "apart"])
def test_every_planted_bug_is_found(bugs):
    """Most of them in one run, since a stack takes half a minute to stand; those that would hide others keep to their
    own subscriptions (bugs.py).
    """
    status, lines = chaos("--bug", *sorted(bugs), "--minutes", "8")
    assert status == 1
    found = [line for line in lines if line.startswith("VIOLATION")]
    own = dict(line.removeprefix("planted ").split(": ") for line in lines if line.startswith("planted "))
    missed = []
    for bug in bugs:
        said = PLANTED[bug]
        sentence = re.compile(said.replace("OWN", f"({own[bug].replace(' ', '|')})"))
        missed += [bug] if not any(map(sentence.search, found)) else []
    assert missed == []


def test_every_planted_bug_is_tried():
    assert PLANTED.keys() == BUGS.keys() == BUG_SHOWS.keys()


def test_the_seed_alone_decides_what_is_done():
    first, again = (plan.draw(5, cancellations=60, faults=60) for _ in range(2))
    assert first == again
    assert first != plan.draw(6, cancellations=60, faults=60)


def test_polite_restarts_come_last_between_people_of_their_own():
    drawn = plan.draw(3, cancellations=30, faults=14, rolling=True)
    last = drawn.stormy[-3 * len(plan.ROLLS) :]
    assert [step.act for step in last] == ["story", "fault", "story"] * len(plan.ROLLS)
    assert {step.kind for step in last if step.act == "fault"} == {"stop-worker", "stop-web", "reload-web"}
    seats = [step.seat for step in (*drawn.calm, *drawn.stormy) if step.act == "story"]
    assert len(seats) == len({*seats, *drawn.bystanders}) - len(drawn.bystanders) == 30 + len(last) * 2 / 3
    assert max(seats) < drawn.seats


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
