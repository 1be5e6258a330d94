import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from joblib import Parallel, delayed

from polyspike.experiments import workers
from polyspike.experiments.workers import as_done, interrupts_held


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Interrupts are ignored where the tests run in the background; here they are not."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def signals(_: int) -> tuple[bool, bool, int]:
    """Whether this process ignores Ctrl-C, whether it was born so, and its number."""
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return signal.getsignal(signal.SIGINT) == signal.SIG_IGN, blocked, os.getpid()


def slow(k: int) -> int:
    time.sleep(0.1)
    return k


def fail_at_two(k: int) -> int:
    if k == 2:
        raise ValueError("two")
    return k


def die_at_two(k: int) -> int:
    time.sleep(0.2 * k)
    if k == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return k


def test_workers_leave_ctrl_c_to_their_parent() -> None:
    found = [future.result() for _, future in as_done(signals, range(4), 2)]
    assert all(ignored and blocked and pid != os.getpid() for ignored, blocked, pid in found)
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_every_item_is_done_and_read_when_a_worker_can_take_it() -> None:
    handed: list[int] = []

    def items() -> Iterator[int]:
        for k in range(7):
            handed.append(k)
            yield k

    for done, (item, future) in enumerate(as_done(slow, items(), 2), start=1):
        assert future.result() == item
        assert len(handed) <= done + 2
    assert handed == list(range(7))


def test_an_exception_is_the_result_of_its_item_alone() -> None:
    found = {k: future.exception() for k, future in as_done(fail_at_two, range(5), 2)}
    assert [k for k, error in found.items() if error is not None] == [2]
    assert isinstance(found[2], ValueError)


def test_a_worker_that_dies_ends_what_is_in_flight_and_no_more_is_read() -> None:
    items = iter(range(100))
    found = {k: future.exception() for k, future in as_done(die_at_two, items, 2)}
    assert isinstance(found[2], BrokenExecutor)
    assert found[0] is found[1] is None
    assert 4 <= next(items) <= 6
    assert {k for k, _ in as_done(slow, range(3), 2)} == {0, 1, 2}  # the next pool is whole


def test_workers_are_killed_when_nobody_wants_their_results() -> None:
    before = time.monotonic()
    results = as_done(time.sleep, [0.0, 60.0, 60.0], 2)
    next(results)
    results.close()
    assert time.monotonic() - before < 30


def interrupt(then: list[str]) -> None:
    """A Ctrl-C, and what comes after it."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
    then.append("later")


def interrupt_held(then: list[str]) -> None:
    with interrupts_held():
        interrupt(then)


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    held: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupt_held(held)
    assert held == ["later"]
    at_once: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupt(at_once)
    assert at_once == []


def test_an_interrupt_that_another_thread_takes_waits_too() -> None:
    taker = threading.Thread(target=time.sleep, args=(0.3,))  # older than the block: it does not block the signal
    taker.start()
    held: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupt_held(held)
    assert held == ["later"]
    taker.join()


def test_who_ignores_interrupts_goes_on_to_do_so() -> None:
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, former)


def test_outside_the_main_thread_nothing_is_changed_for_it() -> None:
    seen: list[object] = []

    def hold() -> None:
        with interrupts_held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_joblib_keeps_a_pool_of_its_own() -> None:
    """Parallel scikit-learn, say, before and after a sweep: joblib failed on a pool that it had not made."""
    parallel = Parallel(n_jobs=2)
    assert parallel(delayed(slow)(k) for k in range(2)) == [0, 1]
    first = {future.result()[2] for _, future in as_done(signals, range(4), 2)}
    assert parallel(delayed(slow)(k) for k in range(3)) == [0, 1, 2]
    again = {future.result()[2] for _, future in as_done(signals, range(4), 2)}
    assert len(first | again) <= 2


def test_an_interrupt_while_an_item_is_handed_over_loses_no_future(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pool has taken is waited for: a pool that is shut down before it looks at it prints a traceback."""
    killed: list[int] = []
    kill = workers._kill

    def submit(pool: Any, function: Any, item: int) -> Any:
        future = pool.submit(function, item)
        if item == 1:
            signal.raise_signal(signal.SIGINT)
        return future

    def pool_of(count: int) -> Any:
        pool = made(count)
        return SimpleNamespace(submit=partial(submit, pool), shutdown=pool.shutdown)

    def count_killed(pool: Any, running: Any) -> None:
        killed.append(len(running))
        kill(pool, running)

    made = workers._pool
    monkeypatch.setattr(workers, "_pool", pool_of)
    monkeypatch.setattr(workers, "_kill", count_killed)
    with pytest.raises(KeyboardInterrupt):
        list(as_done(slow, range(4), 2))
    assert killed == [2]
