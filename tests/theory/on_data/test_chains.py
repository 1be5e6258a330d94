"""Steps that are worked on at the same time: the numbers of any other order."""

from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import polyspike as ps
from polyspike import as_activation
from polyspike.theory.on_data import chains
from polyspike.theory.on_data.chains import over_steps
from polyspike.theory.on_data.curve import kinds_of
from polyspike.theory.on_data.points import PointErrors
from polyspike.theory.on_data.shared import SharedKernels
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY, Network, Sample

STEPS = [0.0, 1.0, 2.0, 4.0, 6.0, 8.0]
RIDGES = [0.01, 0.1]


def _errors() -> list[list[PointErrors]]:
    rng = np.random.default_rng(5)
    parts = []
    for rows in (70, 410, 40):
        x = rng.standard_normal((rows, 120)) * np.linspace(0.3, 1.8, 120)
        parts.append(Sample(x, x[:, -1] + 0.5 * x[:, -2] * x[:, -3]))
    network = Network(as_activation("softplus"), 80, "target", "gaussian")
    kinds = kinds_of(network, (parts[0], parts[1], parts[2]), DEFAULT_ACCURACY, True, STEPS[-1])
    make = partial(SharedKernels, network, kinds, STEPS, parts[1], parts[2], DEFAULT_ACCURACY, True)
    return over_steps([make], RIDGES, 80, lambda _: None)[0]


def test_two_chains_are_one_to_the_precision_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    two = _errors()
    monkeypatch.setattr(chains, "_CHAINS", 1)
    one = _errors()
    assert len(one) == len(two) == len(STEPS)
    for k, (some, others) in enumerate(zip(one, two, strict=True)):
        for a, b in zip(some, others, strict=True):
            assert np.mean(b.test_squares) == pytest.approx(np.mean(a.test_squares), rel=a.numerics + b.numerics)
            assert (b.train_loss == a.train_loss) == (k < len(STEPS) // 2)


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_their_number_and_that_of_threads_change_no_bit(gradient: str) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((900, 25)) * np.linspace(0.3, 1.7, 25)
    y = x[:, -1] + 0.3 * x[:, -2] ** 2

    def grid(threads: int) -> list[tuple[float, float, float]]:
        told: list[float] = []
        with threadpool_limits(limits=threads):
            found = ps.predict_data_grid(
                x,
                y - y.mean(),
                n_samples=420,
                n_gradient=200,
                width=150,
                step_sizes=[0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
                ridges=[0.01, 0.3],
                gradient=gradient,
                progress=told.append,
            )
        assert told == sorted(told)
        assert told[-1] == 1
        return [(p.train_loss, p.train_error, p.test_error) for row in found.points for p in row]

    assert grid(1) == grid(3)
