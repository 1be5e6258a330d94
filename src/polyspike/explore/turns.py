"""Whose turn it is to compute: one question at a time, and a long answer ends early when another waits."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from polyspike.blas import one_blas_thread

__all__ = ["Turns"]


class Turns:
    """One computation at a time, on one thread: two at once would only slow each other down."""

    def __init__(self) -> None:
        self._turn, self._count = Lock(), Lock()
        self._waiting = 0

    def waited_for(self) -> bool:
        """Whether a question waits for its turn."""
        return self._waiting > 0

    def taken_by(self, reply: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
        """The reply, which waits for its turn."""

        def answer(question: Mapping[str, Any]) -> dict[str, Any]:
            with self._taken(), one_blas_thread():
                return reply(question)

        return answer

    @contextmanager
    def _taken(self) -> Iterator[None]:
        self._wait(1)
        try:
            self._turn.acquire()
        finally:
            self._wait(-1)
        try:
            yield
        finally:
            self._turn.release()

    def _wait(self, change: int) -> None:
        with self._count:
            self._waiting += change
