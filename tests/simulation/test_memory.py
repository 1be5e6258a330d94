"""Memory is estimated before work starts, and a refusal says what would fit."""

import re
from typing import Any

import pytest

from polyspike import DoesNotFitError, Problem, simulate
from polyspike.simulation import memory

PROBLEM = Problem(n_samples=2000, input_dim=500, width=1000, step_exponent=0.2)


def test_a_problem_beyond_any_machine_is_refused_at_once() -> None:
    with pytest.raises(DoesNotFitError, match=r"needs about .* GB .* n_samples = \d+ would fit"):
        simulate(PROBLEM.replace(n_samples=10**10))


def test_what_is_said_to_fit_fits(monkeypatch: Any) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 95_000_000)
    with pytest.raises(DoesNotFitError) as refusal:
        memory.check_fits(PROBLEM)
    found = re.search(r"n_samples = (\d+) would fit", str(refusal.value))
    assert found is not None
    memory.check_fits(PROBLEM.replace(n_samples=int(found.group(1))))
    with pytest.raises(DoesNotFitError):
        memory.check_fits(PROBLEM.replace(n_samples=int(found.group(1)) + 1))


def test_nothing_fits_a_width_too_large(monkeypatch: Any) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 1_000_000)
    with pytest.raises(DoesNotFitError, match="reduce width and input_dim"):
        memory.check_fits(PROBLEM)


def test_estimate_grows_with_every_size() -> None:
    base = memory.estimate_bytes(PROBLEM)
    for change in ({"n_samples": 4000}, {"input_dim": 1000}, {"width": 2000}, {"n_gradient": 40_000}):
        assert memory.estimate_bytes(PROBLEM.replace(**change)) > base


def test_this_machine_has_memory() -> None:
    assert memory.available_bytes() > 10_000_000
