"""``polyspike explore``: a page in the browser that shows what a step teaches while its numbers are moved."""

import sys
import webbrowser
from threading import Thread
from typing import Annotated

import typer

from polyspike.cli.options import Json, integer
from polyspike.cli.output import print_json
from polyspike.errors import ArgumentError

__all__ = ["EXAMPLES", "command"]

EXAMPLES = "Examples: polyspike explore; polyspike explore --port 8000 --no-browser"

_LARGEST_PORT = 65_535


def command(
    port: Annotated[
        int | None, integer("Port on 127.0.0.1; 0 for any free one.  (8318, or a free one)", show_default=False)
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    json: Json = False,
) -> None:
    """Move the numbers of a problem and see what its step teaches: errors, spectrum, spikes and the best step.

    Everything is computed on this machine, and no request leaves it. The page is served on 127.0.0.1 to the browser
    that was given the printed address, and to nobody else. Ctrl-C stops it.
    """
    from polyspike.explore import Explorer

    if port is not None and not 0 <= port <= _LARGEST_PORT:
        raise ArgumentError("port", port, f"give an integer from 0 to {_LARGEST_PORT}")
    with Explorer(port) as explorer:
        try:
            _tell(explorer.address, json)
            if browser:
                Thread(target=webbrowser.open, args=(explorer.address,), daemon=True).start()
            explorer.serve_forever()
        except KeyboardInterrupt:  # how a server ends, and no failure
            print("stopped", file=sys.stderr)


def _tell(address: str, json: bool) -> None:
    """Where the page is, before it is waited for."""
    if json:
        print_json({"address": address})
    else:
        print(f"the explorer is at {address}\nCtrl-C stops it")
    sys.stdout.flush()
