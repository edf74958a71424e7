"""What is done beside the stories: a log-in by code, a load of pages, and a look at what a lent connection keeps."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from statistics import median
from typing import Final

import psycopg
import requests
from sqlalchemy import select

from portal.demo.mail_folder import MailFolder
from portal.models import Customer
from tests.chaos.browsing import form_of
from tests.chaos.stack import Stack
from tests.chaos.world import Seat, World
from tests.scaling.clusters import CONNECTIONS, Pooled

CODE: Final = re.compile(r"\b\d{6}\b")
PATIENCE: Final = 30.0
# What one client could leave to the next on the same connection of the server.
LEFT: Final = """SELECT pg_backend_pid(), current_setting('lock_timeout'), current_setting('statement_timeout'),
    current_setting('plan_cache_mode'), current_setting('default_transaction_read_only'),
    current_setting('default_transaction_isolation'),
    (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"""
CLEAN: Final = ("0", "0", "auto", "off", "read committed", 0, 0, 0)


def log_in(stack: Stack, world: World, seat: Seat) -> str:
    """Log a customer in by the code that is mailed; return what was wrong, "" for nothing."""
    with world.context.db.read() as session:
        email = session.scalar(select(Customer.email).where(Customer.id == seat.customer_id)) or ""
    with requests.Session() as http:
        http.trust_env, path = False, f"{world.web}/account/{seat.slug}/login"
        http.headers.update({"X-Forwarded-For": "198.51.100.7", "Sec-Fetch-Site": "same-origin"})
        form = form_of(http.get(path, timeout=PATIENCE).text, "/login")
        asked = http.post(path, data={**form, "email": email}, timeout=PATIENCE, allow_redirects=False)
        if asked.status_code != 303:
            return f"the log-in's address was answered {asked.status_code}"
        code, deadline = "", time.monotonic() + PATIENCE
        while not code and time.monotonic() < deadline:
            time.sleep(0.5)
            mails = (mail for mail in MailFolder(stack.folder / "mails").all() if email in mail.to)
            code = next((found.group() for mail in mails if (found := CODE.search(mail.text))), "")
        form = form_of(http.get(f"{path}/code", timeout=PATIENCE).text, "/login/code")
        entered = http.post(f"{path}/code", data={**form, "code": code}, timeout=PATIENCE, allow_redirects=False)
        page = http.get(f"{world.web}/account/{seat.slug}/", timeout=PATIENCE, allow_redirects=False)
    return "" if page.status_code == 200 else f"code {bool(code)}: {entered.status_code}, account {page.status_code}"


def load(web: str, world: World, *, seconds: float, threads: int) -> tuple[Counter[int], float, list[float]]:
    """Read account pages for so long; return the answers by status, their rate, and their milliseconds, sorted."""
    answers: Counter[int] = Counter()
    times: list[float] = []
    tokens = {seat: world.token_of(seat) for seat in world.seats[:threads]}
    until, lock = time.monotonic() + seconds, threading.Lock()

    def visit(seat: Seat) -> None:
        with requests.Session() as http:
            http.trust_env = False
            http.cookies.set("portal_customer", tokens[seat])
            while time.monotonic() < until:
                began = time.perf_counter()
                status = http.get(f"{web}/account/{seat.slug}/", timeout=PATIENCE, allow_redirects=False).status_code
                with lock:
                    answers[status] += 1
                    times.append((time.perf_counter() - began) * 1000)

    running = [threading.Thread(target=visit, args=(seat,)) for seat in tokens]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return answers, len(times) / seconds, sorted(times)


def described(loaded: tuple[Counter[int], float, list[float]]) -> str:
    """Return a load's figures as a line."""
    answers, rate, times = loaded
    return f"{rate:.0f} pages a second, median {median(times):.0f} ms, answers {dict(answers)}"


def left_behind(cluster: Pooled) -> list[str]:
    """Take every connection that the pooler lends at once; return what an earlier client left on one of them."""
    clients = [psycopg.connect(cluster.pooled_url, prepare_threshold=None) for _ in range(CONNECTIONS)]
    rows = [client.execute(LEFT).fetchone() for client in clients]  # each holds its own, in an open transaction
    for client in clients:
        client.close()
    seen = {row[0] for row in rows if row}
    wrong = [f"a lent connection still has {row[1:]}" for row in rows if row and row[1:] != CLEAN]
    return wrong + ([] if len(seen) == CONNECTIONS else [f"only {len(seen)} connections were looked at"])
