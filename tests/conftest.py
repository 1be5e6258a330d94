"""What every test shares: one BLAS thread, reproducible hypothesis runs, and the array libraries at hand."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import scipy.linalg  # noqa: F401  loads SciPy's own BLAS, so that the limit below reaches it
from hypothesis import settings
from threadpoolctl import threadpool_limits

settings.register_profile("house", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("house")

NO_TORCH = "torch is not installed (extra 'torch')"


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Workers and BLAS threads must not compete, and no result may depend on their number."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture
def torch() -> Any:
    """The torch module; the test is skipped where it is not installed."""
    return pytest.importorskip("torch", reason=NO_TORCH)


@pytest.fixture(params=["numpy", "array_api_strict", "torch"])
def xp(request: pytest.FixtureRequest) -> Any:
    """An array namespace, each in turn: NumPy, the array standard's strict reference, torch on the CPU."""
    if request.param == "numpy":
        return np
    if request.param == "torch":
        pytest.importorskip("torch", reason=NO_TORCH)
        return import_module("array_api_compat.torch")
    return import_module(request.param)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument: they may hold the time, and every worker must collect the same names."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked ``gpu`` are skipped, with the reason, where no CUDA device is found."""
    reason = _why_no_gpu()
    if reason is not None:
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason=reason))


def _why_no_gpu() -> str | None:
    if find_spec("torch") is None:
        return NO_TORCH
    return None if import_module("torch").cuda.is_available() else "no CUDA device found"
