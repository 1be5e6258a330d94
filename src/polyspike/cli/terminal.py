"""What surrounds a command: a terminal that may know ASCII only, an output that may be full or closed, a matplotlib
that was told to open windows.
"""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ended", "prepare", "spell"]

_SPELLINGS = {"±": "+/-", "–": "-", "—": "-", "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"', "×": "x"}
_HANDLER = "polyspike.spell"
_NO_ROOM = 4


def prepare() -> None:
    """Make the process fit for any terminal.

    Signs that an output cannot encode are spelt out. No command opens a window, so a backend that was inherited from
    the environment, and may not be there, is not asked for.
    """
    os.environ["MPLBACKEND"] = "agg"
    codecs.register_error(_HANDLER, spell)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors=_HANDLER)  # type: ignore[union-attr]


def spell(error: UnicodeError) -> tuple[str, int]:
    """Signs that cannot be encoded, in ASCII: a spelling where there is one, else their code."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    spelt = "".join(_SPELLINGS.get(s, s.encode("ascii", "backslashreplace").decode()) for s in signs)
    return spelt, error.end


@contextmanager
def ended() -> Iterator[None]:
    """End the process with the exit code of what is inside, once its output is written.

    A reader that has seen enough (``| head``) is no failure; an output that is full is one, with exit code 4.
    """
    code: str | int | None = 0
    try:
        try:
            yield
        except SystemExit as end:  # typer turns a closed pipe into one
            code = 0 if isinstance(end.__context__, BrokenPipeError) else end.code
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        print(f"error: the output cannot be written ({error.strerror}); free some space", file=sys.stderr)
        code = _NO_ROOM
    sys.exit(code)


def _drop_output() -> None:
    """Let nothing of what is still to be written fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
