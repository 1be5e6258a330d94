"""The simulation on a GPU: ``python benchmarks/gpu.py``. Needs the package, NumPy, SciPy and torch, and nothing else.

For n = N = 2d from 4,000 up, doubling, as long as the arrays fit, in float64 and in float32: the time of a whole
simulation, the time without the draw (the random numbers come from NumPy on the host, the same for every device, and
are moved), the rate of the arithmetic without the draw, the rate of one large matrix product on the same device in the
same precision, and the share of the one in the other. The arithmetic is that of the matrix products (8 n d N for the
pre-activations and the gradient, 2 n^2 N for the Gram matrix, 4 n_test d N for the test set) and of the factorisation
(n^3/3, in float64 in either precision).

Agreement is the largest relative difference of train loss, train error and test error from NumPy's float64 on the same
draw, up to ``--agree`` samples (on the host a larger one takes long).

``--device torch:cpu`` or ``--device cpu`` runs the same at small sizes without a GPU.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np

from polyspike import DoesNotFitError, Measurement, Problem
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.devices import DTYPES, arrays_on
from polyspike.simulation.draw import GaussianDraw, Sample
from polyspike.simulation.fitting import Measured
from polyspike.simulation.memory import Storage, choose_storage
from polyspike.simulation.simulate import Options, measure

HEADER = ("n", "precision", "seconds", "without the draw", "TFlop/s", "one product", "share", "agreement")
SEED = (0,)


@dataclass(frozen=True)
class Drawn(GaussianDraw):
    """A draw whose test set is drawn once and kept, so that what follows can be timed alone."""

    @cached_property
    def kept(self) -> list[Sample]:
        return list(super().test_blocks())

    def test_blocks(self) -> Iterator[Sample]:
        return iter(self.kept)


def drawn(problem: Problem, n_test: int) -> Drawn:
    """Everything that is random, drawn now."""
    draw = Drawn.of(problem, SEED, n_test)
    whole = Drawn(**{name: getattr(draw, name) for name in GaussianDraw.__dataclass_fields__})
    assert whole.gradient_sample
    assert whole.ridge_sample
    assert whole.kept
    assert len(whole.weights)
    return whole


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def product_rate(arrays: Arrays, n: int) -> float:
    """Operations a second of the best of five square products; reading a number waits for the device."""
    matrix = arrays.put(np.random.default_rng(0).standard_normal((n, n)))
    float((matrix @ matrix)[0, 0])
    return 2.0 * n**3 / min(timed(lambda: float((matrix @ matrix)[0, 0]))[0] for _ in range(5))


def operations(problem: Problem, n_test: int) -> float:
    n, d, width = float(problem.n_samples), problem.input_dim, problem.width
    return 8 * n * d * width + 2 * n * n * width + 4.0 * n_test * d * width + n**3 / 3


def difference(one: Measurement, other: Measurement) -> float:
    names = ("train_loss", "train_error", "test_error")
    return max(abs(getattr(one, name) / getattr(other, name) - 1) for name in names)


def run(problem: Problem, draw: Drawn, arrays: Arrays) -> Measurement:
    return measure(draw, [problem], Options(SEED, Measured(), True, Storage.HELD, arrays))[0]


def rows(n: int, device: str, arguments: argparse.Namespace) -> Iterator[list[str]]:
    """One size in both precisions.

    Raises
    ------
    DoesNotFitError
    """
    problem = Problem("tanh", "h1 + 0.7*h2", n, n // 2, n, step_exponent=0.3, ridge=0.01)
    for dtype in DTYPES:
        choose_storage(problem, False, arrays_on(device, dtype))
    to_draw, draw = timed(lambda: drawn(problem, arguments.n_test))
    reference = run(problem, draw, arrays_on()) if n <= arguments.agree else None
    for dtype in DTYPES:
        arrays = arrays_on(device, dtype)
        run(problem, draw, arrays)  # the libraries are loaded and warm
        seconds, measured = timed(lambda arrays=arrays: run(problem, draw, arrays))  # type: ignore[misc]
        rate, one = operations(problem, arguments.n_test) / seconds, product_rate(arrays, n)
        agreement = "" if reference is None else f"{difference(measured, reference):.0e}"
        numbers = f"{to_draw + seconds:.2f}", f"{seconds:.2f}", f"{rate / 1e12:.3g}", f"{one / 1e12:.3g}"
        yield [str(n), dtype, *numbers, f"{rate / one:.2f}", agreement]


def sizes(given: list[int] | None) -> Iterator[int]:
    if given:
        yield from given
        return
    n = 4000
    while True:
        yield n
        n *= 2


def line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def why_not(device: str) -> str | None:
    """Why there is nothing to measure."""
    if device == "cpu":
        return None
    if device.startswith(("cuda", "torch")) and find_spec("torch") is None:
        return "torch is not installed."
    if device.startswith("cuda") and not import_module("torch").cuda.is_available():
        return "no CUDA device was found."
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sizes", type=int, nargs="+", help="values of n = N; 4000 and on, doubling, when absent")
    parser.add_argument("--n-test", type=int, default=20_000)
    parser.add_argument("--agree", type=int, default=8000, help="largest n that NumPy simulates too")
    arguments = parser.parse_args()
    reason = why_not(arguments.device)
    if reason is not None:
        print(f"Not run: {reason}")
        return
    found: list[list[str]] = []
    for n in sizes(arguments.sizes):
        print(f"n = N = {n}", file=sys.stderr)
        try:
            found += rows(n, arguments.device, arguments)
        except DoesNotFitError as refusal:
            print(refusal, file=sys.stderr)
            break
    print(f"n = N = 2d on {arguments.device}, tanh, {arguments.n_test} test points.\n")
    print("\n".join(map(line, [HEADER, ["---"] * len(HEADER), *found])))


if __name__ == "__main__":
    main()
