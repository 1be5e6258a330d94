"""What the terms of order 1/d are worth at d = 60: ``python benchmarks/finite_dimension.py`` (a minute).

Untrained networks, simulated, beside the theory without those terms and with them; the table of
docs/theory-corrections.md, section 11.
"""

import argparse

import numpy as np
from report_tables import table

from polyspike import Problem, predict, simulate
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.solve import shift_of
from polyspike.theory.finite_size.spikes.errors import Errors, errors

BASE = Problem(
    n_samples=240,
    input_dim=60,
    width=960,
    step_size=0.0,
    gradient="target",
    activation="tanh",
    teacher="h1",
    ridge=0.01,
)
PROBLEMS = (
    BASE.replace(activation="tanh", teacher="h1", ridge=1.0, noise=0.0),
    BASE.replace(activation="erf", teacher="relu", ridge=0.01, noise=1.0),
    BASE.replace(activation="relu", teacher="h1 + 0.5*h2 + 0.3*h3", ridge=0.1, noise=1.0),
)
QUANTITIES = ("train_loss", "train_error", "test_error")
HEADER = ("problem", "quantity", "simulated", "leading order", "with 1/d")


def leading(problem: Problem) -> Errors:
    """Without the terms."""
    scalars = condition(problem)
    model = assemble(problem, choose_grid(problem, scalars), scalars, finite_dimension=False)
    return errors(model, solve_bulk(model.bulk, shift_of(problem, model))[0])


def rows(replicates: int) -> list[tuple[str, ...]]:
    """One for each problem and error; predictions as relative deviations from the measured means."""
    out = []
    for problem in PROBLEMS:
        found, without = predict(problem), leading(problem)
        measured = [simulate(problem, seed=(77, k), n_test=4000) for k in range(replicates)]
        name = f"{problem.activation.name}, ridge {problem.ridge:g}, noise {problem.noise:g}"
        for quantity in QUANTITIES:
            values = np.array([getattr(m, quantity) for m in measured])
            mean, error = values.mean(), values.std(ddof=1) / np.sqrt(replicates)
            deviations = (float(getattr(theory, quantity)) / mean - 1 for theory in (without, found))
            out.append((name, quantity, f"{mean:.4g} ± {error / mean:.1%}", *(f"{d:+.1%}" for d in deviations)))
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=200)
    print(table(HEADER, rows(parser.parse_args().replicates)))
