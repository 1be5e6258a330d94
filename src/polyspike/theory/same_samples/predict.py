"""``predict_same_samples``: the errors of a network whose two stages have one sample (docs/theory-same-data.md)."""

from collections.abc import Iterable
from functools import cached_property, partial
from math import ceil, log
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.blas import one_blas_thread
from polyspike.errors import NumericalError, PolyspikeError
from polyspike.problem import Problem
from polyspike.results import FailedPrediction, Prediction
from polyspike.spectra import Spectrum
from polyspike.status import Status
from polyspike.theory.announce import announce_spectrum
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.double_precision import check_magnitudes, within_double_precision
from polyspike.theory.finite_size.labels.label_law import sampling_error
from polyspike.theory.finite_size.solve import in_order
from polyspike.theory.finite_size.spectrum.predict_spectrum import predict_spectrum
from polyspike.theory.finite_size.spikes.errors import Errors
from polyspike.theory.long_work import watched
from polyspike.theory.same_samples.finite_dimension import FiniteDimension
from polyspike.theory.same_samples.fit import Fit
from polyspike.theory.same_samples.fixed_point import PencilSolution, first_guess, solve_pencil
from polyspike.theory.same_samples.forms import FitErrors, by_log_shift, fit_errors
from polyspike.theory.same_samples.model import Model, build
from polyspike.theory.same_samples.pencil import Neurons, State
from polyspike.theory.same_samples.spectrum.predict_spectrum import predict_same_spectrum
from polyspike.theory.same_samples.steps import STANDARD, Accuracy
from polyspike.theory.same_samples.trust import trust

__all__ = ["Family", "check_domain", "predict_many_same", "predict_same_samples"]

# The min-norm limit is taken at this fraction of the features' variance.
_LEAST_SHIFT = 1e-9
_SINGULAR_SLOPE = 1e-2
_MOST_INDICES = 2
# Further than this in the logarithm of the shift, an extrapolation is no better than a guess.
_FARTHEST = 1.5
# So far in the shift solutions are followed, in strides of its logarithm, rather than sought anew; and in any case from
# a shift so much larger where they are not found.
_MOST_FOLLOWED, _STRIDE, _FAR_SHIFT = 1e2, 1.2, 1e4


def check_domain(problem: Problem) -> None:
    """Refuse, before any work, what the theory of reused samples does not cover.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for teachers of more than two indices.
    """
    check_magnitudes(problem)
    if problem.teacher.n_indices > _MOST_INDICES:
        message = f"samples='same' is predicted for teachers of up to {_MOST_INDICES} indices; simulate it"
        raise NumericalError(Status.OUT_OF_RANGE, message)


class _Solved:
    """A solution at a shift."""

    def __init__(self, fit: Fit, found: PencilSolution, shift: float) -> None:
        self._fit, self.shift = fit, shift
        self.state, self.matrix = found.state, found.matrix

    @cached_property
    def slope(self) -> Array:
        """The derivative by the logarithm of the shift."""
        return by_log_shift(self._fit, self.state, self.shift, self.matrix)


class Neighbour(NamedTuple):
    """A solved bulk."""

    neurons: Neurons
    state: State

    def on(self, neurons: Neurons, plain: State) -> State:
        """Gamma in another problem's factors, as functions of the number of a readout's node; along what this one's
        factors do not span, that of the ``plain`` guess.
        """
        if len(neurons.weights) != len(self.neurons.weights):
            return plain
        moved = np.zeros((neurons.size, self.neurons.size))
        for new, old, to, of in zip(
            neurons.blocks, self.neurons.blocks, neurons.factors, self.neurons.factors, strict=True
        ):
            moved[new, old] = (to.T * neurons.weights) @ of
        rest = np.eye(neurons.size) - moved @ moved.T
        return State(moved @ self.state.gamma @ moved.T + rest @ plain.gamma @ rest, plain.zeta)


