"""The options of a user's file: one declaration for all commands, and refusals in the words of the command line."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from cli.command import SMALL, refusal, run, run_json
from polyspike.cli.app import app
from polyspike.data import read_csv

COMMANDS: dict[str, tuple[Any, ...]] = {
    "data": ("data", "{}", "--networks", 2),
    "loo": ("loo", "--width", 30, "--data", "{}"),
    "reproduce": ("reproduce", "--quick", "--only", "realdata", "--data", "{}"),
}


def called(name: str, path: Path, *more: Any) -> tuple[Any, ...]:
    return (*(path if part == "{}" else part for part in COMMANDS[name]), "--target", "price", *more)


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_with_a_table_has_every_option_of_the_reader(name: str) -> None:
    command: Any = typer.main.get_command(app)
    options = {parameter.name for parameter in command.commands[name].params}
    reader = inspect.signature(read_csv).parameters
    assert {n for n, p in reader.items() if p.kind is p.KEYWORD_ONLY} - {"min_rows"} <= options


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("text", "encoding", "remedies"),
    [
        ("a;b;price\n1,234;2;3\n4,567;5;6\n", "utf-8", ["with --thousands ,", "with --decimal ,"]),
        ("a;b;price\n1.234;2;3,5\n1,234.5;5;6\n", "utf-8", ["say which is right by --decimal"]),
        ("a,b;price\n" + "1,2;3\n" * 5, "utf-8", ["say by which: --delimiter"]),
        ("größe,b,price\n1,2,3\n", "cp1252", ["such as --encoding cp1252"]),
        ("a,b,price\n1,2,3\n", "utf-16-le", ["give --encoding utf-16-le"]),
        ("a,b,price\n1,2,3\n4,,6\n", "utf-8", ["--missing drop leaves out"]),
        ("a,b,price\nx,2,3\ny,2,4\n", "utf-8", ["--categories encode makes", "--ignore leaves columns out"]),
        ("a,b,price\n2026-03-02,2,3\n2026-03-04,2,4\n", "utf-8", ["--dates days makes"]),
        ("a,,price\n1,9,3\n2,2,4\n", "utf-8", ["leave them out with --ignore"]),
        ("a\nprice\n1\n2\n", "utf-8", ["say by --delimiter what is between cells"]),
    ],
)
def test_remedies_are_options_of_the_command(
    tmp_path: Path, name: str, text: str, encoding: str, remedies: list[str]
) -> None:
    code, said = refusal(*called(name, written(tmp_path / "mine.csv", text, encoding), "--target", "price"))
    assert code in (2, 4)
    assert [part for part in remedies if part not in said] == [], said
    assert "=" not in said.partition("mine.csv': ")[2]


def test_a_name_in_quotes_is_no_option(tmp_path: Path) -> None:
    """Columns may be called as options are; what is quoted is the user's."""
    path = written(tmp_path / "mine.csv", "a,dates=3,price\n1,x,3\n2,y,4\n")
    assert "'dates=3' (2 different, such as 'x', 'y')" in refusal(*called("data", path))[1]


