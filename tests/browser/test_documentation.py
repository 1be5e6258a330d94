"""Every built page of the documentation in a browser: formulas are whole, and nothing comes from outside.

`make test` builds the pages before it runs the tests; where they are not built, this test is skipped and says so.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from browser.conftest import OpenPage, Watched

BUILT = Path(__file__).parents[2] / "docs" / "_build" / "html"
NOT_BUILT = "the documentation is not built: make docs"
WIDE, NARROW = 1280, 390

# What is wrong on a page, in words. Formulas and tables may scroll by themselves on a narrow screen.
FORMULAS = """() => [
  ...[...document.querySelectorAll('.math.notranslate')].filter(m => !m.querySelector('.katex'))
    .map(m => 'not rendered: ' + m.textContent.slice(0, 60)),
  ...[...document.querySelectorAll('.katex-error')].map(e => 'error: ' + e.title),
  ...[...document.querySelectorAll('span.math')].filter(m => /^[.,;:]/.test((m.nextSibling || {}).data || ''))
    .map(m => 'a line may begin with what follows ' + m.querySelector('annotation').textContent),
  ...(document.querySelector('.math.notranslate') && !document.documentElement.dataset.formulas
    ? ['the formulas were not reached'] : []),
]"""
CUT_OFF = """() => [...document.querySelectorAll('.formula')].filter(f => f.scrollWidth > f.clientWidth + 1)
  .map(f => `${f.scrollWidth - f.clientWidth} px cut off: ` + f.querySelector('annotation').textContent.slice(0, 60))"""
SCROLLS = """() => [document.documentElement, document.querySelector('.bd-article-container')]
  .filter(e => e && e.scrollWidth > e.clientWidth + 1)
  .map(e => `${e.tagName} scrolls sideways by ${e.scrollWidth - e.clientWidth} px`)"""
CLIPPED = """() => [...document.querySelectorAll('h1, h2, h3, h4')].filter(h => h.scrollWidth > h.clientWidth + 1)
  .map(h => 'clipped heading: ' + h.textContent)"""


def faults(opened: "Watched", path: Path) -> Iterator[str]:
    """What is wrong with a page: on a wide screen, then on a narrow one."""
    page = opened.page
    page.set_viewport_size({"width": WIDE, "height": 900})
    page.goto(path.as_uri())
    page.evaluate("document.fonts.ready")
    yield from (f"console: {error}" for error in opened.errors)
    yield from (f"asks for {address}" for address in opened.outside)
    yield from page.evaluate(FORMULAS)
    yield from page.evaluate(CUT_OFF)
    yield from page.evaluate(SCROLLS)
    yield from narrow_faults(page)
    opened.errors.clear()
    opened.outside.clear()


def narrow_faults(page: "Page") -> Iterator[str]:
    """What is wrong with the page that is open, on a telephone."""
    page.set_viewport_size({"width": NARROW, "height": 800})
    yield from (f"narrow: {fault}" for fault in page.evaluate(SCROLLS) + page.evaluate(CLIPPED))


@pytest.mark.parametrize("share", [40, pytest.param(1, marks=pytest.mark.slow)])
def test_every_page(open_page: "OpenPage", share: int) -> None:
    """All pages, but of the reference, whose pages are alike, one in ``share``."""
    built = [path for path in sorted(BUILT.rglob("*.html")) if "_static" not in path.parts]
    reference = [path for path in built if "generated" in path.parts]
    pages = [path for path in built if path not in reference] + reference[::share]
    if not pages:
        pytest.skip(NOT_BUILT)
    opened = open_page("about:blank")
    found = {str(path.relative_to(BUILT)): list(faults(opened, path)) for path in pages}
    wrong = [f"{name}: {fault}" for name, faulty in found.items() for fault in faulty]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (r'<div class="math notranslate">\[\frac{1}{\]</div>', "error: "),
        (r'<div class="math notranslate">\[' + "x+" * 200 + r"y\]</div>", "px cut off: "),
        ('<div style="width: 600px">wide</div>', "narrow: HTML scrolls sideways"),
        ('<h1 style="width: 100px">polyspike.simulation.equivalence</h1>', "narrow: clipped heading"),
        ('<script src="https://example.org/x.js"></script>', "asks for https://example.org/x.js"),
    ],
)
def test_a_fault_is_found(open_page: "OpenPage", tmp_path: Path, body: str, fault: str) -> None:
    static = (Path(__file__).parents[2] / "docs" / "_static").as_uri()
    path = tmp_path / "page.html"
    path.write_text(
        f'<!doctype html><link rel="stylesheet" href="{static}/katex/katex.min.css"><body>{body}'
        f'<style>.formula {{ overflow: auto }}</style><script src="{static}/katex/katex.min.js"></script>'
        f'<script src="{static}/formulas.js"></script>',
        encoding="utf-8",
    )
    found = list(faults(open_page("about:blank"), path))
    assert any(fault in text for text in found), found
