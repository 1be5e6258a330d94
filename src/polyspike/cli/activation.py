"""``polyspike activation``: the Hermite numbers of an activation, and which conditions it meets."""

from math import sqrt
from typing import Annotated, Any

import typer

from polyspike.cli.options import Json
from polyspike.cli.output import print_json, print_lines
from polyspike.errors import ArgumentError
from polyspike.problem import Activation, as_activation

__all__ = ["EXAMPLES", "command", "report"]

EXAMPLES = "Examples: polyspike activation relu; polyspike activation tanh --degree 9 --json"

MAX_DEGREE = 60


def command(
    name: Annotated[str, typer.Argument(help="relu, leaky_relu, tanh, erf, sigmoid, softplus, gelu, silu, sin, h3")],
    degree: Annotated[int, typer.Option(help="Highest Hermite degree that is shown.")] = 6,
    uncentred: Annotated[bool, typer.Option("--uncentred", help="Do not subtract the mean.")] = False,
    json: Json = False,
) -> None:
    """Hermite coefficients of an activation, and which conditions of the paper it meets.

    The k-th spike of the features exists only where c_k is not zero: this tells how many spikes a network can
    show, and of which degrees.
    """
    if not 1 <= degree <= MAX_DEGREE:
        raise ArgumentError("--degree", degree, f"give an integer from 1 to {MAX_DEGREE}")
    values = report(as_activation(name, centred=not uncentred), degree)
    if json:
        print_json(values)
    else:
        print_lines(_readable(values))


def report(activation: Activation, degree: int) -> dict[str, Any]:
    """Coefficients, strengths and conditions of an activation."""
    c = activation.coefficients(degree)
    return {
        "activation": activation.label,
        "subtracted_mean": activation.mean,
        "coefficients": c,
        "second_moment": activation.second_moment,
        "linear_strength": activation.linear_strength,
        "residual_strength": activation.residual_strength,
        "derivative_variance": activation.derivative_variance,
        "spike_degrees": [k for k in range(1, degree + 1) if c[1] != 0 and c[k] != 0],
        "conditions": {
            "c_0 = 0": bool(c[0] == 0),
            "c_1 != 0": bool(c[1] != 0),
            "bounded derivatives": activation.bounded_derivatives,
        },
    }


def _readable(values: dict[str, Any]) -> dict[str, str]:
    degrees = values["spike_degrees"]
    met = {name: "met" if holds else "NOT met" for name, holds in values["conditions"].items()}
    return {
        "activation": values["activation"],
        "centred by": f"{values['subtracted_mean']:.10g}   (the mean that is subtracted, so that c_0 = 0)",
        **{f"c_{k}": f"{c: .12f}" for k, c in enumerate(values["coefficients"])},
        "E sigma^2": f"{values['second_moment']:.10g}   (standard deviation {sqrt(values['second_moment']):.6g})",
        "C1": f"{values['linear_strength']:.10g}   (linear part, c_1^2)",
        "Cg": f"{values['residual_strength']:.10g}   (everything beyond it)",
        "Var sigma'": f"{values['derivative_variance']:.10g}",
        "spikes": ", ".join(map(str, degrees)) + "   (degrees k with c_k != 0)" if degrees else "none: c_1 = 0",
        **{f"condition {name}": text for name, text in met.items()},
    }