class Family:
    """Problems that differ in the ridge alone, on one model; every solution starts from those before, extrapolated.

    Parameters
    ----------
    problem : Problem
        One of them.
    before : Family, optional
        That of another problem, from whose first solution this one's starts where they are alike.

    Raises
    ------
    NumericalError
        As :func:`check_domain` does.
    """

    def __init__(self, problem: Problem, accuracy: Accuracy = STANDARD, before: "Family | None" = None) -> None:
        check_domain(problem)
        self.model: Model = build(problem, accuracy)
        terms = before.finite_terms if before else None
        self.finite_terms: FiniteDimension = FiniteDimension(problem, accuracy.readouts, terms, self.model.odd)
        """The terms of order 1/d."""
        self._before = before.first if before else None
        self.first: Neighbour | None = None
        """The first solution that was found."""
        self._last: list[_Solved] = []
        self.finite_dimension = 0.0
        """The relative size of the terms of order 1/d in the last test error."""

    def solve(self, problem: Problem) -> FitErrors:
        """The errors at this problem's ridge.

        Raises
        ------
        NumericalError
            ``NOT_CONVERGED``; ``SINGULAR`` at ridge 0 where the limit of vanishing ridge does not exist;
            ``OUT_OF_RANGE`` where the errors are not ordered as errors are.
        """
        fresh = self.finite_terms.at(problem)
        if problem.ridge > 0:
            found = self._at(problem.ridge * problem.n_samples / problem.width, fresh.zeta)
        else:
            least = _LEAST_SHIFT * problem.activation.second_moment
            other, found = self._at(100 * least, fresh.zeta), self._at(least, fresh.zeta)
            if abs(other.test_error - found.test_error) > _SINGULAR_SLOPE * abs(found.test_error):
                raise NumericalError(Status.SINGULAR, "ridge 0: the test error diverges as the ridge vanishes")
        leading = np.array(found[:3])
        ordered = in_order(problem, Errors(*(float(value) for value in leading * fresh.factors(leading))))
        # Of a label that is zero all errors vanish.
        share = ordered.test_error / found.test_error if found.test_error else 1.0
        self.finite_dimension = abs(share - 1)
        loo = share * found.leave_one_out
        return FitErrors(ordered.train_loss, ordered.train_error, ordered.test_error, loo, found.own_moves)

    def _at(self, shift: float, zeta: Array) -> FitErrors:
        """The errors at a shift; zeta of fresh samples, at all readouts, is a guess of that of these."""
        try:
            self._follow(shift)
            found = self._solved(shift, self._guess(zeta))
        except NumericalError:
            # From a larger shift, where iterations from a guess converge.
            self._last = []
            self._solved(_FAR_SHIFT * shift, None)
            self._follow(shift, _FAR_SHIFT)
            found = self._solved(shift, None)
        return fit_errors(self.model.fit, found.state, shift, found.matrix)

    def _follow(self, shift: float, most: float = _MOST_FOLLOWED) -> None:
        """Solve on the way to a shift from the last one, where that is not too far."""
        distance = log(shift / self._last[-1].shift) if self._last else 0.0
        if _FARTHEST < abs(distance) <= log(most) + 1e-9:
            for place in np.geomspace(self._last[-1].shift, shift, ceil(abs(distance) / _STRIDE) + 1)[1:-1]:
                self._solved(float(place), None)

    def _solved(self, shift: float, guess: State | None) -> PencilSolution:
        fit = self.model.fit
        found = solve_pencil(fit.neurons, fit.populations, shift, self._start(shift), guess)
        self._last = [*self._last[-1:], _Solved(fit, found, shift)]
        self.first = self.first or Neighbour(fit.neurons, found.state)
        return found

    def _guess(self, zeta: Array) -> State:
        """Where iterations begin when Newton's method does not lead on from the last solutions."""
        fit = self.model.fit
        plain = first_guess(fit.neurons, fit.populations, np.minimum(zeta[-len(fit.neurons.weights) :], 1.0))
        return self._before.on(fit.neurons, plain) if self._before and not self._last else plain

    def _start(self, shift: float) -> State | None:
        """By the cubic in the logarithm of the shift that the last two solutions and their derivatives define."""
        if not self._last:
            return None
        last, before = self._last[-1], self._last[0]
        distance, spacing = log(shift / last.shift), log(last.shift / before.shift)
        if abs(distance) > _FARTHEST:
            return None
        move = last.slope * distance
        if spacing:
            mean = (last.state.unknowns - before.state.unknowns) / spacing
            third = (last.slope + before.slope - 2 * mean) / spacing**2
            second = (last.slope - mean) / spacing + third * spacing
            move = move + second * distance**2 + third * distance**3
        moved = last.state.moved(move)
        return State(moved.gamma, np.minimum(moved.zeta, 1.0))

    def prediction(self, problem: Problem) -> Prediction:
        """The result in the form that all predictions share."""
        found, scalars = self.solve(problem), condition(problem)
        worth = trust(problem, found, self.finite_dimension, sampling_error(problem.teacher))
        null = problem.label_second_moment
        signal = float((problem.teacher.linear_coefficients**2).sum())
        return Prediction(
            problem=problem,
            method="finite-size",
            train_loss=found.train_loss,
            train_error=found.train_error,
            test_error=found.test_error,
            cosine=self.model.gradient_cosine,
            spike_cosine=float(scalars.spike_cosine) if scalars.spike_strength else 0.0,
            spike_strength=float(scalars.spike_strength),
            regime=f"finite n, d and N, {_shared(problem)}, any step size up to order sqrt(n)",
            null_error=null,
            linear_error=null - signal,
            error_estimate=worth.error_estimate,
            trusted=worth.trusted,
            trust_reason=worth.reason,
            notes=_NOTES,
            extras={
                "leave_one_out": found.leave_one_out,
                "leave_one_out_bias": found.leave_one_out / found.test_error - 1 if found.test_error else 0.0,
            },
            spectrum_source=partial(_spectrum, problem),
            fresh_spectrum_source=partial(_fresh_spectrum, problem),
        )


