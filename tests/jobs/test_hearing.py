"""A worker behind a pooler that loses LISTEN: it finds its jobs all the same, and says once that nothing wakes it."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import ExitStack, suppress

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from portal.jobs import hearing
from tests.jobs.test_several_machines import all_confirmed
from tests.jobs.test_worker import ask, until

NOTIFICATION = b"A"  # of PostgreSQL's protocol: what a server says to a connection that listens


def exactly(stream: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = stream.recv(size - len(got))
        if not part:
            raise ConnectionError
        got += part
    return got


def to_server(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while part := client.recv(65536):
            server.sendall(part)
    with suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)


def to_client(server: socket.socket, client: socket.socket) -> None:
    """Pass on all messages but notifications."""
    with suppress(OSError):
        while True:
            kind, length = struct.unpack("!ci", exactly(server, 5))
            body = exactly(server, length - 4)
            if kind != NOTIFICATION:
                client.sendall(kind + struct.pack("!i", length) + body)
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def deaf_url(database_url, tmp_path_factory):
    """The address of the database by a way on which notifications are lost."""
    given = conninfo_to_dict(database_url)
    folder = tmp_path_factory.mktemp("p")
    threads: list[threading.Thread] = []
    ways: list[socket.socket] = []

    def run(work, *streams: socket.socket) -> None:
        ways.extend(streams)
        threads.append(threading.Thread(target=work, args=streams, daemon=True))
        threads[-1].start()

    with ExitStack() as opened, socket.socket(socket.AF_UNIX) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, server = opened.enter_context(door.accept()[0]), socket.socket(socket.AF_UNIX)
                    opened.enter_context(server).connect(f"{given['host']}/.s.PGSQL.{given.get('port', 5432)}")
                    run(to_server, client, server)
                    run(to_client, server, client)

        door.bind(str(folder / ".s.PGSQL.5432"))
        door.listen(32)
        run(serve)
        yield f"postgresql://{given['user']}@/{given['dbname']}?host={folder}&port=5432&gssencmode=disable"
        for way in (door, *ways):
            with suppress(OSError):  # it is closed already
                way.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)


def test_where_the_second_connection_is_refused_the_first_is_closed(database_url, monkeypatch):
    """A server that is full: whoever looks again every ten minutes leaves no connection behind."""
    connect, made = psycopg.AsyncConnection.connect, []

    async def refuse_the_second(url, **settings):
        if made:
            raise psycopg.OperationalError("too many clients already")
        made.append(await connect(url, **settings))
        return made[0]

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", refuse_the_second)
    with pytest.raises(psycopg.OperationalError):
        asyncio.run(hearing.hears_itself(database_url))
    assert made[0].closed


@pytest.mark.parametrize(("way", "hears"), [("database_url", True), ("deaf_url", False)])
def test_what_one_connection_says_comes_to_another_or_is_lost(request, monkeypatch, way, hears):
    monkeypatch.setattr(hearing, "PATIENCE", 1.0)
    assert asyncio.run(hearing.hears_itself(request.getfixturevalue(way))) is hears


def test_a_worker_that_nothing_wakes_finds_its_jobs_and_says_so_once(ctx, make, worker, deaf_url, tmp_path):
    """It takes long because a real process starts."""
    make.merchant()
    ask(ctx, make.subscription())
    worker(url=deaf_url)
    until(lambda: all_confirmed(ctx))

    def is_told() -> bool:
        with ctx.db.read() as session:
            return bool(session.scalar(text("SELECT deaf_at FROM health_marks")))

    until(is_told)
    until(lambda: (tmp_path / "worker-0.log").read_text().count("worker_is_not_woken") == 1)
