"""The theory on data against networks, over data sets that ship inside packages: ``python benchmarks/data.py``.

Every set is taken as it is (centred, in one unit) and whitened, at three sizes and six steps; networks share the split
of the prediction, so that they differ by their initial weights alone. Writes ``data.csv`` and ``data.md`` beside
itself. ``--only NAME`` (more than once) takes some of the sets, ``--networks K`` sets how many networks are averaged.
Rows that are in ``data.csv`` already are kept with ``--resume``; with ``--predictions`` their predictions alone are
made again, beside the networks that were measured. ``--roads`` writes ``data_roads.md`` instead, the
Gaussian covariate model of drawn features beside the theory.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets

import polyspike as ps
from polyspike.data import label_target, load, rescale, whiten
from polyspike.data.scale import standardise
from polyspike.simulation.covariate import covariate_curve

HERE = Path(__file__).parent
EXPONENTS = (-np.inf, 0.0, 0.15, 0.3, 0.4, 0.45)
SHARES = (0.15, 0.25, 0.4)
MOST_ROWS, MOST_DIRECTIONS, LEAST_WIDTH = 500, 100, 60
MOST_USED = 1500
"""Rows of a set, drawn at random from larger ones."""
RIDGE = 0.1
MISS = 0.05


class Case(NamedTuple):
    """A set in one of its forms."""

    name: str
    activation: str
    inputs: Any
    target: Any
    pixels: bool = False


def cases() -> Iterator[Case]:
    """Continuous targets with tanh, binary ones with ReLU."""
    for name, kind, activation in (
        ("digits", "value", "tanh"),
        ("digits", "parity", "relu"),
        ("mnist", "value", "tanh"),
        ("mnist", "parity", "relu"),
    ):
        found = load(name, kind)
        yield Case(f"{name} {kind}", activation, found.inputs, found.target, True)
    diabetes, cancer = load("diabetes"), load("breast_cancer")
    yield Case("diabetes", "tanh", diabetes.inputs, diabetes.target)
    yield Case("breast cancer", "relu", cancer.inputs, cancer.target)
    wine, iris = datasets.load_wine(), datasets.load_iris()
    yield Case("wine alcohol", "tanh", wine.data[:, 1:], standardise(wine.data[:, 0]))
    yield Case("wine class", "relu", wine.data, label_target(wine.target, "upper"))
    yield Case("iris petal width", "tanh", iris.data[:, :3], standardise(iris.data[:, 3]))
    yield Case("iris class", "relu", iris.data, label_target(iris.target, "upper"))


def shortened(case: Case) -> Case:
    """At most so many rows."""
    rows = np.random.default_rng(0).permutation(len(case.target))[:MOST_USED]
    inputs = case.inputs[rows]
    return case._replace(inputs=inputs[:, inputs.std(axis=0) > 0], target=standardise(case.target[rows]))


def prepared(case: Case, form: str) -> Any:
    """The inputs raw or whitened; of images the leading directions."""
    if form == "whitened":
        directions = np.linalg.matrix_rank(case.inputs - case.inputs.mean(axis=0), tol=1e-6 * np.abs(case.inputs).max())
        most = min(MOST_DIRECTIONS, directions, len(case.inputs) // 8)
        return whiten(case.inputs, most, common_unit=case.pixels)
    table = rescale(case.inputs, standardised=not case.pixels)
    _, values, axes = np.linalg.svd(table, full_matrices=False)
    return rescale(table @ axes[: min(MOST_DIRECTIONS, len(values))].T)


def effective_dimension(inputs: Any) -> float:
    """``(tr S)^2 / tr S^2`` of the covariance."""
    values = np.linalg.eigvalsh(np.cov(inputs.T))
    return float(values.sum() ** 2 / (values**2).sum())


def sizes_of(case: Case, share: float) -> dict[str, int]:
    """Rows of the fit and of the gradient, and neurons."""
    n = min(MOST_ROWS, int(share * len(case.target)))
    return {"width": max(LEAST_WIDTH, n * 4 // 5), "n_samples": n, "n_gradient": n}


def predicted(case: Case, x: Any, sizes: dict[str, int]) -> tuple[ps.DataGrid, float]:
    """All steps, and the seconds that they took."""
    start = perf_counter()
    grid = ps.predict_data_grid(
        x, case.target, activation=case.activation, step_exponents=EXPONENTS, ridges=[RIDGE], **sizes
    )
    return grid, perf_counter() - start


def rows_of(case: Case, form: str, share: float, networks: int) -> list[dict[str, Any]]:
    """One row a step."""
    x, sizes = prepared(case, form), sizes_of(case, share)
    grid, seconds = predicted(case, x, sizes)
    problems = [row[0].problem for row in grid.points]
    runs = [ps.simulate_data(problems, x, case.target, seed=(5, k), split_seed=0) for k in range(networks)]
    errors = np.array([[run.test_error for run in row] for row in runs])
    train = np.array([[run.train_error for run in row] for row in runs])
    kurtosis = float(np.mean((x / x.std(axis=0)) ** 4))
    shared = {"data": case.name, "form": form, "activation": case.activation, "n": sizes["n_samples"], "d": x.shape[1]}
    shared |= {"width": sizes["width"], "d_eff": effective_dimension(x), "kurtosis": kurtosis}
    shared |= {"n_test": grid.points[0][0].n_test, "seconds": seconds}
    return [
        shared
        | {
            "exponent": alpha,
            "predicted": points[0].test_error,
            "estimate": points[0].error_estimate,
            "measured": errors[:, k].mean(),
            "standard_error": errors[:, k].std(ddof=1) / np.sqrt(networks),
            "spread": errors[:, k].std(ddof=1),
            "predicted_train": points[0].train_error,
            "measured_train": train[:, k].mean(),
        }
        for k, (alpha, points) in enumerate(zip(EXPONENTS, grid.points))
    ]


def predict_again(rows: list[dict[str, Any]], path: Path) -> None:
    """The predictions of these rows by the code as it is, curve by curve; the networks' seeds have not changed."""
    every = {case.name: case for case in map(shortened, cases())}
    for row in rows:
        row.setdefault("estimate", np.nan)
    for key in dict.fromkeys((r["data"], r["form"], r["n"]) for r in rows):
        some = [r for r in rows if (r["data"], r["form"], r["n"]) == key]
        case = every[key[0]]
        sizes = {"width": int(some[0]["width"]), "n_samples": key[2], "n_gradient": key[2]}
        grid, seconds = predicted(case, prepared(case, key[1]), sizes)
        for row, points in zip(some, grid.points, strict=True):
            row |= {"predicted": points[0].test_error, "estimate": points[0].error_estimate, "seconds": seconds}
            row |= {"predicted_train": points[0].train_error}
        _write(rows, path)
        print(*key, f"{seconds:.1f}", flush=True)


