"""Part 5: the same experiment on real data: MNIST (digits where it is missing), or the user's own table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from math import sqrt
from operator import itemgetter

import numpy as np
from scipy.special import chdtri, ndtri

from polyspike.arraytypes import Array
from polyspike.data import Dataset, Whitening, fit_whitening, load_images
from polyspike.data.scale import standardise
from polyspike.data.whiten import redundant
from polyspike.edge import fit_edge
from polyspike.errors import ArgumentError
from polyspike.experiments.reproduce.alignment import learned, share_of
from polyspike.experiments.reproduce.claims import Claim, above, below, threshold
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns
from polyspike.experiments.reproduce.common import SHIFTED_SINE, UNTRAINED, average, paired, sample, with_exponent
from polyspike.experiments.reproduce.jobs import Facts, Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Measurement
from polyspike.simulation import simulate_data
from polyspike.simulation.data_draw import DataDraw
from polyspike.simulation.ridge import fit_readouts
from polyspike.theory import predict_data_grid
from polyspike.theory.on_data.sizes import CurveAccuracy

__all__ = ["REALDATA"]

NAME = "realdata"
MAX_DIM = 200
MAX_ROWS = 2000
MAX_WIDTH = 1000
MIN_ROWS = 200
EXPONENTS = (UNTRAINED, 0.0, 0.1, 0.15, 0.2, 0.25, 0.29, 0.354, 0.4, 0.5)
SHOWN = 0.29
LINEAR_RIDGES = tuple(np.geomspace(1e-3, 1e3, 13).tolist())

PILOT = 4
"""Splits that choose the best step and the number of judged splits; no claim is judged on them."""

FEWEST, MOST = 6, 96
"""Bounds of the number of judged splits."""

WORK = {True: 100.0, False: 1600.0}
"""Work of the judged splits at most, in the units of a job's cost: for a quick run, and for a full one."""

SPREAD_BOUND = 0.8
"""Confidence that the spread of the splits is no larger than what the pilot's is taken for."""

POWER = 0.9
"""Chance to decide a claim whose effect is the one that the pilot saw."""

# ``chdtri`` takes the probability of the upper tail.
WIDENING = sqrt((PILOT - 1) / float(chdtri(PILOT - 1, SPREAD_BOUND)))
POWER_QUANTILE = float(ndtri(POWER))

PREDICTED = ((UNTRAINED, 0.2), (0.29,), (0.4,))
"""Exponents at which the theory on the rows of the first judged split is worked out, a job each."""

ERROR_BARS = "over random splits of these rows and initial networks; they say nothing of rows that were not collected"


@dataclass(frozen=True, eq=False)
class Study:
    """The experiment on one data set: everything but the split.

    Attributes
    ----------
    data : Dataset
    inputs : ndarray of shape (rows, dim)
        Whitened.
    target : ndarray of shape (rows,)
        Of mean 0 and variance 1.
    whitening : Whitening
        Along all independent directions of the data; the inputs are the leading ones.
    problem : Problem
    """

    data: Dataset
    inputs: Array
    target: Array
    whitening: Whitening
    problem: Problem

    @property
    def title(self) -> str:
        """The title of the figure."""
        return f"{self.data.name}: {self.data.target_name} from {self.inputs.shape[1]} whitened inputs"

    @property
    def cost(self) -> float:
        """The cost of one split, in the units of a job's cost."""
        p = self.problem
        return 1 + 3 * len(EXPONENTS) * (p.width / 1000) ** 2 * p.n_samples / 1000

    def jobs(self, splits: Iterable[int], pilot: bool) -> list["SplitJob"]:
        """One job a split, all exponents on it."""
        key = f"{self._key()}, {EXPONENTS}, {'pilot split' if pilot else 'split'}"
        return [
            SplitJob(
                f"{key} {k}",
                self.cost,
                partial(run, self.problem, self.inputs, self.target, self.title, k, pilot),
                self,
            )
            for k in splits
        ]

    def predictions(self) -> list["PredictionJob"]:
        """The theory on the rows of the first judged split; a job for some exponents."""
        key, cost = self._key(), 8 * self.cost / len(EXPONENTS)
        return [
            PredictionJob(
                f"{key} predicted at {some}",
                cost * len(some),
                partial(predict, self.problem, self.inputs, self.target, some),
            )
            for some in PREDICTED
        ]

    def _key(self) -> str:
        digest = sha256(self.inputs.tobytes() + self.target.tobytes()).hexdigest()[:16]
        return f"{NAME}: {self.data.name}, {self.data.target_name}, {digest}, {self.problem}"


