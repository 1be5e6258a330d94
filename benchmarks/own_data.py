"""What a prediction on a user's own rows costs: ``python benchmarks/own_data.py``.

A curve of twelve steps with eight ridges on 1,000 rows of digits at width 600, on the clock with all cores and in
processor seconds of one thread, for both forms of the gradient; and one step at one ridge beside one network of the
same sizes (its step, its fit and its test errors), each in turn.
"""

import argparse
import sys
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from report_tables import HEADER, judged, ratio, sampled, table
from threadpoolctl import threadpool_limits

import polyspike as ps
from polyspike.data import load, rescale

ROWS, GRADIENT_ROWS, WIDTH = 1000, 398, 600
EXPONENTS = (-np.inf, *np.linspace(0.05, 0.5, 11))
RIDGES = np.geomspace(1e-3, 10, 8)
POINTS = len(EXPONENTS) * len(RIDGES)


def network(gradient: str) -> dict[str, Any]:
    """Sizes, activation and gradient, as predictions and problems take them."""
    return {
        "activation": "tanh",
        "gradient": gradient,
        "n_samples": ROWS,
        "n_gradient": GRADIENT_ROWS,
        "width": WIDTH,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    digits = load("digits", "value")
    inputs, target = rescale(digits.inputs, standardised=False), digits.target
    rows = []
    for gradient in ("target", "full"):
        how = network(gradient)

        def curve(how: dict[str, Any] = how) -> None:
            ps.predict_data_grid(inputs, target, step_exponents=EXPONENTS, ridges=RIDGES, **how)

        def point(how: dict[str, Any] = how) -> ps.DataPrediction:
            return ps.predict_data(inputs, target, step_exponent=0.3, ridge=0.1, **how)

        problem = point().problem

        def one_network(problem: ps.Problem = problem) -> None:
            ps.simulate_data(problem, inputs, target)

        walls = [_seconds(curve, perf_counter) for _ in range(repeats)]
        with threadpool_limits(1):
            alone = _seconds(curve, process_time)
            times = sampled({"theory": point, "network": one_network}, repeats, "cpu")
        form = f"{gradient} gradient"
        rows += [
            judged(f"{form}: the curve, on the clock", median(walls), "<= 10", "s"),
            judged(f"{form}: the same, processor seconds of one thread", alone, "", "s"),
            judged(f"{form}: one step and ridge, processor seconds", median(times["theory"]), "", "s"),
            judged(f"{form}: a point of the curve / one network", alone / POINTS / median(times["network"]), "<= 3"),
            judged(f"{form}: one step and ridge / one network", ratio(times, "theory", "network"), ""),
        ]
    print(
        f"Digits, n = {ROWS:,}, N = {WIDTH}, tanh, Gaussian readouts; 12 steps x 8 ridges, medians of {repeats} runs.\n"
    )
    print(table(HEADER, rows))


def _seconds(work: Any, clock: Any) -> float:
    start = clock()
    work()
    return float(clock() - start)


if __name__ == "__main__":
    sys.exit(main())
