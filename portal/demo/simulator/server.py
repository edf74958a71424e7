"""The simulator over HTTP: threads, keep-alive, and answers that stop half-way when told to."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from portal.demo.simulator.answering import api, nvp
from portal.demo.simulator.messages import Reply, Request
from portal.demo.simulator.showing import approving, control
from portal.demo.simulator.world import Simulator

LARGEST: Final = 1024 * 1024  # bytes of a request's body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        super().__init__(address, _Handler)
        self.simulator = simulator
        self.stopping = threading.Event()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Stop listening, wake what is held, close what is kept alive, and wait for the threads."""
        self.stopping.set()
        self.shutdown()
        with self._guard:
            left = dict(self._open)
        for request, thread in left.items():
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "PayPalSimulator"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isdigit() else 0
        body = self.rfile.read(min(size, LARGEST))
        request = Request(
            method="GET" if self.command == "HEAD" else self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        if size > LARGEST:
            self.close_connection = True
        self._write(_door(request.path)(self.server.simulator, request))

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def _write(self, reply: Reply) -> None:
        if reply.wait:
            self.server.stopping.wait(reply.wait)
        if reply.hold is not None:
            self.server.stopping.wait(reply.hold)
            self.close_connection = True
            return
        if reply.cut and not reply.body:
            self.wfile.write(b"HTTP/1.1 2")
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("X-PayPal-Simulator", "this is a simulator, not PayPal")
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if reply.cut:
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: /_simulator/calls is the log."""


def _door(path: str) -> Callable[[Simulator, Request], Reply]:
    if path.startswith("/_simulator") or path == "/":
        return control.answer
    if path == approving.PATH:
        return approving.answer
    return nvp.DOORS.get(path.removeprefix("/live"), api.answer)


class Handle:
    """A running simulator. `base_urls` is what the portal's PayPalGateways takes."""

    def __init__(self, server: _Server, thread: threading.Thread, courier: threading.Thread) -> None:
        self._server = server
        self._thread = thread
        self._courier = courier
        host, port = str(server.server_address[0]), server.server_address[1]
        self.url = f"http://{host}:{port}"
        self.base_urls = {"sandbox": self.url, "live": self.url + "/live"}

    def stop(self) -> None:
        """Stop answering and sending; calls being held are dropped, and messages not sent wait for another start."""
        simulator = self._server.simulator
        simulator.courier.stop()
        self._server.end()
        self._thread.join(timeout=5)
        self._courier.join(timeout=5)
        simulator.flush()

    def wait(self) -> None:
        """Block until stopped."""
        self._thread.join()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(simulator: Simulator, *, port: int = 0, host: str = "127.0.0.1") -> Handle:
    """Answer HTTP in the background on `port` (0: a free one); OSError when it is taken."""
    server = _Server((host, port), simulator)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="paypal-simulator", daemon=True)
    thread.start()
    courier = threading.Thread(target=simulator.courier.run, name="paypal-courier", daemon=True)
    handle = Handle(server, thread, courier)
    simulator.address = handle.url
    courier.start()
    return handle
