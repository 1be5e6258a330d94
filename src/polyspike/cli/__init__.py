"""The command line: ``polyspike --help``. One file a command."""

import signal
import sys

from polyspike.cli.terminal import ended, prepare

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command line with the arguments of the process, and end it with a documented exit code.

    Ctrl-C shows no traceback, be it while the commands are loaded, or once more while an interrupted one ends: the
    second one ends the process at once.
    """
    try:
        prepare()
        with ended():
            from polyspike.cli.app import app

            app(prog_name="polyspike")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.exit(_INTERRUPTED)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise
