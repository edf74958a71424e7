"""Several processes of one machine count together: whoever comes after counts on, and the dead have nothing in hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portal import metric_files

ROOT = Path(__file__).resolve().parents[1]
COUNT = """
import sys
from prometheus_client import generate_latest
from portal import metrics
in_use = 0
class Pool:
    checkedout = lambda self: in_use
class Engine:
    pool = Pool()
engine = Engine()
metrics.watch_pool(engine, most=8)
for line in sys.stdin:
    in_use += 1
    metrics.request("GET", "/livez", 200, 0.01)
    class All:
        collect = lambda self: metrics.COUNTED.collect()
    print(generate_latest(All()).decode().replace(chr(10), chr(30)), flush=True)
"""


class Process:
    """One that counts a request, takes a connection, and tells what it sees, each time it is asked."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, metric_files.FOLDER: str(folder), "PYTHONPATH": str(ROOT)}
        command = (sys.executable, "-c", COUNT)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment, **pipes)

    def told(self) -> tuple[float, float]:
        """Return (requests of all, connections in use of all)."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        said = next(line for line in self.process.stdout if chr(30) in line).replace(chr(30), "\n")
        found = {
            sample.name: sample.value for family in text_string_to_metric_families(said) for sample in family.samples
        }
        return found["portal_http_requests_total"], found["portal_database_connections"]

    def end(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def start(tmp_path):
    started: list[Process] = []

    def begin():
        started.append(Process(tmp_path))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.end()


def test_processes_count_together_and_their_successors_count_on(start, tmp_path):
    first, second = start(), start()
    assert first.told() == (1, 1)
    assert second.told() == (2, 2)
    assert first.told() == (3, 3)
    first.end()
    assert second.told() == (4, 2)  # what the dead one had in hand, nobody has
    third = start()
    assert third.told() == (5, 3)
    assert len(list(tmp_path.glob("*.lock"))) == 2  # it took the place of the dead one


def test_whoever_goes_last_removes_the_folder(start, tmp_path):
    folder = tmp_path / "counts"
    folder.mkdir()
    other = Process(folder)
    other.told()
    metric_files.Slots(folder)
    metric_files.forget(folder)
    assert folder.is_dir()  # the other counts on in it
    other.end()
    metric_files.Slots(folder)
    metric_files.forget(folder)
    assert not folder.exists()


def test_files_have_their_room_from_the_start(start, tmp_path):
    start().told()
    for kind, size in metric_files.SIZES.items():
        assert (tmp_path / f"{kind}_1.db").stat().st_blocks * 512 >= size


def test_a_folder_that_cannot_be_used_keeps_nobody_from_answering(start, tmp_path):
    one = Process(tmp_path / "missing")
    assert one.told() == (1, 1)
    one.end()
