"""The inverse of a positive definite matrix by LAPACK, while other threads run.

SciPy's wrappers of it let no other thread of Python run. The routines that SciPy offers to compiled code are called by
ctypes, which does.
"""

import ctypes
from functools import cache

import numpy as np
from scipy import LowLevelCallable
from scipy.linalg import cython_lapack
from scipy.linalg.lapack import get_lapack_funcs

from polyspike.arraytypes import Array

__all__ = ["upper_inverse"]

_INTEGER = ctypes.POINTER(ctypes.c_int)
_ROUTINE = ctypes.CFUNCTYPE(None, ctypes.c_char_p, _INTEGER, ctypes.c_void_p, _INTEGER, _INTEGER)
"""Of ``potrf`` and ``potri``: which triangle, size, matrix, stride, and what failed."""


def upper_inverse(matrix: Array) -> bool:
    """Put the inverse of a symmetric matrix, C-contiguous of shape (n, n), into its upper triangle.

    The lower one is undefined afterwards. Whether it was positive definite up to rounding; if not, so are both.
    """
    kind = {np.dtype(np.float32): "s", np.dtype(np.float64): "d"}[matrix.dtype]
    size, failed = ctypes.c_int(len(matrix)), ctypes.c_int()
    for name in ("potrf", "potri"):
        routine = _routine(kind + name)
        if routine is None:
            return _by_wrappers(matrix)
        # What is the upper triangle by rows is the lower one by columns, as LAPACK has it.
        routine(b"L", ctypes.byref(size), matrix.ctypes.data, ctypes.byref(size), ctypes.byref(failed))
        if failed.value:
            return False
    return True


@cache
def _routine(name: str) -> "ctypes._FuncPointer | None":
    """None where integers of LAPACK are not those of C."""
    found = LowLevelCallable.from_cython(cython_lapack, name)
    if not found.signature.endswith("*, int *, int *)"):
        return None
    of_capsule = ctypes.pythonapi.PyCapsule_GetPointer
    of_capsule.restype, of_capsule.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return _ROUTINE(of_capsule(found.function, found.signature.encode()))


def _by_wrappers(matrix: Array) -> bool:
    factorised, inverted = get_lapack_funcs(("potrf", "potri"), (matrix,))
    factor, failed = factorised(matrix.T, lower=1, overwrite_a=1, clean=0)
    inverse, failed_too = inverted(factor, lower=1, overwrite_c=1)
    matrix[:] = inverse.T
    return not (failed or failed_too)
