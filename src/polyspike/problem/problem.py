"""The frozen value that says what is studied."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from math import log
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from polyspike.errors import ArgumentError
from polyspike.markup import table
from polyspike.problem.activations import Activation, as_activation
from polyspike.problem.importing import is_dotted
from polyspike.problem.inputs import Inputs, as_inputs
from polyspike.problem.names import closest_names
from polyspike.problem.serialise import given, read_toml, to_plain, write_toml
from polyspike.problem.teachers import Teacher, as_teacher
from polyspike.scalars import as_integer, as_real

__all__ = ["GRADIENTS", "READOUTS", "SAMPLES", "Problem", "as_problems"]

Coefficients = Sequence[float] | NDArray[np.float64]
"""Of a teacher, by Hermite degree."""

GRADIENTS = ("full", "target")
READOUTS = ("gaussian", "rademacher", "constant")
SAMPLES = ("fresh", "same")

# Any larger would overflow somewhere; no theory is meant for it.
_LARGEST_SIZE = 10**30

# Two exponents closer than this are the same edge of a window.
_EDGE = 1e-12


@dataclass(frozen=True, init=False, repr=False)
class Problem:
    """One gradient step on the first layer of a two-layer network, then ridge regression on the second.

    The model of Moniri et al. (arXiv 2310.07891): inputs ``x ~ N(0, I_d)`` (or any other law), labels
    ``y = sigma*(x . beta*) + noise``, network ``f(x) = a . sigma(W x)`` with rows of ``W`` uniform on the
    unit sphere and readout entries of variance ``1/width``. One full-batch step of size ``eta`` on
    ``|y - f(X)|^2 / (2 n)`` moves ``W``; then the readout is fitted by ridge regression,
    ``min |y - F a|^2/n + ridge |a|^2``, on a fresh sample, or with ``samples="same"`` on that of the step.

    Parameters
    ----------
    activation : str, Activation or callable
        See :func:`polyspike.as_activation`; centred by default. Default ``"gelu"``.
    teacher : str, sequence of float, Teacher or callable
        See :func:`polyspike.as_teacher`. Default ``"h1 + 0.7*h2"``, as much linear as quadratic.
    n_samples, input_dim, width : int
        n, d and N, each at least 2. Defaults 4000, 400 and 1000, away from the interpolation peak.
    step_exponent : float
        alpha in [0, 1/2]; the step size is ``n_samples ** step_exponent``. Give this or ``step_size``.
    step_size : float
        eta >= 0.
    ridge : float
        lambda >= 0 in the objective above (per sample). 0 is the min-norm limit. Default 0.1.
    noise : float
        Standard deviation s >= 0 of the label noise. Default 0.5.
    gradient : {"full", "target"}
        The exact gradient, or the part of it that only sees the labels (residual replaced by y).
    readout : {"gaussian", "rademacher", "constant"}
        Law of the initial readout.
    n_gradient : int, optional
        Samples of the gradient step; ``n_samples`` when None.
    samples : {"fresh", "same"}
        Whether the ridge regression has a sample of its own, independent of the gradient's (as in the paper), or
        the inputs and labels of the gradient once more.
    overlap : float, optional
        With ``samples="same"``: the share, in [0, 1], of the smaller of the two samples that both stages have. None is
        1: with ``n_gradient < n_samples`` the gradient then has some of the fit's samples, with more all of them and
        others. 0 is a fresh sample.
    inputs : str or Inputs
        Law of the inputs, ``x ~ N(0, I_d)`` by default: see :class:`polyspike.Inputs`, or a text such as
        ``"power:0.5; teacher=top; law=uniform"``.
    precondition : float, optional
        rho >= 0: the gradient is multiplied on its input side by ``(1 + rho) (S + rho I)^-1``, with ``S = X'X/n_0`` of
        the gradient's own sample; 0 needs more samples than dimensions. None, and the limit of large rho, is the
        plain step, and so is any rho where S = I.

    Raises
    ------
    ArgumentError
        Naming the argument, its value and the remedy.

    Examples
    --------
    >>> problem = Problem(activation="relu", step_exponent=0.3)
    >>> problem.window, round(problem.step, 2)
    (2, 12.04)
    """

    activation: Activation
    teacher: Teacher
    n_samples: int
    input_dim: int
    width: int
    step_exponent: float | None
    step_size: float | None
    ridge: float
    noise: float
    gradient: str
    readout: str
    n_gradient: int | None
    samples: str
    inputs: Inputs
    precondition: float | None
    overlap: float | None

    def __init__(
        self,
        activation: str | Activation | Callable[..., Any] = "gelu",
        teacher: str | Coefficients | Teacher | Activation | Callable[..., Any] = "h1 + 0.7*h2",
        n_samples: int = 4000,
        input_dim: int = 400,
        width: int = 1000,
        *,
        step_exponent: float | None = None,
        step_size: float | None = None,
        ridge: float = 0.1,
        noise: float = 0.5,
        gradient: str = "full",
        readout: str = "gaussian",
        n_gradient: int | None = None,
        samples: str = "fresh",
        inputs: str | Inputs = "isotropic",
        precondition: float | None = None,
        overlap: float | None = None,
    ) -> None:
        values = {
            "n_samples": _size("n_samples", n_samples),
            "input_dim": _size("input_dim", input_dim),
            "width": _size("width", width),
            "n_gradient": None if n_gradient is None else _size("n_gradient", n_gradient),
            **_step(step_exponent, step_size),
            "ridge": as_real("ridge", ridge, 0),
            "noise": as_real("noise", noise, 0),
            "gradient": _choice("gradient", gradient, GRADIENTS),
            "readout": _choice("readout", readout, READOUTS),
            "activation": as_activation(activation),
            "teacher": as_teacher(teacher),
            "samples": _choice("samples", samples, SAMPLES),
            "inputs": as_inputs(inputs),
            "precondition": None if precondition is None else as_real("precondition", precondition, 0),
            "overlap": _overlap(overlap, samples),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if self.teacher.n_indices > self.input_dim:
            raise ArgumentError("input_dim", input_dim, f"the teacher has {self.teacher.n_indices} directions")
        self.inputs.check(self.input_dim, self.teacher.n_indices)
        if self.precondition == 0:
            _check_invertible(self)

    @property
    def phi(self) -> float:
        """``input_dim / n_samples``."""
        return self.input_dim / self.n_samples

    @property
    def psi(self) -> float:
        """``input_dim / width``."""
        return self.input_dim / self.width

    @property
    def gradient_samples(self) -> int:
        """Samples of the gradient step, n_0."""
        return self.n_samples if self.n_gradient is None else self.n_gradient

    @property
    def phi_gradient(self) -> float:
        """``input_dim / n_0``."""
        return self.input_dim / self.gradient_samples

    @property
    def shared_samples(self) -> int:
        """Samples that both stages have: all of them with ``samples="same"``, unless ``overlap`` or ``n_gradient`` says
        otherwise; 0 with "fresh".
        """
        smaller = min(self.n_samples, self.gradient_samples) if self.samples == "same" else 0
        return smaller if self.overlap is None else round(self.overlap * smaller)

    @property
    def one_sample(self) -> bool:
        """Whether both stages have exactly the same samples."""
        return self.shared_samples == self.n_samples == self.gradient_samples

    @property
    def step(self) -> float:
        """The step size eta, a number: ``step_size``, or ``n_samples ** step_exponent``."""
        if self.step_size is not None:
            return self.step_size
        assert self.step_exponent is not None
        return float(self.n_samples) ** self.step_exponent

    @property
    def exponent(self) -> float:
        """The alpha of ``step = n_samples ** alpha``; minus infinity at step 0."""
        if self.step_exponent is not None:
            return self.step_exponent
        return log(self.step) / log(self.n_samples) if self.step > 0 else float("-inf")

    @property
    def window(self) -> int | None:
        """The number l of spikes with ``(l-1)/(2l) < alpha < l/(2l+2)``: 0 below alpha = 0, None on an edge.

        None also from ``alpha = 1/2`` on, where the windows accumulate and none applies.
        """
        alpha = self.exponent
        if alpha < -_EDGE:
            return 0
        if alpha >= 0.5 - _EDGE or self.window_edges is not None:
            return None
        return int(1 / (1 - 2 * alpha)) if alpha > 0 else None

    @property
    def window_edges(self) -> tuple[int, int] | None:
        """``(l-1, l)`` on the edge ``alpha = (l-1)/(2l)`` between their windows; else None."""
        alpha = self.exponent
        if not -_EDGE <= alpha < 0.5 - _EDGE:
            return None
        window = round(1 / (1 - 2 * alpha))
        return (window - 1, window) if abs(alpha - (window - 1) / (2 * window)) < _EDGE else None

    @property
    def label_second_moment(self) -> float:
        """``E y^2 = E sigma*^2 + noise^2``, where ``x . beta*`` is Gaussian."""
        return self.teacher.second_moment + self.noise * self.noise

    def replace(self, **changes: Any) -> Self:
        """The same problem with some arguments changed; a new step of either kind replaces the old one."""
        unknown = sorted(set(changes) - {f.name for f in fields(self)})
        if unknown:
            raise ArgumentError(unknown[0], changes[unknown[0]], closest_names(unknown[0], _names(self)))
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for one, other in (("step_exponent", "step_size"), ("step_size", "step_exponent")):
            if changes.get(one) is not None and other not in changes:
                values[other] = None
        if changes.get("samples") == "fresh" and "overlap" not in changes:
            values["overlap"] = None
        return type(self)(**{**values, **changes})

    def to_dict(self) -> dict[str, Any]:
        """A plain dict of strings and numbers; :meth:`from_dict` gives the same problem back.

        Raises
        ------
        ArgumentError
            If the activation or the teacher is a callable, which has no text form but by a dotted name.
        """
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], imports: bool = True) -> Self:
        """The problem of a plain dict, as :meth:`to_dict` writes it; missing fields take their defaults.

        With ``imports=False`` dotted names are refused: to import somebody's function is to run their code.
        """
        for name in () if imports else ("activation", "teacher"):
            if is_dotted(values.get(name)):
                raise ArgumentError(name, values[name], "nothing is imported here; give a name or an expression")
        known = {f.name for f in fields(cls)}
        for name in values:
            if name not in known:
                raise ArgumentError(name, values[name], closest_names(name, sorted(known)))
        return cls(**values)

    def to_toml(self, path: str | Path) -> None:
        """Write the problem to a TOML file."""
        write_toml(self.to_dict(), Path(path))

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read the problem from a TOML file."""
        return cls.from_dict(read_toml(Path(path)))

    def _repr_html_(self) -> str:
        """What a notebook shows: the arguments, and what follows from them."""
        known = given(self)
        known |= {"activation": self.activation.label, "teacher": self.teacher.expression}
        where = "between windows" if self.window_edges else self.window
        known |= {"step (eta)": f"{self.step:.4g}", "window (l)": where, "d/n, d/N": f"{self.phi:.4g}, {self.psi:.4g}"}
        return table("Problem", {name: str(value) for name, value in known.items()})

    def __repr__(self) -> str:
        shown = {name: repr(value) for name, value in given(self).items()}
        activation, teacher = self.activation, self.teacher
        shown["activation"] = repr(activation.label) if activation.is_named else activation.label
        shown["teacher"] = repr(teacher.expression) if teacher.is_named else teacher.expression
        shown["inputs"] = repr(str(self.inputs))
        if self.inputs == Inputs():
            del shown["inputs"]
        return f"Problem({', '.join(f'{name}={text}' for name, text in shown.items())})"


