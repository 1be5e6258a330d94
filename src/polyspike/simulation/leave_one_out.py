"""``leave_one_out``: an estimate of the test error from the training samples alone, right after a step on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError, DoesNotFitError, NumericalError
from polyspike.problem import Problem
from polyspike.problem.problem import as_problems
from polyspike.problem.serialise import given
from polyspike.record import Result
from polyspike.rows import as_bounded, as_rows
from polyspike.scalars import as_flag, as_seed
from polyspike.simulation.draw import GaussianDraw, initial_weights, readout_of
from polyspike.simulation.fitting import Plan
from polyspike.simulation.left_out import BLOCK, Refits, TrainedFeatures, WithoutEach, blocks_of
from polyspike.simulation.memory import available_bytes
from polyspike.simulation.resolvent import Resolvent
from polyspike.simulation.streams import Stream, normals
from polyspike.status import Status

__all__ = ["LeaveOneOut", "leave_one_out"]

Rows = tuple[Array, Array] | None
"""Inputs and target, where they are given."""

_KNOWN = (
    "activation", "teacher", "n_samples", "input_dim", "width", "step_exponent", "step_size", "ridge", "noise",
    "gradient", "readout", "n_gradient", "samples", "inputs",
)  # fmt: skip
"""Fields of a problem under which a sample moves the weights along itself alone, as the formulas say."""


_CHECKED = 3
"""Samples of the spot check."""

_ACCURACY, _SMALLER = 8e-4, 0.8
"""Bound of the error of an exact refit, in residuals: 1e-3 at last, as they may be smaller by so much than before."""

_WILD = 10
"""Residuals, from which a prediction by the formulas is in doubt by its size alone."""

_ROUGH = 0.01
"""Deviation of the spot check, and doubt of a sample, in residuals, from which samples are refitted."""

_FEW, _SHARE = 300, 10
"""Up to so many samples all are refitted; of more at most so many, or one in ten: each takes n times width."""


@dataclass(frozen=True, eq=False, repr=False)
class LeaveOneOut(Result):
    """What a network trained on one sample says of its own test error: every sample left out of both stages.

    Attributes
    ----------
    problem : Problem
    seed : tuple of int
    test_error : float
        Mean square of the residuals.
    test_error_se : float
        Its standard error over the samples, as if their residuals were independent (the network held fixed).
    plain_error : float
        The same with every sample left out of the ridge regression alone: right for a fresh sample, too small here.
    gcv_error : float
        Generalised cross-validation on the same features, ``train_error / (1 - tr H/n)^2``; too small as well.
    train_error : float
        ``|y - F a|^2/n``.
    predictions, residuals : ndarray of shape (n,)
        Of every sample, by the network that was trained without it: ``residuals = y - predictions``.
    exact : bool
        Whether every readout was fitted anew, as always up to 300 samples.
    n_refits : int
        Samples without which it was: n with ``exact=True``, else those of which the formulas are least certain.
    spot_check : float
        Of the formulas, against exact refits without three samples: the two whose predictions the Newton step has
        changed most (where some were refitted, the next in doubt) and that of the largest residual by the formulas. The
        root mean square of the differences over that of the exact residuals; 0.0 where all are exact. Above 0.1 take
        ``exact=True``: small ridges, where leaving out one turns the fit, and inputs or activations out of scale.
    seconds : float
        Wall time; of all ridges together when several problems share the step.
    """

    problem: Any
    seed: tuple[int, ...]
    test_error: float
    test_error_se: float
    plain_error: float
    gcv_error: float
    train_error: float
    predictions: Array
    residuals: Array
    exact: bool = False
    n_refits: int = 0
    spot_check: float = 0.0
    seconds: float = 0.0


@overload
def leave_one_out(
    problem: Problem,
    *,
    inputs: Array | None = ...,
    target: Array | None = ...,
    seed: int | Sequence[int] = ...,
    weights: Array | None = ...,
    readout: Array | None = ...,
    exact: bool = ...,
) -> LeaveOneOut: ...


@overload
def leave_one_out(
    problem: Iterable[Problem],
    *,
    inputs: Array | None = ...,
    target: Array | None = ...,
    seed: int | Sequence[int] = ...,
    weights: Array | None = ...,
    readout: Array | None = ...,
    exact: bool = ...,
) -> list[LeaveOneOut]: ...


def leave_one_out(
    problem: Problem | Iterable[Problem],
    *,
    inputs: Array | None = None,
    target: Array | None = None,
    seed: int | Sequence[int] = 0,
    weights: Array | None = None,
    readout: Array | None = None,
    exact: bool = False,
) -> LeaveOneOut | list[LeaveOneOut]:
    """Estimate the test error of ``samples="same"`` without a test set: leave every sample out of both stages.

    A sample of the gradient has moved the first layer along itself, so that its features after the step know its
    label. Leaving it out of the ridge regression alone (plain leave-one-out, generalised cross-validation) promises
    too small an error. Here its move is undone as well: exactly for its own features, and to first order of the move
    for those of the other samples (docs/same-data.md). No law of the inputs is assumed; any activation, both gradients.

    Parameters
    ----------
    problem : Problem, or iterable of Problem
        With ``samples="same"`` and ridge > 0. Problems that differ in the ridge alone share the step and the features.
    inputs : ndarray of shape (n_samples, input_dim), optional
        Rows of your own, whitened (:func:`polyspike.data.whiten`); teacher and noise of the problem are then not used.
        None: the samples of :func:`polyspike.simulate` at this seed.
    target : ndarray of shape (n_samples,), optional
        Goes with ``inputs``; of mean zero.
    seed : int or sequence of int
        Of the initial network, and of the samples where none are given; the network is that of ``simulate``.
    weights : ndarray of shape (width, input_dim), optional
        The initial first layer, in the place of the drawn one.
    readout : ndarray of shape (width,), optional
        The initial readout, in the place of the drawn one.
    exact : bool
        Refit without each sample on features that are computed anew, to a thousandth of the root mean square residual:
        every refit has a bound of its error, rounding included.
        Takes n passes over the features: twice as long at n = 300, a hundred times at n = 2,000. False: from 300
        samples on those alone of which the formulas are uncertain by over a hundredth of a residual, if a spot check
        finds any, and at most 300 or a tenth.

    Returns
    -------
    LeaveOneOut, or list of them for many problems
        Its ``test_error`` stands for that of a network trained on the n samples.

    Raises
    ------
    ArgumentError
        ``samples="fresh"``, for which plain leave-one-out is right; ridge 0; arrays that do not fit the problem or hold
        other than finite real numbers up to 1e30. DoesNotFitError where the arrays would not fit in memory.
    NumericalError
        Features so large beside the ridge that rounding alone would move a refit by more; features that overflow.

    Notes
    -----
    The sums over the other samples keep their weights ``eta/n`` and ``1/n``. Takes six to eight times as long as the
    fit (time n^2 width), memory seven arrays of n times width. A readout that was chosen by its estimate has a slightly
    optimistic one, as with every cross-validation.

    Examples
    --------
    >>> problem = Problem("relu", n_samples=300, input_dim=60, width=200, step_exponent=0.3, samples="same")
    >>> found = leave_one_out([problem.replace(ridge=ridge) for ridge in (0.01, 0.1, 1.0)])
    >>> min(found, key=lambda one: one.test_error).problem.ridge
    0.1
    >>> found[0].plain_error < found[0].test_error
    True
    """
    problems = as_problems(problem)
    for one in problems:
        _check(one)
    parts, rows = as_seed(seed), _rows(inputs, target)
    weights = None if weights is None else as_bounded("weights", weights)
    readout = None if readout is None else as_bounded("readout", readout)
    whole = as_flag("exact", exact)
    for one in problems:
        _check_shapes(one, rows, weights, readout)
    groups: dict[Problem, list[int]] = {}
    for k, one in enumerate(problems):
        groups.setdefault(Plan.step_key(one), []).append(k)
    found: dict[int, LeaveOneOut] = {}
    for step, places in groups.items():
        trained = _trained(step, parts, rows, weights, readout)
        found.update(zip(places, _estimates(trained, [problems[k] for k in places], parts, whole), strict=True))
    return found[0] if isinstance(problem, Problem) else [found[k] for k in range(len(problems))]


def _check(problem: Problem) -> None:
    if problem.samples != "same":
        remedy = "a fresh sample has not moved the features, and plain leave-one-out is right; give 'same'"
        raise ArgumentError("samples", problem.samples, remedy)
    if not problem.one_sample:
        name = "n_gradient" if problem.overlap is None else "overlap"
        remedy = "leave_one_out is of one sample for both stages, the same in all; leave it out"
        raise ArgumentError(name, getattr(problem, name), remedy)
    if problem.ridge == 0:
        raise ArgumentError("ridge", problem.ridge, "give a number > 0")
    for name, value in given(problem).items():
        if name not in _KNOWN:
            remedy = "leave_one_out does not know what it does to a step without a sample; leave it out"
            raise ArgumentError(name, value, remedy)
    n, width = problem.n_samples, problem.width
    needed = 8 * (8 * n * width + 2 * min(n, width) ** 2 + 10 * min(n, BLOCK) * (n + width))
    if needed > available_bytes():
        text = (
            f"needs about {needed / 1e9:.1f} GB and {available_bytes() / 1e9:.1f} GB are available; reduce n or width"
        )
        raise DoesNotFitError("problem", problem, text)


def _rows(inputs: Any, target: Any) -> tuple[Array, Array] | None:
    if (inputs is None) != (target is None):
        missing = "inputs" if inputs is None else "target"
        raise ArgumentError(missing, None, "inputs and target go together; give both or neither")
    if inputs is None:
        return None
    x, y = as_rows(inputs, target)
    return as_bounded("inputs", x), as_bounded("target", y)


def _check_shapes(problem: Problem, rows: Rows, weights: Array | None, readout: Array | None) -> None:
    n, d, width = problem.n_samples, problem.input_dim, problem.width
    if rows is not None and rows[0].shape != (n, d):
        fits = f"problem.replace(n_samples={len(rows[0])}, input_dim={rows[0].shape[1]})"
        raise ArgumentError("n_samples, input_dim", (n, d), f"the data have the shape {rows[0].shape}; take {fits}")
    for argument, array, shape in (("weights", weights, (width, d)), ("readout", readout, (width,))):
        if array is not None and array.shape != shape:
            raise ArgumentError(argument, array.shape, f"give an array of shape {shape}, as the problem says")


def _trained(
    problem: Problem, seed: tuple[int, ...], rows: Rows, weights: Array | None, readout: Array | None
) -> TrainedFeatures:
    if rows is None:
        sample = GaussianDraw.of(problem, seed, 2).ridge_sample
        rows = sample.inputs, sample.labels(problem)
    width = problem.width
    weights = initial_weights(seed, width, problem.input_dim) if weights is None else weights
    readout = readout_of(normals(seed, Stream.READOUT, width), problem.readout) if readout is None else readout
    return TrainedFeatures.after_step(*rows, weights, readout, problem.activation, problem.step, problem.gradient)


def _estimates(
    trained: TrainedFeatures, problems: Sequence[Problem], seed: tuple[int, ...], exact: bool
) -> list[LeaveOneOut]:
    """All ridges at one step, each left-out sample once. What overflows is in doubt, and refused if it stays so."""
    start, n = monotonic(), len(trained.labels)
    exact = exact or n <= _FEW
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        runs = _runs(trained, problems, exact)
        seconds = monotonic() - start
        return [_result(run, one, seed, exact, seconds) for run, one in zip(runs, problems, strict=True)]


def _runs(trained: TrainedFeatures, problems: Sequence[Problem], exact: bool) -> list["_Run"]:
    n = len(trained.labels)
    runs = [_Run(trained, trained.resolvent(n * one.ridge)) for one in problems]
    for rows in blocks_of(n):
        without = WithoutEach(trained, rows)
        for run in runs:
            run.fill(Refits(without, run.resolvent), exact)
    for run in runs:
        run.finish(exact)
    return runs


class _Run:
    """One ridge: the predictions of all left-out samples, by the formulas and, where these are in doubt, by refits."""

    def __init__(self, trained: TrainedFeatures, resolvent: Resolvent) -> None:
        self.trained, self.resolvent = trained, resolvent
        self.train = resolvent.residuals(trained.labels)
        self.plain = self.train / resolvent.freedoms
        self.scale = min(_size(self.plain), _size(trained.labels))
        self.predictions, self.corrections = np.empty((2, len(trained.labels)))
        self.n_refits, self.spot_check = 0, 0.0

    def fill(self, refits: Refits, exact: bool) -> None:
        """A block of samples; all by refits where they are asked for."""
        rows = refits.without.rows
        if exact:
            self._refit(refits)
            self.n_refits += rows.stop - rows.start
            return
        self.predictions[rows], self.corrections[rows] = refits.predictions(), refits.corrections()

    def finish(self, exact: bool) -> None:
        """Check the formulas; where they are off, refit without the samples of which they are least certain."""
        if exact:
            self._refine()
            return
        suspects = self._suspects(self.corrections, 0)
        self.spot_check = self._check(suspects)
        if not self.spot_check <= _ROUGH:
            suspects = self._refit_doubtful()
            self.spot_check = self._check(suspects) if len(suspects) else 0.0

    def _refit(self, refits: Refits) -> None:
        rows = refits.without.rows
        found = [refits.exact_prediction(k, _ACCURACY * self.scale) for k in range(rows.stop - rows.start)]
        self.predictions[rows] = found

    def _refine(self) -> None:
        """Refit again where the residuals have turned out smaller than the size to which they are accurate."""
        while (size := _size(self.trained.labels - self.predictions)) < _SMALLER * self.scale:
            self.scale = size
            for rows in blocks_of(len(self.predictions)):
                self._refit(Refits(WithoutEach(self.trained, rows), self.resolvent))

    def _refit_doubtful(self) -> NDArray[np.intp]:
        """Refit without those whose doubt is over ``_ROUGH`` of a residual, the worst first; the next in line.

        A residual of over ``_WILD`` is a doubt of its size: formulas that are far off do not know it.
        """
        doubts = np.empty_like(self.predictions)
        for rows in blocks_of(len(doubts)):
            doubts[rows] = Refits(WithoutEach(self.trained, rows), self.resolvent).doubts()
        residuals = np.abs(self.trained.labels - self.predictions)
        doubts = np.fmax(np.nan_to_num(doubts, nan=np.inf), np.where(residuals > _WILD * self.scale, residuals, 0.0))
        most = max(_FEW, len(doubts) // _SHARE)
        self.n_refits = min(int(np.sum(doubts > _ROUGH * self.scale)), most)
        for j in np.argsort(-doubts)[: self.n_refits]:
            self.predictions[j] = self._exact(j)
        return self._suspects(doubts, self.n_refits)

    def _suspects(self, doubts: Array, known: int) -> NDArray[np.intp]:
        """But for the first ``known``: those next in doubt, and that of the largest residual of the others."""
        rest: NDArray[np.intp] = np.argsort(-np.nan_to_num(doubts, nan=np.inf))[known:]
        doubted, others = rest[: _CHECKED - 1], rest[_CHECKED - 1 :]
        residuals = np.nan_to_num(np.abs(self.trained.labels[others] - self.predictions[others]), nan=np.inf)
        return np.append(doubted, others[np.argsort(-residuals)[:1]])

    def _check(self, samples: NDArray[np.intp]) -> float:
        """How far the formulas are from exact refits without these samples; infinite where they overflow."""
        exact = np.array([self._exact(j) for j in samples])
        off = np.linalg.norm(self.predictions[samples] - exact)
        size = np.linalg.norm(self.trained.labels[samples] - exact)
        return 0.0 if off == 0 else float(np.nan_to_num(off / size, nan=np.inf, posinf=np.inf))

    def _exact(self, j: int) -> float:
        refits = Refits(WithoutEach(self.trained, slice(j, j + 1)), self.resolvent)
        return refits.exact_prediction(0, _ACCURACY * self.scale)


def _size(values: Array) -> float:
    """The root of the mean square."""
    return float(np.linalg.norm(values) / len(values) ** 0.5)


def _result(run: _Run, problem: Problem, seed: tuple[int, ...], exact: bool, seconds: float) -> LeaveOneOut:
    labels, train, n = run.trained.labels, run.train, len(run.trained.labels)
    residuals = labels - run.predictions
    squares = residuals**2
    if not np.isfinite(np.sum(squares) + np.sum(run.plain**2)):
        text = f"left-out residuals overflow at ridge {problem.ridge:g}: take a larger one, or exact=True"
        raise NumericalError(Status.NOT_CONVERGED, text)
    freedom = float(np.mean(run.resolvent.freedoms))
    return LeaveOneOut(
        problem=problem,
        seed=seed,
        test_error=float(np.mean(squares)),
        test_error_se=float(np.std(squares, ddof=1) / n**0.5),
        plain_error=float(np.mean(run.plain**2)),
        gcv_error=float(np.mean(train**2)) / freedom**2,
        train_error=float(np.mean(train**2)),
        predictions=run.predictions,
        residuals=residuals,
        exact=exact,
        n_refits=run.n_refits,
        spot_check=run.spot_check,
        seconds=seconds,
    )
