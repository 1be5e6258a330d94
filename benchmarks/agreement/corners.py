"""Problems in the corners of what is studied: predictions against networks, and how many of them are trusted.

    python benchmarks/agreement/corners.py                          # the table, from the committed means
    python benchmarks/agreement/corners.py --simulate corners.json  # the networks: about half an hour on two cores

The design was fixed by its seed before anything of it was simulated or predicted: few dimensions, few samples of the
gradient, every readout at large steps, teachers without a linear part, falling and kinked ones, labels without noise,
vanishing ridges. Every level of a factor comes equally often, in an order that the seed shuffles. A trusted prediction
is *within* when the test error after the step is within its ``error_estimate`` and two standard errors. Even numbers
are those on which the constants of the estimate were set; odd ones had no part in that.
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from polyspike import Prediction, Problem, predict

FILE = Path(__file__).with_name("corners.json")
N_PROBLEMS, SHUFFLE, BASE_SEED, REPLICATES = 160, 20261128, 17, 24
FACTORS: dict[str, tuple[Any, ...]] = {
    "n_samples": (300, 500, 800, 1000),
    "samples_per_neuron": (0.3, 0.6, 1.25, 2.0, 4.0),
    "inputs_per_sample": (0.08, 0.15, 0.3, 0.6, 1.5),
    "samples_of_gradient": (10, 40, 0.3, 1.0, 1.0, 1.0, 5.0, 30.0),
    "activation": ("relu", "tanh", "erf", "gelu", "softplus", "silu"),
    "teacher": (
        *("h1", "-h1 - 0.5*h3", "h1 + 0.5*h2", "h2 - 0.5*h1", "h2", "0.3*h1 + h2"),
        *("h1 + 0.5*h2 + 0.3*h3", "relu", "tanh", "-0.5*h1 - 0.4*h2"),
    ),
    "step": (0.0, 0.2, 0.3, 0.4, 0.5, 0.5, 2.0),
    "ridge": (1e-5, 1e-3, 1e-2, 1e-1, 1.0),
    "noise": (0.0, 0.3, 0.5, 1.0),
    "gradient": ("full", "target"),
    "readout": ("gaussian", "gaussian", "rademacher", "constant"),
}
LEAST_DIM = 30


def design() -> list[Problem]:
    """All problems; a step of 2 stands for 2 sqrt(n), the others are exponents."""
    rng = np.random.default_rng(SHUFFLE)
    columns = {name: rng.permutation(np.resize(np.arange(len(v)), N_PROBLEMS)) for name, v in FACTORS.items()}
    return [_problem({name: FACTORS[name][columns[name][row]] for name in FACTORS}) for row in range(N_PROBLEMS)]


def _problem(levels: dict[str, Any]) -> Problem:
    n, share, step = levels["n_samples"], levels["samples_of_gradient"], levels["step"]
    size = 2 * n**0.5 if step > 1 else n**step
    same = {name: levels[name] for name in ("activation", "teacher", "ridge", "noise", "gradient", "readout")}
    return Problem(
        n_samples=n,
        input_dim=max(LEAST_DIM, round(levels["inputs_per_sample"] * n)),
        width=round(n / levels["samples_per_neuron"]),
        n_gradient=int(share) if isinstance(share, int) else max(2, round(share * n)),
        step_size=size,
        **same,
    )


def simulate(target: Path, part: int, parts: int) -> None:
    """Mean and standard error of train loss, train error and test error after the step, for each of some problems."""
    from replicate import replicate_group

    found: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    for index, problem in enumerate(design()):
        if index % parts != part or str(index) in found:
            continue
        rows = [replicate_group({0: problem}, (BASE_SEED, k))[0]["after"][:3] for k in range(REPLICATES)]
        values = np.array(rows)
        error = values.std(axis=0, ddof=1) / REPLICATES**0.5
        found[str(index)] = {"mean": values.mean(axis=0).tolist(), "error": error.tolist()}
        target.write_text(json.dumps(found, indent=1))


class Row(NamedTuple):
    """Of a problem the deviation of the predicted test error, its standard error and the estimate, relative."""

    problem: int
    deviation: float
    error: float
    estimate: float
    trusted: bool

    @property
    def within(self) -> bool:
        """Whether the measurement is within the estimate and two standard errors."""
        return abs(self.deviation) <= self.estimate + 2 * self.error


def compared(found: dict[str, Any]) -> tuple[list[Row], int]:
    """One row for each problem that was simulated and predicted, and how many predictions were refused."""
    rows, refused, problems = [], 0, design()
    for key in sorted(found, key=int):
        answer = predict([problems[int(key)]])[0]
        if not isinstance(answer, Prediction) or answer.error_estimate is None:
            refused += 1
            continue
        mean, error = found[key]["mean"][2], found[key]["error"][2]
        estimate = answer.error_estimate * answer.test_error / mean
        rows.append(Row(int(key), answer.test_error / mean - 1, error / mean, estimate, bool(answer.trusted)))
    return rows, refused


def summary(rows: list[Row], refused: int) -> str:
    """Shares of trusted and of covered predictions, for both halves and together."""
    lines = [
        "| problems | predicted | trusted | trusted and within | median estimate of the trusted |",
        "|---|---|---|---|---|",
    ]
    for name, some in (("even", [r for r in rows if r.problem % 2 == 0]), ("odd", [r for r in rows if r.problem % 2])):
        trusted = [r for r in some if r.trusted]
        within = sum(r.within for r in trusted)
        median = float(np.median([r.estimate for r in trusted]))
        share = f"{len(trusted)} ({len(trusted) / len(some):.0%})"
        lines.append(f"| {name} | {len(some)} | {share} | {within} ({within / len(trusted):.0%}) | {median:.1%} |")
    off = [
        f"{r.problem} ({r.deviation:+.1%} ± {r.error:.1%}, estimate {r.estimate:.1%})"
        for r in rows
        if r.trusted and not r.within
    ]
    return "\n".join([*lines, "", f"Refused: {refused}. Trusted and not within: {', '.join(off) or 'none'}."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulate", type=Path, help="simulate, and write the means to this file")
    parser.add_argument("--part", type=int, default=0, help="which of --parts to simulate")
    parser.add_argument("--parts", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.simulate:
        simulate(arguments.simulate, arguments.part, arguments.parts)
    else:
        print(summary(*compared(json.loads(FILE.read_text()))))


if __name__ == "__main__":
    main()