@dataclass(frozen=True)
class PredictionJob(Job):
    """A job of the theory on one split."""


@dataclass(frozen=True)
class SplitJob(Job):
    """A job that knows its study."""

    study: Study


def plan(options: Options) -> list[SplitJob]:
    """The pilot. The data are whitened once, here, so that bad ones are refused before any work."""
    return _study(options.data or load_images(), options.quick).jobs(range(PILOT), pilot=True)


def more(options: Options, jobs: Sequence[Job], rows: Mapping[str, Sequence[Row]]) -> list[Job]:
    """The theory on the first judged split, and the judged splits: as many as the user gave, or as the claims need.

    They are others than those of the pilot.
    """
    assert isinstance(jobs[0], SplitJob)
    study = jobs[0].study
    most = int(np.clip(WORK[options.quick] / study.cost, FEWEST, MOST))
    count = options.seeds or replicates_needed(_margins(_by_stage(rows, pilot=True)), most)
    return [*study.predictions(), *study.jobs(range(PILOT, PILOT + count), pilot=False)]


def replicates_needed(margins: Iterable[tuple[float, float]], most: int) -> int:
    """The smallest number of replicates that decides every claim, or ``most``.

    Parameters
    ----------
    margins : iterable of (float, float)
        For every claim the distance of the pilot's mean from the bound, and the pilot's standard deviation. The
        spread is taken at its upper confidence bound, ``s sqrt((P - 1) / chi2_{P-1, 1-0.8})``, and decided means
        ``distance >= (threshold + normal quantile of the power) spread / sqrt(R)``.
    most : int

    Notes
    -----
    The replicates that follow are independent of the pilot, so their number costs no false alarm: it is a function of
    other draws. A claim whose effect is too small to be decided by ``most`` stays undecided, with its interval.
    """
    pairs = [(abs(distance), WIDENING * spread) for distance, spread in margins]
    for count in range(FEWEST, most):
        z = threshold(count) + POWER_QUANTILE
        if all(distance > 0 and distance >= z * spread / sqrt(count) for distance, spread in pairs):
            return count
    return most


def _margins(tables: Mapping[str, Columns]) -> list[tuple[float, float]]:
    """Distance from the bound, and spread, of every claim as the pilot sees it."""
    return [
        (claim.measured - claim.predicted, claim.standard_error * sqrt(claim.replicates))
        for claim in _judged(tables, _best_exponent(tables))
    ]


def _study(data: Dataset, quick: bool) -> Study:
    rows, columns = data.shape
    if rows < MIN_ROWS or columns < 2:
        raise ArgumentError("data", data.name, f"it has {rows} rows and {columns} input columns; give {MIN_ROWS} and 2")
    whitening = fit_whitening(data.inputs, common_unit=data.common_unit)
    if whitening.dim < 2:
        raise ArgumentError("data", data.name, "its input columns are all the same up to scale; give two that differ")
    inputs = whitening.leading(MAX_DIM)(data.inputs)
    return Study(data, inputs, standardise(data.target), whitening, _problem(inputs, quick))