def _shared(problem: Problem) -> str:
    if problem.one_sample:
        return "one sample for both stages"
    return f"{problem.shared_samples} samples that both stages have"


@watched()
@one_blas_thread()
def _spectrum(problem: Problem) -> Spectrum:
    """After a word on how long it takes, where that is long."""
    announce_spectrum(problem)
    return predict_same_spectrum(problem)


@one_blas_thread()
def _fresh_spectrum(problem: Problem) -> Spectrum:
    """To fresh inputs it is all one on which sample the readout will be fitted."""
    with within_double_precision():
        return predict_spectrum(problem.replace(samples="fresh"))


_NOTES = (
    "samples='same': plain leave-one-out and GCV on the training features are biased; extras['leave_one_out_bias'].",
)


def predict_same_samples(problem: Problem) -> Prediction:
    """Train loss, train error and test error of a problem whose ridge regression has the gradient's own samples.

    Holds for every step size from 0 to order sqrt(n), both gradients and all readouts; to leading order in 1/d, with
    the terms of relative order 1/n that pairs of samples have (docs/theory-same-data.md).

    Parameters
    ----------
    problem : Problem
        With ``samples="same"``.

    Returns
    -------
    Prediction
        Method "finite-size". ``extras["leave_one_out"]`` is the mean squared leave-one-out residual of the ridge
        regression alone, the features held fixed, and ``extras["leave_one_out_bias"]`` what it is of the test error,
        less one.

    Raises
    ------
    NumericalError
        As :class:`Family` does.

    Examples
    --------
    >>> problem = Problem("tanh", "h1", 900, 300, 720, step_exponent=0.3, gradient="target", readout="rademacher")
    >>> same = predict_same_samples(problem.replace(samples="same"))
    >>> -0.25 < same.extras["leave_one_out_bias"] < -0.15
    True
    """
    with watched(), within_double_precision():
        return Family(problem).prediction(problem)


@watched()
def predict_many_same(problems: Iterable[Problem]) -> list[Prediction | FailedPrediction]:
    """One answer a problem, in their order; problems that differ in the ridge alone share their model."""
    rows = list(problems)
    families: dict[Problem, list[int]] = {}
    for index, problem in enumerate(rows):
        families.setdefault(problem.replace(ridge=1.0), []).append(index)
    answers: dict[int, Prediction | FailedPrediction] = {}
    before: Family | None = None
    for members in families.values():
        order = sorted(members, key=lambda index: -rows[index].ridge)
        found, before = _family([rows[i] for i in order], before)
        answers |= zip(order, found, strict=True)
    return [answers[index] for index in range(len(rows))]


def _family(
    problems: list[Problem], before: Family | None
) -> tuple[list[Prediction | FailedPrediction], Family | None]:
    """Problems that differ in the ridge alone, the largest first; and what the next may start from."""
    with within_double_precision():
        try:
            family = Family(problems[0], before=before)
        except PolyspikeError as error:
            return [_failed(problem, error) for problem in problems], before
        return [_row(family, problem) for problem in problems], family


def _row(family: Family, problem: Problem) -> Prediction | FailedPrediction:
    try:
        return family.prediction(problem)
    except PolyspikeError as error:
        return _failed(problem, error)


def _failed(problem: Problem, error: PolyspikeError) -> FailedPrediction:
    status = error.status if isinstance(error, NumericalError) else Status.OUT_OF_RANGE
    return FailedPrediction(problem, "finite-size", status, str(error))
