"""The part of the errors, at a small size."""

import numpy as np

from experiments.reproduce.parts import finish
from polyspike.cli.figures import FIGURES
from polyspike.experiments.reproduce import Options, errors
from polyspike.experiments.reproduce.columns import select
from polyspike.experiments.reproduce.common import UNTRAINED


def test_errors_part() -> None:
    problems = {
        name: p.replace(n_samples=400, input_dim=40, width=100) for name, p in errors.problems_of(Options()).items()
    }
    rows = [errors.run(problems, 200, k) for k in range(2)] + [errors.run_theory(problems)]
    tables, claims = finish(errors.ERRORS, rows)
    untrained = select(tables["errors"], exponent=UNTRAINED)
    assert untrained["test_error_gain"].tolist() == [0, 0]
    smooth = select(tables["errors_theory"], teacher="linear", curve="finite-size")
    assert smooth["place"].tolist() == list(errors.CURVE_EXPONENTS)
    assert untrained["test_error_gain_se"].tolist() == [0, 0]
    limit = select(tables["errors_theory"], teacher="cubic", curve="window")["train_loss"]
    assert np.all(np.diff(limit[:4]) < 0)
    assert len(claims) == 47
    assert len(FIGURES["errors"](tables).axes) >= 4
