"""The plan of problems on one draw: what is shared, and what is not."""

from polyspike import Problem
from polyspike.simulation.fitting import Plan, batches

BASE = Problem("relu", "h1", 100, 20, 40, step_size=1.0, ridge=0.1)


def test_steps_share_a_gradient_and_ridges_share_a_step() -> None:
    problems = [BASE.replace(step_size=s, ridge=r) for s in (1.0, 2.0) for r in (0.1, 1.0)]
    plan = Plan.of([*problems, BASE.replace(gradient="target")])
    assert [len(steps) for steps in plan.steps.values()] == [2, 1]
    assert list(plan.ridges.values()) == [[0.1, 1.0], [0.1, 1.0], [0.1]]


def test_other_labels_are_another_gradient() -> None:
    assert len(Plan.of([BASE, BASE.replace(noise=2.0), BASE.replace(teacher="h2")]).steps) == 3


def test_the_last_batch_has_the_rest() -> None:
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []
