"""``polyspike report``: all that is known of one problem, on one page that opens anywhere."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.announce import announced, check_run
from polyspike.cli.options import FILE_ARGUMENT, Json, integer, with_problem
from polyspike.cli.output import check_figure, print_json
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Prediction

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "Examples: polyspike report mine.toml --out mine.html; polyspike report mine.toml --replicates 8 --seed 1; "
    "polyspike report --activation relu --teacher 'h1 + 0.7*h2' --step-exponent 0.3"
)

STEPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Exponents that are simulated beside the problem's own step."""

POINTS = 51
DEGREE = 4


@partial(with_problem, file=FILE_ARGUMENT)
def command(
    problem: Problem,
    out: Annotated[Path, typer.Option(help="The page, a name that ends in .html.")] = Path("report.html"),
    replicates: Annotated[int, integer("Simulated networks at every step; none when 0, else 2 or more.")] = 0,
    seed: Annotated[int, integer("Seed of the first of them.")] = 0,
    n_test: Annotated[int, integer("Fresh test samples of each.")] = 20_000,
    json: Json = False,
) -> None:
    """One HTML page about a problem: errors against the step with the limit, spectrum, spikes, numbers and their trust.

    The page has its figures inside, needs no network and opens anywhere. Everything on it is predicted; with
    --replicates the networks are simulated, too, at seven steps, and stand beside the prediction with their error bars.
    """
    from polyspike.cli.problem_page import Findings, problem_page
    from polyspike.experiments.files import write_whole

    check_figure(out, "out", (".html", ".htm"))
    if replicates < 0 or replicates == 1:
        raise ArgumentError("replicates", replicates, "give 0, or an integer >= 2, else there is no error bar")
    options: dict[str, Any] = {"n_test": n_test}
    check_run(seed, options)
    prediction, curve = _predicted(problem)
    runs, spectrum = _simulated(problem, replicates, seed, options) if replicates else ([], None)
    found = Findings(prediction, curve, runs, spectrum, seed, n_test)
    write_whole(out, lambda temporary: temporary.write_text(problem_page(found), encoding="utf-8"))
    _tell(found, out, json)


def _predicted(problem: Problem) -> tuple[Prediction, list[Any]]:
    """The problem's own prediction, which must be possible, and those along the step, where they are."""
    from polyspike.theory import predict

    own = predict(problem)
    assert isinstance(own, Prediction)
    last = max(0.5, problem.exponent)
    exponents = [last * k / (POINTS - 1) for k in range(POINTS)]
    return own, list(predict([problem.replace(step_size=0.0), *(_at(problem, alpha) for alpha in exponents)]))


def _at(problem: Problem, exponent: float) -> Problem:
    return problem.replace(step_size=float(problem.n_samples) ** exponent)


def _simulated(problem: Problem, replicates: int, seed: int, options: dict[str, Any]) -> tuple[list[Any], Any]:
    """Replications of the problem, first, and at the other steps; and one run with its spectrum."""
    from polyspike.experiments.replicate import Replication
    from polyspike.simulation import simulate

    others = [problem.replace(step_size=0.0), *(_at(problem, alpha) for alpha in STEPS)]
    problems = [problem, *(other for other in others if other.step != problem.step)]
    with announced(problem, options, replicates * len(problems)) as report:
        rounds = []
        for k in range(replicates):
            rounds.append(simulate(problems, seed=(seed, k), **options))
            report((k + 1) / replicates)
    whole: dict[str, Any] = {"n_test": 2, "eigenvalues": "all", "alignment_degree": DEGREE}
    with announced(problem, whole) as report:
        spectrum = simulate(problem, seed=(seed, 0), progress=report, **whole)
    return [Replication.of(column) for column in zip(*rounds)], spectrum


def _tell(found: Any, out: Path, json: bool) -> None:
    names = ("train_loss", "train_error", "test_error", "cosine")
    own = found.prediction
    if json:
        measured = found.runs[0] if found.runs else None
        simulated = None if measured is None else {n: list(getattr(measured, n)) for n in names}
        predicted: dict[str, Any] = {n: getattr(own, n) for n in (*names, "error_estimate", "trusted", "trust_reason")}
        values = {"problem": repr(own.problem), "out": str(out), "predicted": predicted, "simulated": simulated}
        print_json(values)
        return
    print(own.problem)
    print(f"test error {own.test_error:.6g} predicted{_measured(found.runs)}")
    print(f"written: {out}")


def _measured(runs: list[Any]) -> str:
    return f", {runs[0].test_error}".replace("+/-", "±") + f" simulated ({runs[0].replicates} runs)" if runs else ""
