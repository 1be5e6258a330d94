"""What shares a draw is what it is alone."""

import pytest

from polyspike.experiments.reproduce import alignment, convergence, distances
from polyspike.experiments.reproduce.common import WINDOW_EXPONENTS, limit
from polyspike.simulation import simulate
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.equivalence import _gaps


def test_what_shares_a_draw_is_what_it_is_alone() -> None:
    problem, seed = convergence.problem_of(120), (4, 1)
    one = distances.shared(problem, seed)
    found = distances.gaps_and_losses(one) | distances.alignments(one)
    for window, exponent in WINDOW_EXPONENTS.items():
        here = problem.replace(step_exponent=exponent)
        ((operator, train, test, _),) = _gaps(here, window, seed, (True,), distances.N_TEST)
        alone = {f"operator {window}": operator, f"train {window}": train, f"test {window}": test}
        assert {name: found[name] for name in alone} == pytest.approx(alone, rel=1e-8)
    aligned = problem.replace(**distances.ALIGNED)
    draw = GaussianDraw.of(aligned, seed, 2)
    for k, (_, vectors, kappa) in enumerate(alignment.learned(draw, aligned, [*WINDOW_EXPONENTS.values()]), start=1):
        share = alignment.share_of(vectors, kappa, limit(aligned, 2).extras["Q"])[f"new{k}"]
        assert found[f"alignment {k}"] == pytest.approx(1 - share, rel=1e-8)
    stepped = [problem.replace(step_exponent=a) for a in distances.LOSS_EXPONENTS]
    start, *runs = simulate([problem.replace(step_size=0.0), *stepped], seed=seed, n_test=2)
    drop = limit(problem, 1).train_loss - limit(problem, 0).train_loss
    for exponent, run in zip(distances.LOSS_EXPONENTS, runs):
        assert found[f"loss {exponent:g}"] == pytest.approx(1 - (run.train_loss - start.train_loss) / drop, rel=1e-8)


def test_the_constant_part_on_a_shared_draw_is_what_it_is_alone() -> None:
    problem, seed = convergence.problem_of(120), (4, 1)
    here = problem.replace(step_exponent=WINDOW_EXPONENTS[2], gradient="target")
    found = distances.offsets(distances.shared(problem, seed))
    window = distances.OFFSET_WINDOW
    corrected, published = _gaps(here, window, seed, (True, False), 10)[:, 3]
    assert found == pytest.approx({"corrected": corrected, "published": published}, rel=1e-8)
