"""Which figure belongs to which part of the reproduction."""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from polyspike.plotting import (
    alignment_figure,
    convergence_figure,
    errors_figure,
    realdata_figure,
    spectrum_figure,
)

__all__ = ["FIGURES"]

Columns = Mapping[str, NDArray]
Tables = Mapping[str, Columns]

SHOWN_EXPONENT = 0.354
TEACHERS = {"linear": r"$\sigma_* = H_1$", "cubic": r"$\sigma_* = H_1 + 0.6 H_2 + 0.3 H_3$"}
WINDOWS = {1: r"$\ell = 1$", 2: r"$\ell = 2$", 3: r"$\ell = 3$"}
CONVERGENCE_PANELS = (
    (r"$\Vert F - F_\ell \Vert/\sqrt{n}$", {f"operator {k}": label for k, label in WINDOWS.items()}),
    ("difference of the test errors", {f"test {k}": label for k, label in WINDOWS.items()}),
    (
        "distance to the limit",
        {"loss 0.15": r"loss, $\alpha = 0.15$", "loss 0.2": r"loss, $\alpha = 0.2$", "alignment 1": "alignment 1"},
    ),
)


def _spectrum(tables: Tables) -> Any:
    means = tables["spectrum"]
    panels = {"panel": means["panel"], "title": means["title"], "edge": means["edge_drawn"]}
    return spectrum_figure(tables["spectrum_eigenvalues"], panels, tables.get("spectrum_theory"))


def _alignment(tables: Tables) -> Any:
    return alignment_figure(
        tables["alignment"],
        tables["alignment_profiles"],
        SHOWN_EXPONENT,
        tables.get("alignment_theory"),
        tables.get("alignment_profile_theory"),
    )


def _errors(tables: Tables) -> Any:
    return errors_figure(tables["errors"], tables["errors_theory"], TEACHERS)


def _convergence(tables: Tables) -> Any:
    means, rates, offsets = (tables[f"convergence{name}"] for name in ("", "_rates", "_offsets"))
    return convergence_figure(means, rates, offsets, CONVERGENCE_PANELS)


def _realdata(tables: Tables) -> Any:
    title = str(tables["realdata_data"]["title"][0])
    return realdata_figure(tables["realdata_spectra"], tables["realdata_alignment"], tables["realdata"], title)


FIGURES: dict[str, Callable[[Tables], Any]] = {
    "spectrum": _spectrum,
    "alignment": _alignment,
    "errors": _errors,
    "convergence": _convergence,
    "realdata": _realdata,
}
