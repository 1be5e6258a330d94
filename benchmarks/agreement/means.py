"""Labels with a mean: predictions against networks, and how many of them are trusted.

    python benchmarks/agreement/means.py                         # the table, from the committed means
    python benchmarks/agreement/means.py --simulate means.json   # the networks: about ten minutes

48 problems drawn by a seed before anything of them was simulated or predicted, with means of 0.5 to 4 of either sign,
all readouts, both gradients with d to 20 n samples, and steps up to sqrt(n). What the gradient makes of the initial
output counts here, and that neurons can learn a mean by their lengths.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from corners import Row

from polyspike import Prediction, Problem, predict, replicate

FILE = Path(__file__).with_name("means.json")
N_PROBLEMS, SHUFFLE, BASE_SEED, REPLICATES = 48, 20261129, 77, 24
ACTIVATIONS = ("relu", "softplus", "gelu", "silu", "tanh", "erf", "leaky_relu", "cos")
TEACHERS = ("h1", "-h1", "0.5*h1 + 0.5*h2", "h1 - 0.3*h3", "h1[0] + 0.5*h1[1]*h1[2]", "tanh")


def design() -> list[Problem]:
    """All problems."""
    rng = np.random.default_rng(SHUFFLE)
    return [_problem(rng) for _ in range(N_PROBLEMS)]


def _problem(rng: np.random.Generator) -> Problem:
    activation = str(rng.choice(ACTIVATIONS))
    mean = float(np.round(rng.choice([-1, 1]) * rng.uniform(0.5, 4), 2))
    teacher = f"{rng.choice(TEACHERS)} + {mean}"
    d = int(rng.choice([60, 100, 160]))
    n = int(d * rng.choice([1.5, 3, 5]))
    width = int(n * rng.choice([0.4, 0.8, 2]))
    n_gradient = int(rng.choice([d, n, n, 4 * n, 20 * n]))
    return Problem(
        activation,
        teacher,
        n,
        d,
        width,
        step_exponent=float(rng.uniform(0, 0.5)),
        ridge=float(10 ** rng.uniform(-2, 0.3)),
        noise=float(rng.choice([0.2, 0.5, 1])),
        gradient=str(rng.choice(["full", "full", "target"])),
        readout=str(rng.choice(["gaussian", "rademacher", "constant"])),
        n_gradient=n_gradient,
    )


def simulate(target: Path) -> None:
    """Mean and standard error of the test error and the train loss of every problem."""
    found = []
    for k, problem in enumerate(design()):
        runs = replicate(problem, replicates=REPLICATES, seed=(BASE_SEED, k))
        found.append([x for one in (runs.test_error, runs.train_loss) for x in (one.mean, one.standard_error)])
        target.write_text(json.dumps(found, indent=1))


def compared(found: list[Any]) -> list[Row]:
    """One row for each problem."""
    rows = []
    for k, (problem, (mean, error, _, _)) in enumerate(zip(design(), found, strict=True)):
        answer = predict([problem])[0]
        assert isinstance(answer, Prediction)
        estimate = (answer.error_estimate or 0.0) * answer.test_error / mean
        rows.append(Row(k, answer.test_error / mean - 1, error / mean, estimate, bool(answer.trusted)))
    return rows


def summary(rows: list[Row]) -> str:
    """Shares of trusted and of covered predictions, and what is off."""
    trusted = [row for row in rows if row.trusted]
    off = [
        f"{r.problem} ({r.deviation:+.1%} ± {r.error:.1%}, estimate {r.estimate:.1%})" for r in trusted if not r.within
    ]
    share = f"{len(trusted)} trusted, {len(trusted) - len(off)} of these within their estimate and two standard errors"
    mean = np.mean([r.deviation for r in trusted])
    return f"{len(rows)} problems, {share}; mean deviation {mean:+.2%}.\nNot within: {', '.join(off) or 'none'}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulate", type=Path, help="simulate, and write the means to this file")
    arguments = parser.parse_args()
    if arguments.simulate:
        simulate(arguments.simulate)
    else:
        print(summary(compared(json.loads(FILE.read_text()))))


if __name__ == "__main__":
    main()