def table(rows: list[dict[str, Any]]) -> str:
    """A line for every set and form, the misses below it, and what they have in common."""
    lines = [
        "| data | inputs | d_eff | n | median, largest deviation of the test error | best alpha predicted | measured |",
        "|---|---|---|---|---|---|---|",
    ]
    near, level, total = 0, 0, 0
    for key in dict.fromkeys((r["data"], r["form"]) for r in rows):
        some = [r for r in rows if (r["data"], r["form"]) == key]
        deviations = np.abs([r["predicted"] / r["measured"] - 1 for r in some])
        sizes = list(dict.fromkeys(r["n"] for r in some))
        best = [_best([r for r in some if r["n"] == n]) for n in sizes]
        near, total = near + sum(abs(b[0] - b[1]) < 0.101 for b in best), total + len(best)
        level += sum(abs(b[0] - b[1]) >= 0.101 and b[2] for b in best)
        cells = [key[0], key[1], f"{some[0]['d_eff']:.0f} of {some[0]['d']}", ", ".join(map(str, sizes))]
        cells += [f"{np.median(deviations):.1%}, {deviations.max():.1%}"]
        cells += [", ".join(_name(b[0]) for b in best), ", ".join(_name(b[1]) + ("=" if b[2] else "") for b in best)]
        lines.append("| " + " | ".join(cells) + " |")
    every = np.abs([r["predicted"] / r["measured"] - 1 for r in rows])
    within = f"median deviation {np.median(every):.2%}, {np.mean(every < MISS):.0%} under 5 %."
    lines += ["", f"All {len(rows)} points: {within}"]
    lines += [f"Best step within 0.1 in alpha of the best measured one: {near} of {total}; of the others {level} are"]
    lines += ["level with it, within two standard errors of the mean of the networks (=)."]
    estimates, errors = (np.array([r[name] for r in rows]) for name in ("estimate", "standard_error"))
    errors /= np.array([r["measured"] for r in rows])
    by_itself, together = np.mean(every <= estimates), np.mean(every <= estimates + 2 * errors)
    lines += [
        f"The predictions' estimates ({np.median(estimates):.0%} in the median) hold {by_itself:.0%} of all deviations"
    ]
    lines += [f"by themselves, {together:.0%} with two standard errors of the mean of the networks.", ""]
    misses = [r for r in rows if abs(r["predicted"] / r["measured"] - 1) > MISS]
    lines += ["Deviations above 5 %, beside the standard error of the mean of the networks, the spread of one network,"]
    lines += ["the effective dimension and the mean fourth moment of the inputs:", ""]
    lines += [
        "| data | inputs | n | alpha | deviation | standard error | spread | d_eff | kurtosis |",
        "|" + "---|" * 9,
    ]
    for r in misses:
        cells = [r["data"], r["form"], str(r["n"]), _name(r["exponent"]), f"{r['predicted'] / r['measured'] - 1:+.1%}"]
        cells += [f"{r['standard_error'] / r['measured']:.1%}", f"{r['spread'] / r['measured']:.0%}"]
        cells += [f"{r['d_eff']:.0f}", f"{r['kurtosis']:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def roads(networks: int) -> str:
    """The theory on data and the Gaussian covariate model beside networks, whitened, at one size and one step."""
    lines = ["| data | n | networks | theory on data | Gaussian covariate model |", "|---|---|---|---|---|"]
    for case in map(shortened, cases()):
        x = prepared(case, "whitened")
        n = int(0.2 * len(x))
        sizes = {"width": max(LEAST_WIDTH, n * 4 // 5), "n_samples": n, "n_gradient": n}
        found = ps.predict_data(x, case.target, activation=case.activation, step_exponent=0.3, ridge=RIDGE, **sizes)
        errors = [
            (
                ps.simulate_data(found.problem, x, case.target, seed=(5, k), split_seed=0).test_error,
                covariate_curve(found.problem, x, case.target, seed=(5, k), split_seed=0).test_error[0, 0],
            )
            for k in range(networks)
        ]
        measured, model = np.mean(errors, axis=0)
        bar = np.std([e[0] for e in errors], ddof=1) / np.sqrt(networks)
        cells = [case.name, str(n), f"{measured:.3f} ± {bar:.3f}", f"{found.test_error / measured - 1:+.1%}"]
        lines.append("| " + " | ".join([*cells, f"{model / measured - 1:+.1%}"]) + " |")
    return "\n".join(lines) + "\n"


def _best(rows: list[dict[str, Any]]) -> tuple[float, float, bool]:
    """The best exponent predicted and measured (no step counts as -0.1), and whether the two are level."""
    at = [max(r["exponent"], -0.1) for r in rows]
    here, there = (int(np.argmin([r[name] for r in rows])) for name in ("predicted", "measured"))
    gap = rows[here]["measured"] - rows[there]["measured"]
    return at[here], at[there], bool(gap <= 2 * rows[here]["standard_error"])


def _name(exponent: float) -> str:
    return "none" if exponent < 0 else f"{exponent:g}"


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    texts = ("data", "form", "activation")
    with path.open(encoding="utf-8") as file:
        rows: list[dict[str, Any]] = [
            {k: v if k in texts else float(v) for k, v in row.items()} for row in csv.DictReader(file)
        ]
    return [row | {"n": int(row["n"]), "d": int(row["d"])} for row in rows]


def _write(rows: list[dict[str, Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python benchmarks/data.py", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--networks", type=int, default=16)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--predictions", action="store_true", help="predict the rows of data.csv again")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--roads", action="store_true", help="write data_roads.md: the theory beside a second road")
    arguments = parser.parse_args()
    if arguments.roads:
        (arguments.out / "data_roads.md").write_text(roads(arguments.networks), encoding="utf-8")
        return 0
    path = arguments.out / "data.csv"
    rows = _read(path) if arguments.resume or arguments.predictions else []
    if arguments.predictions:
        predict_again(rows, path)
        (arguments.out / "data.md").write_text(table(rows), encoding="utf-8")
        return 0
    done = {(r["data"], r["form"], r["n"]) for r in rows}
    for share in SHARES:
        for case in map(shortened, cases()):
            if arguments.only and case.name not in arguments.only:
                continue
            for form in ("raw", "whitened"):
                n = min(MOST_ROWS, int(share * len(case.target)))
                if (case.name, form, n) in done:
                    continue
                done.add((case.name, form, n))
                rows += rows_of(case, form, share, arguments.networks)
                _write(rows, path)
                print(case.name, form, n, f"{perf_counter():.0f}", flush=True)
    (arguments.out / "data.md").write_text(table(rows), encoding="utf-8")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
