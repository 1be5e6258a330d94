import dataclasses
from pathlib import Path
from typing import Any, get_args

import pytest

from experiments.fakes import Fake
from polyspike import ArgumentError, Problem, UnreadableError
from polyspike.experiments.sweep.run import sweep
from polyspike.experiments.sweep.spec import _WHOLE, SweepSpec

ROOT = Path(__file__).parents[3]

TEXT = """
replicates = 3
seed = [1, 2]

[base]
activation = "gelu"
noise = 0.25

[axes]
step_exponent = { from = 0.0, to = 0.3, count = 4 }
gradient = ["full", "target"]

[[together]]
n_samples = 100
width = 50
[[together]]
n_samples = 200
width = 100

[options]
n_test = 500
"""


def spec(**changes: Any) -> SweepSpec:
    values = {"base": {"input_dim": 30}, "axes": {"step_exponent": [0.0, 0.2]}}
    return SweepSpec.from_dict(values | changes)


def test_a_file_is_a_grid(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT, encoding="utf-8")
    found = SweepSpec.from_toml(path)
    assert (found.name, found.replicates, found.seed, found.options) == ("mine", 3, (1, 2), {"n_test": 500})
    expected = [
        Problem("gelu", n_samples=n, width=w, noise=0.25, step_exponent=a, gradient=g)
        for n, w in ((100, 50), (200, 100))
        for a in (0.0, 0.1, 0.2, 0.3)  # exactly these numbers, whatever linspace rounds to
        for g in ("full", "target")
    ]
    assert list(found.problems) == expected


def test_a_log_range() -> None:
    found = spec(axes={"step_size": [1.0], "ridge": {"from": 1e-3, "to": 1, "count": 4, "scale": "log"}})
    assert [p.ridge for p in found.problems] == [0.001, 0.01, 0.1, 1.0]


def test_ranges_of_integers_are_rounded_and_each_is_taken_once() -> None:
    width = {"from": 2, "to": 100, "count": 8, "scale": "log"}
    found = spec(axes={"step_size": [1.0], "width": width})
    assert [p.width for p in found.problems] == [2, 3, 6, 11, 19, 33, 57, 100]
    found = spec(axes={"step_size": [1.0], "n_gradient": {"from": 10, "to": 12, "count": 9}})
    assert [p.n_gradient for p in found.problems] == [10, 11, 12]
    assert all(isinstance(p.n_gradient, int) for p in found.problems)


def test_a_range_of_integers_is_checked_like_a_list_of_them() -> None:
    with pytest.raises(ArgumentError, match="width = 0"):
        spec(axes={"step_size": [1.0], "width": {"from": 0, "to": 3, "count": 2}})


def test_every_field_of_integers_takes_such_a_range() -> None:
    whole = {f.name for f in dataclasses.fields(Problem) if int in (f.type, *get_args(f.type))}
    assert whole == set(_WHOLE)


def test_the_number_of_problems_is_told_before_the_first_is_made() -> None:
    heard: list[tuple[str, int, int]] = []
    axes = {"step_size": {"from": 0, "to": 1, "count": 50}, "ridge": {"from": 0, "to": 1, "count": 50}}
    found = SweepSpec.from_dict({"axes": axes}, announce=lambda *told: heard.append(told))
    assert len(found.problems) == 2500
    assert heard == [("problems", done, 2500) for done in (0, 1000, 2000, 2500)]


def test_a_large_sweep_tells_how_far_its_preparations_are() -> None:
    heard: list[tuple[str, int, int]] = []
    problems = SweepSpec.from_dict({"axes": {"step_size": {"from": 0, "to": 1, "count": 1500}}}).problems
    sweep(problems, replicates=1, run=Fake(), workers=1, announce=lambda *told: heard.append(told))
    assert heard[:3] == [("keys", 0, 1500), ("keys", 1000, 1500), ("keys", 1500, 1500)]
    assert heard[3:] == [("pieces of work", 0, 12), ("pieces of work", 12, 12)]


def test_defaults_and_repeated_values() -> None:
    found = SweepSpec.from_dict({"axes": {"step_size": [1, 1.0, 2]}})
    assert (found.name, found.replicates, found.seed, found.options) == ("sweep", 8, (0,), {})
    assert found.problems == (Problem(step_size=1.0), Problem(step_size=2.0))


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.name)
def test_the_examples_can_be_read(path: Path) -> None:
    assert SweepSpec.from_toml(path).problems


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axis": {}}, r"axis = \{\}: did you mean 'axes'"),
        ({"base": 3}, r"base = 3: write it as a table \[base\]"),
        ({"base": {"ridge": -1}}, "ridge = -1: give a number >= 0"),
        ({"base": {"step_exponent": 0.1}}, r"step_exponent = \[0.0, 0.2\]: give it once"),
        ({"base": {"rigde": 1}}, "rigde = 1: did you mean 'ridge'"),
        ({"axes": {"ridge": 0.1}}, "axes.ridge = 0.1: give a list of values, or"),
        ({"axes": {"ridge": []}}, "axes.ridge = "),
        ({"axes": {"ridge": {"from": 0, "to": 1}}}, "axes.ridge = .*'count' is missing"),
        ({"axes": {"ridge": {"from": 0, "to": 1, "count": 0}}}, "axes.ridge.count = 0"),
        ({"axes": {"ridge": {"from": "0", "to": 1, "count": 2}}}, "axes.ridge.from = '0': give a finite number"),
        ({"axes": {"ridge": {"from": 0, "to": 1, "count": 2, "scale": "log"}}}, "a log scale needs a number > 0"),
        ({"axes": {"ridge": {"from": 0, "to": 1, "count": 2, "scale": "cubic"}}}, "give 'linear' or 'log'"),
        ({"axes": {"ridge": {"start": 0, "to": 1, "count": 2}}}, "axes.ridge.start = 0"),
        ({"together": {"width": 5}}, "write each setting as a table"),
        ({"together": [{"width": 5}, {"n_samples": 5}]}, r"every \[\[together\]\] must give the same fields: width"),
        ({"replicates": 0}, "replicates = 0"),
        ({"seed": "x"}, "seed = 'x'"),
        ({"name": "../x"}, "name = '../x': give the name of a folder"),
        ({"axes": {}}, "step_exponent, step_size = .*neither given"),
    ],
)
def test_a_bad_entry_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        spec(**changes)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot be read"):
        SweepSpec.from_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("base = [", encoding="utf-8")
    with pytest.raises(UnreadableError, match="not a TOML file"):
        SweepSpec.from_toml(tmp_path / "bad.toml")
