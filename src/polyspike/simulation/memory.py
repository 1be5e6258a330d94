"""How much memory a simulation needs, asked before it starts."""

import os
from pathlib import Path

from polyspike.errors import DoesNotFitError
from polyspike.problem import Problem
from polyspike.simulation.streams import BLOCK_ROWS

__all__ = ["available_bytes", "check_fits", "estimate_bytes"]

_DOUBLE = 8
_CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def estimate_bytes(problem: Problem) -> int:
    """Peak bytes of ``simulate(problem)``: samples, weights, and the largest of gradient, fit and test block."""
    n, d, width, n0 = problem.n_samples, problem.input_dim, problem.width, problem.gradient_samples
    held = (n + n0) * (d + 1) + 2 * width * d
    gradient = 3 * n0 * width
    fit = 4 * n * width + 2 * min(n, width) ** 2
    test = BLOCK_ROWS * (d + 4 * width)
    return _DOUBLE * (held + max(gradient, fit, test))


def available_bytes() -> int:
    """Memory that can still be taken: what the kernel calls available, or the container's limit when it is lower."""
    free = _available_to_kernel()
    limits = [int(text) for path in _CGROUP if path.exists() and (text := path.read_text().strip()).isdigit()]
    return min([free, *limits])


def check_fits(problem: Problem) -> None:
    """Refuse a problem whose arrays would not fit.

    Raises
    ------
    DoesNotFitError
        Naming what is needed, what is there, and the largest ``n_samples`` that would fit.
    """
    needed, there = estimate_bytes(problem), available_bytes()
    if needed > there:
        raise DoesNotFitError(
            "problem",
            problem,
            f"needs about {needed / 1e9:.1f} GB and {there / 1e9:.1f} GB are available; {_what_fits(problem, there)}",
        )


def _what_fits(problem: Problem, there: int) -> str:
    low, high = 1, problem.n_samples
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if estimate_bytes(problem.replace(n_samples=middle)) <= there else (low, middle)
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
