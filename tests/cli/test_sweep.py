import csv
import json
import signal
import subprocess
import sys
import textwrap
import time
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments.fakes import Fake
from experiments.sweep.test_store import environment
from polyspike import simulate
from polyspike.cli.app import app
from polyspike.cli.sweep import ROWS_FAILED
from polyspike.experiments.sweep import run as sweep_module
from polyspike.experiments.sweep.run import sweep
from polyspike.experiments.sweep.store import Store

SPEC = """
    replicates = 2
    [base]
    activation = "relu"
    teacher = "h1 + 0.7*h2"
    n_samples = 400
    input_dim = 30
    noise = 0.5
    [axes]
    step_exponent = [0.0, 0.2, 0.4]
    [[together]]
    width = 40
    ridge = 0.1
    [[together]]
    width = 50
    ridge = 0.2
    [options]
    n_test = 300
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(textwrap.dedent(SPEC), encoding="utf-8")
    return path


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["sweep", *map(str, arguments)])


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_sweep_leaves_store_and_tables(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(spec, "--out", out, "--workers", 1, "--no-figure")
    assert done.exit_code == 0, done.output
    assert "12 of 12 rows are stored: 12 made" in done.output
    assert sorted(path.name for path in out.iterdir()) == ["results.csv", "results.db", "summary.csv"]
    assert len(read(out / "results.csv")) == 12
    means = read(out / "summary.csv")
    assert [row["curve"] for row in means] == ["width = 40, ridge = 0.1"] * 3 + ["width = 50, ridge = 0.2"] * 3
    with Store(out / "results.db") as store:
        first = [r.measurement for r in store.rows() if r.problem.width == 40 and r.problem.step_exponent == 0.0]
    assert float(means[0]["test_error"]) == pytest.approx(sum(m.test_error for m in first if m) / 2, rel=1e-14)
    again = run(spec, "--out", out, "--workers", 1, "--no-figure")
    assert again.exit_code == 0
    assert "0 made" in again.output
    assert "12 found" in again.output
    redone = run(spec, "--out", out, "--workers", 1, "--no-figure", "--redo")
    assert "12 made" in redone.output


def test_the_figure_has_the_theory_over_it(spec: Path, tmp_path: Path) -> None:
    done = run(spec, "--out", tmp_path, "--workers", 1)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "errors.png").stat().st_size > 10_000
    assert (tmp_path / "errors.svg").exists()
    theory = read(tmp_path / "theory.csv")
    assert {row["curve"] for row in theory} == {"width = 40, ridge = 0.1", "width = 50, ridge = 0.2"}
    assert all(row["status"] == "ok" and 0 < float(row["test_error"]) < 10 for row in theory)


def test_a_long_preparation_is_told_before_it_starts(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = run(spec, "--out", tmp_path, "--workers", 1, "--no-figure")
    assert "preparing" not in quick.output
    monkeypatch.setattr("polyspike.cli.sweep.LONG", 6)
    told = run(spec, "--out", tmp_path, "--workers", 1, "--no-figure").output
    assert told.index("preparing 6 problems ...") < told.index("preparing 6 keys ...")


def test_json_is_for_machines(spec: Path, tmp_path: Path) -> None:
    done = run(spec, "--out", tmp_path, "--workers", 1, "--no-figure", "--json")
    found = json.loads(done.stdout)
    assert (found["total"], found["made"], found["failed"], found["failures"]) == (12, 12, 0, [])


def test_failed_rows_are_told_by_the_exit_code(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Fake(raise_at=0.2)

    @wraps(simulate)  # the same options, so that the rows are the same
    def failing(problems: Any, seed: Any, **_: Any) -> Any:
        return broken(problems, seed=seed)

    monkeypatch.setattr(sweep_module.sweep, "__kwdefaults__", {**(sweep.__kwdefaults__ or {}), "run": failing})
    done = run(spec, "--out", tmp_path, "--workers", 1, "--no-figure")
    assert done.exit_code == ROWS_FAILED == 5
    assert "6 failed" in done.output
    assert "NumericalError: no inverse at ridge 0.2" in done.output
    rows = read(tmp_path / "results.csv")
    assert [row["status"] for row in rows].count("singular") == 6
    assert [row["test_error"] for row in read(tmp_path / "summary.csv")][3:] == ["", "", ""]
    assert run(spec, "--out", tmp_path, "--workers", 1, "--no-figure").exit_code == ROWS_FAILED
    monkeypatch.undo()
    healed = run(spec, "--out", tmp_path, "--workers", 1, "--no-figure", "--redo-failed")
    assert healed.exit_code == 0, healed.output
    assert "6 made" in healed.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--workers", "0"], 2, "--workers = 0"),
        (["--redo", "--redo-failed"], 2, "--redo, --redo-failed"),
        (["--out", "/proc/nowhere"], 4, "--out = '/proc/nowhere': cannot be made"),
        (["--scheduler", "nonsense://x:1"], 2, "--scheduler = 'nonsense://x:1'"),
        (["--scheduler", "tcp://10.0.0.1"], 2, "--scheduler = 'tcp://10.0.0.1': give protocol, host and port"),
    ],
)
def test_refusals_are_one_line(spec: Path, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    if "--scheduler" in arguments:
        pytest.importorskip("distributed", reason="Dask is not installed (extra 'cluster')")
    done = run(spec, "--out", tmp_path, *arguments)
    assert done.exit_code == code, done.output
    assert message in done.output
    assert "Traceback" not in done.output


def test_too_many_curves_make_no_figure(spec: Path, tmp_path: Path) -> None:
    text = spec.read_text(encoding="utf-8").replace("replicates = 2", "replicates = 1")
    spec.write_text(text.replace("[axes]", "[axes]\nreadout = ['gaussian', 'constant']\ngradient = ['full', 'target']"))
    done = run(spec, "--out", tmp_path, "--workers", 1)
    assert done.exit_code == 0, done.output
    assert "no figure: 8 curves, and one figure shows 6" in done.output
    assert not (tmp_path / "errors.png").exists()


def test_killed_and_resumed(spec: Path, tmp_path: Path) -> None:
    """The real command in a real process: SIGKILL after the first rows, then the same command again."""
    text = spec.read_text(encoding="utf-8").replace("replicates = 2", "replicates = 60")
    spec.write_text(text, encoding="utf-8")
    program = "from polyspike.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        program,
        "sweep",
        str(spec),
        "--out",
        str(tmp_path),
        "--workers",
        "1",
        "--no-figure",
    ]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    store = tmp_path / "results.db"
    while process.poll() is None and not (store.exists() and len(Store(store, read_only=True)) >= 12):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Store(store) as opened:
        kept = len(opened)
    assert 12 <= kept < 360
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0
    assert f"360 of 360 rows are stored: {360 - kept} made" in done.stdout
    assert f"{kept} found" in done.stdout


def test_the_progress_line_has_rate_and_time_left() -> None:
    from polyspike.cli.sweep import _speed
    from polyspike.experiments.sweep.progress import Progress

    moment = Progress(total=10, made=4, failed=1, seconds=8.0, work=10.0, work_made=4.0)
    assert _speed(moment) == "4/10 rows  0.5 rows/s  0:00:12 left  1 failed"
    assert _speed(Progress(total=10, work=1.0)) == "0/10 rows"


def test_options_of_the_command_go_before_those_of_the_file(spec: Path, tmp_path: Path) -> None:
    """``--dtype`` makes rows of its own; without it the file decides."""
    spec.write_text(spec.read_text(encoding="utf-8") + "dtype = 'float32'\nstreaming = true\n", encoding="utf-8")
    for arguments, dtype in (([], "float32"), (["--dtype", "float64", "--no-streaming"], "float64")):
        out = tmp_path / dtype
        assert run(spec, "--out", out, "--workers", "1", "--no-figure", *arguments).exit_code == 0
        assert {row["dtype"] for row in read(out / "results.csv")} == {dtype}
        assert {row["device"] for row in read(out / "results.csv")} == {"cpu"}
