"""How commands print: aligned lines for people, JSON for machines."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from polyspike.errors import ArgumentError, UnreadableError
from polyspike.record import plain
from polyspike.spectra import Spectrum, Spike, TrainingSpike

__all__ = ["check_figure", "make_folder", "print_json", "print_lines", "save_whole", "spectrum_values"]

FIGURE_FORMATS = (".png", ".svg", ".pdf")


def check_figure(path: Path, argument: str = "figure", formats: tuple[str, ...] = FIGURE_FORMATS) -> None:
    """Refuse a figure, or another file, that could not be written, before the work that it shows.

    Raises
    ------
    ArgumentError
        If the ending is of no known format.
    UnreadableError
        If its folder is not there or cannot be written.
    """
    if path.suffix.lower() not in formats:
        raise ArgumentError(argument, str(path), f"give a name that ends in {', '.join(formats)}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UnreadableError(f"{argument} = {str(path)!r}: its folder is not there or cannot be written; give another")
    if not _can_be(path) or path.is_dir():
        raise UnreadableError(f"{argument} = {str(path)!r}: no file can have this name; give another")


def _can_be(path: Path) -> bool:
    """Whether a file may have this name: it is not too long, and has no forbidden sign."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return True


def save_whole(figure: Any, path: Path) -> None:
    """Write a figure, whole or not at all.

    Raises
    ------
    UnreadableError
        If the place cannot be written, or is full.
    """
    from polyspike.experiments.files import write_whole
    from polyspike.plot import save

    write_whole(path, lambda temporary: save(figure, temporary))


def make_folder(path: Path) -> Path:
    """The folder, made where it is missing.

    Raises
    ------
    UnreadableError
        If it cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreadableError(f"out = {str(path)!r}: cannot be made ({error.strerror}); give another folder") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UnreadableError(f"out = {str(path)!r}: cannot be written; give another folder")
    return path


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on standard output, in the plain values of :func:`polyspike.record.plain`."""
    print(json.dumps(plain(values), indent=2, allow_nan=False))


def spectrum_values(spectrum: Spectrum, averaged: bool = True) -> dict[str, Any]:
    """The numbers of a predicted spectrum, without its density; means are None where they are the locations, or not
    ``averaged``.
    """
    means = spectrum.means if averaged and spectrum.has_expectations else [None] * len(spectrum.spikes)
    return {
        "edges": list(spectrum.edges),
        "atom": spectrum.atom,
        "spikes": [_spike_values(*pair) for pair in zip(spectrum.spikes, means, strict=True)],
        "inside": list(spectrum.inside),
        "error_estimate": spectrum.error_estimate,
        "trusted": spectrum.trusted,
        "trust_reason": spectrum.trust_reason,
    }


def _spike_values(spike: Spike, mean: float | None) -> dict[str, Any]:
    values = {"location": spike.location, "mean": mean, "overlaps": spike.overlaps}
    return values | ({"label": spike.label, "residual": spike.residual} if isinstance(spike, TrainingSpike) else {})


def print_lines(values: Mapping[str, Any]) -> None:
    """One aligned line for each value."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        print(f"{name:<{width}}  {_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple | np.ndarray):
        return "  ".join(_text(v) for v in plain(value))
    return str(value)
