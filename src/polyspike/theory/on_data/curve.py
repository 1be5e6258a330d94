"""From rows to errors: one gradient, many steps, many ridges, with whatever can be shared."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.theory.on_data.chains import over_steps
from polyspike.theory.on_data.drawn import GradientRows
from polyspike.theory.on_data.family import has_many
from polyspike.theory.on_data.gradient_rows import Along, GradientMoments, gradient_moments
from polyspike.theory.on_data.initial_output import InitialOutput, initial_outputs
from polyspike.theory.on_data.points import PointErrors, at_step
from polyspike.theory.on_data.readouts import learns_mean, length_nodes
from polyspike.theory.on_data.ridges import Known
from polyspike.theory.on_data.shared import SharedKernels
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY, CurveAccuracy, Network, Sample
from polyspike.theory.on_data.step import Step
from polyspike.theory.on_data.strong_axes import Kinds, given_points, is_dominated, linear_along, strong_axes
from polyspike.theory.on_data.threads import in_jobs, own_threads

__all__ = ["PointErrors", "Step", "kinds_of", "step_curve"]

_LARGEST_CHANGE = 4.0
"""How many times 2/d the lengths of weights may change a test error; more is no correction."""

LARGE_STEP = 0.05
"""eta^2 / N from which on strong axes count for a readout of one size."""

DOMINATED_STEP = 0.02
"""The same where few axes have most of the inputs, so that nothing can be done about it: from there on two problems of
rank five lost more than their estimate."""

_PAIR = 2
"""Initial outputs of opposite signs."""

_JUDGED = 200
"""Rows of the fit, and of the test, on which that is seen where there are many."""


@own_threads()
def step_curve(
    network: Network,
    parts: tuple[Sample, Sample, Sample],
    steps: Sequence[float],
    ridges: Sequence[float],
    accuracy: CurveAccuracy = DEFAULT_ACCURACY,
    tell: Callable[[float], object] | None = None,
) -> list[list[PointErrors]]:
    """Errors at every step and, within it, every ridge; rows of the gradient, of the fit, and of the test."""
    gradient, fit, test = parts
    with_mean = learns_mean(network.activation, fit.target)
    gradients, told = _Gradients(network, gradient, accuracy, with_mean), tell or (lambda _: None)
    if accuracy.exact or not has_many(len(fit.target)):
        curve = _Curve(network, gradients, fit, test, steps, accuracy)
        centred = _Curve(network, gradients, *_centred(fit, test), steps, accuracy)
        found = _few_rows(curve, centred if with_mean else curve, ridges, told)
    else:
        found = _many_rows(network, gradients, fit, test, steps, ridges, accuracy, told)
    return [
        [replace(point, plain=point.plain or gradients.are_dominated(step)) for point in points]
        for step, points in zip(steps, found, strict=True)
    ]


def _few_rows(
    curve: "_Curve", judged: "_Curve", ridges: Sequence[float], tell: Callable[[float], object]
) -> list[list[PointErrors]]:
    """Step by step, with kernels of their own; lengths are judged on another curve where labels have a mean."""
    found = []
    for k in range(curve.count):
        cheaper = judged is not curve or curve.is_given(k)
        if curve.has_lengths:
            judge = partial(judged.without_axes, k) if cheaper else None
            found.append(_corrected(partial(curve.at, k), ridges, curve.input_dim, judge))
        else:
            found.append(curve.at(k, ridges, True))
        tell((k + 1) / curve.count)
    return found


def _many_rows(
    network: Network,
    gradients: "_Gradients",
    fit: Sample,
    test: Sample,
    steps: Sequence[float],
    ridges: Sequence[float],
    accuracy: CurveAccuracy,
    tell: Callable[[float], object],
) -> list[list[PointErrors]]:
    """The grids of all initial outputs; whether lengths are accounted for is seen on some of the rows."""
    few, others = (Sample(some.inputs[:_JUDGED], some.target[:_JUDGED]) for some in _centred(fit, test))
    share = min(1.0, _JUDGED / len(fit.target))
    judged = _Curve(network, gradients, few, others, steps, accuracy, share, outputs=1)
    every = dict.fromkeys(steps, True)
    normal = _judgement(judged, steps, ridges, fit.inputs.shape[1]) if gradients.has_lengths else every
    found: dict[float, list[PointErrors]] = {}

    def grid(some: list[float], as_normal: bool, given: bool) -> None:
        kinds = gradients.kinds(as_normal, given)
        make = partial(SharedKernels, network, steps=some, fit=fit, test=test, accuracy=accuracy, normal=as_normal)
        kinds = kinds if some[-1] > 0 else kinds[:1]
        outputs = [partial(make, output) for output in kinds]
        before, share = len(found) / len(normal), len(some) / len(normal)
        each = over_steps(outputs, ridges, network.width, lambda done: tell(before + share * done))
        found.update({step: _averages([one[k] for one in each], kinds) for k, step in enumerate(some)})

    def grids(as_normal: bool) -> None:
        for given in (False, True):
            some = sorted(s for s in normal if normal[s] == as_normal and gradients.are_given(s) == given)
            if not some:
                continue
            try:
                grid(some, as_normal, given)
            except NumericalError:
                if not given:
                    raise
                grid(some, as_normal, False)
                found.update({s: [replace(point, plain=True) for point in found[s]] for s in some})

    try:
        grids(False)
    except NumericalError:
        normal = dict.fromkeys(normal, True)
        found.clear()
    try:
        grids(True)
    except NumericalError:
        return _step_by_step(_Curve(network, gradients, fit, test, steps, accuracy), ridges, tell)
    tell(1.0)
    return [found[step] for step in steps]


def _centred(fit: Sample, test: Sample) -> tuple[Sample, Sample]:
    """Both without the mean of the fit's labels, by which the lengths of weights are judged: quadratic features of
    normal weights, whose lengths vary, learn a constant, and of weights on the sphere hardly do. That is no small
    change, and right.
    """
    mean = np.mean(fit.target)
    return Sample(fit.inputs, fit.target - mean), Sample(test.inputs, test.target - mean)


def _step_by_step(curve: "_Curve", ridges: Sequence[float], tell: Callable[[float], object]) -> list[list[PointErrors]]:
    """Every step with kernels of its own, at weights taken for normal ones: shared kernels that span many sizes (of
    ``h3`` after steps) are not positive definite to the ridge.
    """
    found = []
    for k in range(curve.count):
        found.append(curve.at(k, ridges, True))
        tell((k + 1) / curve.count)
    return found


def _judgement(judged: "_Curve", steps: Sequence[float], ridges: Sequence[float], input_dim: int) -> dict[float, bool]:
    """Whether weights are to be taken for normal ones at every step: nowhere if not at the longest."""
    longest = int(np.argmax(steps))
    if not _are_normal(partial(judged.without_axes, longest), ridges, input_dim):
        return dict.fromkeys(steps, False)
    return {step: _are_normal(partial(judged.without_axes, k), ridges, input_dim) for k, step in enumerate(steps)}


_Solve = Callable[[Sequence[float], bool], list[PointErrors]]


def _corrected(
    solve: _Solve, ridges: Sequence[float], input_dim: int, judge: _Solve | None = None
) -> list[PointErrors]:
    """The errors with the lengths of weights (eq-data-length), unless these do more than a correction can.

    They change errors by the order 2/d. A mean over lengths that is no kernel, because of the signs of its weights,
    changes some by far more, or has no resolvent; then weights are taken for normal ones. The smallest and the largest
    ridge are compared, by a solution that is cheaper where there is one.
    """
    if judge is not None:
        return solve(ridges, _are_normal(judge, ridges, input_dim))
    try:
        found = solve(ridges, False)
    except NumericalError:
        return solve(ridges, True)
    ends = sorted({int(np.argmin(ridges)), int(np.argmax(ridges))})
    normal = solve([ridges[k] for k in ends], True)
    if _is_correction([found[k] for k in ends], normal, input_dim):
        return found
    return normal if len(ends) == len(ridges) else solve(ridges, True)


def _are_normal(solve: _Solve, ridges: Sequence[float], input_dim: int) -> bool:
    """Whether weights are to be taken for normal ones, as in :func:`_corrected`."""
    ends = sorted({min(ridges), max(ridges)})
    try:
        found, wanted = in_jobs([lambda _: solve(ends, False), lambda _: solve(ends, True)], lambda _: None)
    except NumericalError:
        return True
    return not _is_correction(found, wanted, input_dim)


def _is_correction(found: Sequence[PointErrors], normal: Sequence[PointErrors], input_dim: int) -> bool:
    changes = [
        abs(np.mean(one.test_squares) / np.mean(other.test_squares) - 1)
        for one, other in zip(found, normal, strict=True)
    ]
    return bool(max(changes) < _LARGEST_CHANGE * 2 / input_dim)


class _Curve:
    """Steps in turn; each starts where the one before ended.

    The resolvents are those of a share of the network's neurons: of some of the rows, at the same number a row. With
    so many of the initial outputs, or all.
    """

    def __init__(
        self,
        network: Network,
        gradients: "_Gradients",
        fit: Sample,
        test: Sample,
        steps: Sequence[float],
        accuracy: CurveAccuracy,
        share: float = 1.0,
        outputs: int | None = None,
    ) -> None:
        self._network, self._gradients, self._fit, self._test = network, gradients, fit, test
        self._steps, self._accuracy, self._width = steps, accuracy, max(2, round(share * network.width))
        self._outputs = outputs
        self._known: dict[tuple[bool, int], Known] = {}

    @property
    def count(self) -> int:
        """Of the steps."""
        return len(self._steps)

    @property
    def input_dim(self) -> int:
        """Columns of the inputs."""
        return self._fit.inputs.shape[1]

    @property
    def has_lengths(self) -> bool:
        """Whether the lengths of weights are accounted for."""
        return self._gradients.has_lengths

    def is_given(self, k: int) -> bool:
        """Whether strong axes count after the k-th step."""
        return self._gradients.are_given(self._steps[k])

    def at(self, k: int, ridges: Sequence[float], normal: bool) -> list[PointErrors]:
        """The errors of all ridges at the k-th step, averaged over initial outputs.

        Where the correction for strong axes leaves no positive kernel, without it, as the points say.
        """
        if not self.is_given(k):
            return self.without_axes(k, ridges, normal)
        try:
            return self._at(k, ridges, normal, True)
        except NumericalError:
            return [replace(point, plain=True) for point in self.without_axes(k, ridges, normal)]

    def without_axes(self, k: int, ridges: Sequence[float], normal: bool) -> list[PointErrors]:
        """The same with Gaussian pre-activations."""
        return self._at(k, ridges, normal, False)

    def _at(self, k: int, ridges: Sequence[float], normal: bool, given: bool) -> list[PointErrors]:
        kinds = self._gradients.kinds(normal, given)[: self._outputs]
        kinds = kinds if self._steps[k] > 0 else kinds[:1]
        each = []
        for output, some in enumerate(kinds):
            after = Step(self._network, some, self._steps[k], self._fit, self._test, self._accuracy, normal)
            there = normal, output
            points, self._known[there] = at_step(after, ridges, self._known.get(there), self._width)
            each.append(points)
        return _averages(each, kinds)


class _Gradients:
    """The gradient with every initial output that counts; without any output for the target-only form."""

    def __init__(self, network: Network, sample: Sample, accuracy: CurveAccuracy, with_mean: bool) -> None:
        self._network, self._sample, self._accuracy = network, sample, accuracy
        self._lengths = length_nodes(sample.inputs.shape[1], with_mean)
        self._known: dict[tuple[bool, bool], list[Kinds]] = {}

    def kinds(self, normal: bool, given: bool) -> list[Kinds]:
        """The neurons of every output: at every length or at the one of a normal weight, and at given coordinates along
        strong axes where these are asked for.
        """
        if (normal, given) not in self._known:
            self._known[normal, given] = [self._kinds(normal, given, some) for some in self._outputs]
        return self._known[normal, given]

    @property
    def has_lengths(self) -> bool:
        """Whether the lengths of weights are accounted for."""
        return len(self._lengths[0]) > 1

    def are_given(self, step: float) -> bool:
        """Whether strong axes count after a step: a normal readout averages most of it away."""
        network = self._network
        return network.readout != "gaussian" and step**2 > LARGE_STEP * network.width and bool(self._axes.size)

    def are_dominated(self, step: float) -> bool:
        """Whether strong axes count after a step and have too much of the inputs for a correction."""
        network = self._network
        return network.readout != "gaussian" and step**2 > DOMINATED_STEP * network.width and self._is_dominated

    def _kinds(self, normal: bool, given: bool, initial: InitialOutput) -> Kinds:
        output, omega = initial.values, None if self._network.gradient != "full" else initial.omega
        lengths, weights = (np.ones(1), np.ones(1)) if normal else self._lengths
        moments = [self._moments(output, omega, s) for s in lengths]
        rows = GradientRows(self._sample, self._sample.target - output, omega)
        if not given:
            return Kinds(moments, weights, rows, initial.share)
        (points, each), plain = given_points(self._axes), self._moments(output, omega)
        moments += [self._moments(output, omega, along=some) for some in points]
        moments += [linear_along(plain, some) for some in points]
        return Kinds(moments, np.concatenate([weights, each, -each]), rows, initial.share)

    def _moments(
        self, output: Array, omega: Array | None, length: float = 1.0, along: Along | None = None
    ) -> GradientMoments:
        residual = self._sample.target - output
        return gradient_moments(self._network.activation, self._sample.inputs, residual, omega, length, along)

    @cached_property
    def _axes(self) -> Array:
        return strong_axes(self._sample.inputs)

    @cached_property
    def _is_dominated(self) -> bool:
        return is_dominated(self._sample.inputs)

    @cached_property
    def _outputs(self) -> list[InitialOutput]:
        network, sample = self._network, self._sample
        if network.gradient != "full":
            return [InitialOutput(np.zeros_like(sample.target), np.zeros(sample.inputs.shape[1]), 1.0)]
        pairs = self._accuracy.outputs
        return list(
            initial_outputs(network.activation, sample.inputs, sample.target, network.readout, network.width, pairs)
        )


def kinds_of(
    network: Network, parts: tuple[Sample, Sample, Sample], accuracy: CurveAccuracy, normal: bool, step: float
) -> Kinds:
    """The neurons with the first of the initial outputs; rows of the gradient, of the fit, and of the test."""
    gradients = _Gradients(network, parts[0], accuracy, learns_mean(network.activation, parts[1].target))
    return gradients.kinds(normal, gradients.are_given(step))[0]


def _averages(each: Sequence[Sequence[PointErrors]], kinds: Sequence[Kinds]) -> list[PointErrors]:
    """Ridge by ridge, over initial outputs, each with its share."""
    shares = np.array([some.share for some in kinds])
    return [_average(points, shares / np.sum(shares)) for points in zip(*each, strict=True)]


def _average(points: Sequence[PointErrors], shares: Array) -> PointErrors:
    return PointErrors(
        train_loss=float(shares @ [p.train_loss for p in points]),
        train_error=float(shares @ [p.train_error for p in points]),
        test_squares=shares @ np.array([p.test_squares for p in points]),
        cut=max(p.cut for p in points),
        numerics=max(p.numerics for p in points),
        normal=any(p.normal for p in points),
        plain=any(p.plain for p in points),
        drawn=float(shares @ [p.drawn for p in points]),
        outputs=output_scatter([p.test_squares for p in points], shares),
    )


def output_scatter(each: Sequence[Array], shares: Array) -> float:
    """How far the mean over pairs of opposite outputs may be from that over all, relative to the test error.

    From the test errors of all rows, of shape (rows,), for every output, and the outputs' shares. Within a pair all
    that is odd in the output cancels. What is left is of second order: the square of the relative change that a row's
    error has from the mean of its pair. The change of the mean error, which hangs on the sign, stands beside it.
    """
    if len(each) < _PAIR:
        return 0.0
    pairs, weights = np.reshape(each, (-1, _PAIR, len(each[0]))), _PAIR * shares[::_PAIR]
    changes = (pairs[:, 0] - pairs[:, 1]) / 2 / (shares @ np.mean(each, axis=1))
    first, second = np.mean(changes, axis=1), np.mean(np.abs(changes), axis=1) ** 2
    return float(np.sqrt(weights**2 @ (first**2 + second**2)))
