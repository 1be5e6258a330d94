"""What may be done to a problem without changing what becomes of it, each as a small function.

With W the first layer and F the features, why each is exact is said beside it. Reflections of the inputs and of the
initial weights, and the signs of a symmetric readout and of the noise, change no law.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from polyspike import Activation, Problem, Teacher, as_teacher
from polyspike.problem.activations import Formula
from polyspike.problem.expressions import Factor, Term, expression_of

__all__ = ["SYMMETRIES", "Scales", "Symmetry", "changed_activation", "changed_teacher"]

SYMMETRIC = ("gaussian", "rademacher")
_ODD = {"tanh", "erf", "sin", "identity", "sigmoid"}
_EVEN = {"cos"}
# f(-t) = f(t) - s t, of the bare and of the centred function.
_TURNED = {"relu": 1.0, "softplus": 1.0, "gelu": 1.0, "silu": 1.0, "leaky_relu": 1.01}


@dataclass(frozen=True)
class Changed:
    """``outside * function(inside * x)``, of an array alone or with its namespace."""

    function: Callable[..., Any]
    inside: float
    outside: float

    def __call__(self, x: Any, *namespace: Any) -> Any:
        return self.outside * self.function(self.inside * x, *namespace)


def changed_activation(activation: Activation, inside: float = 1.0, outside: float = 1.0) -> Activation:
    """``outside * sigma(inside * z)`` for inside = 1 or -1, with all that the formula knows of itself."""
    formula, looked = activation.formula, activation.formula.smoothness
    new = Formula(
        Changed(formula.value, inside, outside),
        Changed(formula.derivative, inside, inside * outside),
        tuple(sorted(inside * k for k in formula.kinks)),
        formula.strip,
        formula.bounded_derivatives,
        None if looked is None else looked._replace(corners=tuple(sorted(inside * k for k in looked.corners))),
        None if formula.analytic is None else Changed(formula.analytic, inside, outside),
    )
    return Activation(f"changed {activation.name}", new, activation.centred)


def changed_teacher(teacher: Teacher, inside: float = 1.0, outside: float = 1.0) -> Teacher:
    """``outside * sigma*(inside * t)`` for inside = 1 or -1; an expression stays one."""
    if teacher.function is not None:
        kinks = tuple(inside * k for k in teacher.kinks)
        return as_teacher(Changed(teacher.function, inside, outside), kinks=kinks)
    terms = teacher.terms if inside > 0 else tuple(t for term in teacher.terms for t in _mirrored(term))
    return _expression(Term(outside * coefficient, factors) for coefficient, factors in terms)


def _expression(terms: Iterator[Term]) -> Teacher:
    """By way of the text, which adds up equal products."""
    return as_teacher(expression_of(tuple(terms)))


def _mirrored(term: Term) -> Iterator[Term]:
    """The product of the mirrored factors, multiplied out."""
    for choice in product(*map(_mirrored_factor, term.factors)):
        coefficient = term.coefficient * float(np.prod([c for c, _ in choice]))
        yield Term(coefficient, tuple(f for _, f in choice))


def _mirrored_factor(factor: Factor) -> list[tuple[float, Factor]]:
    if factor.degree is not None:
        return [((-1.0) ** factor.degree, factor)]
    if factor.name in _TURNED:
        return [(1.0, factor), (-_TURNED[factor.name], Factor("h1", factor.axis))]
    return [(-1.0 if factor.name in _ODD else {True: 1.0}[factor.name in _EVEN], factor)]


def permuted_teacher(teacher: Teacher, order: tuple[int, ...]) -> Teacher:
    """The indices of an expression renamed: index j becomes ``order[j]``."""
    renamed = (Term(c, tuple(Factor(f.name, order[f.axis]) for f in factors)) for c, factors in teacher.terms)
    return _expression(renamed)


class Scales(NamedTuple):
    """By what the numbers of the changed problem are multiplied; ``spike`` is the sign of ``b . beta*``."""

    errors: float = 1.0
    eigenvalues: float = 1.0
    ridge: float = 1.0
    step: float = 1.0
    spike: float = 1.0


_UNCHANGED = Scales()


@dataclass(frozen=True)
class Symmetry:
    """A change of a problem that is exact in law, where it holds, and what it does to the numbers.

    ``same_rules`` says whether it maps every quadrature rule of the theory on itself. A scale does not always: the rule
    for M has a floor against rounding, and at the margin rounding chooses it. A further direction has its measure.
    """

    change: Callable[[Problem], Problem]
    scales: Scales = _UNCHANGED
    domain: dict[str, Any] = field(default_factory=dict)
    same_rules: bool = True


def scaled_step(problem: Problem, factor: float) -> dict[str, float]:
    return {"step_size": factor * problem.step}


def mirror_teacher(problem: Problem) -> Problem:
    """``y(t) -> y(-t)``: the inputs and W0 reflected along beta*."""
    return problem.replace(teacher=changed_teacher(problem.teacher, inside=-1.0))


def flip_labels(problem: Problem) -> Problem:
    """``y -> -y``: with the readout a -> -a the residual changes sign, and ``a_i eps`` and so the step do not."""
    return problem.replace(teacher=changed_teacher(problem.teacher, outside=-1.0))


def mirror_activation(problem: Problem) -> Problem:
    """``sigma(z) -> sigma(-z)``: with W0 -> -W0 the output is the same, G changes sign with W0, and F stays."""
    return problem.replace(activation=changed_activation(problem.activation, inside=-1.0))


def flip_activation(problem: Problem) -> Problem:
    """``sigma -> -sigma``: with a -> -a the output and G are the same, and F changes sign."""
    return problem.replace(activation=changed_activation(problem.activation, outside=-1.0))


def flip_both(problem: Problem) -> Problem:
    """``sigma -> -sigma, y -> -y``: the residual and sigma' change sign, G does not; F and y change sign."""
    return flip_activation(flip_labels(problem))


