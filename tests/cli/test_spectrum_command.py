"""``polyspike spectrum``: the simulated eigenvalues, the figure, and what is refused."""

from pathlib import Path

import pytest

from cli.command import refusal, run, run_json
from polyspike import Problem, simulate

PROBLEM = Problem("tanh", "3*h1", 200, 50, 100, step_exponent=0.15)
OPTIONS = (
    "--activation",
    "tanh",
    "--teacher",
    "3*h1",
    "--n-samples",
    200,
    "--input-dim",
    50,
    "--width",
    100,
    "--step-exponent",
    0.15,
)


def test_the_spikes_are_the_eigenvalues_beyond_the_bulk() -> None:
    found = run_json("spectrum", *OPTIONS)
    eigenvalues = simulate(PROBLEM, n_test=2, eigenvalues="all").eigenvalues
    assert eigenvalues is not None
    assert found["spikes"] == eigenvalues[: len(found["spikes"])].tolist()
    assert found["spikes"]
    assert found["overlaps"][0][0] > 0.5  # of degree 1


def test_the_figure_is_written(tmp_path: Path) -> None:
    path = tmp_path / "spectrum.png"
    done = run("spectrum", *OPTIONS, "--figure", path)
    assert done.exit_code == 0, done.output
    assert "the bulk ends at" in done.output
    assert path.read_bytes().startswith(b"\x89PNG")


def test_no_step_has_no_spike() -> None:
    found = run_json("spectrum", *OPTIONS[:-2], "--step-size", 0)
    assert found["spikes"] == []


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--degree", -1), 2, "--degree = -1"),
        (("--figure", "/proc/nowhere/f.png"), 4, "--figure = '/proc/nowhere/f.png'"),
        (("--figure", "f.xyz"), 2, "--figure = 'f.xyz'"),
    ],
)
def test_refusals(options: tuple[object, ...], code: int, message: str) -> None:
    found, said = refusal("spectrum", *OPTIONS, *options)
    assert found == code
    assert message in said
