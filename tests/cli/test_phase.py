"""``polyspike phase``: the files it writes, what is in them, and what it refuses."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from polyspike.cli.app import app
from polyspike.experiments import phase
from polyspike.problem import Problem
from polyspike.results import Prediction, Spectrum, Spike

PROBLEM = ("--n-samples", 400, "--input-dim", 100, "--width", 200, "--teacher", "h1 + 0.7*h2")
SMALL = (*PROBLEM, "--rows", 3, "--columns", 5, "--no-spikes")


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["phase", *map(str, arguments)])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_map_over_ridges_is_written_as_figure_and_tables(tmp_path: Path) -> None:
    done = run(*SMALL, "--low", 0.01, "--high", 1, "--out", tmp_path / "map")
    assert done.exit_code == 0, done.output
    assert "15 cells, 0 without an answer" in done.stdout
    cells, best = table(tmp_path / "map" / "phase.csv"), table(tmp_path / "map" / "best.csv")
    assert [float(cell["ridge"]) for cell in cells[::5]] == pytest.approx([0.01, 0.1, 1.0])
    assert [float(cell["step_exponent"]) for cell in cells[:5]] == [0, 0.125, 0.25, 0.375, 0.5]
    assert [row["overall"] for row in best].count("True") == 1
    for k, row in enumerate(best):  # the best step may be the last column, solved on another way to 1e-9
        least = min(float(cell["test_error"]) for cell in cells[5 * k : 5 * k + 5])
        assert float(row["test_error"]) <= least * (1 + 1e-9)
    assert (tmp_path / "map" / "phase.png").stat().st_size > 10_000
    assert "<svg" in (tmp_path / "map" / "phase.svg").read_text(encoding="utf-8")


def test_a_map_over_sample_ratios_keeps_the_other_sizes(tmp_path: Path) -> None:
    ratios = ("--n-gradient", 2000, "--against", "sample-ratio", "--low", 0.5, "--high", 8)
    done = run(*SMALL, *ratios, "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["against"], answer["failed"]) == ("sample_ratio", 0)
    assert [row["sample_ratio"] for row in answer["best"]] == [0.5, 2.0, 8.0]
    errors = [row["test_error"] for row in answer["best"]]
    assert errors == sorted(errors, reverse=True)  # more samples, less error at the best step
    assert {cell["n_samples"] for cell in table(tmp_path / "phase.csv")} == {"50", "200", "800"}


def test_a_cell_without_an_answer_is_marked_and_the_map_goes_on(tmp_path: Path) -> None:
    done = run(*SMALL, "--activation", "uncentred relu", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "15 without an answer" in done.stdout
    cells = table(tmp_path / "phase.csv")
    assert {cell["status"] for cell in cells} == {"out_of_range"}
    assert {cell["test_error"] for cell in cells} == {""}
    assert "uncentred" in cells[0]["message"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--against", "width"), "--against"),
        (("--rows", 1), "--rows"),
        (("--low", 2, "--high", 1), "--low"),
        (("--columns", 5000), "--columns"),
    ],
)
def test_nonsense_is_refused_before_work_starts(arguments: tuple[Any, ...], word: str, tmp_path: Path) -> None:
    done = run(*PROBLEM, *arguments, "--out", tmp_path / "never")
    assert done.exit_code == 2
    assert word in done.stderr
    assert not (tmp_path / "never").exists()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(*SMALL, "--out", tmp_path / "file" / "map")
    assert done.exit_code == 4
    assert "cannot be made" in done.stderr


def test_the_help_has_an_example() -> None:
    assert "sample-ratio" in run("--help").stdout


def test_spikes_are_counted_above_the_bulk_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One below, one at the edge, two above; the count does not depend on the ridge and is made once."""

    made = []

    def spectrum(self: Prediction) -> Spectrum:
        made.append(self.problem)
        spikes = tuple(Spike(location, np.ones(1)) for location in (50.0, 9.0, 4.001, 0.1))
        return Spectrum(np.zeros_like, ((1.0, 4.0),), 0.0, spikes)

    monkeypatch.setattr(Prediction, "spectrum", property(spectrum))
    base = Problem(n_samples=400, input_dim=100, width=200, step_exponent=0.2)
    found = phase.phase_map(base, [0.1, 0.3], [0.01, 0.1, 1.0])
    assert [cell["spikes"] for cell in found.cells] == [2] * 6
    assert len(made) == 2
    assert {cell["spikes"] for cell in phase.phase_map(base, [0.1], [0.1], count_spikes=False).cells} == {None}
