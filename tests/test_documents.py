"""The examples on the pages of the documentation run, and print what they say."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if ">>> " in page.read_text(encoding="utf-8")]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def failures(text: str, name: str) -> tuple[int, int]:
    """How many examples of a page fail, and how many there are; a page's blocks share their names."""
    example = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    found = doctest.DocTestRunner(optionflags=FLAGS).run(example)
    return found.failed, found.attempted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page(page: Path) -> None:
    failed, attempted = failures(page.read_text(encoding="utf-8"), page.name)
    assert attempted > 0
    assert failed == 0


def test_pages_with_examples_were_found() -> None:
    assert "special-cases.md" in {page.name for page in PAGES}


def test_a_wrong_number_fails() -> None:
    assert failures("```pycon\n>>> 1 + 1\n3\n\n```\n", "wrong") == (1, 1)
