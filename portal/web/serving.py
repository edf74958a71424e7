"""Gunicorn's worker with threads, which nobody can keep waiting by sending half a request.

Gunicorn has no limit of time for a request's head or body: some visitors who send nothing more, or a byte now and
then, would take every thread.  The buffering proxy of docs/operations.md does the same job better, where there is one.
"""

from __future__ import annotations

import gc
import socket
import sys
import time
from contextlib import suppress
from typing import Final

from flask import Flask
from gunicorn.arbiter import Arbiter
from gunicorn.http.message import Request
from gunicorn.workers import gthread

from portal import arenas, first_use
from portal.web import schemas
from portal.web.warming import warm

NOT_YET: Final = gthread._DEFER  # back to the loop that waits for all connections at once


class Worker(gthread.ThreadWorker):
    """Bounds how long a request may take to come, in total; how long its answer takes is not its concern."""

    head = 10.0  # seconds from a request's first byte to its last header
    whole = 60.0  # … and to the last byte of its body: a list of 5 MB over a slow line

    def __init__(self, *args: object, **values: object) -> None:
        super().__init__(*args, **values)
        self._reading: dict[gthread.TConn, float] = {}  # connection → when its request has to be there

    def load_wsgi(self) -> None:
        """Load the application, ready for its first visitor."""
        arenas.keep_small()  # there are no threads yet
        super().load_wsgi()
        # else gunicorn shows why there is none, or it is the bench’s floor
        if isinstance(self.wsgi, Flask) and "portal" in self.wsgi.extensions:
            if schemas.refuses(self.wsgi):
                sys.exit(Arbiter.APP_LOAD_ERROR)  # gunicorn then stops as a whole
            warm(self.wsgi)
            # What is there now stays: to look through it for rubbish took a third of the time of an API batch.
            gc.collect()
            gc.freeze()
            first_use.begin(*first_use.PAGES)

    def handle(self, conn: gthread.TConn) -> object:
        """Take a thread only for a connection that has something to say, and note until when."""
        if not (conn.initialized or conn.data_ready or conn.wait_for_data(0)):
            return NOT_YET
        self._reading[conn] = time.monotonic() + self.head
        try:
            return super().handle(conn)
        finally:
            self._reading.pop(conn, None)

    def handle_request(self, req: Request, conn: gthread.TConn) -> object:
        """Answer a request whose head is there; its body may still come."""
        self._reading[conn] = time.monotonic() + self.whole - self.head
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Once a second, end the reading of what is too late; an answer that is being written goes on."""
        super().murder_pending()
        now = time.monotonic()
        for conn, until in list(self._reading.items()):
            if now > until:
                with suppress(OSError):  # the plain socket's own: that of TLS would forget its encryption
                    socket.socket.shutdown(conn.sock, socket.SHUT_RD)
