"""The explorer's server: one page, and answers in JSON to what it asks. It listens on 127.0.0.1 only.

Of the standard library. Every request is bounded in size and in time, and there are never more than some dozens at
once.
"""

import json
import logging
from collections.abc import Callable
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from threading import BoundedSemaphore
from time import monotonic
from typing import Any

from polyspike.errors import ArgumentError
from polyspike.explore.gate import Gate, Refusal
from polyspike.explore.helpers import Helper
from polyspike.explore.outcome import outcome
from polyspike.explore.replies import limits, predictions
from polyspike.explore.runs import Runs
from polyspike.explore.turns import Turns

__all__ = ["DEFAULT_PORT", "LARGEST_QUESTION", "Explorer"]

log = logging.getLogger(__name__)

DEFAULT_PORT = 8318

LARGEST_QUESTION = 64 * 1024
"""Bytes of a question."""

_MOST_CONNECTIONS = 64
_SECONDS_IDLE = 60.0
_SECONDS_TO_ASK = 5.0

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Explorer(ThreadingHTTPServer):
    """The server of the explorer on 127.0.0.1.

    ``serve_forever`` runs it, ``close`` ends it with whatever it simulates; or use it as a context manager.

    Parameters
    ----------
    port : int, optional
        0 for any free one. When None, 8318, or any free one where that is taken.

    Raises
    ------
    ArgumentError
        If the port cannot be had.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int | None = None) -> None:
        self._bind(port)
        turns, self._near, self._far = Turns(), Helper(), Helper(patient=True)
        self._near.start()
        self.gate = Gate(self.server_port)
        self.runs = Runs()
        self.pages = _pages()
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "predictions": turns.taken_by(partial(predictions, waited_for=turns.waited_for)),
            "limits": turns.taken_by(limits),
            "spectrum": partial(self._near.ask, "spectrum"),
            "more": partial(self._near.ask, "predictions"),
            "means": partial(self._far.ask, "means"),
            "map": partial(self._far.ask, "predictions"),
            "best": partial(self._far.ask, "best"),
            "spikes": partial(self._far.ask, "spikes"),
            "simulate": self.runs.start,
            "progress": self.runs.look,
            "cancel": self.runs.cancel,
        }
        self._slots = BoundedSemaphore(_MOST_CONNECTIONS)

    def _bind(self, port: int | None) -> None:
        try:
            super().__init__(("127.0.0.1", DEFAULT_PORT if port is None else port), Handler)
        except (OSError, OverflowError) as error:
            if port is None:
                super().__init__(("127.0.0.1", 0), Handler)
                return
            remedy = f"cannot be had ({getattr(error, 'strerror', error)}); give another, or 0 for any free one"
            raise ArgumentError("port", port, remedy) from error

    def server_bind(self) -> None:
        """Without the look-up of a host name that an HTTP server of the standard library begins with."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def address(self) -> str:
        """What a browser is to open; with the token, which the page keeps and takes out of its own address."""
        return f"http://127.0.0.1:{self.server_port}/#token={self.gate.token}"

    def close(self) -> None:
        """Stop listening, and stop what is computed and simulated."""
        self.server_close()
        for helped in (self._near, self._far, self.runs):
            helped.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection on a thread of its own; drop it where there are too many."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks off is nobody's fault; anything else is logged."""
        log.debug("a connection ended early", exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Explorer
    protocol_version = "HTTP/1.1"
    server_version = "polyspike"
    sys_version = ""
    timeout = _SECONDS_IDLE
    wbufsize = -1
    disable_nagle_algorithm = True
    headers: Message

    def do_GET(self) -> None:
        """Send the page or one of its parts."""
        try:
            self.server.gate.check_host(self.headers)
            name = self.path.partition("?")[0]
            if name not in self.server.pages:
                raise Refusal(404, "there is no such page")
            self._send(200, *self.server.pages[name])
        except Refusal as refusal:
            self._refuse(refusal)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Answer a question."""
        try:
            self.server.gate.check_question(self.headers)
            answer = self.server.answers.get(self.path.removeprefix("/api/"))
            if answer is None or not self.path.startswith("/api/"):
                raise Refusal(404, "there is no such question")
            status, found = outcome(answer, _parsed(self._read()))
            self.close_connection |= 400 <= status < 500
            self._send_json(status, found)
        except Refusal as refusal:
            self._refuse(refusal)

    def _read(self) -> bytes:
        """The body of a question, which must have a length, and must come soon."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 10) or "Transfer-Encoding" in self.headers:
            raise Refusal(411, "give the length of the question")
        if int(length) > LARGEST_QUESTION:
            raise Refusal(413, f"a question has at most {LARGEST_QUESTION} bytes")
        return self._received(int(length))

    def _received(self, length: int) -> bytes:
        end, parts = monotonic() + _SECONDS_TO_ASK, b""
        try:
            while len(parts) < length:
                self.connection.settimeout(max(end - monotonic(), 1e-3))
                part = self.rfile.read1(length - len(parts))
                if not part:
                    raise Refusal(400, "the question ends early")
                parts += part
        except TimeoutError as error:
            raise Refusal(408, "the question does not come") from error
        finally:
            self.connection.settimeout(_SECONDS_IDLE)
        return parts

    def _refuse(self, refusal: Refusal) -> None:
        """After which the connection is closed: what else is on it is not read."""
        self.close_connection = True
        self._send_json(refusal.status, {"message": refusal.reason})

    def _send_json(self, status: int, answer: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(answer, allow_nan=False).encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to the terminal."""


def _parsed(body: bytes) -> dict[str, Any]:
    """A JSON object; NaN and infinities are no JSON."""
    try:
        question = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "the question is not JSON") from error
    if not isinstance(question, dict):
        raise Refusal(400, "the question is not an object")
    return question


def _no_number(text: str) -> float:
    raise ValueError(text)


def _pages() -> dict[str, tuple[str, bytes]]:
    """Type and content of every file that is served, by its path; no path is ever looked up on the disk."""
    found = {}
    for file in files("polyspike.explore").joinpath("static").iterdir():
        kind = _TYPES.get("." + file.name.rpartition(".")[2])
        if kind is not None:
            found[f"/{file.name}"] = (kind, file.read_bytes())
    return {"/": found["/index.html"], **found}
