"""An explorer that serves while a test asks it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from polyspike.explore import Explorer
from polyspike.explore.gate import TOKEN_HEADER

__all__ = ["PROBLEM", "ask", "headers", "send", "serving"]

PROBLEM: dict[str, Any] = {
    "activation": "relu",
    "teacher": "h1 + 0.5*h2",
    "n_samples": 800,
    "input_dim": 200,
    "width": 400,
    "step_exponent": 0.3,
    "ridge": 0.01,
    "noise": 0.5,
}


@contextmanager
def serving() -> Iterator[Explorer]:
    """An explorer on a free port, on a thread of its own."""
    with Explorer(0) as explorer:
        thread = Thread(target=explorer.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield explorer
        finally:
            explorer.shutdown()
            thread.join()


def headers(explorer: Explorer, **changes: str) -> dict[str, str]:
    """Those of a question that is let in; underscores of names are hyphens."""
    given = {"Content-Type": "application/json", TOKEN_HEADER: explorer.gate.token}
    return given | {name.replace("_", "-"): value for name, value in changes.items()}


def send(
    explorer: Explorer, method: str, path: str, body: bytes | None = None, given: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", explorer.server_port, timeout=60)
    try:
        connection.request(method, path, body, given or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def ask(explorer: Explorer, name: str, question: Any) -> tuple[int, dict[str, Any]]:
    """Status and answer of a question of the page."""
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    status, _, content = send(explorer, "POST", f"/api/{name}", body, headers(explorer))
    found: dict[str, Any] = json.loads(content)
    return status, found
