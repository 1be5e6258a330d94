"""How much memory a simulation needs, and what it can keep in memory; both are decided before it starts."""

import os
from enum import StrEnum
from importlib import import_module
from pathlib import Path

from joblib import cpu_count

from polyspike.blas import blas_threads
from polyspike.errors import ArgumentError, DoesNotFitError
from polyspike.problem import Problem
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.host import HOST
from polyspike.simulation.streams import BLOCK_ROWS

__all__ = [
    "Storage",
    "available_bytes",
    "choose_storage",
    "estimate_bytes",
    "estimate_streamed",
    "needed_bytes",
    "steps_at_once",
    "streamed_storage",
]

_DOUBLE = 8
_CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class Storage(StrEnum):
    """What a simulation keeps in memory."""

    HELD = "held"
    """Samples and the features of one step are in memory."""
    SAMPLES = "samples"
    """Blocks of samples; a Gram matrix of width x width for each step remains."""
    NEURONS = "neurons"
    """Blocks of neurons; a Gram matrix of n x n for each step remains."""


def streamed_storage(problem: Problem) -> Storage:
    """The streamed storage with the smaller Gram matrix."""
    return Storage.SAMPLES if problem.width <= problem.n_samples else Storage.NEURONS


def estimate_bytes(problem: Problem, dtype: str = "float64") -> int:
    """Peak bytes of ``simulate(problem, streaming=False)``: samples, weights, the largest of gradient, fit and test."""
    n, d, width, n0 = problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples
    held = _drawn(problem) * (d + 1) + 2 * width * d + _turning(problem)
    gram = 2 * min(n, width) ** 2
    gradient = 3 * n0 * width
    features = 4 * n * width
    test = BLOCK_ROWS * (d + 4 * width)
    if dtype == "float64":
        return _DOUBLE * (held + max(gradient, features + gram, test))
    # The draw and the sums stay in float64. Copies and features are float32, but float64 for a spectrum (n width more).
    return _DOUBLE * (held + gram) + _DOUBLE // 2 * (held + max(gradient, features + n * width, test))


def estimate_streamed(problem: Problem, dtype: str = "float64", steps: int = 1, gradients: int = 1) -> int:
    """Peak bytes of ``simulate(problem, streaming=True)``.

    One more step costs a Gram matrix for every block that is worked on at the same time.
    """
    n, d, width, n0 = problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples
    rows, shares = BLOCK_ROWS, 1
    if streamed_storage(problem) is Storage.SAMPLES:
        shares = HOST.at_once(width)
        held = (1 + (1 + shares) * gradients) * width * d
        blocks = shares * rows * (4 * d + 5 * width)
        steps = steps * shares
    else:
        # In float32 the draw and its copy are both there.
        held = _drawn(problem) * d * (1 if dtype == "float64" else 2)
        blocks = rows * (4 * d + 4 * (n + n0 + rows)) + width * gradients
    held += _turning(problem) * (1 + shares)
    return _DOUBLE * (held + blocks + (steps + 2) * min(n, width) ** 2)


def _turning(problem: Problem) -> int:
    """Numbers of a preconditioner: the covariance, its eigenvectors and what is made of them."""
    return 0 if problem.precondition is None else 4 * problem.input_dim**2


