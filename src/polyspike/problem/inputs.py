"""The law of the inputs: a covariance, where the teacher looks in it, and the law of standardised coordinates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.problem.eigenvalues import Eigenvalues, Named, Spectrum, as_named, as_spectrum
from polyspike.problem.names import closest_names
from polyspike.rows import as_numbers

__all__ = ["Inputs", "as_inputs"]

Numbers = Sequence[float] | NDArray[np.float64]

_TEACHERS = {
    "random": "random",
    "top": "top",
    "weights": "weights:1,1,0.5 (the energy of every eigendirection, none negative, not all zero)",
}

_LAWS = {
    "gaussian": "gaussian",
    "rademacher": "rademacher",
    "uniform": "uniform",
    "sphere": "sphere",
    "student": "student:5 (degrees of freedom > 2, so that there is a variance)",
}

_EXAMPLE = "power:0.5; teacher=top; law=uniform"

ROUNDING = 1e-10
"""Of a matrix: asymmetry and negative eigenvalues below this share of its largest entry are rounding."""

_FAINT = 1e-12
"""An eigendirection with less than this share of the largest energy carries no direction of its own."""


@dataclass(frozen=True, init=False)
class Inputs:
    """The law of the inputs ``x = Sigma^(1/2) g``, and where the teacher looks.

    The coordinates are those of Sigma's eigenbasis, which loses nothing, as the initial weights are isotropic. The
    coordinates of g are independent and of unit variance, or g is uniform on a sphere. All three parts are kept as
    texts, with every digit.

    Parameters
    ----------
    spectrum : str or sequence of float
        The eigenvalues of Sigma, *normalised to mean one* (``tr Sigma = d``), whatever their scale is here:
        ``"isotropic"``; ``"power:0.5"``: ``k^-0.5`` for k = 1 .. d; ``"two-level:0.3,1.7,0.5"``: two eigenvalues, and
        the share of the directions that have the first; ``"spiked:10,1"``: one eigenvalue ten times the others;
        or the d eigenvalues themselves, as a sequence or as ``"eigenvalues:2,1,0.5"``. Zero is an eigenvalue, too.
    teacher : str or sequence of float
        How the energy ``t_k = lambda_k beta*_k^2`` of the labels lies over the eigendirections. ``"random"``: beta*
        has random signs and equal weights, so that ``t_k = lambda_k / d``; ``"top"``: all of it in the leading
        eigendirection, for a teacher of p indices in the p leading ones, one each; or d energies, in the order of
        the eigenvalues (from the largest down, or that of the sequence), as a sequence or as ``"weights:1,1,0"``.
        In any case ``beta*' Sigma beta* = 1``, so that ``x . beta*`` has unit variance, and several directions are
        made orthonormal in this metric, one after the other.
    law : str
        Of the coordinates of g: ``"gaussian"``, ``"rademacher"``, ``"uniform"``, ``"student:5"`` (degrees of freedom
        > 2; scaled to unit variance), or ``"sphere"`` (g uniform on the sphere of radius ``sqrt(d)``).

    Raises
    ------
    ArgumentError
        Unknown names and numbers out of range; what does not fit the dimension is found when the
        :class:`polyspike.Problem` is built.

    See Also
    --------
    Inputs.from_matrix : the law of a covariance matrix.

    Notes
    -----
    Isotropic Gaussian inputs look the same from every side, so that the teacher is the first coordinate whatever
    ``teacher`` says. The theory is that of Gaussian inputs; the other laws are for simulation.

    Examples
    --------
    >>> inputs = Inputs("two-level:0.3,1.7,0.5", teacher="top")
    >>> str(inputs)
    'two-level:0.3,1.7,0.5; teacher=top'
    >>> inputs.eigenvalues(10).values.round(6).tolist(), round(inputs.effective_dimension(10), 3)
    ([1.7, 0.3], 6.711)
    """

    spectrum: str
    teacher: str
    law: str

    def __init__(
        self, spectrum: str | Numbers = "isotropic", teacher: str | Numbers = "random", law: str = "gaussian"
    ) -> None:
        texts = {
            "spectrum": str(as_spectrum("spectrum", spectrum).named),
            "teacher": str(_as_teacher(teacher)),
            "law": str(_as_law(law)),
        }
        for name, text in texts.items():
            object.__setattr__(self, name, text)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The inputs of a text such as ``"power:0.5; teacher=top; law=student:5"``; ``str`` gives it back.

        Raises
        ------
        ArgumentError
            Unknown names, numbers out of range, an entry that comes twice, or nothing beside a semicolon.
        """
        if not isinstance(text, str):
            raise ArgumentError("inputs", text, "give a text such as 'power:0.5', or a polyspike.Inputs")
        mended = _UNSEPARATED.sub("; ", text)
        if mended != text:
            raise ArgumentError("inputs", text, f"its parts are separated by semicolons; write {mended!r}")
        found: dict[str, str] = {}
        for part in text.split(";"):
            if not part.strip():
                raise ArgumentError("inputs", text, f"a part of it is empty; write {_EXAMPLE}")
            name, equals, value = part.partition("=")
            name, value = (name.strip().lower(), value) if equals else ("spectrum", part)
            if name not in _NAMES:
                raise ArgumentError("inputs", text, closest_names(name, _NAMES))
            if name in found:
                raise ArgumentError("inputs", text, f"{name} comes twice; write {_EXAMPLE}")
            found[name] = value
        return cls(**found)

    @classmethod
    def from_matrix(cls, matrix: Any, direction: Any = None, law: str = "gaussian") -> Self:
        """The inputs of a covariance matrix, scaled to trace d.

        Parameters
        ----------
        matrix : array-like of shape (d, d)
            Real, symmetric, positive semidefinite, not zero. Asymmetry and negative eigenvalues below 1e-10 of the
            largest entry are taken for rounding.
        direction : str, sequence of float or array-like of shape (d,), optional
            beta* in the coordinates of the matrix, of any length; or a word or energies as for ``teacher``, a text;
            "random" when None. A teacher of several indices has the same energies in every one of them.
        law : str
            Of the standardised coordinates in the eigenbasis.

        Raises
        ------
        ArgumentError
            Shapes that do not fit; a matrix that is no covariance; a direction along which nothing varies.
        """
        values, vectors = _decomposed(matrix)
        if direction is None or isinstance(direction, str):
            return cls(values.tolist(), "random" if direction is None else direction, law)
        along = _as_direction(direction, len(values)) @ vectors
        energies = values * (along / np.max(np.abs(along))) ** 2
        if np.max(energies) <= ROUNDING * values[0]:
            raise ArgumentError("direction", direction, "the inputs do not vary along it; give another one")
        return cls(values.tolist(), (energies / np.max(energies)).tolist(), law)

    def __str__(self) -> str:
        others = (f"{n}={getattr(self, n)}" for n in ("teacher", "law") if getattr(self, n) != getattr(_DEFAULT, n))
        return "; ".join((self.spectrum, *others))

    @property
    def is_isotropic(self) -> bool:
        """Whether the covariance is the identity, whatever the law."""
        return _read(self).spectrum.is_isotropic

    @property
    def is_gaussian(self) -> bool:
        """Whether g is Gaussian."""
        return self.law == "gaussian"

    @property
    def is_standard(self) -> bool:
        """Whether ``x ~ N(0, I)``."""
        return self.is_isotropic and self.is_gaussian

    @property
    def degrees_of_freedom(self) -> float | None:
        """Of Student's law; None for the others."""
        return next(iter(_read(self).law.numbers), None)

    def eigenvalues(self, input_dim: int) -> Eigenvalues:
        """The distinct eigenvalues in d dimensions, largest first, and how often each comes; their mean is one."""
        return _read(self).spectrum.eigenvalues(input_dim)

    def axes(self, input_dim: int) -> Array:
        """Variance of every coordinate, shape (d,): a list in its own order, else from the largest down."""
        return _read(self).spectrum.axes(input_dim)

    def moment(self, k: int, input_dim: int) -> float:
        """``m_k = tr Sigma^k / d``; ``m_1 = 1``."""
        values, counts = self.eigenvalues(input_dim)
        return float(counts @ values**k) / input_dim

    def effective_dimension(self, input_dim: int) -> float:
        """``(tr Sigma)^2 / tr Sigma^2 = d / m_2``."""
        return input_dim / self.moment(2, input_dim)

    def teacher_energies(self, input_dim: int, index: int = 0) -> Array:
        """``t_k = lambda_k beta*_k^2``, summed over each distinct eigenvalue of :meth:`eigenvalues`; of sum one.

        Of the first index this is exact. The further ones are made orthogonal to those before them, which
        changes their energies by order one over the number of eigendirections that the teacher sees.
        """
        values, counts = self.eigenvalues(input_dim)
        if self.teacher == "random":
            return counts * values / input_dim
        if self.teacher == "top":
            return np.where(np.arange(len(values)) == np.searchsorted(np.cumsum(counts), index, side="right"), 1.0, 0.0)
        places = np.searchsorted(-values, -self.axes(input_dim))
        return np.bincount(places, self.axis_energies(input_dim), len(values)).astype(float)

    def teacher_moment(self, k: int, input_dim: int, index: int = 0) -> float:
        """``<lambda^k>_t``, the mean over the energies of the teacher."""
        return float(self.teacher_energies(input_dim, index) @ self.eigenvalues(input_dim).values ** k)

    def axis_energies(self, input_dim: int, index: int = 0) -> Array:
        """The energy ``t_k`` of every coordinate of :meth:`axes`, shape (d,), of sum one."""
        axes = self.axes(input_dim)
        if self.teacher == "random":
            return axes / np.sum(axes)
        if self.teacher == "top":
            return np.where(np.arange(input_dim) == np.argsort(-axes, kind="stable")[index], 1.0, 0.0)
        weights = np.array(_read(self).teacher.numbers)
        return weights / np.sum(weights)

    def check(self, input_dim: int, n_indices: int) -> None:
        """Refuse what is no law in so many dimensions, or for a teacher of so many indices.

        Raises
        ------
        ArgumentError
            Of the argument ``inputs``.
        """
        remedy = self._misfit(input_dim, n_indices)
        if remedy:
            raise ArgumentError("inputs", str(self), remedy)

    def _misfit(self, input_dim: int, n_indices: int) -> str:
        spectrum, weights = _read(self).spectrum, _read(self).teacher.numbers
        if wrong := spectrum.misfit(input_dim):
            return wrong
        if weights and len(weights) != input_dim:
            return f"{len(weights)} weights of the teacher were given; give input_dim = {input_dim} of them"
        if self.is_standard or (n_indices == 1 and not weights):
            return ""
        if weights and (wrong := self._without_variance(input_dim)):
            return wrong
        seen = self._directions_seen(input_dim)
        if seen < n_indices:
            return (
                f"the teacher has {n_indices} directions and sees {seen} of the inputs; give it more, or fewer indices"
            )
        return ""

    def _directions_seen(self, input_dim: int) -> int:
        """Eigendirections in which the teacher can have energy; those of zero variance are none."""
        values, counts = self.eigenvalues(input_dim)
        if self.teacher == "top":
            return int(counts @ (values > 0))
        if self.teacher == "random":
            return int(counts @ (values > _FAINT * values[0]))
        energies = self.axis_energies(input_dim)
        return int(np.sum(energies > _FAINT * np.max(energies)))

    def _without_variance(self, input_dim: int) -> str:
        """What is wrong with weights where the inputs do not vary; nothing if there are none."""
        weighted, varies = self.axis_energies(input_dim) > 0, self.axes(input_dim) > 0
        count = int(np.sum(weighted & ~varies))
        if count and not np.any(weighted & varies):
            wrong = "all of the teacher's weights are on eigenvalues 0, so that no label would depend on the inputs"
            return f"{wrong}; give some to eigenvalues > 0, and 0 to these"
        if count:
            return f"no input varies along eigenvalues 0; give weight 0 to the teacher there ({count} have more)"
        return ""


