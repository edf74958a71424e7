"""Independent opinions on the API: programs that nobody here wrote, made from the description alone.

`make api-judges` starts the portal with a worker and PayPal's simulator, and sets upon it
* schemathesis: calls that the description allows and calls that it does not, also one after the other; no answer may be
  a 5xx, or one that the description does not know;
* a client that openapi-python-client generates, with which the main stories are played to PayPal's own word.

Exit status: 0 nothing to say against, 1 something, 2 nothing could be judged.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench import serving, simulated
from bench.stack import ROOT, Stack, local_http, standing
from bench.stored import give_customers, store
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.api_keys import MOST_PER_MINUTE, NOT_IN_TEST, Mode, Scope
from portal.services.api import api_keys
from portal.services.api.api_keys import Wanted

FOLDER: Final = ROOT / "var" / "api-judges"
JUDGES: Final = ("schemathesis==4.32.5", "openapi-python-client==0.29.1", "ruff")
HELD: Final = 12
SECONDS: Final = int(os.environ.get("SECONDS_EACH", "60"))


def main() -> int:
    """Judge; return the exit status."""
    try:
        tools = _tools()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The judges could not be fetched: {error}", file=sys.stderr)
        return 2
    with standing(small=True) as stack, stack.database() as url, simulated.simulating(stack, HELD) as simulator:
        key = _world(stack, url, simulator)
        worker = _worker(stack, url, simulator)
        try:
            with serving.portal(stack, url, simulator=simulator) as web:
                failed = [judge for judge in (_stories, _schemathesis) if not judge(tools, web.address("/v1"), key)]
        finally:
            worker.terminate()
            worker.wait(30)
    for judge in failed:
        print(f"Not content: {judge.__name__.strip('_')}")
    return 1 if failed else 0


def _tools() -> Path:
    """Return the folder of the judges' programs, fetched into an environment of their own."""
    tools = FOLDER / "venv" / "bin"
    mark = FOLDER / "venv" / "+".join(JUDGES)
    if not mark.exists():
        subprocess.run((sys.executable, "-m", "venv", "--clear", FOLDER / "venv"), check=True)
        subprocess.run((tools / "python", "-m", "pip", "install", "--quiet", *JUDGES), check=True)
        mark.touch()
    return tools


def _world(stack: Stack, url: str, simulator: str) -> str:
    """Make a merchant whose subscriptions live at the simulator; return a test key that may do everything."""
    merchant_id = store(stack, url, simulator, list(simulated.subscriptions(HELD)))
    wanted = Wanted(name="Judges", mode=Mode.TEST, scopes=frozenset(Scope) - NOT_IN_TEST, per_minute=MOST_PER_MINUTE)
    with stack.context(url, simulator) as ctx:
        give_customers(ctx)
        return api_keys.make(ctx, merchant_id, wanted, by=By(), now=utc_now())[1]


def _worker(stack: Stack, url: str, simulator: str) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "flask", "--app", "wsgi", "work")
    with (stack.folder / "worker.log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, env=stack.environment(url, simulator), stdout=log, stderr=log)


def _schemathesis(tools: Path, address: str, key: str) -> bool:
    """Say whether no call brought an answer that the description does not know."""
    # One name for many calls is a 422, and a cursor that was made up a 400, as it has to be: our own tests are of that.
    spec = json.loads((FOLDER / "openapi.json").read_text())
    for call in (call for item in spec["paths"].values() for call in item.values() if "parameters" in call):
        call["parameters"] = [one for one in call["parameters"] if one["name"] not in ("Idempotency-Key", "cursor")]
    once = FOLDER / "openapi-once.json"
    once.write_text(json.dumps(spec))
    command = (
        *(tools / "schemathesis", "run", once, "--url", address),
        *("-H", f"Authorization: Bearer {key}", "--max-time", str(SECONDS), "--continue-on-failure"),
        *("--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--generation-deterministic"),
        *("--exclude-path", "/leaked_keys"),  # it is slowed after twenty
    )
    return subprocess.run(command, cwd=FOLDER, check=False).returncode == 0


def _stories(tools: Path, address: str, key: str) -> bool:
    """Say whether a generated client plays the main stories to their end."""
    description = FOLDER / "openapi.json"
    with local_http() as http:
        description.write_bytes(http.get(f"{address}/openapi.json", timeout=30).content)
    client = FOLDER / "client"
    shutil.rmtree(client, ignore_errors=True)
    generated = subprocess.run(
        (
            tools / "openapi-python-client",
            "generate",
            "--path",
            description,
            "--output-path",
            client,
            "--fail-on-warning",
        ),
        check=False,
        env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"},
    )
    if generated.returncode:
        return False
    played = subprocess.run(
        (tools / "python", ROOT / "tests" / "api_stories.py", address, key),
        check=False,
        env=os.environ | {"PYTHONPATH": str(client), "NO_PROXY": "127.0.0.1"},
    )
    return played.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