def steps_at_once(problem: Problem, arrays: Arrays = HOST, gradients: int = 1) -> int:
    """Steps whose Gram matrices fit at the same time, at least one. It changes the number of passes, and no result.

    A process may have neighbours, one for every ``blas_threads()`` cores: it takes its share of the memory.
    """
    neighbours = max(1, cpu_count() // blas_threads())
    free = available_bytes(arrays) // neighbours - estimate_streamed(problem, arrays.dtype, 0, gradients)
    shares = arrays.at_once(problem.width) if streamed_storage(problem) is Storage.SAMPLES else 1
    return max(1, free // (_DOUBLE * shares * min(problem.n_samples, problem.width) ** 2))


def available_bytes(arrays: Arrays = HOST) -> int:
    """Memory that can still be taken: on a CUDA device of torch what it has free, else that of the machine.

    Of the machine it is what the kernel calls available, or the container's limit when it is lower.
    """
    if getattr(arrays.device, "type", "cpu") == "cuda":
        free, _ = import_module("torch").cuda.mem_get_info(arrays.device)
        return int(free)
    free = _available_to_kernel()
    limits = [int(text) for path in _CGROUP if path.exists() and (text := path.read_text().strip()).isdigit()]
    return min([free, *limits])


def choose_storage(problem: Problem, streaming: bool | None = None, arrays: Arrays = HOST) -> Storage:
    """The storage of a simulation: as ``streaming`` says, or held where that fits and streamed where it does not.

    Raises
    ------
    DoesNotFitError
        Naming what is needed, what is there, and what would fit.
    """
    if streaming not in (None, True, False):
        raise ArgumentError("streaming", streaming, "give True, False, or None for where it is needed")
    room = available_bytes(arrays)
    if not streaming and estimate_bytes(problem, arrays.dtype) <= room and _draw_fits(problem, Storage.HELD):
        return Storage.HELD
    storage = streamed_storage(problem)
    if streaming is not False and estimate_streamed(problem, arrays.dtype) <= room and _draw_fits(problem, storage):
        return storage
    raise _refusal(problem, streaming, arrays.dtype, room)


def _drawn(problem: Problem) -> int:
    """Samples that are held for the two stages: one serves both where it is the same; shared ones are copied beside the
    gradient's own.
    """
    if problem.one_sample:
        return problem.n_samples
    own = problem.gradient_samples - problem.shared_samples
    return problem.n_samples + problem.gradient_samples + (own if problem.shared_samples else 0)


def _draw_fits(problem: Problem, storage: Storage) -> bool:
    """Whether the machine can hold what is drawn, for a device with a memory of its own."""
    samples = _drawn(problem) * (problem.input_dim + 1)
    weights = problem.width * problem.input_dim
    held = {Storage.HELD: samples + weights, Storage.SAMPLES: weights, Storage.NEURONS: samples}
    return _DOUBLE * held[storage] <= available_bytes()


def needed_bytes(problem: Problem, streaming: bool | None = None, arrays: Arrays = HOST) -> int:
    """Peak bytes with the storage of :func:`choose_storage`, whose errors it raises."""
    held = choose_storage(problem, streaming, arrays) is Storage.HELD
    return estimate_bytes(problem, arrays.dtype) if held else estimate_streamed(problem, arrays.dtype)


def _refusal(problem: Problem, streaming: bool | None, dtype: str, room: int) -> DoesNotFitError:
    held, streamed = estimate_bytes(problem, dtype), estimate_streamed(problem, dtype)
    needs = f"needs about {held / 1e9:.1f} GB ({streamed / 1e9:.1f} GB streamed)"
    needs = f"{needs} and {room / 1e9:.1f} GB are available"
    if streaming is False and streamed <= room:
        return DoesNotFitError(
            "problem", problem, f"{needs}; streaming=True fits, and {_what_fits(problem, dtype, room)}"
        )
    return DoesNotFitError("problem", problem, f"{needs}; {_what_fits(problem, dtype, room)}")


def _what_fits(problem: Problem, dtype: str, room: int) -> str:
    """The largest n_samples that fits held, at these other sizes."""
    low, high = 1, problem.n_samples
    while high - low > 1:
        middle = (low + high) // 2
        fits = estimate_bytes(problem.replace(n_samples=middle), dtype) <= room
        low, high = (middle, high) if fits else (low, middle)
    if low < 2:
        return "reduce width and input_dim"
    return f"at this width and input_dim n_samples = {low} would fit"


def _available_to_kernel() -> int:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
