"""A process that answers what takes longer than the server may: ``python -m polyspike.explore.helper``.

It reads questions from standard input, a line of JSON each, and writes a line for each answer. When standard input is
closed, because the explorer has stopped or died, it ends at once. With ``--patient`` it gives way to other processes.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import TextIO

from polyspike.blas import one_blas_thread
from polyspike.explore.outcome import outcome
from polyspike.explore.replies import REPLIES

__all__ = ["answers", "main"]

_NICENESS = 10
"""Of a patient helper: it works when nobody else does."""


def answers(lines: Iterable[str]) -> Iterator[str]:
    """A line ``[status, answer]`` for each line ``[name, question]``."""
    for line in lines:
        name, question = json.loads(line)
        with one_blas_thread():
            yield json.dumps(outcome(REPLIES[name], question), allow_nan=False)


def main(source: TextIO, sink: TextIO) -> None:
    """Answer until the source is closed."""
    waiting: SimpleQueue[str] = SimpleQueue()
    Thread(target=_end_with, args=(source, waiting), name="end with the explorer", daemon=True).start()
    for line in answers(iter(waiting.get, None)):
        try:
            print(line, file=sink, flush=True)
        except BrokenPipeError:  # nobody is there to read it
            os._exit(0)


def _end_with(source: TextIO, waiting: "SimpleQueue[str]") -> None:
    """Hand on what comes from the source; its end is the end of the process."""
    for line in source:
        waiting.put(line)
    os._exit(0)


if __name__ == "__main__":
    if "--patient" in sys.argv[1:] and hasattr(os, "nice"):
        os.nice(_NICENESS)
    main(sys.stdin, sys.stdout)
