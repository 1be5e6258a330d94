"""Threads of BLAS."""

import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

import polyspike as ps
from polyspike.blas import blas_threads, one_blas_thread


def test_blas_has_one_thread_inside_and_its_own_number_after() -> None:
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = threads()
    with one_blas_thread():
        assert set(threads()) == {1}
    assert threads() == before


def test_a_limit_on_blas_is_seen() -> None:
    with threadpool_limits(limits=3, user_api="blas"):
        assert blas_threads() == 3
        with one_blas_thread():
            assert blas_threads() == 1
    with threadpool_limits(limits=1, user_api="blas"):
        assert blas_threads() == 1


def test_of_several_threads_the_first_gives_back_what_it_has_found() -> None:
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with one_blas_thread():
            entered.set()
            leave.wait()

    for _ in range(2):
        entered.clear()
        leave.clear()
        before = blas_threads()
        other = threading.Thread(target=stay)
        with one_blas_thread(), one_blas_thread():
            other.start()
            entered.wait()
            assert blas_threads() == 1
        assert blas_threads() == before
        leave.set()
        other.join()
        assert blas_threads() == before


def test_any_thread_may_be_the_first() -> None:
    """Also after another has been, which a library may take for the only one that sets numbers."""
    code = """
import threading
from polyspike.blas import blas_threads, one_blas_thread
before, seen = blas_threads(), []
def inside():
    with one_blas_thread():
        seen.append(blas_threads())
    seen.append(blas_threads())
inside()
thread = threading.Thread(target=inside)
thread.start()
thread.join()
print(seen == [1, before] * 2)
"""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout == "True\n"


def test_theory_runs_on_one_thread() -> None:
    """Its matrices are small: on two cores a prediction took up to twice as long with two threads as with one."""
    seen = []

    def activation(x: Any) -> Any:
        seen.append(blas_threads())
        return np.tanh(x + 0.25)

    problem = ps.Problem(activation, "h1", 3000, 300, 600, step_exponent=0.3, ridge=0.1)
    with threadpool_limits(limits=3, user_api="blas"):
        for theory in (ps.predict, ps.derivatives, ps.best_ridge, ps.best_step):
            theory(problem)
            assert seen[-1] == 1
            assert blas_threads() == 3
