"""Every labelled equation of the theories is cited where it is computed, and every citation exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMES = ("finite-size", "corrections", "numerics", "same-data", "data", "inputs")
PAGES = [ROOT / "docs" / f"theory-{name}.md" for name in NAMES]
THEORY = ROOT / "src" / "polyspike" / "theory" / "finite_size"
# The table of sections in the package's docstring is a map; a citation stands with what computes the equation.
ROOMS = [THEORY, *(THEORY.parent / name for name in ("same_samples", "on_data", "covariance", "limits"))]
FILES = [path for room in ROOMS for path in sorted(room.rglob("*.py")) if path != THEORY / "__init__.py"]
LABEL = r"eq(?:-[a-z]+)+"

DERIVATION_ONLY = {
    "eq-gradient": "the expansion of the gradient that defines beta, M and the noise; their laws are computed",
    "eq-cubic-part": "the split of the cubic noise that defines the move of eq-cubic",
    "eq-equivalent": "the expansion of a feature that defines A1 and A2; eq-averages computes them",
    "eq-neurons": "a step on the way to eq-fixed: a neuron left out",
    "eq-schur": "a step on the way to eq-fixed: a sample left out",
    "eq-forms": "the forms without finite dimension, which eq-joint and eq-mean-norm contain",
    "eq-weights-form": "the covariance of a weight with the gradient's matrices, whose samples eq-vertex takes",
    "eq-linearised": "the same with the samples in it linearly, on the way to eq-layer and eq-effective",
    "eq-windows": "the limit of many samples, compared with the windows by tests/agreement/test_window_limit.py",
    "eq-second-threshold": "where a limit puts an onset that the prediction has at every size",
    "eq-same-move": "defines t and h; the laws of what they are in are computed",
    "eq-same-mean": "an identity of the bulk's mean, held by tests/theory/same_samples/spectrum/test_outliers.py",
    "eq-same-strong": "the limit of a strong outlier, held by the same tests",
    "eq-second-step": "where a limit puts an onset that the prediction has at every size",
}
"""Equations that no function computes, and why."""


def derivation() -> str:
    """The pages of the theory, one behind the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in PAGES)


def labels(page: str) -> list[str]:
    """The labels of the equations of a text."""
    return re.findall(rf"^\s*\$\$ \(({LABEL})\)$", page, flags=re.MULTILINE)


def citations(source: str) -> set[str]:
    """The labels in the docstrings of a module, its classes and its functions."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    documented = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return {label for node in documented for label in re.findall(LABEL, ast.get_docstring(node) or "")}


def all_citations() -> dict[str, set[str]]:
    """The files in whose docstrings every label is cited."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        for label in citations(path.read_text(encoding="utf-8")):
            found.setdefault(label, set()).add(path.name)
    return found


def test_every_equation_is_cited_or_belongs_to_the_derivation_only() -> None:
    known, cited = labels(derivation()), set(all_citations())
    assert len(known) > 50
    assert [label for label in known if label not in cited | set(DERIVATION_ONLY)] == []


def test_what_belongs_to_the_derivation_only_is_cited_nowhere() -> None:
    known, cited = labels(derivation()), all_citations()
    assert set(DERIVATION_ONLY) <= set(known)
    assert {label: cited[label] for label in DERIVATION_ONLY if label in cited} == {}


def test_every_cited_equation_exists_once() -> None:
    known = labels(derivation())
    assert len(known) == len(set(known))
    assert {label: files for label, files in all_citations().items() if label not in known} == {}


def test_every_reference_in_the_pages_and_in_the_map_exists() -> None:
    known = set(labels(derivation()))
    pages = [path for path in (ROOT / "docs").glob("*.md") if path.name != "changelog.md"]
    referred = {
        label for path in pages for label in re.findall(rf"{{eq}}`({LABEL})`", path.read_text(encoding="utf-8"))
    }
    mapped = set(re.findall(LABEL, (THEORY / "__init__.py").read_text(encoding="utf-8")))
    assert len(referred) > 10
    assert sorted((referred | mapped) - known) == []


def test_labels_and_citations_are_found() -> None:
    assert labels("$$\nx = 1\n$$ (eq-one)\n\n  $$\n  y\n  $$ (eq-two-parts)\n$$ not this (eq-three)") == [
        "eq-one",
        "eq-two-parts",
    ]
    source = '"""A module (eq-a)."""\nx = "eq-b"\n# eq-c\n\n\ndef f():\n    """``f`` (eq-d-e, eq-f)."""\n'
    assert citations(source) == {"eq-a", "eq-d-e", "eq-f"}
