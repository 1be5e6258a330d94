"""Paths and names as users have them: with two slashes in front, too long, of a folder."""

import csv
from pathlib import Path

import pytest

from cli.command import SMALL, refusal, run

LONG = "x" * 300

SPEC = """
replicates = 2
[base]
n_samples = 400
input_dim = 20
width = 30
[axes]
step_exponent = [0.1, 0.3]
[options]
n_test = 100
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "grid.toml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def slashed(path: Path) -> str:
    """The same place for the system, another text."""
    return f"/{path}"


def test_a_sweep_into_a_path_that_begins_with_two_slashes(spec: Path, tmp_path: Path) -> None:
    out = slashed(tmp_path / "out")
    assert out.startswith("//")
    for expected in ("4 made", "4 found"):
        done = run("sweep", slashed(spec), "--out", out, "--workers", 1)
        assert done.exit_code == 0, done.output
        assert expected in done.stdout
    table = slashed(tmp_path / "rows.csv")
    assert run("export", f"{out}/results.db", table).exit_code == 0
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 4
    assert (tmp_path / "out" / "errors.png").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("spectrum", *SMALL, "--figure", "{}/s.png"),
        ("phase", *SMALL, "--rows", 2, "--columns", 2, "--no-spikes", "--out", "{}"),
    ],
)
def test_a_figure_at_a_path_that_begins_with_two_slashes(arguments: tuple[object, ...], tmp_path: Path) -> None:
    done = run(*(str(a).format(slashed(tmp_path)) for a in arguments))
    assert done.exit_code == 0, done.output
    assert list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("predict", "--problem", LONG), "--problem"),
        (("spectrum", *SMALL, "--figure", f"{LONG}.png"), "--figure"),
        (("phase", "--out", LONG), "--out"),
        (("sweep", LONG), "SPEC"),
        (("sweep", "{}/grid.toml", "--out", LONG), "--out"),
        (("export", LONG, "x.csv"), "STORE"),
        (("reproduce", "--quick", "--out", LONG), "--out"),
        (("reproduce", "--only", "realdata", "--data", LONG, "--target", "y"), "--data"),
    ],
)
def test_a_name_that_no_file_can_have(arguments: tuple[object, ...], option: str, spec: Path, tmp_path: Path) -> None:
    code, said = refusal(*(str(a).replace("{}", str(tmp_path)) for a in arguments))
    assert code == 4
    assert said.startswith(f"error: {option} = 'xxx")


def test_the_longest_name_that_a_file_can_have(tmp_path: Path) -> None:
    """What is written beside and moved into place must not be longer than the name itself."""
    path = tmp_path / ("x" * 251 + ".png")
    done = run("spectrum", *SMALL, "--figure", path)
    assert done.exit_code == 0, done.output
    assert path.exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_table_of_the_longest_name(spec: Path, tmp_path: Path) -> None:
    assert run("sweep", spec, "--out", tmp_path / "out", "--workers", 1, "--no-figure").exit_code == 0
    table = tmp_path / ("x" * 251 + ".csv")
    assert run("export", tmp_path / "out" / "results.db", table).exit_code == 0
    assert table.exists()


def test_a_folder_is_no_figure(tmp_path: Path) -> None:
    (tmp_path / "f.png").mkdir()
    code, said = refusal("spectrum", *SMALL, "--figure", tmp_path / "f.png")
    assert code == 4
    assert "no file can have this name" in said
