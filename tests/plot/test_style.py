"""The look: two themes that change nothing outside their block, marks that stand out on either ground, files."""

import subprocess
import sys
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb

import polyspike as ps
from plot.cases import predictions
from polyspike.plot.style import palette


def brightness(colour: Any) -> float:
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_holds_inside_its_block_alone(theme: str) -> None:
    before = dict(mpl.rcParams)
    with ps.plot.style(theme):
        assert mpl.rcParams["font.size"] == 9
        plt.figure()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_can_be_used_by_its_name(theme: str) -> None:
    with plt.style.context(f"polyspike.plot.{theme}"):
        named = dict(mpl.rcParams)
    with ps.plot.style(theme):
        assert dict(mpl.rcParams) == named


@pytest.mark.parametrize("ground", ["light", "dark", "dark_background", "default"])
def test_marks_stand_out_on_the_ground(ground: str) -> None:
    name = f"polyspike.plot.{ground}" if ground in ("light", "dark") else ground
    with plt.style.context(name):
        ax = ps.plot.errors(predictions())
    line, paper = brightness(str(ax.lines[0].get_color())), brightness(ax.get_facecolor())
    assert abs(line - paper) > 0.7
    assert all(abs(brightness(shade) - paper) > 0.2 for shade in palette(ax).series)


def test_axes_without_a_ground_have_that_of_their_figure() -> None:
    _, ax = plt.subplots(facecolor="black")
    ax.set_facecolor("none")
    assert brightness(palette(ax).theory) > 0.9


def test_another_theme_is_refused() -> None:
    with pytest.raises(ps.ArgumentError, match="theme = 'blue': give 'light' or 'dark'"), ps.plot.style("blue"):
        pass


WITHOUT_MATPLOTLIB = """
import sys
sys.modules["matplotlib"] = None
import polyspike as ps
found = ps.predict(ps.Problem("relu", n_samples=400, input_dim=50, width=80, step_exponent=0.2))
print(len(found._repr_html_()) > 100, len(found.spectrum._repr_html_()) > 100)
for draw in (lambda: ps.plot.errors, found.spectrum.plot):
    try:
        draw()
    except ps.MissingPackageError as error:
        print(error)
"""


def test_without_matplotlib_everything_but_figures_works_and_the_remedy_is_said() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_MATPLOTLIB], check=True, capture_output=True, text=True)
    shown, *said = done.stdout.splitlines()
    assert shown == "True True"
    assert said == ["import = 'polyspike.plot': matplotlib is not installed; pip install 'matplotlib'"] * 2


def test_the_room_is_loaded_when_it_is_used() -> None:
    loaded = "'matplotlib' in sys.modules"
    code = f"import sys, polyspike as ps; print({loaded}); ps.plot.errors; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]
