"""All steps of a curve whose kernels are shared, some at the same time: initial outputs, or else chains of steps."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from polyspike.theory.on_data.points import PointErrors, at_step
from polyspike.theory.on_data.shared import SharedKernels
from polyspike.theory.on_data.threads import Tell, in_jobs

__all__ = ["at_once", "over_steps"]

_CHAINS = 2
"""Of a single output. The number is fixed, so that results do not hang on that of the processors."""

_LEAST = 3
"""Steps of a chain: the first of them have nothing to start from."""

_Errors = list[list[PointErrors]]


def at_once(outputs: int, steps: int) -> int:
    """Pieces of such a curve that may be worked on at the same time: its outputs, or chains of the steps of one."""
    return outputs if outputs > 1 else max(1, min(_CHAINS, steps // _LEAST))


def over_steps(
    outputs: Sequence[Callable[[], SharedKernels]], ridges: Sequence[float], width: int, tell: Tell
) -> list[_Errors]:
    """The errors of every output at every step and, within it, every ridge."""
    if len(outputs) > 1:
        return in_jobs([partial(_whole, output, ridges, width) for output in outputs], tell)
    shared = outputs[0]()
    shared.prepare(min(ridges) * len(shared.fit.target) / width)
    count = len(shared.neurons)
    chains = np.array_split(np.arange(count), at_once(1, count))
    found = in_jobs([partial(_along, shared, ridges, width, chain.tolist()) for chain in chains], tell)
    return [[points for some in found for points in some]]


def _whole(output: Callable[[], SharedKernels], ridges: Sequence[float], width: int, tell: Tell) -> _Errors:
    shared = output()
    return _along(shared, ridges, width, range(len(shared.neurons)), tell)


def _along(shared: SharedKernels, ridges: Sequence[float], width: int, steps: Sequence[int], tell: Tell) -> _Errors:
    """Steps in turn; each starts where the one before ended."""
    found, known = [], None
    for done, k in enumerate(steps, 1):
        points, known = at_step(shared.at(k), ridges, known, width)
        found.append(points)
        tell(done / len(steps))
    return found
