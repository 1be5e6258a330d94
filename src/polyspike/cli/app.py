"""The typer application: its commands, and how their failures become one line and an exit code.

A new command is one module of this package with a function ``command``, and one row of ``COMMANDS``.
"""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer
from rich.markup import escape

from polyspike import __version__
from polyspike.cli.refusals import as_typed
from polyspike.cli.texts import help_of, literal
from polyspike.errors import ArgumentError, DoesNotFitError, NumericalError, PolyspikeError

__all__ = ["COMMANDS", "EXIT_CODES", "app", "exit_code"]

COMMANDS = (
    *("reproduce", "predict", "report", "phase", "simulate", "spectrum", "activation", "sweep", "export"),
    *("loo", "explore", "data"),
)

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


def exit_code(error: BaseException) -> int:
    """The exit code of a failure, see :data:`EXIT_CODES`."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, NumericalError):
        return 3
    return 2 if isinstance(error, ArgumentError) and not isinstance(error, DoesNotFitError) else 4


def reporting(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same command, with failures that have an exit code printed as one line to stderr instead of a traceback."""

    @wraps(function)
    def wrapper(context: typer.Context, **kwargs: Any) -> Any:
        try:
            return function(**kwargs)
        except BrokenPipeError:
            raise
        except (PolyspikeError, OSError, MemoryError, KeyboardInterrupt) as error:
            print(_told(error, context), file=sys.stderr)
            raise typer.Exit(exit_code(error)) from error

    parameters = [literal(parameter) for parameter in signature(function, eval_str=True).parameters.values()]
    context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    wrapper.__signature__ = Signature([context, *parameters])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in (context, *parameters)}
    return wrapper


def _told(error: BaseException, context: typer.Context) -> str:
    """A failure in one line, its arguments as the user typed them."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, PolyspikeError):
        return f"error: {' '.join(as_typed(error, context).split())}"
    if isinstance(error, OSError) and error.filename is None:
        return f"error: the output cannot be written ({error.strerror or error}); free some space"
    if isinstance(error, OSError):
        return f"error: {str(error.filename)!r} cannot be read or written ({error.strerror}); check place and space"
    return f"error: the memory is full ({' '.join(str(error).split())}); give smaller sizes, or --streaming"


app = typer.Typer(
    name="polyspike",
    help="What one gradient step teaches a two-layer network: theory and simulation side by side.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
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
    app.command(_name, help=help_of(_module.command), epilog=escape(_module.EXAMPLES))(reporting(_module.command))