def mirror_and_flip(problem: Problem) -> Problem:
    """``y(t) -> -y(-t)`` for an odd sigma: with x -> -x output and labels change sign, and G does not."""
    return mirror_teacher(flip_labels(problem))


def scale_labels(factor: float) -> Symmetry:
    """``y -> c y``: of the target-only gradient the step is c times as long."""

    def change(problem: Problem) -> Problem:
        teacher = changed_teacher(problem.teacher, outside=factor)
        return problem.replace(teacher=teacher, noise=factor * problem.noise, **scaled_step(problem, 1 / factor))

    return Symmetry(change, Scales(errors=factor**2, step=1 / factor), {"gradients": ("target",)}, same_rules=False)


def scale_both(factor: float) -> Symmetry:
    """``y -> c y, sigma -> c sigma``: residual and sigma' grow by c, G by c^2; F by c, and the ridge with F^2."""

    def change(problem: Problem) -> Problem:
        return problem.replace(
            activation=changed_activation(problem.activation, outside=factor),
            teacher=changed_teacher(problem.teacher, outside=factor),
            noise=factor * problem.noise,
            ridge=factor**2 * problem.ridge,
            **scaled_step(problem, factor**-2),
        )

    square = factor**2
    return Symmetry(change, Scales(errors=square, eigenvalues=square, ridge=square, step=1 / square), same_rules=False)


def scale_activation(factor: float) -> Symmetry:
    """``sigma -> c sigma`` with the target-only gradient: G grows by c, F by c, and the ridge with F^2."""

    def change(problem: Problem) -> Problem:
        activation = changed_activation(problem.activation, outside=factor)
        ridge = factor**2 * problem.ridge
        return problem.replace(activation=activation, ridge=ridge, **scaled_step(problem, 1 / factor))

    scales = Scales(eigenvalues=factor**2, ridge=factor**2, step=1 / factor)
    return Symmetry(change, scales, {"gradients": ("target",)}, same_rules=False)


def swap_indices(problem: Problem) -> Problem:
    """The first two coordinates of x and W0 exchanged."""
    return problem.replace(teacher=permuted_teacher(problem.teacher, (1, 0)))


def second_index(problem: Problem) -> Problem:
    """The same teacher looking at its second index, the first left empty."""
    return problem.replace(teacher=permuted_teacher(problem.teacher, (1,)))


SYMMETRIES: dict[str, Symmetry] = {
    "mirror the teacher": Symmetry(mirror_teacher),
    "flip the labels": Symmetry(flip_labels, domain={"readouts": SYMMETRIC}),
    "mirror the activation": Symmetry(mirror_activation, Scales(spike=-1.0)),
    "flip the activation": Symmetry(flip_activation, Scales(spike=-1.0), {"readouts": SYMMETRIC}),
    "flip activation and labels": Symmetry(flip_both, Scales(spike=-1.0)),
    "mirror the teacher and flip the labels of an odd activation": Symmetry(
        mirror_and_flip, domain={"activation_families": ("odd",)}
    ),
    "scale the labels down": scale_labels(0.3),
    "scale the labels up": scale_labels(2.5),
    "scale the activation": scale_activation(1.7),
    "scale activation and labels": scale_both(0.6),
    "swap the indices": Symmetry(swap_indices, domain={"teacher_families": ("two indices",)}),
    "leave the first index empty": Symmetry(
        second_index, domain={"teacher_families": ("polynomial", "named", "even")}, same_rules=False
    ),
}
