"""The typer application: its commands, and how their failures become one line and an exit code.

A new command is one module of this package with a function ``command``, and one row of ``COMMANDS``.
"""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Annotated, Any

import typer

from polyspike import __version__
from polyspike.errors import ArgumentError, DoesNotFitError, NumericalError, PolyspikeError

__all__ = ["COMMANDS", "EXIT_CODES", "app", "exit_code"]

COMMANDS = ("reproduce", "predict", "phase", "simulate", "spectrum", "activation", "sweep", "export")

EXIT_CODES = {
    0: "done",
    2: "bad input: the message names the argument, its value and the remedy",
    3: "a numerical failure: no convergence, a singular system",
    4: "it does not fit in memory, a file cannot be read or written, or a package is missing",
    5: "a sweep is complete, but some of its rows failed; they are marked",
    130: "interrupted",
}

EPILOG = (
    "Exit codes: "
    + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items())
    + ". Try: polyspike reproduce --quick"
)


def exit_code(error: Exception) -> int:
    """The exit code of a refusal, see :data:`EXIT_CODES`."""
    if isinstance(error, NumericalError):
        return 3
    return 2 if isinstance(error, ArgumentError) and not isinstance(error, DoesNotFitError) else 4


def reporting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same command, with refusals printed as one line to stderr instead of a traceback."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except PolyspikeError as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt as error:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(130) from error

    return wrapper


app = typer.Typer(
    name="polyspike",
    help="What one gradient step teaches a two-layer network: theory and simulation side by side.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What one gradient step teaches a two-layer network: theory and simulation side by side."""


for _name in COMMANDS:
    _module = import_module(f"polyspike.cli.{_name}")
    app.command(_name, epilog=_module.EXAMPLES)(reporting(_module.command))