def as_problems(values: Problem | Iterable[Problem]) -> list[Problem]:
    """One problem or many as a list.

    Raises
    ------
    ArgumentError
        If anything else is among them.
    """
    several = isinstance(values, Iterable) and not isinstance(values, str | bytes)
    listed: list[Any] = [*values] if several else [values]  # type: ignore[misc]
    for one in listed:
        if not isinstance(one, Problem):
            raise ArgumentError("problem", one, "give a Problem, or a sequence of them")
    return listed


def _names(problem: Problem) -> list[str]:
    return [f.name for f in fields(problem)]


def _size(argument: str, value: Any) -> int:
    size = as_integer(argument, value, 2)
    if size > _LARGEST_SIZE:
        raise ArgumentError(argument, value, f"give an integer <= {_LARGEST_SIZE:.0e}")
    return size


def _check_invertible(problem: Problem) -> None:
    """Refuse to invert a sample covariance that is singular for sure."""
    if problem.gradient_samples <= problem.input_dim:
        remedy = (
            f"give a number > 0: {problem.gradient_samples} samples of the gradient in {problem.input_dim} dimensions"
        )
        raise ArgumentError("precondition", problem.precondition, remedy)
    if problem.inputs.eigenvalues(problem.input_dim).values[-1] == 0:
        raise ArgumentError("precondition", problem.precondition, "give a number > 0: some inputs do not vary")


def _choice(argument: str, value: Any, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ArgumentError(argument, value, closest_names(str(value), known))
    return value


def _overlap(value: Any, samples: str) -> float | None:
    """A share, None where it is that of ``samples="same"`` alone."""
    if value is None:
        return None
    share = as_real("overlap", value)
    if not 0 <= share <= 1:
        raise ArgumentError("overlap", value, "give a number in [0, 1], of the smaller of the two samples")
    if samples != "same":
        raise ArgumentError("overlap", value, "samples='fresh' has none; give samples='same' with it")
    return None if share == 1 else share


def _step(exponent: Any, size: Any) -> dict[str, float | None]:
    if (exponent is None) == (size is None):
        given = "both" if exponent is not None else "neither"
        raise ArgumentError("step_exponent, step_size", (exponent, size), f"{given} given; give exactly one of the two")
    if exponent is None:
        return {"step_exponent": None, "step_size": as_real("step_size", size, 0)}
    alpha = as_real("step_exponent", exponent)
    if not 0 <= alpha <= 0.5:
        remedy = "give a number in [0, 1/2]; for other step sizes give step_size"
        raise ArgumentError("step_exponent", exponent, remedy)
    return {"step_exponent": alpha, "step_size": None}
