"""`make demo`'s supervisor with trivial children: what it refuses, what it keeps, and that it stops all."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from config import Config
from portal.demo import run as demo
from portal.demo.supervisor import Child, Supervisor, listens
from tests.ports import free_ports

ROOT = Path(demo.__file__).resolve().parents[2]
DATABASE = "postgresql://postgres@/portal"


def ports_of_its_own() -> dict[str, str]:
    ports = free_ports(len(demo.VARIABLES))
    return {variable: str(port) for (variable, _, _), port in zip(demo.VARIABLES.values(), ports, strict=True)}


def no_database(_data: Path) -> str:
    raise AssertionError("the database was started")


@pytest.mark.parametrize("name", list(demo.VARIABLES))
def test_a_port_in_use_is_named_with_its_variable_before_anything_starts(tmp_path, name):
    variable = demo.VARIABLES[name][0]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(demo.CannotStart) as caught:
            demo.run(tmp_path, {**ports_of_its_own(), variable: port}, database=no_database)
    assert f"Port {port}" in str(caught.value)
    assert f"{variable}=" in str(caught.value)
    assert str(caught.value).count("  - ") == 1


def test_every_bad_port_is_named_at_once(tmp_path):
    ports = {**ports_of_its_own(), "SMTP_PORT": "mail", "MAILBOX_PORT": "70000"}
    ports["SIMULATOR_PORT"] = ports["PORTAL_PORT"]
    with pytest.raises(demo.CannotStart) as caught:
        demo.run(tmp_path, ports, database=no_database)
    for variable in ("SMTP_PORT is 'mail'", "MAILBOX_PORT is '70000'", "SIMULATOR_PORT is"):
        assert variable in str(caught.value)


def test_the_ports_are_those_that_the_readme_names():
    assert {variable: default for variable, default, _ in demo.VARIABLES.values()} == {
        "PORTAL_PORT": 8000,
        "SIMULATOR_PORT": 8010,
        "MAILBOX_PORT": 8025,
        "SMTP_PORT": 1025,
        "COURSE_SITE_PORT": 8030,
        "WEBSITE_PORT": 8040,
    }


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path):
    mask = os.umask(0)
    try:
        first = demo.read_secrets(tmp_path)
    finally:
        os.umask(mask)
    path = tmp_path / "secrets.env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert demo.read_secrets(tmp_path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "other").mkdir()
    assert demo.read_secrets(tmp_path / "other") != first


def test_the_children_get_settings_the_portal_accepts_and_none_of_the_callers(tmp_path):
    caller = {
        "PATH": "/bin",
        "DATABASE_URL": "postgresql://production/precious",
        "PORTAL_TRUSTED_PROXIES": "9",
        "PGHOST": "production",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    ports = demo.Ports(portal=8000, simulator=8010, mailbox=8025, smtp=1025, course_site=8030, website=8040)
    given = demo.environment_of(caller, data=tmp_path, ports=ports, database_url=DATABASE)
    config = Config.from_env(given)
    assert config.is_pretend
    assert config.database_url == DATABASE
    assert config.base_url == "http://127.0.0.1:8000"
    assert config.trusted_proxies == 0
    assert len(set(config.paypal_urls.values())) == 2
    assert all(url.startswith("http://127.0.0.1:8010") for url in config.paypal_urls.values())
    assert config.paypal_trust == tmp_path / "paypal-authority.pem"
    assert given["PATH"] == "/bin"
    assert "production" not in str(given.values())


def python(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


def supervise(folder: Path, *children: Child, patience: float = 30) -> tuple[int, str, Supervisor]:
    said: list[str] = []
    supervisor = Supervisor(
        children,
        prepare=lambda: {"GREETING": "bonjour"},
        logs=folder / "logs",
        folder=folder,
        say=said.append,
        patience=patience,
        grace=5,
    )
    return supervisor.run(), "\n".join(said), supervisor


FOREVER = "import time; open('pid', 'w').write(str(__import__('os').getpid())); time.sleep(600)"


@pytest.fixture(autouse=True)
def no_process_left(tmp_path: Path) -> Iterator[None]:
    """Kill what a red test left running, known by its number and its working folder."""
    yield
    for path in tmp_path.iterdir():
        if path.is_file() and path.read_text().isdecimal():
            with suppress(psutil.Error):
                process = psutil.Process(int(path.read_text()))
                if process.cwd() == str(tmp_path):
                    process.kill()


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # nobody may be there to reap it
    except psutil.NoSuchProcess:
        return True


def wait_until(check: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def test_a_child_that_dies_is_told_with_its_last_lines_and_stops_the_rest(tmp_path):
    status, said, _ = supervise(
        tmp_path,
        Child(name="calm", command=python(FOREVER), ready=(tmp_path / "pid").exists),
        Child(name="frail", command=python("print('été'); raise SystemExit('no database')")),
        Child(name="later", command=python("import time; time.sleep(600)"), ready=lambda: False),
    )
    assert status == 1
    assert "frail ended with status 1" in said
    assert "no database" in said
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_child_that_is_killed_is_told(tmp_path):
    _, said, _ = supervise(
        tmp_path,
        Child(name="victim", command=python("import os; os.kill(os.getpid(), 9)"), ready=lambda: False),
    )
    assert "victim was killed by signal 9" in said


def test_what_must_finish_well_stops_the_start_when_it_does_not(tmp_path):
    status, said, _ = supervise(
        tmp_path,
        Child(name="migrate", command=python("import sys; print('half'); sys.exit(3)"), finishes=True),
        Child(name="portal", command=python(FOREVER)),
    )
    assert status == 1
    assert "migrate ended with status 3" in said
    assert "half" in said
    assert not (tmp_path / "pid").exists()


def test_what_a_finishing_child_prints_can_be_shown_and_it_has_the_environment(tmp_path):
    source = "import os, sys; print(os.environ['GREETING'], len(os.environ)); print('noise', file=sys.stderr)"
    _, _, supervisor = supervise(
        tmp_path,
        Child(name="seed", command=python(source), finishes=True),
        Child(name="end", command=python("")),
    )
    assert supervisor.output("seed").startswith("bonjour")
    assert "noise" not in supervisor.output("seed")


def test_a_child_that_is_never_ready_stops_the_start(tmp_path):
    status, said, _ = supervise(tmp_path, Child(name="slow", command=python(FOREVER), ready=lambda: False), patience=1)
    assert status == 1
    assert "slow is not ready after 1 s" in said
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_ready_means_that_somebody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens(port)()
    assert not listens(port)()


# A demo of its own process, as make runs it: one child with a child of its own, one that ignores SIGTERM.
PARENT = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', %r]); time.sleep(600)"
DEMO = """
import json, os, sys
from pathlib import Path
from portal.demo.supervisor import Child, Supervisor
from tests.ports import free_ports

