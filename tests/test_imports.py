"""Who may import whom, and what `import polyspike` may cost.

The table below is the one of docs/architecture.md; imports are read from the syntax trees, so a forbidden one
is found even when the line never runs.
"""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator, Set
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "polyspike"
FILES = sorted(SOURCE.rglob("*.py"))

LEAVES = {
    "arraytypes",
    "answers",
    "blas",
    "data_predictions",
    "display",
    "record",
    "edge",
    "elementwise",
    "errors",
    "estimate",
    "hermite",
    "markup",
    "pictures",
    "results",
    "rows",
    "scalars",
    "spectra",
    "status",
    "_version",
}
ARRAY_SHIMS = {"array_api_compat", "array_api_extra"}
PARALLEL = {"joblib", "threadpoolctl"}
TABLES = {"pandas", "pyarrow"}


class Room(NamedTuple):
    """What a room may import."""

    rooms: set[str]
    """Rooms of polyspike."""
    libraries: Set[str] = frozenset()
    """Third-party libraries beside NumPy and SciPy, at the top of a module."""
    lazy: Set[str] = frozenset()
    """Third-party libraries, heavy or optional, only inside the functions that need them."""
    lazy_rooms: Set[str] = frozenset()
    """Rooms of polyspike, only inside functions."""


TABLE = {
    # Names of the public interface; what is heavy is loaded by __getattr__ (PEP 562).
    "__init__": Room(LEAVES | {"problem"}),
    **{leaf: Room(LEAVES) for leaf in LEAVES},
    "blas": Room(LEAVES, {"threadpoolctl"}),
    "elementwise": Room(LEAVES, lazy={"jax"}),
    # Spectrum.plot, the one method of a result that draws, loads the room of the figures when it is called.
    "spectra": Room(LEAVES, lazy_rooms={"plot"}),
    "problem": Room(LEAVES),
    "theory": Room({"problem"} | LEAVES),
    "simulation": Room({"problem"} | LEAVES, ARRAY_SHIMS | PARALLEL, lazy={"torch", "jax", "array_api_strict"}),
    "data": Room(LEAVES, lazy={"sklearn", "mlxtend"} | TABLES),
    "experiments": Room(
        {"theory", "simulation", "data", "problem"} | LEAVES, PARALLEL, lazy={"dask", "distributed"} | TABLES
    ),
    "plot": Room(LEAVES, {"matplotlib", "mpl_toolkits"}),
    "explore": Room({"theory", "simulation", "data", "experiments", "plot", "problem"} | LEAVES),
    "cli": Room(
        {"__init__", "theory", "simulation", "data", "experiments", "plot", "explore", "problem"} | LEAVES,
        {"typer", "click", "rich"},
    ),
    "__main__": Room({"cli"}),
}
ALWAYS = {"numpy", "scipy"} | set(sys.stdlib_module_names)


class Import(NamedTuple):
    """One imported module, as written in a file."""

    target: str
    line: int
    in_function: bool
    for_types_only: bool


def imports(source: str, package: str) -> Iterator[Import]:
    """Every import in a source text of the given package, `import_module("...")` included."""
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    inside = {id(child) for function in functions for child in ast.walk(function)}
    guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    typing = {id(child) for guard in guards for line in guard.body for child in ast.walk(line)}
    for node in ast.walk(tree):
        for target in targets(node, package):
            yield Import(target, getattr(node, "lineno", 0), id(node) in inside, id(node) in typing)


def targets(node: ast.AST, package: str) -> list[str]:
    """Full names of the modules that one node of a syntax tree imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = package.rsplit(".", node.level - 1)[0] if node.level else ""
        module = ".".join(part for part in (base, node.module) if part)
        return [f"{module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {
        "import_module",
        "__import__",
    }:
        return [str(argument.value) for argument in node.args[:1] if isinstance(argument, ast.Constant)]
    return []


def room_of(module: str) -> str:
    """Room of a full name inside polyspike; the names of the package itself are the room ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in TABLE else "__init__"


def complaint(room: str, found: Import) -> str | None:
    """What is wrong with an import found in a room; None when the table allows it."""
    library = found.target.split(".")[0]
    allowed = TABLE[room]
    if room == "__init__" and found.for_types_only:  # a type checker is told what __getattr__ loads
        return None
    if library == "polyspike" and found.in_function and room_of(found.target) in allowed.lazy_rooms:
        return None
    if library == "polyspike":
        if room_of(found.target) not in allowed.rooms | {room}:
            return f"line {found.line}: {room} may not import {found.target}"
        if found.in_function and room != "cli":
            return f"line {found.line}: {found.target} is imported inside a function"
        return None
    if library in ALWAYS | allowed.libraries:
        return f"line {found.line}: {found.target} is imported inside a function" if found.in_function else None
    if library in allowed.lazy:
        return None if found.in_function else f"line {found.line}: {found.target} must be imported lazily"
    return f"line {found.line}: {room} may not import {found.target}"


