"""The examples on the pages of the documentation run, and print what they say."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import polyspike as ps
from polyspike.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if ">>> " in page.read_text(encoding="utf-8")]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def failures(text: str, name: str) -> tuple[int, int]:
    """How many examples of a page fail, and how many there are; a page's blocks share their names."""
    example = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    found = doctest.DocTestRunner(optionflags=FLAGS).run(example)
    return found.failed, found.attempted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    failed, attempted = failures(page.read_text(encoding="utf-8"), page.name)
    assert attempted > 0
    assert failed == 0


def test_pages_with_examples_were_found() -> None:
    found = {page.stem for page in PAGES}
    assert found >= {"index", "start", "tutorial", "howto", "which-method", "troubleshooting", "special-cases"}


# What a reader meets first has examples that run, and nothing else that looks like Python.
@pytest.mark.parametrize(
    "name", ["index", "start", "tutorial", "howto", "which-method", "troubleshooting", "contributing"]
)
def test_no_python_stands_outside_the_examples(name: str) -> None:
    assert "```python" not in (DOCS / f"{name}.md").read_text(encoding="utf-8")


BLOCKS = [
    block for page in DOCS.glob("*.md") for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
]
COMMAND_LINES = sorted({line for block in BLOCKS for line in block.splitlines() if line.startswith("polyspike ")})


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_line_can_be_parsed(line: str) -> None:
    """Commands, options and their values are read as they would be; nothing runs."""
    name, *arguments = shlex.split(line, comments=True)[1:]
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.make_context(name, arguments).params


def test_every_public_name_is_in_the_table_of_the_reference() -> None:
    table = (DOCS / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"<polyspike\.(\w+)>", table)
    assert sorted(listed) == sorted(set(ps.__all__) - {"__version__"})


def test_no_asterisk_of_a_teacher_is_markup() -> None:
    """In the table of agreement, where each pair of them would be eaten."""
    table = (ROOT / "benchmarks" / "agreement" / "table.md").read_text(encoding="utf-8")
    assert "`h1 + 0.7*h2`" in table
    bare = re.sub(r"`[^`]*`|\*\*", "", table)
    assert "*" not in bare


def test_a_wrong_number_fails() -> None:
    assert failures("```pycon\n>>> 1 + 1\n3\n\n```\n", "wrong") == (1, 1)
