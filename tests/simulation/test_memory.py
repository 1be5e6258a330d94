"""Memory is estimated before work starts, and a refusal says what would fit."""

import re
from dataclasses import replace
from typing import Any

import pytest

from polyspike import ArgumentError, DoesNotFitError, Problem, simulate
from polyspike.simulation import memory
from polyspike.simulation.host import HOST
from polyspike.simulation.memory import Storage, choose_storage

PROBLEM = Problem(
    n_samples=20_000, input_dim=500, width=1000, step_exponent=0.2, activation="tanh", teacher="h1", ridge=0.01
)
WIDE = PROBLEM.replace(n_samples=1000, width=20_000)


def with_memory(monkeypatch: Any, n_bytes: int) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda _=None: n_bytes)


def test_a_problem_beyond_any_machine_is_refused_at_once() -> None:
    huge = PROBLEM.replace(n_samples=10**10, width=10**7)
    with pytest.raises(DoesNotFitError, match=r"needs about .* GB .* reduce width and input_dim"):
        simulate(huge)
    with pytest.raises(DoesNotFitError, match=r"streaming=True fits, and .* n_samples = \d+ would fit"):
        simulate(PROBLEM.replace(n_samples=10**10), streaming=False)


def test_what_is_said_to_fit_fits(monkeypatch: Any) -> None:
    with_memory(monkeypatch, 400_000_000)
    with pytest.raises(DoesNotFitError) as refusal:
        choose_storage(PROBLEM, streaming=False)
    found = re.search(r"n_samples = (\d+) would fit", str(refusal.value))
    assert found is not None
    largest = int(found.group(1))
    assert choose_storage(PROBLEM.replace(n_samples=largest), streaming=False) is Storage.HELD
    with pytest.raises(DoesNotFitError):
        choose_storage(PROBLEM.replace(n_samples=largest + 1), streaming=False)


def test_nothing_fits_a_width_too_large(monkeypatch: Any) -> None:
    with_memory(monkeypatch, 1_000_000)
    with pytest.raises(DoesNotFitError, match="reduce width and input_dim"):
        choose_storage(PROBLEM)


def test_streaming_is_chosen_where_it_is_needed(monkeypatch: Any) -> None:
    for problem, storage in ((PROBLEM, Storage.SAMPLES), (WIDE, Storage.NEURONS)):
        held, streamed = memory.estimate_bytes(problem), memory.estimate_streamed(problem)
        assert streamed < held
        with_memory(monkeypatch, held)
        assert choose_storage(problem) is Storage.HELD
        assert choose_storage(problem, streaming=True) is storage
        assert memory.needed_bytes(problem) == held
        with_memory(monkeypatch, held - 1)
        assert choose_storage(problem) is storage
        assert memory.needed_bytes(problem) == streamed


def test_a_device_with_its_own_memory_does_not_spare_the_machine_that_draws(monkeypatch: Any) -> None:
    device = replace(HOST, device="cuda")
    draw = 8 * (2 * PROBLEM.n_samples * (PROBLEM.input_dim + 1) + PROBLEM.width * PROBLEM.input_dim)
    for on_machine, storage in ((draw, Storage.HELD), (draw - 1, Storage.SAMPLES)):
        monkeypatch.setattr(
            memory, "available_bytes", lambda arrays=None, n=on_machine: n if arrays is None else 10**12
        )
        assert choose_storage(PROBLEM, None, device) is storage


def test_streaming_takes_no_other_word() -> None:
    with pytest.raises(ArgumentError, match=r"^streaming = 'yes'"):
        choose_storage(PROBLEM, streaming="yes")  # type: ignore[arg-type]


def test_estimate_grows_with_every_size() -> None:
    for dtype in ("float64", "float32"):
        base = memory.estimate_bytes(PROBLEM, dtype)
        for change in ({"n_samples": 40_000}, {"input_dim": 1000}, {"width": 2000}, {"n_gradient": 400_000}):
            assert memory.estimate_bytes(PROBLEM.replace(**change), dtype) > base


def test_the_streamed_estimate_does_not_grow_with_what_is_streamed() -> None:
    base = memory.estimate_streamed(PROBLEM)
    assert memory.estimate_streamed(PROBLEM.replace(n_samples=10**6, n_gradient=10**7)) == base
    assert memory.estimate_streamed(PROBLEM.replace(input_dim=1000)) > base
    assert memory.estimate_streamed(PROBLEM, steps=2) - base == 8 * PROBLEM.width**2
    vectors = memory.estimate_streamed(WIDE.replace(width=10**6)) - memory.estimate_streamed(WIDE)
    assert vectors == 8 * (10**6 - WIDE.width)


def test_as_many_steps_at_once_as_have_room(monkeypatch: Any) -> None:
    monkeypatch.setattr(memory, "cpu_count", lambda: 1)
    one = 8 * PROBLEM.width**2
    with_memory(monkeypatch, memory.estimate_streamed(PROBLEM, steps=0) + 5 * one)
    assert memory.steps_at_once(PROBLEM) == 5
    with_memory(monkeypatch, 0)
    assert memory.steps_at_once(PROBLEM) == 1


def test_this_machine_has_memory() -> None:
    assert memory.available_bytes() > 10_000_000


def test_one_sample_for_both_stages_is_drawn_once() -> None:
    same = PROBLEM.replace(samples="same")
    drawn = 8 * PROBLEM.n_samples * (PROBLEM.input_dim + 1)
    assert memory.estimate_bytes(PROBLEM) - memory.estimate_bytes(same) == drawn
