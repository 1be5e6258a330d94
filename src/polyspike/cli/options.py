"""The options that describe a problem, the same for every command that takes one."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.values import as_integer, complete_from
from polyspike.errors import ArgumentError
from polyspike.problem import ACTIVATIONS, Problem

__all__ = ["Device", "Dtype", "Json", "Streaming", "integer", "with_problem"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]

Dtype = Annotated[
    str,
    typer.Option(
        help="Precision of the large products: float64 or float32.",
        autocompletion=complete_from("float64", "float32"),
    ),
]

Device = Annotated[
    str,
    typer.Option(
        help="cpu (NumPy), cuda (torch), torch:cpu, jax:cpu, jax:gpu.",
        autocompletion=complete_from("cpu", "cuda", "torch:cpu", "jax:cpu", "jax:gpu"),
    ),
]

Streaming = Annotated[
    bool | None, typer.Option(help="Draw, use and drop blocks of data; where the arrays do not fit when absent.")
]

PANEL = "The problem"

READOUTS = ("gaussian", "rademacher", "constant")


def integer(help: str, **options: Any) -> Any:
    """An option that is an integer, written as 1000000 or as 1e6."""
    return typer.Option(help=help, parser=as_integer, metavar="<int>", **options)


DEFAULT_EXPONENT = 0.2

_DEFAULTS = {p.name: p.default for p in inspect.signature(Problem).parameters.values()}


def _option(name: str, help_: str, *values: str) -> Any:
    complete = complete_from(*values) if values else None
    shown = _with_default(name.replace("-", "_"), help_)
    return typer.Option(f"--{name}", help=shown, rich_help_panel=PANEL, show_default=False, autocompletion=complete)


def _integer(name: str, help_: str, default: str = "") -> Any:
    return integer(_with_default(name, help_, default), rich_help_panel=PANEL, show_default=False)


def _with_default(name: str, help_: str, default: str = "") -> str:
    """The help of an option, with the default that :class:`polyspike.Problem` has for it."""
    value = default or _DEFAULTS[name]
    return help_ if value is None else f"{help_}  ({value})"


PROBLEM_OPTIONS: dict[str, Any] = {
    "activation": Annotated[str | None, _option("activation", "relu, tanh, erf, gelu, h3, ...", *ACTIVATIONS)],
    "teacher": Annotated[str | None, _option("teacher", "An expression in Hermite polynomials: 'h1 - 0.5*h3'.")],
    "n_samples": Annotated[int | None, _integer("n_samples", "n, samples of the ridge fit.")],
    "input_dim": Annotated[int | None, _integer("input_dim", "d.")],
    "width": Annotated[int | None, _integer("width", "N, neurons.")],
    "step_exponent": Annotated[
        float | None, _option("step-exponent", f"alpha in [0, 1/2]: the step is n^alpha.  ({DEFAULT_EXPONENT})")
    ],
    "step_size": Annotated[float | None, _option("step-size", "The step eta itself; instead of its exponent.")],
    "ridge": Annotated[float | None, _option("ridge", "lambda >= 0.")],
    "noise": Annotated[float | None, _option("noise", "Standard deviation of the label noise.")],
    "gradient": Annotated[str | None, _option("gradient", "full (the residual) or target.", "full", "target")],
    "readout": Annotated[str | None, _option("readout", "gaussian, rademacher or constant.", *READOUTS)],
    "n_gradient": Annotated[int | None, _integer("n_gradient", "Samples of the gradient step.", "n-samples")],
    "samples": Annotated[str | None, _option("samples", "fresh ones for the ridge fit, or the same.", "fresh", "same")],
    "overlap": Annotated[
        float | None,
        _option("overlap", "Share in [0, 1] of the smaller sample that is the same, with samples same.  (1)"),
    ],
    "inputs": Annotated[
        str | None,
        _option(
            "inputs", "Law of the inputs: power:0.5, spiked:10,1, 'two-level:0.3,1.7,0.5; teacher=top; law=uniform'."
        ),
    ],
    "precondition": Annotated[
        float | None, _option("precondition", "rho >= 0 of a preconditioned step.  (the plain step)")
    ],
}
"""Type and help of every option, by the argument of :class:`polyspike.Problem` that it sets."""

FILE = Annotated[
    Path | None,
    typer.Option("--problem", help="A TOML file with these values; options override it.", rich_help_panel=PANEL),
]

FILE_ARGUMENT = Annotated[
    Path | None, typer.Argument(metavar="PROBLEM", help="A TOML file with the problem; options override it.")
]
"""The same as the first word behind the command."""


def read_problem(path: Path | None, given: dict[str, Any]) -> Problem:
    """The problem of a TOML file with the given options on top; an absent step is ``n^0.2``.

    Raises
    ------
    ArgumentError
        Naming the option.
    """
    if given.get("step_exponent") is not None and given.get("step_size") is not None:
        both = (given["step_exponent"], given["step_size"])
        raise ArgumentError("--step-exponent, --step-size", both, "both given; give one of the two")
    changes = {name: value for name, value in given.items() if value is not None}
    if path is not None:
        return _from_file(path).replace(**changes)
    if "step_size" not in changes:
        changes.setdefault("step_exponent", DEFAULT_EXPONENT)
    return Problem(**changes)


def _from_file(path: Path) -> Problem:
    """The problem of a file; what is wrong there is said of the file."""
    try:
        return Problem.from_toml(path)
    except ArgumentError as error:
        raise ArgumentError(f"{path}: {error.argument}", error.value, error.remedy) from error


def with_problem(command: Callable[..., Any], file: Any = FILE) -> Callable[..., Any]:
    """A command of ``problem`` turned into one of ``--problem`` and every option of a problem.

    typer reads the options from the signature, so it is the signature that is extended. ``file`` is how the TOML file
    is given, :data:`FILE` or :data:`FILE_ARGUMENT`. A command of ``given`` gets the names of the options that were set.
    """
    own = {n: p for n, p in inspect.signature(command, eval_str=True).parameters.items() if n != "problem"}
    wants_given = own.pop("given", None) is not None
    annotations = {"problem": file} | PROBLEM_OPTIONS
    added = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in annotations.items()
    }

    @wraps(command)
    def wrapper(**kwargs: Any) -> Any:
        values = {name: kwargs.pop(name) for name in PROBLEM_OPTIONS}
        problem = read_problem(kwargs.pop("problem"), values)
        if wants_given:
            kwargs["given"] = {name: value for name, value in values.items() if value is not None}
        return command(problem, **kwargs)

    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.values()]
    wrapper.__signature__ = inspect.Signature([*added.values(), *keyword])  # type: ignore[attr-defined]
    wrapper.__annotations__ = annotations | {n: p.annotation for n, p in own.items()}
    return wrapper
