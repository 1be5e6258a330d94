"""Random problems of a wide design, in one place: every activation and teacher family, both gradients, all readouts.

    @given(problem=problems(readouts=("constant",)))
    def test_something(problem: Problem) -> None: ...

or, for one check on many domains, ``for_all(check, "a name", examples, readouts=("constant",))``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from polyspike import Activation, Problem, Teacher, as_activation, as_teacher

__all__ = ["ACTIVATIONS", "TEACHERS", "bend", "depths", "for_all", "problems", "shifted_relu", "two_kinks"]

Strategy = st.SearchStrategy[Any]


def shifted_relu(x: Any) -> Any:
    """A kink away from zero."""
    return np.maximum(x - 0.5, 0.0)


def _shifted_step(x: Any) -> Any:
    return 1.0 * (x > 0.5)


def bend(x: Any) -> Any:
    """Smooth, analytic, falling: neither even nor odd, with c_1 < 0 and c_2 != 0."""
    return 0.3 * x * x - np.tanh(x)


def modulus(x: Any) -> Any:
    """Even, with a kink, no c_1."""
    return np.abs(x)


def two_kinks(t: Any) -> Any:
    """A kink and a jump, both on one side of zero."""
    return t + np.maximum(t - 0.7, 0.0) - 0.8 * (t > 1.3)


def steep_then_flat(t: Any) -> Any:
    """Falling, not centred, with a kink on one side."""
    return 0.4 - np.maximum(t + 0.6, 0.0)


def _named(*names: str) -> tuple[Activation, ...]:
    return tuple(as_activation(name) for name in names)


ACTIVATIONS: dict[str, tuple[Activation, ...]] = {
    "odd": _named("tanh", "erf", "sigmoid", "sin", "identity"),
    "with c_2": _named("relu", "leaky_relu", "softplus", "gelu", "silu"),
    "no c_1": (*_named("cos", "h2", "h3"), as_activation(modulus, derivative=np.sign, kinks=(0.0,))),
    "callable": (
        as_activation(bend),
        as_activation(shifted_relu, derivative=_shifted_step, kinks=(0.5,)),
    ),
    "uncentred": _named("uncentred relu", "uncentred softplus"),
}
"""By family; uncentred ones are for the target-only gradient."""

TEACHERS: dict[str, tuple[Teacher, ...]] = {
    "named": tuple(map(as_teacher, ("h1", "tanh", "relu", "softplus", "sin", "-tanh", "h2 - relu"))),
    "even": tuple(map(as_teacher, ("h2", "cos", "0.4*h4 - h2"))),
    "two indices": tuple(
        map(
            as_teacher,
            (
                "h1[0]*h1[1] - 0.5*h1[0]",
                "h2[0] - h1[1]",
                "h1[0] + 0.5*h1[1] - h2[1]",
                "tanh[0] - 0.7*sin[1]",
                "h1[0]*h1[1]",
            ),
        )
    ),
    "kinked away from zero": (
        as_teacher(two_kinks, kinks=(0.7, 1.3)),
        as_teacher(steep_then_flat, kinks=(-0.6,)),
    ),
}
"""By family; polynomials with coefficients of any sign are drawn beside them."""

_COEFFICIENT = st.sampled_from((0.0, 1.0, -1.0, 0.5, -0.7, 0.3, -0.2))


@dataclass(frozen=True)
class _Sizes:
    n_samples: int
    input_dim: int
    width: int


def polynomials() -> Strategy:
    """Of degree up to 3, not centred at times, with some non-zero coefficient beyond the constant."""
    coefficients = st.tuples(st.sampled_from((0.0, 0.0, 0.4)), _COEFFICIENT, _COEFFICIENT, _COEFFICIENT)
    return coefficients.filter(lambda c: any(c[1:])).map(lambda c: as_teacher(list(c)))


def teachers(families: tuple[str, ...] | None = None) -> Strategy:
    """Of the named families, or of all of them with polynomials twice."""
    chosen = families or (*TEACHERS, "polynomial", "polynomial")
    return st.one_of(*(polynomials() if f == "polynomial" else st.sampled_from(TEACHERS[f]) for f in chosen))


def activations(families: tuple[str, ...] | None, gradient: str) -> Strategy:
    """Of the named families, or of all that the gradient allows."""
    chosen = families or tuple(f for f in ACTIVATIONS if f != "uncentred" or gradient == "target")
    return st.sampled_from(chosen).flatmap(lambda f: st.sampled_from(ACTIVATIONS[f]))


def sizes(least: int, most: int) -> Strategy:
    """Samples between two numbers; d/n and N/n from 1/4 to 4, the interpolation peak N = n left out."""
    ratios = st.sampled_from((0.25, 0.4, 0.7, 1.0, 1.6, 2.5, 4.0))
    widths = st.sampled_from((0.25, 0.4, 0.7, 1.5, 2.5, 4.0))
    return st.tuples(st.integers(least, most), ratios, widths).map(
        lambda s: _Sizes(s[0], max(2, round(s[1] * s[0])), max(2, round(s[2] * s[0])))
    )


@st.composite
def problems(
    draw: Callable[[Strategy], Any],
    gradients: tuple[str, ...] = ("full", "target"),
    readouts: tuple[str, ...] = ("gaussian", "rademacher", "constant"),
    activation_families: tuple[str, ...] | None = None,
    teacher_families: tuple[str, ...] | None = None,
    n_samples: tuple[int, int] = (200, 1600),
    **fixed: Any,
) -> Problem:
    """A problem; whatever is given in ``fixed`` is that of every one of them.

    Ridges from 1e-4 to 10, noise from 0 to 2, steps from 0 to sqrt(n), n_gradient from d/2 to 10,000.
    """
    gradient = draw(st.sampled_from(gradients))
    size = draw(sizes(*n_samples))
    step = draw(st.one_of(st.sampled_from((0.0, 1.0)), st.floats(0, 0.5).map(lambda a: size.n_samples**a)))
    few, many = max(2, size.input_dim // 2), max(10_000, size.input_dim)
    values = {
        "activation": draw(activations(activation_families, gradient)),
        "teacher": draw(teachers(teacher_families)),
        "n_samples": size.n_samples,
        "input_dim": size.input_dim,
        "width": size.width,
        "step_size": float(step),
        "ridge": 10 ** draw(st.floats(-4, 1)),
        "noise": draw(st.sampled_from((0.0, 0.1, 0.5, 1.0, 2.0))),
        "gradient": gradient,
        "readout": draw(st.sampled_from(readouts)),
        "n_gradient": draw(st.one_of(st.none(), st.integers(few, many))),
    }
    return Problem(**{**values, **fixed})


def for_all(check: Callable[[Problem], None], name: str, examples: int, **domain: Any) -> None:
    """Run a check on so many random problems of a domain, other ones for every name and the same in every run."""

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    @seed(crc32(name.encode()))
    @given(problem=problems(**domain))
    def every(problem: Problem) -> None:
        check(problem)

    every()


def depths(quick: int, deep: int) -> pytest.MarkDecorator:
    """Parametrises ``examples``: a few by default, many under the marker ``slow``."""
    slow = pytest.param(deep, id="deep", marks=pytest.mark.slow)
    return pytest.mark.parametrize("examples", [pytest.param(quick, id="quick"), slow])