def complaints(source: str, module: str, is_package: bool = False) -> list[str]:
    package = module if is_package else module.rpartition(".")[0]
    room = room_of(module)
    return [text for found in imports(source, package) if (text := complaint(room, found)) is not None]


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_table_holds(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert complaints(source, module_name(path), path.name == "__init__.py") == []


def test_every_room_is_in_the_table() -> None:
    rooms = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in FILES}
    assert rooms <= set(TABLE)


def test_the_table_is_the_one_of_the_documentation() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    documented = {room for row in rows for room in row.replace("(leaves)", "").replace(",", " ").split()}
    assert set(TABLE) - {"__init__", "__main__", "_version"} <= documented


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("polyspike.theory.limits.windows", "from polyspike.simulation import simulate"),
        ("polyspike.simulation.simulate", "from polyspike import theory"),
        ("polyspike.simulation.simulate", "from ..theory.predict import predict"),
        ("polyspike.simulation.simulate", "import polyspike.theory.predict as road"),
        ("polyspike.theory.limits.windows", "from polyspike import predict"),
        ("polyspike.problem.problem", "from polyspike.theory import predict"),
        ("polyspike.hermite", "from polyspike.problem import Problem"),
        ("polyspike.theory.limits.windows", "import matplotlib.pyplot as plt"),
        ("polyspike.theory.limits.windows", "def f():\n    import matplotlib.pyplot"),
        ("polyspike.theory.limits.windows", "def f():\n    from polyspike.hermite import factorials"),
        ("polyspike.theory.limits.windows", "def f():\n    import json"),
        ("polyspike.theory.limits.windows", "from importlib import import_module\nm = import_module('torch')"),
        ("polyspike.data.tables", "import pandas as pd"),
        ("polyspike.data.tables", "if True:\n    from sklearn.datasets import load_digits"),
        ("polyspike.plot.spectrum", "from polyspike.experiments import sweep"),
        ("polyspike.spectra", "from polyspike.plot import spectrum"),
        ("polyspike.results", "def f():\n    from polyspike.plot import spectrum"),
        ("polyspike.spectra", "def f():\n    from polyspike.theory import predict"),
        ("polyspike.experiments.sweep.run", "from polyspike.cli import main"),
        ("polyspike.experiments.sweep.run", "from polyspike.explore import Explorer"),
        ("polyspike.explore.server", "from polyspike.cli.output import print_json"),
        ("polyspike.explore.server", "import tornado"),
        ("polyspike.problem.problem", "import pydantic"),
        ("polyspike", "from polyspike.simulation import simulate"),
        ("polyspike.theory.limits.windows", "if TYPE_CHECKING:\n    from polyspike.simulation import simulate"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(complaints(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "polyspike.theory.limits.windows",
            "from polyspike.problem import Problem\nfrom scipy import optimize\nimport math",
        ),
        ("polyspike.theory.limits.windows", "from polyspike import hermite"),
        ("polyspike.theory.limits.windows", "from .random_features import limits"),
        ("polyspike.data.tables", "def load():\n    from sklearn.datasets import load_digits"),
        ("polyspike.plot.spectrum", "from matplotlib.figure import Figure"),
        ("polyspike", "if TYPE_CHECKING:\n    from polyspike.simulation import simulate"),
        ("polyspike.spectra", "def f():\n    from polyspike.plot import spectrum"),
        ("polyspike.cli.reproduce", "def command():\n    from polyspike.experiments import sweep"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert complaints(source, module) == []


# What NumPy and SciPy bring along, or find installed and load, is theirs.
LOADED_LIBRARIES = """
import sys
import scipy.linalg, scipy.special
before = set(sys.modules)
import polyspike
print(*{name.split(".")[0] for name in sys.modules if name not in before})
"""

SECONDS = """
from time import perf_counter
start = perf_counter()
import {module}
print(perf_counter() - start)
"""


def run_python(code: str) -> str:
    """Standard output of a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_import_polyspike_loads_numpy_and_scipy_only() -> None:
    loaded = set(run_python(LOADED_LIBRARIES).split()) - set(sys.stdlib_module_names)
    assert "polyspike" in loaded
    assert loaded <= {"polyspike", "numpy", "scipy"}


def import_seconds(module: str) -> float:
    """Wall time of one import in a fresh interpreter, its start not counted."""
    return float(run_python(SECONDS.format(module=module)))


def test_import_polyspike_takes_at_most_twice_scipy_linalg() -> None:
    for module in ("polyspike", "scipy.linalg"):
        import_seconds(module)  # the files are read from disk once
    pairs = [(import_seconds("polyspike"), import_seconds("scipy.linalg")) for _ in range(7)]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    print(f"import polyspike / import scipy.linalg = {ratio:.2f}")
    assert ratio <= 2
