"""The array operations that a simulation is made of, on any library of the Python array API.

A simulation is written once, in terms of :class:`Arrays`. This class works on every namespace that follows the array
standard (array_api_strict, torch through array-api-compat, JAX); NumPy has the faster
:class:`polyspike.simulation.host.HostArrays`. Random numbers always come from NumPy's streams and are moved to the
device, so that all devices see the same draw.

Two precisions: samples, weights and features have the *working* one, in which the large products are made; sums over
rows, Gram matrices and everything that is solved are float64. In float32 a sum over rows is made in blocks of
:data:`BLOCK` rows, each a float32 product, and the blocks are added in float64.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Self

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Activation
from polyspike.status import Status

__all__ = ["BLOCK", "CHOLESKY_PER_EIGH", "Arrays", "not_positive"]

BLOCK = 512
"""Rows of a float32 product that are summed before the sum goes on in float64."""

CHOLESKY_PER_EIGH = 16
"""One symmetric eigendecomposition costs as much as about this many Cholesky factorisations."""


@dataclass(frozen=True)
class Arrays:
    """Arrays of one library, on one device, in one working precision.

    Parameters
    ----------
    xp : module
        Array namespace.
    dtype : {"float64", "float32"}
        Working precision.
    device : object
        The library's own device; None for its default.
    name : str
        What a measurement records as its device.
    """

    xp: Any
    dtype: str = "float64"
    device: Any = None
    name: str = "cpu"

    @property
    def library(self) -> str:
        """``"torch"``, ``"jax"``, ... by the name of the namespace."""
        names = {part for part in self.xp.__name__.split(".") if part != "array_api_compat"}
        return next((library for library in ("torch", "jax") if library in names), self.xp.__name__)

    @property
    def is_exact(self) -> bool:
        """Whether the working precision is float64."""
        return self.dtype == "float64"

    @property
    def in_float64(self) -> Self:
        """The same library and device with working precision float64."""
        return replace(self, dtype="float64")

    def at_once(self, width: int) -> int:
        """Blocks of samples that are worked on at the same time; a device is busy with one."""
        return 1

    def each(self, work: Callable[..., None], *arguments: Sequence[Any]) -> None:
        """``work`` on the first of all arguments, on the second, and so on to the end of the shortest."""
        for some in zip(*arguments, strict=False):
            work(*some)

    def put(self, array: Any) -> Any:
        """A host array on the device, in working precision."""
        return self.xp.asarray(np.ascontiguousarray(array), dtype=getattr(self.xp, self.dtype), device=self.device)

    def put_exact(self, array: Any) -> Any:
        """A host array on the device, in float64."""
        return self.xp.asarray(np.ascontiguousarray(array), dtype=self.xp.float64, device=self.device)

    def working(self, array: Any) -> Any:
        """An array of the device in working precision."""
        return self.xp.astype(array, getattr(self.xp, self.dtype), copy=False)

    def exact(self, array: Any) -> Any:
        """An array of the device in float64."""
        return self.xp.astype(array, self.xp.float64, copy=False)

    def host(self, array: Any) -> Array:
        """An array of the device as a NumPy array in float64."""
        return np.asarray(array.cpu() if hasattr(array, "cpu") else array).astype(float, copy=False)

    def spare(self, like: Any) -> Any:
        """An array to write features into, or None where the library makes new ones."""
        del like

    def features(self, still: Any, moved: Any, step: float, activation: Activation, out: Any = None) -> Any:
        """``sigma(still + step * moved)``; written into ``out`` where the library can."""
        del out
        return activation.apply(still + float(step) * moved, self.xp)

    def outputs(self, preactivation: Any, readout: Any, activation: Activation) -> Any:
        """``sigma(preactivation) readout``, in float64."""
        return self.exact(activation.apply(preactivation, self.xp) @ readout)

    def slopes(self, preactivation: Any, residual: Any, activation: Activation) -> Any:
        """``residual_j sigma'(preactivation_jk)``."""
        return activation.apply_derivative(preactivation, self.xp) * self.working(residual)[:, None]

    def cross(self, a: Any, b: Any) -> Any:
        """``a' b`` in float64, the sum over rows."""
        return self._summed(a, lambda rows: a[rows, ...].T @ b[rows, ...])

    def gram(self, rows: Any) -> Any:
        """``rows rows'`` in float64; the lower triangle is enough."""
        columns = rows.T
        return self._summed(columns, lambda block: columns[block, :].T @ columns[block, :])

    def add(self, total: Any, term: Any) -> Any:
        """``total + term``, where None is an empty sum; ``total`` may be overwritten."""
        return term if total is None else total + term

    def add_gram(self, total: Any, rows: Any) -> Any:
        """``total + rows rows'``; ``total`` may be overwritten."""
        return self.add(total, self.gram(rows))

    def squared_norm(self, array: Any) -> float:
        """Sum of squares."""
        return float(self.xp.sum(array * array))

    def all_finite(self, array: Any) -> bool:
        """Whether the sum of all entries is finite."""
        return bool(np.isfinite(float(self.xp.sum(array))))

    def contiguous_rows(self, matrix: Any) -> tuple[Any, bool]:
        """The matrix, or its transpose when that is how it lies in memory, and whether it is the matrix."""
        return matrix, True

    def normal_product(self, rows: Any, vectors: Array) -> Array:
        """``vectors rows' rows`` for a few host vectors, on the host again, in float64."""
        moved = self.put_exact(vectors)
        return self.host((moved @ rows.T) @ rows)

    def copy(self, array: Any) -> Any:
        """A copy where operations on the array may overwrite it."""
        return array

    def symmetric_product(self, gram: Any, columns: Any) -> Any:
        """``gram columns``, when only the lower triangle need be there."""
        return gram @ columns

    def ridge_solve(self, gram: Any, target: Any, shifts: Array, overwrite: bool = True) -> Any:
        """Columns ``(gram + shift I)^-1 target``, by Cholesky, or by one eigendecomposition for many shifts.

        Only the lower triangle of ``gram`` need be there; it may be overwritten unless ``overwrite`` is False.

        Raises
        ------
        NumericalError
            If the sum is not positive definite.
        """
        del overwrite
        xp = self.xp
        if len(shifts) > CHOLESKY_PER_EIGH:
            values, vectors = self.eigh(gram)
            coordinates = (vectors.T @ target)[:, None]
            return vectors @ (coordinates / (xp.clip(values, min=0.0)[:, None] + self.put_exact(shifts)[None, :]))
        identity = xp.eye(gram.shape[0], dtype=xp.float64, device=self.device)
        columns = [self._cholesky_solve(gram + float(shift) * identity, target, float(shift)) for shift in shifts]
        return xp.stack(columns, axis=1)

    def eigh(self, gram: Any) -> tuple[Any, Any]:
        """Eigenvalues, ascending, and eigenvectors of a symmetric matrix, which may be overwritten."""
        values, vectors = self.xp.linalg.eigh(gram)
        return values, vectors

    def eigvalsh(self, gram: Any) -> Array:
        """Eigenvalues, ascending, on the host; the matrix may be overwritten."""
        return self.host(self.xp.linalg.eigvalsh(gram))

    def top_eigenvectors(self, gram: Any, k: int) -> Array:
        """Eigenvectors of the k largest eigenvalues, largest first, as columns on the host."""
        return self.host(self.eigh(gram)[1])[:, : -k - 1 : -1].copy()

    def least_squares(self, features: Any, labels: Any) -> Any:
        """The min-norm minimiser of ``|labels - features a|``, in float64."""
        return self.xp.linalg.pinv(self.exact(features)) @ labels

    def _cholesky_solve(self, matrix: Any, target: Any, shift: float) -> Any:
        try:
            factor = self.xp.linalg.cholesky(matrix)
        except self._singular() as error:
            raise not_positive(shift, error) from error
        if not self.all_finite(factor):  # JAX fills the factor with NaN instead of raising
            raise not_positive(shift, "the factor is not finite")
        half = self._triangular_solve(factor, target[:, None], lower=True)
        return self._triangular_solve(factor.T, half, lower=False)[:, 0]

    def _triangular_solve(self, triangle: Any, columns: Any, lower: bool) -> Any:
        """The array standard has no triangular solve; where the library has none either, the general one serves."""
        if self.library == "torch":
            return self.xp.linalg.solve_triangular(triangle, columns, upper=not lower)
        if self.library == "jax":
            return import_module("jax.scipy.linalg").solve_triangular(triangle, columns, lower=lower)
        return self.xp.linalg.solve(triangle, columns)

    def _singular(self) -> tuple[type[Exception], ...]:
        """The exception that this library raises when a matrix is not positive definite."""
        if self.library == "torch":
            return (import_module("torch").linalg.LinAlgError,)
        return (np.linalg.LinAlgError,)

    def _summed(self, array: Any, product: Any) -> Any:
        if self.is_exact:
            return product(slice(None))
        total = None
        for block in _blocks(array.shape[0]):
            total = self.add(total, self.exact(product(block)))
        return total


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK))


def not_positive(shift: float, why: Any) -> NumericalError:
    """The error of a Gram matrix that has no Cholesky factor."""
    return NumericalError(Status.SINGULAR, f"Gram matrix + {shift:.3g} is not positive definite: {why}")