@dataclass(frozen=True)
class _Parts:
    spectrum: Spectrum
    teacher: Named
    law: Named


@lru_cache(maxsize=64)
def _read(inputs: Inputs) -> _Parts:
    """The texts of inputs as names with numbers."""
    return _Parts(as_spectrum("spectrum", inputs.spectrum), _as_teacher(inputs.teacher), _as_law(inputs.law))


def _as_teacher(value: Any) -> Named:
    named = as_named("teacher", value, "weights", _TEACHERS)
    wrong = bool(named.numbers) != (named.name == "weights")
    if wrong or any(x < 0 for x in named.numbers) or (named.numbers and not 0 < sum(named.numbers) < np.inf):
        raise ArgumentError("teacher", value, f"write {_TEACHERS[named.name]}")
    return named


def _as_law(value: Any) -> Named:
    if not isinstance(value, str):
        raise ArgumentError("law", value, closest_names(str(value), _LAWS))
    named = as_named("law", value, "student", _LAWS)
    wrong = len(named.numbers) != (1 if named.name == "student" else 0)
    if wrong or any(x <= 2 for x in named.numbers):
        raise ArgumentError("law", value, f"write {_LAWS[named.name]}")
    return named


def _decomposed(matrix: Any) -> tuple[Array, Array]:
    """Eigenvalues, largest first, and eigenvectors as columns, of a matrix that is a covariance."""
    array = _as_array("matrix", matrix, "give an array of real numbers of shape (d, d)")
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] < 2:
        raise ArgumentError("matrix", array.shape, "give an array of shape (d, d), d at least 2")
    if not np.all(np.isfinite(array)):
        raise ArgumentError("matrix", array, "an entry is not finite")
    largest = float(np.max(np.abs(array)))
    if largest == 0:
        raise ArgumentError("matrix", array, "it is zero; give a covariance with some variance")
    array = array / largest
    if float(np.max(np.abs(array - array.T))) > ROUNDING:
        raise ArgumentError("matrix", array, "it is not symmetric; a covariance is")
    values, vectors = np.linalg.eigh((array + array.T) / 2)
    if values[0] < -ROUNDING * len(values):
        raise ArgumentError(
            "matrix", array, f"it has the eigenvalue {largest * values[0]:.3g}; a covariance has none < 0"
        )
    return np.maximum(values[::-1], 0.0), vectors[:, ::-1]


def _as_direction(direction: Any, d: int) -> Array:
    array = _as_array("direction", direction, f"give a vector of {d} real numbers, or a word")
    if array.shape != (d,) or not np.all(np.isfinite(array)) or not np.any(array):
        raise ArgumentError("direction", direction, f"give a vector of {d} finite numbers, not all zero")
    return array


def _as_array(argument: str, value: Any, remedy: str) -> Array:
    """What is no array of real numbers is refused with this remedy."""
    try:
        return as_numbers(argument, value)
    except ArgumentError as error:
        raise ArgumentError(argument, value, remedy) from error


def as_inputs(value: Any) -> Inputs:
    """Inputs of a text, or as they are.

    Raises
    ------
    ArgumentError
        Of the argument ``inputs``.
    """
    if isinstance(value, Inputs):
        return value
    try:
        return Inputs.from_text(value)
    except ArgumentError as error:
        raise ArgumentError("inputs", value, error.remedy) from error


_NAMES = tuple(f.name for f in fields(Inputs))
_UNSEPARATED = re.compile(rf"(?<=[^;,\s])[,\s]+(?=(?:{'|'.join(_NAMES)})\s*=)", re.IGNORECASE)
"""What stands where a semicolon is meant."""

_DEFAULT = Inputs()
