"""``polyspike predict``: what the theory says of a problem."""

from typing import Annotated, Any

import typer

from polyspike.cli.announce import predictions_announced
from polyspike.cli.options import Json, integer, with_problem
from polyspike.cli.output import print_json, print_lines, spectrum_values
from polyspike.cli.values import complete_from
from polyspike.errors import ArgumentError, NumericalError
from polyspike.problem import Problem
from polyspike.results import EdgePrediction, Prediction

__all__ = ["EXAMPLES", "command", "report"]

EXAMPLES = (
    "Examples: polyspike predict --activation relu --teacher 'h1 + 0.7*h2' --step-exponent 0.3; "
    "polyspike predict --problem mine.toml --method window --json"
)

NAMES = ("finite-size", "crossing", "window", "window-published")

METHODS = (
    "finite-size: this size, any step. window: the limit inside a window of steps. crossing: the limit across the edge "
    "of one. window-published: the limit as printed in the paper."
)


@with_problem
def command(
    problem: Problem,
    method: Annotated[str, typer.Option(help=METHODS, autocompletion=complete_from(*NAMES))] = "finite-size",
    window: Annotated[int | None, integer("Of a limit; the one in which the step lies if absent.")] = None,
    json: Json = False,
) -> None:
    """Train loss, train and test error that the theory predicts, without any simulation.

    On an edge between two windows the limit theory jumps: both sides are shown, and the limit exactly on the edge.
    """
    from polyspike.theory import predict

    with predictions_announced():
        answers = report(predict(problem, method=method, window=window))
    if json:
        print_json({"problem": repr(problem), **answers})
        return
    print(problem)
    for name, values in answers.items():
        print(f"\n{name}")
        shown = values | {"outliers": [_in_words(spike) for spike in values.get("outliers", [])]}
        print_lines({k: v for k, v in shown.items() if v not in (None, [], "")})


def _in_words(spike: dict[str, Any]) -> str:
    """A spike with the degrees of which it holds a hundredth."""
    profile = (f"h{k} {share:.3f}" for k, share in enumerate(spike["overlaps"]) if share >= 0.01)
    return f"{spike['location']:.5g} ({', '.join(profile)})"


def report(result: Prediction | EdgePrediction) -> dict[str, dict[str, Any]]:
    """The numbers of a prediction, or of an edge and both its neighbours."""
    if isinstance(result, EdgePrediction):
        on = {} if result.crossing is None else {"on the edge": _values(result.crossing)}
        return {"below the edge": _values(result.below), **on, "above the edge": _values(result.above)}
    return {"prediction": _values(result)}


def _values(result: Prediction) -> dict[str, Any]:
    return {
        "method": result.method,
        "regime": result.regime,
        "window": result.window,
        "train_loss": result.train_loss,
        "train_error": result.train_error,
        "test_error": result.test_error,
        "cosine": result.cosine,
        **({} if result.biased_cosine is None else {"biased_cosine": result.biased_cosine}),
        "spike_strength": result.spike_strength,
        "linear_error": result.linear_error,
        "null_error": result.null_error,
        "error_estimate": result.error_estimate,
        "trusted": result.trusted,
        "trust_reason": result.trust_reason,
        "notes": list(result.notes),
        **_spectrum(result),
    }


def _spectrum(result: Prediction) -> dict[str, Any]:
    """Edges and spikes; why there are none where the theory has none."""
    if result.spectrum_source is None:
        return {}
    try:
        # With a covariance the means take several times as long as the spectrum: `polyspike spectrum` has them.
        found = spectrum_values(result.spectrum, averaged=result.problem.inputs.is_isotropic)
    except NumericalError as failure:
        return {"spectrum": f"not predicted: {failure.message}"}
    except ArgumentError as refusal:
        return {"spectrum": f"not predicted: {refusal.remedy}"}
    worth = {f"spectrum_{name}": found[name] for name in ("error_estimate", "trusted", "trust_reason")}
    named = {"bulk": found["edges"], "zeros": found["atom"], "outliers": found["spikes"], "inside": found["inside"]}
    return named | worth
