"""The inverse of a positive definite matrix by LAPACK, and sums of outer products by BLAS, while other threads run.

SciPy's wrappers of them let no other thread of Python run. The routines that SciPy offers to compiled code are called
by ctypes, which does.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy import LowLevelCallable
from scipy.linalg import cython_blas, cython_lapack
from scipy.linalg.blas import get_blas_funcs
from scipy.linalg.lapack import get_lapack_funcs

from polyspike.arraytypes import Array

__all__ = ["outer_adder", "upper_inverse"]

_LEAST = 128
"""Triangles up to this size are inverted by LAPACK; its inverse of larger ones is twice as slow as products."""

_INVERSE = ("potrf", "lauum", "trtri", "trmm")
"""The routines that an inverse takes."""

_INTEGERS = dict.fromkeys(_INVERSE, "*, int *, int *)") | dict.fromkeys(("trmm", "ger"), "*, int *)")
"""How the signature of a routine ends where its integers are those of C."""

_KINDS = {np.dtype(np.float32): "s", np.dtype(np.float64): "d"}


def outer_adder(out: Array, left: Array, right: Array) -> Callable[[int], object]:
    """What adds ``left[k] right[k]'`` to a C-contiguous matrix of shape (m, n), for a k.

    The factors, of shape (K, m) and (K, n), are in its precision. All three have to live as long as it is called.
    """
    add = _routine(_KINDS[out.dtype], "ger")
    if add is None:
        return lambda k: np.add(out, np.outer(left[k], right[k]), out=out)
    height, size, there = _integer(len(out)), _integer(out.shape[1]), out.ctypes.data
    one, stride = _number(out.dtype, 1.0), _integer(max(1, out.shape[1]))
    (first, down, by), (second, deep, apart) = (
        (some.ctypes.data, some.strides[0], _integer(some.strides[1] // some.itemsize)) for some in (left, right)
    )
    # What is the matrix by rows is its transpose by columns, as BLAS has it.
    return lambda k: add(size, height, one, second + k * deep, apart, first + k * down, by, there, stride)


def upper_inverse(matrix: Array) -> bool:
    """Put the inverse of a symmetric matrix, C-contiguous of shape (n, n), into its upper triangle.

    The lower one is undefined afterwards. Whether it was positive definite up to rounding; if not, so are both.

    With the factor L of Cholesky it is ``X'X``, X the inverse of L: of two halves ``-X_2 L_21 X_1`` beside theirs, by
    products that are three times as fast as the routine of LAPACK.
    """
    routines = [_routine(_KINDS[matrix.dtype], name) for name in _INVERSE]
    work = _ByWrappers(matrix) if None in routines else _Direct(matrix, routines)
    if not work.factorised():
        return False
    _inverted(work, 0, len(matrix))
    work.multiplied()
    return True


def _inverted(work: "_Direct | _ByWrappers", start: int, end: int) -> None:
    """The inverse of a triangle on the diagonal, in its place."""
    if end - start <= _LEAST:
        work.small_inverse(start, end)
        return
    middle = (start + end) // 2
    _inverted(work, start, middle)
    _inverted(work, middle, end)
    work.between(start, middle, end)


class _Direct:
    """The steps of the inverse in the memory of the matrix.

    What is the upper triangle by rows is the lower one by columns, as LAPACK has it.
    """

    def __init__(self, matrix: Array, routines: list[Any]) -> None:
        self._start, self._item, self._size = matrix.ctypes.data, matrix.itemsize, len(matrix)
        self._potrf, self._lauum, self._trtri, self._trmm = routines
        self._ones = {sign: _number(matrix.dtype, sign) for sign in (1.0, -1.0)}
        self._stride, self._failed = _integer(self._size), ctypes.c_int()

    def factorised(self) -> bool:
        """Whether there is a factor of Cholesky, which is put in the place of the matrix."""
        self._potrf(b"L", self._stride, self._at(0, 0), self._stride, ctypes.byref(self._failed))
        return not self._failed.value

    def small_inverse(self, start: int, end: int) -> None:
        """Of a triangle on the diagonal."""
        size, failed = _integer(end - start), ctypes.byref(self._failed)
        self._trtri(b"L", b"N", size, self._at(start, start), self._stride, failed)

    def between(self, start: int, middle: int, end: int) -> None:
        """``-X_2 L_21 X_1`` of two triangles that are inverted."""
        shape, block = (_integer(end - middle), _integer(middle - start)), self._at(middle, start)
        for side, sign, at in ((b"L", -1.0, middle), (b"R", 1.0, start)):
            triangle = self._at(at, at)
            self._trmm(side, b"L", b"N", b"N", *shape, self._ones[sign], triangle, self._stride, block, self._stride)

    def multiplied(self) -> None:
        """``X'X`` in the place of X."""
        self._lauum(b"L", self._stride, self._at(0, 0), self._stride, ctypes.byref(self._failed))

    def _at(self, row: int, column: int) -> int:
        return self._start + self._item * (row + column * self._size)


def _integer(value: int) -> Any:
    return ctypes.byref(ctypes.c_int(value))


def _number(dtype: Any, value: float) -> Any:
    return ctypes.byref((ctypes.c_float if dtype == np.float32 else ctypes.c_double)(value))


@cache
def _routine(kind: str, name: str) -> Callable[..., None] | None:
    """None where integers of LAPACK are not those of C."""
    module = cython_blas if name in ("trmm", "ger") else cython_lapack
    found = LowLevelCallable.from_cython(module, kind + name)
    if not found.signature.endswith(_INTEGERS[name]):
        return None
    of_capsule = ctypes.pythonapi.PyCapsule_GetPointer
    of_capsule.restype, of_capsule.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    arguments = [ctypes.c_void_p] * (found.signature.count(",") + 1)
    return ctypes.CFUNCTYPE(None, *arguments)(of_capsule(found.function, found.signature.encode()))


class _ByWrappers:
    """The same steps by the wrappers of SciPy, one at a time."""

    def __init__(self, matrix: Array) -> None:
        self._lower = matrix.T
        self._potrf, self._lauum, self._trtri = get_lapack_funcs(("potrf", "lauum", "trtri"), (matrix,))
        self._trmm = get_blas_funcs("trmm", (matrix,))

    def factorised(self) -> bool:
        """See :class:`_Direct`."""
        factor, failed = self._potrf(self._lower, lower=1, clean=0)
        self._lower[:] = factor
        return not failed

    def small_inverse(self, start: int, end: int) -> None:
        """See :class:`_Direct`."""
        part = slice(start, end)
        self._lower[part, part] = self._trtri(self._lower[part, part], lower=1)[0]

    def between(self, start: int, middle: int, end: int) -> None:
        """See :class:`_Direct`."""
        first, second, lower = slice(start, middle), slice(middle, end), self._lower
        left = self._trmm(-1.0, lower[second, second], lower[second, first], lower=1)
        lower[second, first] = self._trmm(1.0, lower[first, first], left, side=1, lower=1)

    def multiplied(self) -> None:
        """See :class:`_Direct`."""
        self._lower[:] = self._lauum(self._lower, lower=1)[0]
