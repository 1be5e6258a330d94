"""The same simulation on every array library, and in float32: agreement with NumPy in float64."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Measurement, NumericalError, Problem, simulate
from polyspike.errors import MissingPackageError
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.simulation import devices
from polyspike.simulation.devices import arrays_on
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.fitting import Measured
from polyspike.simulation.host import HOST, HostArrays
from polyspike.simulation.ridge import fit_readouts
from polyspike.simulation.simulate import Options, measure
from polyspike.simulation.spectrum import count_above, outliers, top_eigenpairs

TALL = Problem(
    "relu", "h1 + 0.5*h2", n_samples=600, n_gradient=500, input_dim=40, width=120, step_exponent=0.3, ridge=0.01
)
WIDE = TALL.replace(n_samples=90, width=400)

OTHERS = {"array_api_strict": "array_api_strict", "torch": "torch:cpu", "jax": "jax:cpu"}


@pytest.fixture(params=OTHERS)
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a device of each library that is installed."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    if request.param != "jax":
        yield OTHERS[request.param]
        return
    config = import_module("jax").config
    before = config.jax_enable_x64
    config.update("jax_enable_x64", True)
    yield OTHERS["jax"]
    config.update("jax_enable_x64", before)


def assert_same(one: Measurement, other: Measurement, rel: float = 1e-10) -> None:
    for name in SCALAR_FIELDS:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=rel), name


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("base", [TALL, WIDE], ids=["tall", "wide"])
def test_every_library_agrees_with_numpy(device: str, base: Problem, streaming: bool) -> None:
    problems = [
        base,
        base.replace(ridge=0.3),
        base.replace(activation="gelu", gradient="target"),
        base.replace(activation="erf", teacher="h1[0] + h1[0]*h1[1]", readout="constant"),
        base.replace(activation="h2", step_size=0.0),
    ]
    options: dict[str, Any] = {"seed": 5, "n_test": 700, "alignment_degree": 2, "streaming": streaming}
    for eigenvalues in ("all", 3):
        there = simulate(problems, eigenvalues=eigenvalues, device=device, **options)
        here = simulate(problems, eigenvalues=eigenvalues, **options)
        for mine, other in zip(there, here, strict=True):
            assert (mine.device, mine.dtype) == (device, "float64")
            assert_same(mine, other)
            assert mine.eigenvalues is not None
            assert other.eigenvalues is not None
            np.testing.assert_allclose(mine.eigenvalues, other.eigenvalues, atol=1e-10 * other.eigenvalues[0])
            assert mine.alignment is not None
            assert other.alignment is not None
            np.testing.assert_allclose(mine.alignment.overlaps, other.alignment.overlaps, atol=1e-7)


def test_functions_of_numpy_arrays_work_on_every_library(device: str) -> None:
    """An activation and a teacher given as callables, the derivative by complex step."""
    problem = TALL.replace(activation=lambda x: np.sin(x) + 0.1 * x**2, teacher=lambda t: t + 0.5 * (t**2 - 1))
    assert_same(simulate(problem, n_test=500, device=device), simulate(problem, n_test=500))


@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_every_way_to_solve_agrees_with_numpy(device: str, shape: tuple[int, int]) -> None:
    """One ridge, a few by Cholesky, many by eigendecomposition, and the min-norm limit."""
    arrays, rng = arrays_on(device), np.random.default_rng(3)
    features, labels = rng.standard_normal(shape), rng.standard_normal(shape[0])
    for ridges in ([0.1], [0.0], [1e-3, 0.0, 2.0], np.geomspace(1e-3, 10, 20).tolist()):
        there = fit_readouts(arrays.put(features), arrays.put_exact(labels), ridges, arrays)
        np.testing.assert_allclose(arrays.host(there), fit_readouts(features, labels, ridges), rtol=1e-10, atol=1e-12)


def test_a_singular_gram_matrix_is_an_error_everywhere(device: str) -> None:
    arrays = arrays_on(device)
    features = np.repeat(np.random.default_rng(0).standard_normal((20, 1)), 2, axis=1)
    with pytest.raises(NumericalError, match="not positive definite"):
        fit_readouts(arrays.put(features), arrays.put_exact(np.ones(20)), [1e-30], arrays)


def test_krylov_and_inertia_work_on_every_device(device: str) -> None:
    arrays, rng = arrays_on(device), np.random.default_rng(2)
    features = rng.standard_normal((300, 200))
    features[:, 0] *= 6
    features[:, 1] *= 4
    there = arrays.put(features)
    values, vectors = top_eigenpairs(there, 4, arrays)
    expected = np.linalg.svd(features, compute_uv=False)[:4] ** 2 / 200
    np.testing.assert_allclose(values, expected, rtol=1e-8)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(4), atol=1e-8)
    edge = float(expected[1] + expected[2]) / 2
    np.testing.assert_allclose(outliers(there, edge, arrays), expected[:2], rtol=1e-8)
    assert count_above(there, edge, arrays) == 2


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("toaster", "give 'cpu'"),
        ("numpy:gpu", "give 'cpu'"),
        ("array_api_strict:gpu", "give 'cpu'"),
        (3, "give a name"),
        (None, "give a name"),
    ],
)
def test_unknown_devices_are_refused(name: Any, remedy: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^device = .*{remedy}"):
        simulate(TALL, device=name)


@pytest.mark.parametrize("name", ["float16", "double", None])
def test_unknown_precisions_are_refused(name: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^dtype = .*'float64' or 'float32'"):
        simulate(TALL, dtype=name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "torch:cpu", "jax:cpu", "jax:gpu"])
def test_a_library_that_is_missing_is_named(name: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"^device = .*(torch|jax) is not installed; .*pip install .*'cpu'$"):
        simulate(TALL, device=name)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("cuda", "no CUDA device; use device='cpu'"),
        ("torch:toaster", "torch does not know 'toaster'"),
        ("torch:meta", "need float64"),
    ],
)
def test_torch_devices_that_are_not_there_are_refused(name: str, remedy: str, torch: Any) -> None:
    if name == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ArgumentError, match=remedy):
        simulate(TALL, device=name)


def test_jax_must_be_set_to_float64() -> None:
    config = pytest.importorskip("jax", reason="jax is not installed").config
    before = config.jax_enable_x64
    config.update("jax_enable_x64", False)
    try:
        with pytest.raises(ArgumentError, match="jax_enable_x64"):
            simulate(TALL, device="jax:cpu")
    finally:
        config.update("jax_enable_x64", before)


@pytest.mark.gpu
@pytest.mark.parametrize("streaming", [False, True])
def test_cuda_agrees_with_numpy(streaming: bool) -> None:
    for base in (TALL, WIDE):
        there = simulate(base, n_test=700, eigenvalues=3, device="cuda", streaming=streaming)
        assert_same(there, simulate(base, n_test=700, eigenvalues=3, streaming=streaming))


def loss_bound(problem: Problem, measured: Measurement, unit: float) -> float:
    """Relative error of the train loss when the features are rounded to ``unit``.

    With errors E of the features, ``J = min |y - F a|^2 + n ridge |a|^2`` moves by at most ``2 |E| |a| sqrt(J)`` to
    first order, and ``|a|^2 <= J / (n ridge)``. Independent roundings of relative size ``4 unit`` (inputs, weights,
    their product, the map) have ``|E| <= 4 unit |F|``. So the bound is ``8 unit |F| / sqrt(n ridge)``, the root of the
    condition.
    """
    assert measured.eigenvalues is not None
    largest = measured.eigenvalues[0] * problem.width
    return float(8 * unit * (1 + largest / (problem.n_samples * problem.ridge)) ** 0.5)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("base", [TALL, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_float32_errs_by_its_rounding_unit_and_no_more(base: Problem, activation: str, streaming: bool) -> None:
    problem = base.replace(activation=activation, ridge=0.01)
    options: dict[str, Any] = {"seed": 8, "n_test": 2000, "eigenvalues": 1}
    exact = simulate(problem, **options)
    rounded = simulate(problem, dtype="float32", streaming=streaming, **options)
    assert rounded.dtype == "float32"
    bound = loss_bound(problem, exact, float(np.finfo(np.float32).eps))
    assert 1e-13 < abs(rounded.train_loss / exact.train_loss - 1) < bound
    assert abs(rounded.test_error / exact.test_error - 1) < 10 * bound


def test_half_precision_would_break_the_bound() -> None:
    """The bound can fail: the same simulation with features in float16 is outside of it, on average over draws."""
    problem, shares = TALL.replace(ridge=0.01), []
    for seed in range(8):
        draw = GaussianDraw.of(problem, (seed,), 2000)
        half = measure(draw, [problem], Options((seed,), Measured(), arrays=HostArrays(dtype="float16")))[0]
        exact = simulate(problem, seed=seed, n_test=2000, eigenvalues=1)
        single = loss_bound(problem, exact, float(np.finfo(np.float32).eps))
        shares.append(abs(half.train_loss / exact.train_loss - 1) / single)
    assert np.mean(shares) > 2


def test_sums_over_many_rows_are_float64_in_float32() -> None:
    """A million equal terms, which one float32 sum would get wrong in the third digit."""
    arrays = HostArrays(dtype="float32")
    rows = np.full((1_000_000, 1), 0.1, dtype=np.float32)
    expected = float(rows[0, 0]) ** 2 * 1e6
    assert float(arrays.cross(rows, rows)[0, 0]) == pytest.approx(expected, rel=1e-6)
    assert float(arrays.gram(rows.T)[0, 0]) == pytest.approx(expected, rel=1e-6)


def test_the_generic_arrays_agree_with_the_numpy_kernels() -> None:
    """NumPy itself through the generic code, so that the two are compared where nothing else is installed."""
    generic = replace(arrays_on("array_api_strict"), xp=np, name="generic")
    draw = GaussianDraw.of(TALL, (1,), 500)
    there, here = (
        measure(draw, [TALL], Options((1,), Measured("all"), arrays=arrays))[0] for arrays in (generic, HOST)
    )
    assert_same(there, here)
