"""docs/performance.md and what makes it: every block is there, and no verdict is typed in."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark_scripts import script

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"


@pytest.fixture
def report() -> Any:
    return script("report")


@pytest.fixture
def tables() -> Any:
    return script("report_tables")


def parsed(tables: Any, block: str) -> list[list[str]]:
    """The rows of the one table of a block, header first."""
    lines = [line for line in block.splitlines() if line.startswith("|")]
    rows = [tables.cells(line) for line in lines]
    assert set(rows[1]) == {"---"}
    return [rows[0], *rows[2:]]


def wrong_verdicts(tables: Any, rows: list[list[str]]) -> list[str]:
    """Rows whose verdict does not follow from the number and the bound beside it."""
    if tuple(rows[0]) != tables.HEADER:
        return []
    wrong = []
    for what, measured, bound, verdict in rows[1:]:
        number = re.match(r"[-+.\de]+", measured)
        if number is None or tables.verdict(float(number[0]), bound) != verdict:
            wrong.append(what)
    return wrong


def test_every_script_is_a_block_of_the_page(report: Any, tables: Any) -> None:
    blocks = report.blocks(PAGE.read_text(encoding="utf-8"))
    assert sorted(blocks) == sorted((report.MACHINE, *report.SCRIPTS))
    for name in report.SCRIPTS:
        assert (ROOT / "benchmarks" / f"{name}.py").exists(), name


def test_the_tables_of_the_page_parse_and_their_verdicts_follow(report: Any, tables: Any) -> None:
    for name, block in report.blocks(PAGE.read_text(encoding="utf-8")).items():
        if "|" not in block:  # a script that could not run here says why in words
            assert block.strip(), name
            continue
        rows = parsed(tables, block)
        assert len({len(row) for row in rows}) == 1, name
        assert wrong_verdicts(tables, rows) == [], name


def test_the_bounds_of_the_issue_are_judged(report: Any, tables: Any) -> None:
    blocks = report.blocks(PAGE.read_text(encoding="utf-8"))
    bounds = {name: [row[2] for row in parsed(tables, blocks[name])[1:]] for name in ("sweep", "outliers", "streaming")}
    assert {">= 25", "<= 1.25"} <= set(bounds["sweep"])
    assert {">= 10", "<= 1e-8"} <= set(bounds["outliers"])
    assert {">= 70 %", "<= 1.5 GB"} <= set(bounds["streaming"])


@pytest.mark.parametrize(
    ("measured", "bound", "verdict"),
    [(26, ">= 25", "reached"), (24.9, ">= 25", "not reached"), (1.3, "<= 1.25", "not reached"), (1, "", "")],
)
def test_a_verdict_is_computed(tables: Any, measured: float, bound: str, verdict: str) -> None:
    assert tables.verdict(measured, bound) == verdict


def test_a_verdict_is_of_the_number_as_printed(tables: Any) -> None:
    assert tables.judged("a", 24.96, ">= 25", digits=2) == ("a", "25", ">= 25", "reached")
    assert tables.judged("a", 12345.6, unit="s")[1] == "12346 s"


def test_a_typed_verdict_is_found(tables: Any) -> None:
    text = tables.table(tables.HEADER, [("a", "24 s", ">= 25", "reached"), ("b", "24 s", ">= 25", "not reached")])
    assert wrong_verdicts(tables, parsed(tables, text)) == ["a"]


def test_a_bound_without_a_relation_is_refused(tables: Any) -> None:
    with pytest.raises(ValueError, match="begin with"):
        tables.verdict(1.0, "25 at least")


def test_cells_survive_a_bar(tables: Any) -> None:
    assert tables.cells(tables.row(["a|b", "", "c"])) == ["a|b", "", "c"]


def test_a_block_is_replaced_and_the_words_stay(report: Any) -> None:
    page = "before\n<!-- begin: a -->\nold\n<!-- end: a -->\nafter\n<!-- begin: b -->\nkept\n<!-- end: b -->\n"
    new = report.replaced(page, "a", r"new \1")
    assert report.blocks(new) == {"a": "new \\1\n", "b": "kept\n"}
    assert new.startswith("before\n")
    assert "\nafter\n" in new
    with pytest.raises(ValueError, match="one block 'c'"):
        report.replaced(page, "c", "new")


def test_a_script_that_fails_leaves_its_block_and_the_others_are_written(
    report: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str, arguments: list[str]) -> str:
        if name == "sweep":
            raise subprocess.CalledProcessError(1, name)
        return f"{name} {arguments}"

    page = tmp_path / "page.md"
    page.write_text("<!-- begin: sweep -->\nold\n<!-- end: sweep -->\n<!-- begin: gpu -->\nold\n<!-- end: gpu -->\n")
    monkeypatch.setattr(report, "run", run)
    monkeypatch.setattr(sys, "argv", ["report.py", "--only", "sweep", "gpu", "--page", str(page), "--", "--n", "9"])
    with pytest.raises(SystemExit, match=r"left as they were: sweep \(1\)"):
        report.main()
    assert report.blocks(page.read_text()) == {"sweep": "old\n", "gpu": "gpu ['--n', '9']\n"}


def test_the_machine_is_named_and_nothing_more(report: Any) -> None:
    table = report.machine()
    for word in ("date", "cores", "BLAS", "NumPy", "SciPy"):
        assert word in table
    assert str(Path.home()) not in table


def test_an_exponent_is_found_with_its_error() -> None:
    scaling = script("scaling")
    slope, error = scaling.exponent([1, 2, 4, 8], [3.0, 24.0, 192.0, 1536.0])
    assert slope == pytest.approx(3.0)
    assert error == pytest.approx(0.0, abs=1e-7)
    slope, error = scaling.exponent([1, 2, 4, 8], [1.0, 2.2, 3.9, 8.3])
    assert 0 < error < 0.1
    assert abs(slope - 1) < 3 * error


SMALL = {
    "outliers": ["--n", "200", "--repeats", "1"],
    "simulation": ["--n", "60", "--n-test", "100", "--repeats", "1"],
    "sweep": ["--n", "60", "--n-test", "100", "--replicates", "2", "--repeats", "1", "--direct-points", "2"],
    "streaming": ["--n", "5000", "--width", "50", "--d", "20"],
    "scaling": ["--largest", "1000", "--repeats", "1"],
}


@pytest.mark.parametrize(
    "name", [name if name == "outliers" else pytest.param(name, marks=pytest.mark.slow) for name in SMALL]
)
def test_a_script_prints_one_table_of_small_sizes(name: str, tables: Any, tmp_path: Path) -> None:
    arguments = [*SMALL[name], *(["--out", str(tmp_path)] if name == "scaling" else [])]
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    rows = parsed(tables, done.stdout)
    assert len(rows) > 2
    assert len({len(row) for row in rows}) == 1
    assert wrong_verdicts(tables, rows) == []
    if name == "scaling":
        assert (tmp_path / "scaling.png").stat().st_size > 0


@pytest.fixture
def left_out() -> Any:
    return script("leave_one_out")


def test_the_table_of_leave_one_out_is_that_of_its_script(left_out: Any, tables: Any) -> None:
    """Every case has a row, and the misses are those that its numbers make."""
    text = (ROOT / "benchmarks" / "leave_one_out.md").read_text(encoding="utf-8")
    rows = [tables.cells(line) for line in text.splitlines() if line.startswith("| ")]
    names = [name for name, _ in left_out.cases()]
    assert {row[0] for row in rows} >= {*names, *left_out.gaussian()}
    by_name = {row[0]: row for row in rows if len(row) == 7}
    for name in names:
        regrets, claims = ([float(cell.split()[0]) for cell in by_name[name][k : k + 3]] for k in (1, 4))
        chosen_worse = regrets[0] > min(regrets[1:]) + 0.5 or regrets[0] > 100 * left_out.MISSED_REGRET
        assert chosen_worse is (f"{name}: " in text)
        assert abs(claims[0]) < 100 * left_out.MISSED_CLAIM + 1


def test_a_case_is_judged_by_its_own_test_error(left_out: Any) -> None:
    ridges = left_out.RIDGES[::5]
    problem = left_out.gaussian()["sin(2z), target, n^0.3"].replace(n_samples=100, input_dim=30, width=80)
    case = left_out.drawn(problem, 0, ridges)
    found = left_out.judged(case)
    test = [run.test_error for run in case.tested]
    best = min(range(len(ridges)), key=lambda k: case.estimated[k].test_error)
    assert found[0] == pytest.approx(test[best] / min(test) - 1)
    assert found[1] == pytest.approx(case.estimated[best].test_error / test[best] - 1)
    assert found[3] < -0.3