folder = Path(sys.argv[1])
children = [Child(name=n, command=(sys.executable, "-c", c)) for n, c in json.loads(sys.argv[2])]
supervisor = Supervisor(
    children, prepare=lambda: dict(os.environ), logs=folder / "logs", folder=folder, grace=0.5
)
sys.exit(supervisor.run(lambda: print("READY", flush=True)))
"""


StartDemo = Callable[[Sequence[tuple[str, str]]], subprocess.Popen[str]]


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[StartDemo]:
    started: list[subprocess.Popen[str]] = []

    def start(children: Sequence[tuple[str, str]]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", DEMO, str(tmp_path), json.dumps(children)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        assert any(line == "READY\n" for line in process.stdout)
        return process

    yield start
    for process in started:  # a red test must leave nothing behind either
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for member in [*family, process]:
            member.kill()
        process.communicate()


def pid_writer(name: str, *, first: str = "") -> str:
    return f"{first}import os, time; open({name!r}, 'w').write(str(os.getpid())); time.sleep(600)"


def written(folder: Path, *names: str) -> list[int]:
    wait_until(
        lambda: all((folder / name).exists() and (folder / name).read_text() for name in names),
        "the children run",
    )
    return [int((folder / name).read_text()) for name in names]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_child_and_grandchild(tmp_path, start_demo, number):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    children = [
        ("parent", PARENT % pid_writer("grandchild", first=deaf)),
        ("plain", pid_writer("plain")),
        ("deaf", pid_writer("deaf", first=deaf)),
    ]
    process = start_demo(children)
    pids = written(tmp_path, "grandchild", "plain", "deaf")
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "deaf does not stop: killed." in said
    wait_until(lambda: all(map(is_gone, pids)), "every process is gone")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_supervisor_that_is_killed_leaves_no_child(tmp_path, start_demo):
    process = start_demo([("plain", pid_writer("plain"))])
    (pid,) = written(tmp_path, "plain")
    process.kill()
    process.communicate(timeout=30)
    wait_until(lambda: is_gone(pid), "the child is gone")


def test_a_second_demo_on_the_same_folder_is_refused(tmp_path):
    def children(_ports: demo.Ports, _data: Path) -> list[Child]:
        with pytest.raises(demo.CannotStart, match="already runs"):
            demo.run(tmp_path, ports_of_its_own(), database=no_database)
        with pytest.raises(demo.CannotStart, match="already runs"):
            demo.clean(tmp_path)
        return [Child(name="end", command=python(""))]

    said: list[str] = []
    demo.run(tmp_path, ports_of_its_own(), say=said.append, children=children, database=lambda _data: DATABASE)
    assert "end ended with status 0" in "\n".join(said)


def test_clean_forgets_the_demo_and_nothing_else(tmp_path):
    data, foreign = tmp_path / "demo", tmp_path / "home"
    for folder in (data, foreign):
        folder.mkdir()
        (folder / "letter.txt").write_text("kept?")
    demo.read_secrets(data)
    demo.clean(data, say=lambda _: None)
    assert not data.exists()
    with pytest.raises(demo.CannotStart, match="nothing was removed"):
        demo.clean(foreign)
    assert (foreign / "letter.txt").exists()
    demo.clean(tmp_path / "never", say=lambda _: None)


def test_a_long_path_is_told_and_the_database_goes_elsewhere(tmp_path):
    data = tmp_path / ("long" * 30) / "demo"
    said: list[str] = []
    demo.run(
        data,
        ports_of_its_own(),
        say=said.append,
        children=lambda _ports, _data: [Child(name="end", command=python(""))],
        database=lambda _data: DATABASE,
    )
    assert any("too long for a socket" in line for line in said)
