"""Whose turn it is when one merchant floods, and a worker that keeps to its lanes."""

from __future__ import annotations

import uuid

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from portal import queue
from portal.cli.running import work
from portal.jobs.events import Turns
from tests.jobs.test_worker import until

BEGUN = """SELECT queue_name FROM procrastinate_jobs
    WHERE task_name = 'mails.send' AND (attempts > 0 OR status <> 'todo')"""


@pytest.mark.parametrize("places", [1, 2, 4])
def test_nobody_has_a_second_turn_while_another_one_waits_for_a_first(places):
    """One merchant always has more messages; the others come one by one, some of them in the middle."""
    flood, others = uuid.uuid4(), [uuid.uuid4() for _ in range(30)]
    turns, waiting, waited, has_had = Turns(), dict.fromkeys(others[:10], 0), [], False
    for number in range(60):
        if number % 3 == 0 and len(others) > 10 + number // 3:
            waiting[others[10 + number // 3]] = 0
        taken = turns.take([flood, *waiting], places=places)
        assert len(set(taken)) == len(taken) == min(places, len(waiting) + 1)
        if flood in taken and has_had:
            assert set(waiting) <= set(taken), "the flood had another turn before somebody's first"
        has_had = has_had or flood in taken
        waited += [waiting.pop(one) for one in taken if one != flood]
        waiting = {one: count + 1 for one, count in waiting.items()}
    assert not waiting, "somebody was never drained"
    assert max(waited) <= len(others) // places, "nobody waits for more than the others' one turn each"


def test_what_is_long_has_a_queue_of_its_own_and_nothing_is_in_none():
    assert queue.queues_of(queue.LANES) is None, "whoever has every lane takes what an older release wrote, too"
    assert queue.queues_of(["people"]) == ["default"]
    assert queue.queues_of(["long", "events"]) == ["long"]
    assert queue.queues_of(["messages"]) == queue.NO_QUEUES


@pytest.mark.parametrize("lanes", ["people,mails", "", " , "])
def test_a_lane_that_does_not_exist_is_refused_with_those_that_do(lanes):
    done = CliRunner().invoke(work, ["--lanes", lanes])
    assert done.exit_code == 2
    assert "choose among people, long, messages, events" in done.output


def test_a_worker_keeps_to_its_lanes(ctx, make, worker):
    """The long work is done, what people wait for is left to another machine.  It takes long: a process starts."""
    make.merchant()
    with ctx.db.begin() as session:
        queue.defer(session, queue.SEND_MAIL, mail_id=str(uuid.uuid4()))
        queue.defer(session, queue.SEND_MAIL, rank=queue.LAST, mail_id=str(uuid.uuid4()))
    worker(lanes="long")

    def begun() -> list[str]:
        with ctx.db.read() as session:
            return list(session.scalars(text(BEGUN)))

    until(lambda: begun() == ["long"])
    worker(lanes="people")
    until(lambda: sorted(begun()) == ["default", "long"])
