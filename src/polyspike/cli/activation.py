"""``polyspike activation``: the Hermite numbers of an activation, and which conditions it meets."""

from math import sqrt
from typing import Annotated, Any

import typer

from polyspike.cli.options import Json, integer
from polyspike.cli.output import print_json, print_lines
from polyspike.cli.values import complete_from
from polyspike.problem import ACTIVATIONS, as_activation
from polyspike.problem.report import ActivationReport, activation_report

__all__ = ["EXAMPLES", "command"]

EXAMPLES = "Examples: polyspike activation relu; polyspike activation tanh --degree 9 --json"


def command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="relu, leaky_relu, tanh, erf, sigmoid, softplus, gelu, silu, sin, h3",
            autocompletion=complete_from(*ACTIVATIONS),
        ),
    ],
    degree: Annotated[int, integer("Highest Hermite degree that is shown, up to 40.")] = 6,
    uncentred: Annotated[bool, typer.Option("--uncentred", help="Do not subtract the mean.")] = False,
    json: Json = False,
) -> None:
    """Hermite coefficients of an activation, and which conditions of the paper it meets.

    The k-th spike of the features exists only where c_k is not zero: this tells how many spikes a network can
    show, of which degrees, and beyond which step exponent each of them grows.
    """
    found = activation_report(as_activation(name, centred=False) if uncentred else as_activation(name), degree=degree)
    if json:
        print_json(_plain(found))
    else:
        print_lines(_readable(found))


def _plain(found: ActivationReport) -> dict[str, Any]:
    """Coefficients, strengths and conditions, for machines."""
    return {
        "activation": found.activation.label,
        "subtracted_mean": found.activation.mean,
        "coefficients": found.coefficients,
        "second_moment": found.second_moment,
        "linear_strength": found.linear_strength,
        "residual_strength": found.residual_strength,
        "derivative_variance": found.derivative_variance,
        "spike_degrees": found.spikes,
        "spike_exponents": dict(found.windows),
        "conditions": {condition.name: bool(condition.holds) for condition in found.conditions},
    }


def _readable(found: ActivationReport) -> dict[str, str]:
    spikes = ", ".join(f"{k} (alpha > {alpha:.4g})" for k, alpha in found.windows)
    return {
        "activation": found.activation.label,
        "centred by": f"{found.activation.mean:.10g}   (the mean that is subtracted, so that c_0 = 0)",
        **{f"c_{k}": f"{c: .12f}" for k, c in enumerate(found.coefficients)},
        "E sigma^2": f"{found.second_moment:.10g}   (standard deviation {sqrt(found.second_moment):.6g})",
        "C1": f"{found.linear_strength:.10g}   (linear part, c_1^2)",
        "Cg": f"{found.residual_strength:.10g}   (everything beyond it)",
        "Var sigma'": f"{found.derivative_variance:.10g}",
        "spikes": f"degrees {spikes}" if spikes else "none: c_1 = 0",
        **{f"condition {c.name}": _condition(c.holds, c.comment) for c in found.conditions},
    }


def _condition(holds: bool, comment: str) -> str:
    return ("met" if holds else "NOT met") + (f"   ({comment})" if comment else "")
