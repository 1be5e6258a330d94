"""The array operations of a simulation on NumPy.

LAPACK and BLAS are called directly, and the elementwise maps go through slabs that fit in the cache.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.blas import blas_threads, one_blas_thread
from polyspike.problem import Activation
from polyspike.simulation.arrays import BLOCK, CHOLESKY_PER_EIGH, Arrays, not_positive
from polyspike.simulation.features import in_shares, in_slabs, step_features

__all__ = ["HOST", "HostArrays", "ridge_solve"]

# Rows of a product with a few vectors: a slab is small enough for the kernels of BLAS that do not copy it first.
_FEW_ROWS = 32

# Features up to this width are made of several blocks at a time; part of the numbers, which must not hang on memory.
_WIDEST_AT_ONCE = 4096


@dataclass(frozen=True)
class HostArrays(Arrays):
    """NumPy arrays. Sums and Gram matrices are updated in place, and only half of a Gram matrix is computed."""

    xp: Any = np

    def put(self, array: Any) -> Any:
        """The array itself where it already has the precision."""
        return np.asarray(array, dtype=self.dtype)

    def put_exact(self, array: Any) -> Any:
        """The array itself."""
        return np.asarray(array, dtype=float)

    def host(self, array: Any) -> Array:
        """The array itself where it is already float64."""
        return np.asarray(array, dtype=float)

    def at_once(self, width: int) -> int:
        """As many blocks as threads, for products of blocks lose half of their rate when two threads share each.

        Wide ones lose little, and a Gram matrix for every thread would be too much.
        """
        return blas_threads() if width <= _WIDEST_AT_ONCE else 1

    def each(self, work: Callable[..., None], *arguments: Sequence[Any]) -> None:
        """Run the work at the same time, each on its own thread with BLAS on one; a single one has all threads."""
        calls = list(zip(*arguments, strict=False))
        if len(calls) == 1:
            work(*calls[0])
            return
        with one_blas_thread(), ThreadPoolExecutor(len(calls)) as pool:
            list(pool.map(lambda some: work(*some), calls))

    def spare(self, like: Any) -> Any:
        """An array to write features into."""
        return np.empty_like(like)

    def features(self, still: Any, moved: Any, step: float, activation: Activation, out: Any = None) -> Any:
        """``sigma(still + step * moved)``, slab by slab."""
        return step_features(still, moved, float(step), activation, out, blas_threads())

    def outputs(self, preactivation: Any, readout: Any, activation: Activation) -> Any:
        """``sigma(preactivation) readout``, in float64."""
        mapped = np.empty_like(preactivation)
        in_slabs(lambda rows: activation.apply_into(preactivation[rows], mapped[rows]), mapped.shape, blas_threads())
        return self.exact(mapped @ readout)

    def slopes(self, preactivation: Any, residual: Any, activation: Activation) -> Any:
        """``residual_j sigma'(preactivation_jk)``, slab by slab."""
        weights, result = self.working(residual)[:, None], np.empty_like(preactivation)

        def work(rows: slice) -> None:
            np.multiply(activation.apply_derivative(preactivation[rows], np), weights[rows], out=result[rows])

        in_slabs(work, result.shape, blas_threads())
        return result

    def gram(self, rows: Any) -> Any:
        """``rows rows'`` in float64: lower triangle, Fortran order."""
        return self.add_gram(None, rows)

    def add(self, total: Any, term: Any) -> Any:
        """``total + term``, in place."""
        if total is None:
            return term
        total += term
        return total

    def add_gram(self, total: Any, rows: Any) -> Any:
        """``total + rows rows'``, in place: half the work of the full product.

        A matrix times its own transpose is a symmetric update in NumPy too, and there, unlike in SciPy's wrapper of
        BLAS, the interpreter is free meanwhile, so that several threads can make theirs.
        """
        if self.is_exact:
            return _syrk(linalg.blas.dsyrk, rows) if total is None else self.add(total, (rows @ rows.T).T)
        for start in range(0, rows.shape[1], BLOCK):
            some = rows[:, start : start + BLOCK]
            total = self.add(total, self.exact((some @ some.T).T))
        return total

    def squared_norm(self, array: Any) -> float:
        """Sum of squares, without a copy in either memory order."""
        flat = array.ravel(order="K")
        return float(np.vdot(flat, flat))

    def contiguous_rows(self, matrix: Any) -> tuple[Any, bool]:
        """The matrix, or its transpose when that is how it lies in memory, and whether it is the matrix."""
        as_it_is = bool(matrix.flags.c_contiguous or not matrix.flags.f_contiguous)
        return np.ascontiguousarray(matrix if as_it_is else matrix.T), as_it_is

    def normal_product(self, rows: Any, vectors: Array) -> Array:
        """``vectors rows' rows`` for a few vectors, slab by slab of rows; each thread has its share of the slabs."""

        def share(start: int, stop: int) -> Array:
            image = np.zeros_like(vectors)
            for top in range(start, stop, _FEW_ROWS):
                slab = rows[top : min(top + _FEW_ROWS, stop)]
                image += (vectors @ slab.T) @ slab
            return image

        threads = blas_threads()
        with one_blas_thread():
            return np.sum(in_shares(share, len(rows), threads), axis=0)

    def copy(self, array: Any) -> Any:
        """A copy in the same memory order."""
        return array.copy(order="K")

    def symmetric_product(self, gram: Any, columns: Any) -> Any:
        """``gram columns`` from the lower triangle."""
        return linalg.blas.dsymm(1.0, gram, columns, lower=1)

    def ridge_solve(self, gram: Any, target: Any, shifts: Array, overwrite: bool = True) -> Any:
        """Columns ``(gram + shift I)^-1 target``; see :func:`ridge_solve`."""
        return ridge_solve(gram, target, shifts, overwrite)

    def eigh(self, gram: Any) -> tuple[Any, Any]:
        """Eigenvalues, ascending, and eigenvectors, from the lower triangle."""
        values, vectors = linalg.eigh(gram, lower=True, overwrite_a=True, check_finite=False)
        return values, vectors

    def eigvalsh(self, gram: Any) -> Array:
        """Eigenvalues, ascending, from the lower triangle."""
        return np.asarray(linalg.eigvalsh(gram, lower=True, overwrite_a=True, check_finite=False))

    def top_eigenvectors(self, gram: Any, k: int) -> Array:
        """Eigenvectors of the k largest eigenvalues, largest first; no others are computed."""
        last = len(gram) - 1
        window = (last - k + 1, last)
        vectors = linalg.eigh(gram, lower=True, overwrite_a=True, check_finite=False, subset_by_index=window)[1]
        return np.asarray(vectors[:, ::-1])

    def least_squares(self, features: Any, labels: Any) -> Any:
        """The min-norm minimiser of ``|labels - features a|``."""
        return linalg.lstsq(self.exact(features), labels, lapack_driver="gelsd")[0]


