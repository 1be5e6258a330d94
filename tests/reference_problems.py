"""A tagged table of problems, for every test that wants "some problems of this kind".

    for reference in select("kinked", "large step"):
        check(reference.problem())

Sizes are those of a simulation that takes a second or less. The tags are held true by
``test_reference_problems.py``:

- activation: ``smooth`` or ``kinked``; ``c2`` or ``no c2`` (second Hermite coefficient non-zero or zero);
  ``no c1`` where the first vanishes; ``odd`` (once centred); ``uncentred``
- teacher: ``linear``, ``quadratic``, ``cubic`` (degree of a polynomial), ``not polynomial``; ``no signal`` where its
  linear part vanishes; ``several indices``
- step: ``no step``, ``small step`` (alpha < 1/4), ``large step``; ``edge`` between two windows
- sizes: ``wide`` (width > n), ``tall`` (n > width), ``square`` (the interpolation peak n = width); ``high dimension``
  (input_dim > n)
- ``target``, ``full``; ``ridgeless``
"""

from typing import Any, NamedTuple

from polyspike import Problem

__all__ = ["REFERENCE", "ReferenceProblem", "select"]


class ReferenceProblem(NamedTuple):
    """One row: a name, the arguments of the Problem, and what it is an example of."""

    id: str
    arguments: dict[str, Any]
    tags: frozenset[str]

    def problem(self, **changes: Any) -> Problem:
        """The problem, some of its arguments changed."""
        return Problem(**self.arguments).replace(**changes)


def _row(
    id: str, activation: str, teacher: str, sizes: tuple[int, int, int], tags: str, **rest: Any
) -> ReferenceProblem:
    n_samples, input_dim, width = sizes
    arguments = {
        "activation": activation,
        "teacher": teacher,
        "n_samples": n_samples,
        "input_dim": input_dim,
        "width": width,
        "ridge": 0.01,
        **rest,
    }
    return ReferenceProblem(id, arguments, frozenset(tag.strip() for tag in tags.split(",")))


REFERENCE: tuple[ReferenceProblem, ...] = (
    _row(
        "start",
        "tanh",
        "h1",
        (1000, 500, 500),
        "smooth, no c2, odd, linear, no step, tall, full",
        step_size=0.0,
    ),
    _row(
        "constant-step",
        "tanh",
        "h1 + 0.7*h2",
        (1000, 500, 1500),
        "smooth, no c2, odd, quadratic, small step, edge, wide, full",
        step_exponent=0.0,
    ),
    _row(
        "tanh-first-window",
        "tanh",
        "h1 + 0.7*h2",
        (1000, 300, 600),
        "smooth, no c2, odd, quadratic, small step, tall, full",
        step_exponent=0.15,
    ),
    _row(
        "relu-second-window",
        "relu",
        "h1 + 0.7*h2",
        (1000, 500, 1500),
        "kinked, c2, quadratic, large step, wide, full",
        step_exponent=0.3,
    ),
    _row(
        "relu-linear",
        "relu",
        "h1",
        (800, 400, 400),
        "kinked, c2, linear, small step, tall, target",
        step_exponent=0.2,
        gradient="target",
    ),
    _row(
        "leaky-cubic",
        "leaky_relu",
        "h1 + 0.5*h2 + 0.3*h3",
        (600, 300, 900),
        "kinked, c2, cubic, large step, wide, full",
        step_exponent=0.41,
    ),
    _row(
        "gelu-even-spikes",
        "gelu",
        "h1 + h2",
        (1000, 500, 2000),
        "smooth, c2, quadratic, large step, wide, target",
        step_exponent=0.34,
        gradient="target",
    ),
    _row(
        "softplus-edge",
        "softplus",
        "h1 + h2",
        (1000, 500, 750),
        "smooth, c2, quadratic, large step, edge, tall, full",
        step_exponent=0.25,
    ),
    _row(
        "silu-largest",
        "silu",
        "relu",
        (600, 200, 400),
        "smooth, c2, not polynomial, large step, tall, full",
        step_exponent=0.5,
        readout="rademacher",
    ),
    _row(
        "erf-constant-readout",
        "erf",
        "tanh",
        (800, 400, 1200),
        "smooth, no c2, odd, not polynomial, large step, wide, target",
        step_exponent=0.5,
        readout="constant",
        gradient="target",
    ),
    _row(
        "sigmoid-cubic",
        "sigmoid",
        "h1 + 0.3*h3",
        (1000, 500, 400),
        "smooth, no c2, odd, cubic, large step, tall, full",
        step_exponent=0.46,
    ),
    _row(
        "sine",
        "sin",
        "h1 + 0.4*h3",
        (800, 200, 1600),
        "smooth, no c2, odd, cubic, small step, wide, full",
        step_exponent=0.2,
        noise=0.0,
    ),
    _row(
        "peak",
        "tanh",
        "h1",
        (600, 300, 600),
        "smooth, no c2, odd, linear, small step, square, full",
        step_exponent=0.1,
        ridge=1e-3,
    ),
    _row(
        "few-samples",
        "relu",
        "h1",
        (300, 900, 450),
        "kinked, c2, linear, large step, wide, high dimension, full",
        step_exponent=0.3,
    ),
    _row(
        "many-samples",
        "gelu",
        "h1 + 0.5*h2",
        (1600, 100, 400),
        "smooth, c2, quadratic, small step, tall, full",
        step_size=3.0,
        n_gradient=800,
    ),
    _row(
        "even-activation",
        "cos",
        "h1 + h2",
        (600, 300, 900),
        "smooth, c2, no c1, quadratic, large step, wide, full",
        step_exponent=0.3,
    ),
    _row(
        "no-signal",
        "relu",
        "h2",
        (600, 300, 900),
        "kinked, c2, quadratic, no signal, large step, wide, full",
        step_exponent=0.3,
    ),
    _row(
        "polynomial-network",
        "h3",
        "h1 + h3",
        (600, 200, 300),
        "smooth, no c2, no c1, odd, cubic, large step, tall, full",
        step_exponent=0.3,
    ),
    _row(
        "two-directions",
        "relu",
        "h1[0] + 0.5*h1[0]*h1[1]",
        (800, 300, 1200),
        "kinked, c2, quadratic, several indices, large step, wide, full",
        step_exponent=0.35,
    ),
    _row(
        "ridgeless",
        "tanh",
        "h1",
        (400, 200, 1200),
        "smooth, no c2, odd, linear, small step, wide, ridgeless, full",
        step_exponent=0.2,
        ridge=0.0,
    ),
    _row(
        "uncentred",
        "uncentred relu",
        "h1",
        (600, 300, 900),
        "kinked, c2, uncentred, linear, small step, wide, full",
        step_exponent=0.2,
    ),
)


def select(*tags: str, without: tuple[str, ...] = ()) -> list[ReferenceProblem]:
    """The rows that have all of these tags, and none of ``without``."""
    known = frozenset().union(*(row.tags for row in REFERENCE))
    unknown = {*tags, *without} - known
    if unknown:
        raise KeyError(f"no reference problem is tagged {sorted(unknown)}; tags: {sorted(known)}")
    return [row for row in REFERENCE if row.tags.issuperset(tags) and row.tags.isdisjoint(without)]
