"""LAPACK and BLAS called without the interpreter's lock, and by SciPy's wrappers where that is not possible."""

import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.theory.on_data import lapack
from polyspike.theory.on_data.lapack import outer_adder, upper_inverse


def _matrix(dtype: type, size: int) -> Array:
    rows = np.random.default_rng(1).standard_normal((size, 2 * size))
    return np.asarray(rows @ rows.T, dtype)


@pytest.mark.parametrize("size", [1, 40, 129, 300])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_ways_are_the_same_bit_for_bit(dtype: type, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several sizes, so that halves of halves are put together."""
    whole = _matrix(dtype, size)
    direct, wrapped = whole.copy(), whole.copy()
    assert upper_inverse(direct)
    monkeypatch.setattr(lapack, "_routine", lambda *_: None)
    assert upper_inverse(wrapped)
    np.testing.assert_array_equal(np.triu(direct), np.triu(wrapped))
    wanted = np.triu(np.linalg.inv(whole.astype(float)))
    np.testing.assert_allclose(np.triu(direct), wanted, rtol=0, atol=100 * np.finfo(dtype).eps * np.max(wanted))
    wrapped = -whole
    assert not upper_inverse(wrapped)


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_outer_products_of_rows_of_tables_are_added(dtype: type, direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of parts of tables, whose rows lie apart, and of every second number of them."""
    if not direct:
        monkeypatch.setattr(lapack, "_routine", lambda *_: None)
    rng = np.random.default_rng(2)
    tables: list[Array] = [rng.standard_normal(shape).astype(dtype) for shape in ((7, 5), (3, 20), (3, 9))]
    out, left, right = tables
    rounding = 20 * float(np.finfo(dtype).eps)
    some, others = left[:, 3:17:2], right[:, 2:7]
    wanted = out.astype(float) + np.outer(some[1], others[1]) + np.outer(some[2], others[2])
    add = outer_adder(out[:], some, others)
    add(1)
    add(2)
    np.testing.assert_allclose(out, wanted, rtol=0, atol=rounding)
    whole = out.copy()
    outer_adder(whole[2:4], some[:, 2:4], others)(0)
    out[2:4] += np.outer(some[0, 2:4], others[0])
    np.testing.assert_allclose(whole, out, rtol=0, atol=rounding)


def test_integers_of_another_size_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wide:
        signature = "void (char *, long *, double *, long *, long *)"

    class Callables:
        @staticmethod
        def from_cython(*_: object) -> Wide:
            return Wide()

    monkeypatch.setattr(lapack, "LowLevelCallable", Callables)
    assert lapack._routine.__wrapped__("d", "potrf") is None


@pytest.fixture
def rare_switches() -> Iterator[None]:
    """A thread keeps the interpreter for ten seconds, unless it gives way itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(10)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("rare_switches")
def test_other_threads_run_meanwhile() -> None:
    waits, go, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        waits.set()
        go.wait()
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    waits.wait()
    matrices = [np.eye(400) * 2 + 1 for _ in range(60)]
    go.set()
    for matrix in matrices:  # a busy machine may take a while to wake a thread
        upper_inverse(matrix)
        if done.is_set():
            break
    ran = done.is_set()
    thread.join()
    assert ran
