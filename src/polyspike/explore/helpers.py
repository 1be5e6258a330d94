"""Processes beside the server that answer what takes longer, so that a slider's move is answered at once."""

import json
import subprocess
import sys
from contextlib import suppress
from threading import Lock
from typing import Any

from polyspike.explore.gate import Refusal

__all__ = ["Helper"]

_COMMAND = (sys.executable, "-m", "polyspike.explore.helper")


class Helper:
    """A process that answers questions of :data:`polyspike.explore.replies.REPLIES`, one at a time.

    It is started by ``start`` or by the first question, and again by the next question when it has died.

    Parameters
    ----------
    patient : bool
        Whether it gives way to other processes.
    """

    def __init__(self, patient: bool = False) -> None:
        self._command = (*_COMMAND, "--patient") if patient else _COMMAND
        self._turn = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def start(self) -> None:
        """Start the process, so that the first question does not wait for it."""
        with self._turn:
            self._running()

    def ask(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
        """The answer of the reply of this name.

        Raises
        ------
        Refusal
            Of the reply, or because the process dies over the question.
        """
        with self._turn:
            line = self._exchange(json.dumps([name, question]) + "\n")
        status, answer = json.loads(line)
        if status != 200:
            raise Refusal(status, answer["message"])
        found: dict[str, Any] = answer
        return found

    def close(self) -> None:
        """Stop the process, whatever it does."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._turn:  # whoever waits for an answer has none now
            _end(process)

    def _exchange(self, line: str) -> str:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(line)
            process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            _end(process)
            raise Refusal(500, "the process that computes this has ended; ask again")
        return answer

    def _running(self) -> "subprocess.Popen[str]":
        """The process, started where there is none; Ctrl-C in the terminal does not reach it."""
        if self._closed:
            raise Refusal(503, "the explorer has stopped")
        if self._process is None or self._process.poll() is not None:
            _end(self._process)
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._process = subprocess.Popen(self._command, text=True, start_new_session=True, **pipes)
        return self._process


def _end(process: "subprocess.Popen[str] | None") -> None:
    """Wait for the end of a process that is about to end, and close what led to it."""
    if process is not None:
        with suppress(BrokenPipeError), process:
            pass
