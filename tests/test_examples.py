"""The gallery: one example for every function that draws, each of which needs nothing beside it."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.container import ErrorbarContainer

import polyspike as ps

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))
NO_FIGURE_OF_ITS_OWN = {"mark_windows", "save", "svg"}
IMPORTS = ("import matplotlib.pyplot as plt", "import numpy as np", "import polyspike as ps")
OWN_ACTIVATION = EXAMPLES / "plot_error_curve.py"


def test_every_function_that_draws_has_an_example() -> None:
    used = {name for path in SCRIPTS for name in re.findall(r"ps\.plot\.(\w+)\(", path.read_text(encoding="utf-8"))}
    assert set(ps.plot.__all__) - NO_FIGURE_OF_ITS_OWN <= used


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_reads_no_file(path: Path) -> None:
    names = {node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)}
    assert names.isdisjoint({"__file__", "open", "Path"})
    assert not re.search(r"genfromtxt|loadtxt|read_csv|sys\.argv\[0\]", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_needs_no_pandas(path: Path) -> None:
    """Which a plain installation lacks: a script would work for its numbers and then end in an error."""
    assert not re.search(r"pandas|ps\.table\(", path.read_text(encoding="utf-8"))


def lines_of_the_figure() -> list[str]:
    """From the problem to the figure: the code before the first cell, imports, docstring and blank lines aside."""
    tree = ast.parse(OWN_ACTIVATION.read_text(encoding="utf-8").split("# %%")[0])
    body = [node for node in tree.body[1:] if not isinstance(node, ast.Import)]
    return [line for node in body for line in ast.unparse(node).splitlines()]


def test_a_figure_of_an_own_activation_takes_at_most_eight_lines() -> None:
    code = lines_of_the_figure()
    assert len(code) <= 8
    assert any("lambda" in line for line in code)


def test_that_figure_has_theory_limit_and_simulated_dots_with_bars() -> None:
    code = "\n".join([*IMPORTS, *lines_of_the_figure()])
    small = code.replace("n_samples=600, input_dim=150, width=300", "n_samples=400, input_dim=50, width=80")
    assert small != code
    exec(compile(small, OWN_ACTIVATION.name, "exec"), {})
    ax = plt.gcf().axes[0]
    legend, dots = ax.get_legend(), ax.containers[0]
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {"simulated", "theory", r"limit $n \to \infty$"}
    assert isinstance(dots, ErrorbarContainer)
    assert dots.has_yerr
    plt.close("all")


@pytest.mark.parametrize("name", ["plot_learned", "plot_styles"])
def test_an_example_runs_as_it_is_downloaded(name: str, tmp_path: Path) -> None:
    """The others run whenever the documentation is built."""
    shutil.copy(EXAMPLES / f"{name}.py", tmp_path)
    subprocess.run([sys.executable, "-W", "error", f"{name}.py"], cwd=tmp_path, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_example_runs_as_it_is_downloaded(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path)
    command = [sys.executable, "-W", "error::UserWarning:polyspike", path.name]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
