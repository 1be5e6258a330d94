"""The house style that a machine can hold: short functions, short files."""

import ast
import statistics
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "polyspike"
FILES = sorted(SOURCE.rglob("*.py"))

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400
MAX_MEDIAN_LINES = 10

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: str) -> list[Function]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, Function)]


def body_lines(function: Function) -> int:
    """Lines from ``def`` to the end, without decorators and docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        total -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return total


def too_long(source: str) -> list[str]:
    return [f"{f.name} ({body_lines(f)})" for f in functions(source) if body_lines(f) > MAX_FUNCTION_LINES]


def test_the_source_was_found() -> None:
    assert len(FILES) > 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_and_functions_are_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    n_lines = len(source.splitlines())
    assert n_lines <= MAX_FILE_LINES, f"{path.name} has {n_lines} lines"
    assert not too_long(source), f"functions over {MAX_FUNCTION_LINES} lines: {too_long(source)}"


def test_the_median_function_is_under_ten_lines() -> None:
    lengths = [body_lines(f) for path in FILES for f in functions(path.read_text(encoding="utf-8"))]
    median = statistics.median(lengths)
    print(f"{len(lengths)} functions, median {median} lines, longest {max(lengths)}")
    assert median < MAX_MEDIAN_LINES


def test_a_long_function_is_found_and_its_docstring_is_free() -> None:
    docstring = '    """' + "word\n" * 80 + '    """\n'
    long_body = "    x = 0\n" * MAX_FUNCTION_LINES
    assert too_long("def short():\n" + docstring + "    return 1\n") == []
    assert too_long("def long():\n" + docstring + long_body) == [f"long ({MAX_FUNCTION_LINES + 1})"]
    assert too_long("class A:\n    def f(self):\n" + "        x = 0\n" * 61) == ["f (62)"]
