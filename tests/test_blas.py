"""Threads of BLAS."""

from threadpoolctl import threadpool_info, threadpool_limits

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
