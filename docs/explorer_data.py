"""What the explorer on the pages of the documentation shows, computed beforehand: ``make docs-explorer``.

Writes docs/explorer/data.js: predictions at every place of a grid of problems, and spectra at some of them, compressed.
The page shows them with the JavaScript of ``polyspike explore``, without a server. Takes some minutes.
"""

import base64
import gzip
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from polyspike import Problem, as_teacher, predict
from polyspike.errors import PolyspikeError

TARGET = Path(__file__).parent / "explorer" / "data.js"

AXES: dict[str, list[Any]] = {
    "activation": ["relu", "gelu", "tanh"],
    "teacher": ["h1", "h1 + 0.5*h2", "h1 + 0.6*h2 + 0.3*h3", "relu"],
    "n_samples": [1000, 2000, 4000],
    "width": [500, 1000, 2000],
    "noise": [0.1, 0.5],
    "ridge": [0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0],
}
"""All but the step, the slowest first; the spectrum does not depend on the ridge, the last."""

FIXED = {"input_dim": 500, "gradient": "full", "readout": "gaussian"}
STEPS = [round(0.025 * k, 3) for k in range(21)]
SPECTRUM_STEPS = [round(0.05 * k, 2) for k in range(11)]
SPECTRUM_NOISE = 0.5
WINDOWS = (1, 2, 3, 4)
DIGITS = 4
POINTS = 40


def rounded(value: float | None, digits: int = DIGITS) -> float | None:
    """So many significant digits; what is not known stays None."""
    return None if value is None else float(f"{value:.{digits}g}")


def places() -> Iterator[dict[str, Any]]:
    """Everything but step and ridge."""
    names = [name for name in AXES if name != "ridge"]
    for values in itertools.product(*(AXES[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def reason_of(text: str) -> str:
    """The beginning of why a prediction is not trusted, without its numbers."""
    return text.split(" (")[0].split(":")[0]


def predicted(place: dict[str, Any], reasons: list[str]) -> dict[str, Any]:
    """Errors over steps (no step first) and ridges, row by row, the cosine over steps, and the limits over ridges."""
    start = Problem(**place, **FIXED, step_size=0.0)
    steps = [start, *(start.replace(step_exponent=step) for step in STEPS)]
    answers = predict([step.replace(ridge=ridge) for step in steps for ridge in AXES["ridge"]])
    inside = [start.replace(step_exponent=0.2, ridge=ridge) for ridge in AXES["ridge"]]
    limits = [predict(inside, method="window", window=window) for window in WINDOWS]
    return {
        **{name: [rounded(getattr(a, name)) for a in answers] for name in ("test_error", "train_error")},
        "error_estimate": [rounded(a.error_estimate, 2) for a in answers],
        "reason": [index(reasons, "" if a.trusted else reason_of(a.trust_reason)) for a in answers],
        "spike_cosine": [rounded(a.spike_cosine) for a in answers[:: len(AXES["ridge"])]],
        "limit_test": [[rounded(row.test_error) for row in rows] for rows in limits],
        "limit_train": [[rounded(row.train_error) for row in rows] for rows in limits],
    }


def index(texts: list[str], text: str) -> int:
    """Place of a text in a list, to which it is added where it is new."""
    if text not in texts:
        texts.append(text)
    return texts.index(text)


def spectra(place: dict[str, Any], reasons: list[str]) -> list[dict[str, Any]]:
    """At some steps, of one noise."""
    if place["noise"] != SPECTRUM_NOISE:
        return []
    start = Problem(**place, **FIXED, ridge=1.0, step_size=0.0)
    return [spectrum(start.replace(step_exponent=step), reasons) for step in SPECTRUM_STEPS]


def spectrum(problem: Problem, reasons: list[str]) -> dict[str, Any]:
    """Bulk on points that the page knows from its edges, spikes, and what all of it is worth."""
    try:
        found = predict(problem).spectrum  # type: ignore[union-attr]
    except PolyspikeError as error:
        return {"message": str(error)}
    low, high = found.edges[0][0], found.edges[-1][1]
    x = on_points(max(low, high * 1e-5), high)
    return {
        "edges": [[rounded(low), rounded(high)] for low, high in found.edges],
        "density": [rounded(float(v) / (1 - found.atom), 3) for v in found.density(x)],
        "atom": rounded(found.atom),
        "spikes": [
            {"location": rounded(s.location), "overlaps": [rounded(v, 2) if v > 1e-3 else 0 for v in s.overlaps]}
            for s in found.spikes
        ],
        "inside": list(found.inside),
        "error_estimate": rounded(found.error_estimate, 2),
        "reason": index(reasons, "" if found.trusted else reason_of(found.trust_reason)),
    }


def on_points(low: float, high: float) -> np.ndarray:
    """Points dense near both ends, evenly spread in the logarithm."""
    turn = (1 - np.cos(np.linspace(0, np.pi, POINTS))) / 2
    return np.asarray(low * (high / low) ** turn)


def moments() -> dict[str, list[float | None]]:
    """``E sigma*^2`` and its linear part, for every teacher."""
    teachers = [as_teacher(text) for text in AXES["teacher"]]
    linear = [float(np.sum(teacher.linear_coefficients**2)) for teacher in teachers]
    return {
        "second_moment": [rounded(teacher.second_moment, 6) for teacher in teachers],
        "linear": [rounded(value, 6) for value in linear],
    }


def made() -> dict[str, Any]:
    """All of it."""
    reasons, rows, found = [""], [], []
    for count, place in enumerate(places()):
        rows.append(predicted(place, reasons))
        found += spectra(place, reasons)
        print(f"\r{count + 1}", end="", file=sys.stderr, flush=True)
    head = {"axes": AXES, "fixed": FIXED, "steps": STEPS, "spectrum_steps": SPECTRUM_STEPS, "windows": list(WINDOWS)}
    head |= {"spectrum_noise": SPECTRUM_NOISE, "points": POINTS, "reasons": reasons, **moments()}
    names = list(rows[0])
    return {**head, **{name: [row[name] for row in rows] for name in names}, "spectra": found}


def write(data: dict[str, Any], target: Path) -> None:
    """As JavaScript, so that a page that is opened from the disk can load it."""
    packed = gzip.compress(json.dumps(data, separators=(",", ":"), allow_nan=False).encode(), 9, mtime=0)
    text = base64.b64encode(packed).decode()
    target.write_text(f'Explorer.packed = "{text}";\n', encoding="ascii")


def read(source: Path) -> dict[str, Any]:
    """What :func:`write` has written."""
    text = source.read_text(encoding="ascii").split('"')[1]
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(text)))
    return found


if __name__ == "__main__":
    write(made(), TARGET)