HOST = HostArrays()
"""NumPy in float64."""


def ridge_solve(gram: Array, target: Array, shifts: Array, overwrite: bool = True) -> Array:
    """Columns ``(gram + shift I)^-1 target``, by repeated Cholesky or one eigendecomposition, whichever is cheaper.

    Only the lower triangle of ``gram`` is read; ``gram`` is overwritten unless ``overwrite`` is False.

    Raises
    ------
    NumericalError
        If the sum is not positive definite in double precision.
    """
    if len(shifts) > CHOLESKY_PER_EIGH:
        values, vectors = HOST.eigh(gram if overwrite else gram.copy(order="K"))
        coordinates = (vectors.T @ target)[:, None]
        return vectors @ (coordinates / (np.maximum(values, 0.0)[:, None] + shifts))
    diagonal = gram.diagonal().copy()
    solution = np.empty((len(target), len(shifts)))
    kept = len(shifts) - 1 if overwrite else len(shifts)  # the last one may overwrite the Gram matrix itself
    work = np.empty_like(gram) if kept else gram
    for k, shift in enumerate(shifts):
        shifted = gram
        if k < kept:
            work[...] = gram
            shifted = work
        np.fill_diagonal(shifted, diagonal + shift)
        solution[:, k] = _cholesky_solve(shifted, target, float(shift))
    return solution


def _cholesky_solve(matrix: Array, target: Array, shift: float) -> Array:
    try:
        factor = linalg.cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError as error:
        raise not_positive(shift, error) from error
    return linalg.cho_solve(factor, target, check_finite=False)


def _syrk(syrk: Any, rows: Any) -> Any:
    """``rows rows'``, lower triangle, Fortran order."""
    if rows.flags.c_contiguous:
        return syrk(1.0, rows.T, trans=1, lower=1)
    return syrk(1.0, rows, trans=0, lower=1)
