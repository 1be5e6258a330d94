"""What README.md says is so: its lines of Python print its numbers, its commands and exit codes exist."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from polyspike import Problem
from polyspike.cli.app import COMMANDS, EXIT_CODES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d+\.\d+")


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_lines_of_python_print_what_is_shown() -> None:
    code, shown = block("python"), block("text")
    assert len([line for line in code.splitlines() if line]) == 6
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})
    printed = out.getvalue()
    assert NUMBER.sub("", printed) == NUMBER.sub("", shown)
    ours, theirs = ([float(x) for x in NUMBER.findall(text)] for text in (printed, shown))
    # One unit in the last digit: another order of summation may round a number the other way.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1.5e-3)


def test_every_command_that_is_shown_exists() -> None:
    shown = [shlex.split(line, comments=True) for line in README.splitlines() if line.startswith("    polyspike ")]
    assert sorted({words[1] for words in shown}) == sorted(COMMANDS)


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", README, flags=re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == EXIT_CODES


def test_the_table_of_symbols_names_every_argument() -> None:
    table = README.split("## From the paper's symbols")[1].split("\n##")[0]
    names = re.findall(r"^\| .*? \| `(\w+)` \|", table, flags=re.MULTILINE)
    assert sorted(names) == sorted(Problem(step_exponent=0.2).__dataclass_fields__)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
