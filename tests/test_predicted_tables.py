"""The predicted numbers in tables of the pages are those of today's theory."""

import re
from pathlib import Path

import pytest

import polyspike as ps
from benchmark_scripts import script

DOCS = Path(__file__).parents[1] / "docs"
LAST_DIGIT = 1.01e-3
"""Three decimals are shown; one unit more or less, as another order of summation may round the other way."""


def rows_below(page: str, header: str) -> list[list[str]]:
    """The cells of the one table of a page whose first line begins so, header and rule left out."""
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text.count(f"\n{header}") == 1
    table = text[text.index(f"\n{header}") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def first_number(cell: str) -> float:
    return float(re.split(r"[;±]", cell)[0])


def prediction(problem: ps.Problem) -> ps.Prediction:
    found = ps.predict(problem)
    assert isinstance(found, ps.Prediction)
    return found


LEANING = ps.Problem("relu", "h1 + 0.5*h2", 800, 200, 400, step_exponent=0.3, n_gradient=4000)


@pytest.mark.parametrize("row", rows_below("inputs.md", "| inputs | step |"), ids=lambda row: f"{row[0]} {row[1]}")
def test_steps_on_covariances(row: list[str]) -> None:
    inputs, step, cosine, biased, error = row
    rho = None if step == "plain" else float(step.strip("$").removeprefix(r"\rho="))
    expected = prediction(LEANING.replace(inputs=inputs.strip("`"), precondition=rho))
    assert first_number(cosine) == pytest.approx(expected.cosine, abs=LAST_DIGIT)
    assert first_number(error) == pytest.approx(expected.test_error, abs=LAST_DIGIT)
    if expected.biased_cosine is None:
        assert biased == "the same"
    else:
        assert first_number(biased) == pytest.approx(expected.biased_cosine, abs=LAST_DIGIT)


def test_the_budget_of_labels() -> None:
    """Every way at its best step and ridge, by the script that the page names."""
    budget = script("label_budget")
    rows = rows_below("same-data.md", "| samples of the step |")
    assert [tuple(map(int, row[:3])) for row in rows] == [
        (step, fit, step + fit - budget.LABELS) for step, fit, _ in budget.WAYS
    ]
    for row, way in zip(rows, budget.WAYS, strict=True):
        for cell, activation in ((row[3], "tanh"), (row[5], "relu")):
            assert first_number(cell) == pytest.approx(budget.best(activation, *way).test_error, abs=LAST_DIGIT)


def test_what_reuse_costs_tanh() -> None:
    """Of the three problems at a fixed ridge the one whose prediction is shown."""
    text = (DOCS / "same-data.md").read_text(encoding="utf-8")
    shown = re.search(r"higher: predicted ([\d.]+) %, and", text)
    assert shown is not None
    problem = ps.Problem("tanh", "h1", 900, 300, 720, step_exponent=0.3, ridge=0.1, gradient="target")
    same, fresh = prediction(problem.replace(samples="same")), prediction(problem)
    assert float(shown[1]) == pytest.approx(100 * (same.test_error / fresh.test_error - 1), abs=0.1)


def test_a_stale_number_is_found() -> None:
    """The page's old 0.765, for which predict says 0.768 today."""
    expected = prediction(LEANING.replace(inputs="power:0.5", precondition=0.1)).test_error
    assert first_number("0.765; 0.762 ± 0.016") != pytest.approx(expected, abs=LAST_DIGIT)
