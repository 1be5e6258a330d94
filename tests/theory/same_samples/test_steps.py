"""How fine the rules are: refined one at a time, they leave the errors where they are."""

from collections.abc import Callable

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.same_samples import convolved
from polyspike.theory.same_samples.features import is_odd
from polyspike.theory.same_samples.predict import Family
from polyspike.theory.same_samples.sample_law import Rules
from polyspike.theory.same_samples.steps import STANDARD, Accuracy, readouts_of, rules_of, step_of

BASE = Problem(
    "tanh", "h1", 900, 300, 720, step_exponent=0.5, ridge=0.1, noise=0.5, readout="rademacher", samples="same"
)
QUADRATIC = {"activation": "softplus", "teacher": "h1 + 0.5*h2"}
RULES = {
    "residual": lambda rules: rules._replace(residual=rules.residual + 8),
    "kappa": lambda rules: rules._replace(kappa=rules.kappa + 12),
    "law": lambda rules: rules._replace(teacher=rules.teacher + 24, noise=rules.noise + 10),
    "far nodes": lambda rules: rules._replace(negligible=0.0),
}
"""What refines one of them; the others stay as they are."""


def errors(problem: Problem, accuracy: Accuracy = STANDARD) -> list[float]:
    family = Family(problem, accuracy)
    return [value for ridge in (0.1, 0.01) for value in family.solve(problem.replace(ridge=ridge))[:4]]


def moved(problem: Problem, accuracy: Accuracy) -> float:
    """The largest relative change."""
    return float(np.abs(np.array(errors(problem, accuracy)) / np.array(errors(problem)) - 1).max())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [
        pytest.param({}, 3e-7, id="tanh"),
        pytest.param({"step_exponent": 0.4}, 1e-7, id="smaller step", marks=pytest.mark.slow),
        pytest.param({"gradient": "full", "n_samples": 2400}, 1e-6, id="many samples", marks=pytest.mark.slow),
        pytest.param({"step_exponent": 0.3, "activation": "sin"}, 1e-7, id="sin", marks=pytest.mark.slow),
        pytest.param(QUADRATIC | {"readout": "constant", "gradient": "target"}, 1e-7, id="softplus"),
        pytest.param(QUADRATIC | {"activation": "relu"}, 3e-7, id="relu", marks=pytest.mark.slow),
        # Residuals of a cubic label are resolved less well.
        pytest.param({"teacher": "h1 - h3", "step_exponent": 0.4}, 3e-5, id="cubic label", marks=pytest.mark.slow),
    ],
)
def test_rules_of_a_sample(changes: dict[str, object], tolerance: float, rule: str) -> None:
    problem = BASE.replace(**changes)
    refine: Callable[[Rules], Rules] = RULES[rule]
    assert moved(problem, Accuracy(rules=refine(rules_of(problem)))) < tolerance


def test_fewer_nodes_would_be_seen() -> None:
    rules = rules_of(BASE)
    assert moved(BASE, Accuracy(rules=rules._replace(kappa=rules.kappa // 2))) > 1e-6
    assert moved(BASE, Accuracy(rules=rules._replace(residual=rules.residual // 2))) > 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("constants", [("_GRID", 0.6), ("_STEP", 0.7), ("RANGE", 1.15)], ids=lambda pair: pair[0])
@pytest.mark.parametrize("activation", ["tanh", "erf", "gelu"])
def test_rules_of_a_feature(activation: str, constants: tuple[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    name, factor = constants
    problem, before = BASE.replace(activation=activation), errors(BASE.replace(activation=activation))
    monkeypatch.setattr(convolved, name, getattr(convolved, name) * factor)
    if name == "_STEP":
        monkeypatch.setattr(convolved, "_DIGITS", convolved._DIGITS / factor)
    assert errors(problem) == pytest.approx(before, rel=1e-7)


GAUSSIAN = BASE.replace(readout="gaussian")


@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [
        pytest.param({}, 3e-6, id="tanh", marks=pytest.mark.slow),
        pytest.param({"step_exponent": 0.3}, 1e-6, id="small step"),
        pytest.param(QUADRATIC, 5e-5, id="softplus", marks=pytest.mark.slow),
    ],
)
def test_rules_of_gaussian_readouts(changes: dict[str, object], tolerance: float) -> None:
    """More nodes, and factors to a fifth of the cut. Together they take the errors to 1e-7 of one another."""
    problem = GAUSSIAN.replace(**changes)
    cut = 1.6e-3 if "activation" in changes else 5e-4
    assert moved(problem, Accuracy(readouts=readouts_of(problem) + 5)) < tolerance
    assert moved(problem, Accuracy(cut=cut / 5)) < tolerance


@pytest.mark.slow
def test_cubic_labels_converge() -> None:
    problem = BASE.replace(teacher="h1 - h3")
    rules = rules_of(problem)._replace(kappa=56, teacher=140, negligible=1e-12)
    fine, finer = (errors(problem, Accuracy(rules=rules._replace(residual=count))) for count in (44, 52))
    assert fine == pytest.approx(finer, rel=2e-7)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_gaussian_readouts_converge(activation: str) -> None:
    problem = GAUSSIAN.replace(activation=activation)
    fine, finer = (errors(problem, Accuracy(readouts=half, cut=cut)) for half, cut in ((11, 3e-4), (14, 1e-4)))
    assert fine == pytest.approx(finer, rel=5e-7)


def test_an_odd_activation_has_half_of_the_readouts() -> None:
    assert is_odd(BASE.activation)
    assert not is_odd(BASE.replace(activation="relu").activation)
    assert step_of(GAUSSIAN, 9).u.min() > 0
    assert len(step_of(GAUSSIAN, 9).u) == 9
    assert step_of(GAUSSIAN.replace(activation="softplus"), 9).u.min() < 0


TURNED = Problem(
    "relu", "h1 + 3", 2000, 60, 100, step_size=14.0, noise=0.5, gradient="target", readout="gaussian", samples="same"
)


def test_readouts_that_the_mean_of_a_label_turns_round_are_resolved() -> None:
    """With the usual six on either side errors would be 1 % off."""
    assert readouts_of(TURNED) > 20
    assert readouts_of(TURNED.replace(teacher="h1")) < 8
    assert moved(TURNED, Accuracy(readouts=40)) < 1e-4
    assert moved(TURNED, Accuracy(readouts=6)) > 1e-3
