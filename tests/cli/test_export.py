import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments.fakes import Fake
from experiments.sweep.test_run import grid
from polyspike.cli.app import app
from polyspike.experiments.sweep import tables
from polyspike.experiments.sweep.run import sweep
from polyspike.experiments.sweep.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Twelve problems, two seeds; the problems of one ridge failed."""
    path = tmp_path / "results.db"
    sweep(grid(), replicates=2, store=path, run=Fake(raise_at=0.02), workers=1)
    return path


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_a_csv_file_has_every_row(store: Path, tmp_path: Path) -> None:
    done = run(store, tmp_path / "rows.csv")
    assert done.exit_code == 0
    assert done.stdout == f"24 rows, 6 of them failed, written to {tmp_path / 'rows.csv'}\n"
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with Store(store) as opened:
        records = opened.records()
    assert [row["key"] for row in rows] == [record["key"] for record in records]
    made = [r for r in zip(rows, records, strict=True) if r[1]["status"] == "ok"]
    assert len(made) == 18
    assert all(float(row["test_error"]) == record["test_error"] for row, record in made)  # no digit is lost


def test_a_parquet_file_keeps_types(store: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    done = run(store, tmp_path / "rows.parquet", "--json")
    assert json.loads(done.stdout) == {"rows": 24, "failed": 6, "table": str(tmp_path / "rows.parquet")}
    table = pandas.read_parquet(tmp_path / "rows.parquet")
    with Store(store) as opened:
        pandas.testing.assert_frame_equal(table, opened.to_pandas(), check_dtype=False)
    assert table["n_samples"].dtype.kind == "i"
    assert table["test_error"].isna().sum() == 6


def test_the_store_is_only_read(store: Path, tmp_path: Path) -> None:
    before = store.read_bytes()
    run(store, tmp_path / "rows.csv")
    assert store.read_bytes() == before


def test_refusals_are_one_line(store: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "newer.db") as connection:
        connection.executescript("PRAGMA application_id = 0x506F6C79; PRAGMA user_version = 99; CREATE TABLE t (x);")
    connection.close()
    cases = [
        (store, "rows.xlsx", 2, "ends in .csv or .parquet"),
        (tmp_path / "none.db", "rows.csv", 4, "no such file"),
        (tmp_path / "newer.db", "rows.csv", 4, "format 99, and this polyspike knows format"),
        (store, "missing/rows.csv", 4, "cannot be written"),
    ]
    for source, target, code, message in cases:
        done = run(source, tmp_path / target)
        assert (done.exit_code, done.stdout) == (code, ""), target
        assert done.stderr.startswith("error: ")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_missing_package_is_one_line(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(tables, "import_module", missing)
    done = run(store, tmp_path / "rows.parquet")
    assert done.exit_code == 4
    assert "pip install 'polyspike[tables]'" in done.stderr
    assert not (tmp_path / "rows.parquet").exists()
