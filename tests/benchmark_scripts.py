"""The scripts of benchmarks/, which lie outside the package: one way for all tests to import them."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
AGREEMENT = BENCHMARKS / "agreement"


def script(name: str) -> Any:
    """The module of this name; its folder and that of the agreement stay out of the path but for the import."""
    known = sys.path.copy()
    sys.path += [str(BENCHMARKS), str(AGREEMENT)]
    try:
        return import_module(name)
    finally:
        sys.path[:] = known