def _problem(inputs: Array, quick: bool) -> Problem:
    """Two fifths of the rows for the gradient, two fifths for the ridge fit, the rest is tested on."""
    rows, dim = inputs.shape
    n = min(MAX_ROWS // 2 if quick else MAX_ROWS, 2 * rows // 5)
    width = min(MAX_WIDTH // 2 if quick else MAX_WIDTH, max(n // 2, 60))
    return Problem(SHIFTED_SINE, "h1", n, dim, width, step_exponent=0.0, ridge=0.1)


def facts(jobs: Sequence[Job]) -> Facts:
    """What was made of the data, for the report."""
    split_jobs = [job for job in jobs if isinstance(job, SplitJob)]
    study = split_jobs[0].study
    data, problem, dim = study.data, study.problem, study.inputs.shape[1]
    rows = len(study.inputs)
    return {
        "data": data.name,
        "target": data.target_name,
        "rows_used": rows,
        "rows_read": data.rows_read,
        "rows_of_a_split": f"{problem.gradient_samples} gradient, {problem.n_samples} ridge fit, "
        f"{rows - problem.gradient_samples - problem.n_samples} test",
        "columns_used": list(data.columns),
        "columns_dropped": dict(data.dropped),
        "columns_that_add_no_direction": [data.columns[j] for j in redundant(data.inputs)],
        "directions_used": dim,
        "directions_of_the_data": study.whitening.dim,
        "variance_in_the_directions_used": study.whitening.leading(dim).explained,
        "n": problem.n_samples,
        "width": problem.width,
        "ridge": problem.ridge,
        "pilot_splits": PILOT,
        "judged_splits": len(split_jobs) - PILOT,
        "error_bars": ERROR_BARS,
        "notes": list(data.notes),
    }


def run(problem: Problem, inputs: Array, target: Array, title: str, split: int, pilot: bool) -> Rows:
    """Errors, spectra and alignments at every exponent of one split."""
    seed = (6, split)
    others = [a for a in EXPONENTS if a not in (UNTRAINED, SHOWN)]
    runs = dict(zip(others, simulate_data([with_exponent(problem, a) for a in others], inputs, target, seed=seed)))
    shown = [with_exponent(problem, a) for a in (UNTRAINED, SHOWN)]
    before, after = simulate_data(shown, inputs, target, seed=seed, eigenvalues="all")
    runs |= {UNTRAINED: before, SHOWN: after}
    draw = DataDraw(seed, inputs, target, problem.gradient_samples, problem.n_samples, problem.width)
    linear = _linear_error(draw)
    place = {"pilot": int(pilot), "seed": split}
    errors: list[Row] = [
        place
        | {
            "exponent": a,
            "test_error": runs[a].test_error,
            "train_error": runs[a].train_error,
            "linear_error": linear,
        }
        for a in EXPONENTS
    ]
    shares: list[Row] = [
        place | {"exponent": a, **share_of(vectors, kappa, 0.0)}
        for a, vectors, kappa in learned(draw, problem, EXPONENTS)
    ]
    spectra = _spectrum_rows("before", before) + _spectrum_rows("after", after) if split == 0 else []
    return {
        f"{NAME}_draws": errors,
        f"{NAME}_alignment_draws": shares,
        f"{NAME}_spectra": spectra,
        f"{NAME}_spikes": [place | {"before": _spikes(before), "after": _spikes(after)}],
        f"{NAME}_data": [{"title": title}],
    }


def predict(problem: Problem, inputs: Array, target: Array, exponents: Sequence[float]) -> Rows:
    """The mean errors of networks on the rows of the first judged split, by the theory given these rows."""
    grid = predict_data_grid(
        inputs,
        target,
        step_sizes=[with_exponent(problem, a).step for a in exponents],
        ridges=[problem.ridge],
        activation=problem.activation,
        width=problem.width,
        n_samples=problem.n_samples,
        n_gradient=problem.gradient_samples,
        seed=(6, PILOT),
        accuracy=CurveAccuracy(nodes=9),
    )
    names = ("test_error", "test_error_se", "train_error")
    found = [{name: getattr(points[0], name) for name in names} for points in grid.points]
    return {f"{NAME}_predicted": [{"exponent": a} | values for a, values in zip(exponents, found, strict=True)]}


def _linear_error(draw: DataDraw) -> float:
    """Test error of ridge on the whitened inputs; the ridge that is best on the test rows, so no harder rival is."""
    fitted = draw.ridge_sample
    readouts = fit_readouts(fitted.inputs, fitted.target, LINEAR_RIDGES)
    tested = list(draw.test_blocks())
    squares = sum(np.sum((b.target[:, None] - b.inputs @ readouts) ** 2, axis=0) for b in tested)
    return float(np.min(squares) / sum(len(b.target) for b in tested))


def _spectrum_rows(when: str, found: Measurement) -> list[Row]:
    assert found.eigenvalues is not None
    edge = fit_edge(found.eigenvalues)
    end = edge.position + 4 * edge.scale
    return [{"when": when, "eigenvalue": float(v), "edge": end} for v in found.eigenvalues]


def _spikes(found: Measurement) -> int:
    assert found.eigenvalues is not None
    return fit_edge(found.eigenvalues).n_spikes


def _by_stage(rows: Mapping[str, Sequence[Row]], pilot: bool) -> dict[str, Columns]:
    """What every split of the pilot, or every judged one, has found."""
    names = ("draws", "alignment_draws", "spikes")
    stage = {name: [row for row in rows[f"{NAME}_{name}"] if row["pilot"] == int(pilot)] for name in names}
    return {f"{NAME}_{name}": to_columns([_without_stage(row) for row in found]) for name, found in stage.items()}


def _without_stage(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "pilot"}


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean errors and shares against the exponent, the spectra of one split, and every split."""
    judged, pilot = _by_stage(rows, pilot=False), _by_stage(rows, pilot=True)
    draws, shares = judged[f"{NAME}_draws"], judged[f"{NAME}_alignment_draws"]
    names = [name for name in shares if name not in ("seed", "exponent")]
    return {
        NAME: average(draws, ("exponent",), ("test_error", "train_error", "linear_error")),
        f"{NAME}_alignment": average(shares, ("exponent",), names),
        f"{NAME}_spectra": to_columns(rows[f"{NAME}_spectra"]),
        f"{NAME}_data": to_columns(rows[f"{NAME}_data"][:1]),
        f"{NAME}_predicted": to_columns(sorted(rows[f"{NAME}_predicted"], key=itemgetter("exponent"))),
        f"{NAME}_pilot_draws": pilot[f"{NAME}_draws"],
        **judged,
    }


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """Whether the step does on these data what it does on Gaussian ones; the best step is the pilot's."""
    return _judged(tables, _best_exponent({f"{NAME}_draws": tables[f"{NAME}_pilot_draws"]}))


def _best_exponent(tables: Mapping[str, Columns]) -> float:
    """The exponent of the lowest mean test error among the steps that were taken."""
    means = average(tables[f"{NAME}_draws"], ("exponent",), ("test_error",))
    steps = means["exponent"] != UNTRAINED
    return float(means["exponent"][steps][int(np.argmin(means["test_error"][steps]))])


def _judged(tables: Mapping[str, Columns], best: float) -> list[Claim]:
    draws, shares, spikes = (tables[f"{NAME}_{name}"] for name in ("draws", "alignment_draws", "spikes"))
    here, start = {"exponent": SHOWN}, {"exponent": UNTRAINED}
    new = {"new": spikes["after"] - spikes["before"]}
    rival = {"gain": draws["test_error"] - draws["linear_error"], "exponent": draws["exponent"]}
    at = f"alpha = {SHOWN:g}"
    spikes_added = f"at {at} the step adds spikes to most splits: their number minus that before > 1/2"
    after = f"at {at} the top vectors hold most of beta . x: share > 1/2"
    lowered = f"one step at {at} lowers the test error (variance of the target: 1): its change"
    beaten = f"test error at the pilot's best step (alpha = {best:g}) minus that of the best ridge on the inputs"
    return [
        above(NAME, spikes_added, sample(new, "new"), 0.5),
        above(NAME, after, sample(shares, "h1", **here), 0.5),
        below(NAME, "before the step they do not: share < 1/2", sample(shares, "h1", **start), 0.5),
        below(NAME, lowered, paired(draws, "test_error", {**here}, {**start}), 0.0),
        below(NAME, beaten, sample(select(rival, exponent=best), "gain"), 0.0),
    ]


REALDATA = Part(NAME, "The same on real data", plan, tables, claims, more, facts)