def test_a_blank_between_thousands_is_quoted_for_the_shell(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.csv", "a,b,price\n1,2,3\n4,5,6\n")
    code, said = refusal(*called("data", path, "--thousands", "x"))
    assert code == 2
    assert said.startswith("error: --thousands = 'x': give one of ")


@pytest.mark.parametrize("name", ["data", "loo"])
def test_a_file_of_another_country_is_read_as_told(tmp_path: Path, name: str) -> None:
    """Tabs, cp1252, decimal commas and blanks between thousands: the numbers are those of a plain file."""
    rng = np.random.default_rng(5)
    rows = np.round(rng.standard_normal((70, 4)) * 1000, 3)
    plain = written(tmp_path / "plain.csv", "\n".join(["größe,b,c,price", *(",".join(map(str, r)) for r in rows)]))
    cells = [[f"{value:,.3f}".replace(",", " ").replace(".", ",") for value in row] for row in rows]
    text = "\n".join(["größe!b!c!price", *("!".join(row) for row in cells)])
    other = written(tmp_path / "other.csv", text, "cp1252")
    how = ("--delimiter", "!", "--decimal", ",", "--thousands", " ", "--encoding", "cp1252")
    key = {"data": "inputs", "loo": "ridges"}[name]
    assert run_json(*called(name, other, *how))[key] == run_json(*called(name, plain))[key]


@pytest.mark.parametrize("option", ["ignore", "missing", "categories", "dates", "delimiter", "decimal", "encoding"])
def test_options_of_a_file_without_a_file_are_refused(option: str) -> None:
    code, said = refusal("loo", *SMALL, f"--{option}", "drop")
    assert code == 2
    assert f"--{option} = " in said
    assert "it is about your own data; give --data FILE.csv and --target COLUMN" in said


def test_a_parquet_file_has_no_delimiter() -> None:
    code, said = refusal("data", "mine.parquet", "--target", "price", "--delimiter", ";")
    assert (code, said) == (2, "error: --delimiter = ';': a Parquet file has no such thing; leave it out")


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of which not all is used: a row index, gaps, a constant, an empty and a redundant column, a counter."""
    rng = np.random.default_rng(2)
    lines = [",a,b,unit,empty,twice,id,price"]
    for i, (a, b, noise) in enumerate(rng.standard_normal((80, 3)).round(4).tolist()):
        gap = "" if i in (5, 9) else b
        lines.append(f"{i},{a},{gap},7,,{2 * a + 1:.4f},{i},{a + 0.3 * noise:.4f}")
    return written(tmp_path_factory.mktemp("sheet") / "sheet.csv", "\n".join(lines))


@pytest.mark.parametrize("name", ["data", "loo"])
def test_what_was_left_out_is_said(sheet: Path, name: str) -> None:
    done = run(*called(name, sheet, "--missing", "drop"))
    assert done.exit_code == 0, done.output
    for line in (
        "  left out: empty (it has no value), column 1 (it has no name and counts the rows), unit (constant: every val",
        "  no direction of their own, as combinations of other columns: twice\n",
        "  note: 2 of 80 rows left out, with missing values in 'b' 2 (lines 7, 11)\n",
        "  note: column 'id' counts the rows; leave it out with --ignore if it is a label\n",
    ):
        assert line in done.stdout
    assert ("78 of 80 rows, 31 for the fit" in done.stdout) == (name == "data")


@pytest.mark.parametrize("name", ["data", "loo"])
def test_json_has_what_was_used_and_what_was_not(sheet: Path, name: str) -> None:
    found = run_json(*called(name, sheet, "--missing", "drop"))
    assert (found["rows_read"], found["rows_used"], found["target"]) == (80, 78, "price")
    assert found["columns_used"] == ["a", "b", "twice", "id"]
    assert set(found["columns_dropped"]) == {"column 1", "unit", "empty"}
    assert found["columns_that_add_no_direction"] == ["twice"]
    assert (found["directions_used"], found["directions_of_the_data"]) == (3, 3)
    assert len(found["notes"]) == 2


def test_directions_that_are_cut_are_said_with_their_variance(tmp_path: Path) -> None:
    rows = np.random.default_rng(4).standard_normal((230, 206))
    path = tmp_path / "wide.csv"
    head = ",".join([*(f"x{k}" for k in range(205)), "price"])
    np.savetxt(path, rows, delimiter=",", header=head, comments="", fmt="%.4f")
    options = ("data", path, "--target", "price", "--n-samples", 20, "--width", 10, "--networks", 2)
    found = run_json(*options)
    assert (found["directions_used"], found["directions_of_the_data"]) == (200, 205)
    share = found["variance_in_the_directions_used"]
    assert 0.98 < share < 1
    said = run(*options).stdout
    assert f"whitened along the leading 200 of 205 directions, with {share:.1%} of the variance" in said
