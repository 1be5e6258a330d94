"""Functions by dotted name: imported, written down, sent to other processes, and refused where nothing is imported."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Problem, as_activation, as_teacher
from polyspike.experiments.sweep.spec import SweepSpec
from polyspike.experiments.sweep.store import run_key
from polyspike.problem import is_dotted


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.mark.parametrize("name", ["importable.steep", "uncentred importable.steep", "importable.hard_tanh"])
def test_an_activation_by_dotted_name_round_trips(name: str, tmp_path: Path) -> None:
    problem = Problem(activation=name, teacher="importable.steep", step_size=1.0)
    problem.to_toml(tmp_path / "problem.toml")
    assert Problem.from_toml(tmp_path / "problem.toml") == problem
    assert pickle.loads(pickle.dumps(problem)) == problem
    assert problem.to_dict()["teacher"] == "importable.steep"
    assert run_key(problem, (0,), {}) == run_key(Problem.from_dict(problem.to_dict()), (0,), {})
    assert "importable." in repr(problem)
    x = np.linspace(-2, 2, 9)
    bare = np.clip(x, -1, 1) if "hard" in name else np.tanh(3 * x)
    np.testing.assert_allclose(problem.activation(x), bare, atol=1e-15)
    assert problem.activation.centred == (name == "importable.steep")


def test_what_the_name_stands_for_brings_its_kinks() -> None:
    assert as_activation("importable.hard_tanh").kinks == (-1.0, 1.0)
    assert as_teacher("importable.hinge").kinks == (1.0,)
    assert as_teacher("importable.hinge").is_named


def test_a_sweep_takes_dotted_names() -> None:
    spec = SweepSpec.from_dict(
        {
            "base": {"step_size": 1.0, "teacher": "importable.hinge"},
            "axes": {"activation": ["importable.steep", "tanh"]},
        }
    )
    assert [problem.activation.label for problem in spec.problems] == ["importable.steep", "tanh"]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("importable.missing", "it cannot be imported .*missing"),
        ("no_such_module.function", "it cannot be imported .*no_such_module.*PYTHONPATH"),
        ("importable.number", "it is a int; name a function"),
    ],
)
@pytest.mark.parametrize("make", [as_activation, as_teacher])
def test_what_cannot_be_imported_says_why(make: Any, name: str, remedy: str) -> None:
    with pytest.raises(ArgumentError, match=f"{make.__name__.removeprefix('as_')} = '{name}': {remedy}"):
        make(name)


@pytest.mark.parametrize("argument", ["activation", "teacher"])
def test_a_server_imports_nothing(argument: str) -> None:
    for name in ("os.system", "uncentred os.getcwd"):
        assert is_dotted(name)
        with pytest.raises(ArgumentError, match=f"{argument} = '{name}': nothing is imported here"):
            Problem.from_dict({argument: name, "step_size": 1.0}, imports=False)
    for text in ("tanh", "uncentred relu", "h1 + 0.7*h2", "0.7*h2", "1.5", "h1[0]*h1[1]"):
        assert not is_dotted(text)
        as_teacher(text) if text != "uncentred relu" else as_activation(text)


@pytest.mark.parametrize("argument", ["activation", "teacher"])
def test_a_lambda_is_neither_written_nor_sent_and_the_remedy_is_the_same(argument: str) -> None:
    given: dict[str, Any] = {argument: lambda x: np.tanh(x), "step_size": 1.0}
    problem = Problem(**given)
    for act in (problem.to_dict, lambda: pickle.dumps(problem)):
        with pytest.raises(ArgumentError, match=r"put it in a module and give its dotted name, 'mymodule\.myfunction'"):
            act()
